"""SNMP objects of CableLabs and PacketCable: baseline privacy, eRouter, telephone adapters.

Each line is as in `services.docsis.mib.objects`. The MIBs of telephone adapters exist three times, with the
same names: of CableLabs (PKTC-MTA-MIB and PKTC-SIG-MIB), of the IETF (RFC 4682 and 5098) and of Excentis for
Europe.
"""

from __future__ import annotations

from typing import Final, TypeAlias

Objects: TypeAlias = tuple[tuple[str, int, str], ...]
"""Parent, number of the first object, names of the objects from there on."""

Modules: TypeAlias = dict[str, Objects]
"""The objects of each module."""

_END_POINT = (
    "pktcNcsEndPntConfigCallAgentId pktcNcsEndPntConfigCallAgentUdpPort pktcNcsEndPntConfigPartialDialTO "
    "pktcNcsEndPntConfigCriticalDialTO pktcNcsEndPntConfigBusyToneTO pktcNcsEndPntConfigDialToneTO "
    "pktcNcsEndPntConfigMessageWaitingTO pktcNcsEndPntConfigOffHookWarnToneTO pktcNcsEndPntConfigRingingTO "
    "pktcNcsEndPntConfigRingBackTO pktcNcsEndPntConfigReorderToneTO pktcNcsEndPntConfigStutterDialToneTO "
    "pktcNcsEndPntConfigTSMax pktcNcsEndPntConfigMax1 pktcNcsEndPntConfigMax2 "
    "pktcNcsEndPntConfigMax1QEnable pktcNcsEndPntConfigMax2QEnable pktcNcsEndPntConfigMWD "
    "pktcNcsEndPntConfigTdinit pktcNcsEndPntConfigTdmin pktcNcsEndPntConfigTdmax pktcNcsEndPntConfigRtoMax "
    "pktcNcsEndPntConfigRtoInit pktcNcsEndPntConfigLongDurationKeepAlive pktcNcsEndPntConfigThist "
    "pktcNcsEndPntConfigStatus pktcNcsEndPntConfigCallWaitingMaxRep pktcNcsEndPntConfigCallWaitingDelay"
)
"""The columns of pktcNcsEndPntConfigTable; all signalling MIBs number them in the same way."""


_DOCSIS: Final[Modules] = {
    "DOCS-IF-MIB": (("1.3.6.1.2.1.10", 127, "docsIfMib"),),
    "DOCS-BPI2-MIB": (
        ("1.3.6.1.2.1.10.127", 6, "docsBpi2MIB"),
        ("1.3.6.1.2.1.10.127.6.1.1.1.1", 1, "docsBpi2CmPrivacyEnable"),
        (
            "1.3.6.1.2.1.10.127.6.1.4",
            1,
            "docsBpi2CodeDownloadStatusCode docsBpi2CodeDownloadStatusString docsBpi2CodeMfgOrgName",
        ),
    ),
    "CLAB-DEF-MIB": (
        ("1.3.6.1.4.1", 4491, "cableLabs"),
        ("1.3.6.1.4.1.4491.2", 1, "clabProjDocsis clabProjPacketCable"),
    ),
    "DOCS-IF3-MIB": (
        ("1.3.6.1.4.1.4491.2.1", 20, "docsIf3Mib"),
        (
            "1.3.6.1.4.1.4491.2.1.20.1.34",
            1,
            "docsIf3CmSpectrumAnalysisCtrlCmdEnable docsIf3CmSpectrumAnalysisCtrlCmdInactivityTimeout",
        ),
    ),
    "ESAFE-MIB": (
        ("1.3.6.1.4.1.4491.2.1", 14, "esafeMib"),
        ("1.3.6.1.4.1.4491.2.1.14.1", 5, "esafeErouterMibObjects"),
        (
            "1.3.6.1.4.1.4491.2.1.14.1.5",
            1,
            "esafeErouterAdminMode esafeErouterOperMode esafeErouterPhysAddress esafeErouterInitModeControl "
            "esafeErouterSoftReset",
        ),
    ),
}

_MTA: Objects = (
    ("1.3.6.1.4.1.4491.2.2", 1, "pktcMtaMib"),
    (
        "1.3.6.1.4.1.4491.2.2.1.1.1",
        1,
        "pktcMtaDevResetNow pktcMtaDevSerialNumber pktcMtaDevHardwareVersion pktcMtaDevMacAddress "
        "pktcMtaDevFQDN pktcMtaDevEndPntCount pktcMtaDevEnabled pktcMtaDevTypeIdentifier "
        "pktcMtaDevProvisioningState pktcMtaDevHttpAccess pktcMtaDevProvisioningTimer "
        "pktcMtaDevProvisioningCounter",
    ),
    (
        "1.3.6.1.4.1.4491.2.2.1.1.2",
        1,
        "pktcMtaDevServerBootState pktcMtaDevServerDhcp pktcMtaDevServerDns1 pktcMtaDevServerDns2 "
        "pktcMtaDevConfigFile pktcMtaDevSnmpEntity pktcMtaDevProvConfigHash pktcMtaDevProvConfigKey "
        "pktcMtaDevProvSolicitedKeyTimeout pktcMtaDevProvUnsolicitedKeyMaxTimeout "
        "pktcMtaDevProvUnsolicitedKeyNomTimeout pktcMtaDevProvUnsolicitedKeyMeanDev "
        "pktcMtaDevProvUnsolicitedKeyMaxRetries pktcMtaDevProvKerbRealmName pktcMtaDevProvState "
        "pktcMtaDevServerDhcp1 pktcMtaDevServerDhcp2 pktcMtaDevTimeServer",
    ),
    (
        "1.3.6.1.4.1.4491.2.2.1.1.3.16.1",
        1,
        "pktcMtaDevRealmName pktcMtaDevRealmPkinitGracePeriod pktcMtaDevRealmTgsGracePeriod "
        "pktcMtaDevRealmOrgName pktcMtaDevRealmUnsolicitedKeyMaxTimeout "
        "pktcMtaDevRealmUnsolicitedKeyNomTimeout pktcMtaDevRealmUnsolicitedKeyMeanDev "
        "pktcMtaDevRealmUnsolicitedKeyMaxRetries pktcMtaDevRealmStatus",
    ),
    (
        "1.3.6.1.4.1.4491.2.2.1.1.3.17.1",
        1,
        "pktcMtaDevCmsFqdn pktcMtaDevCmsKerbRealmName pktcMtaDevCmsMaxClockSkew "
        "pktcMtaDevCmsSolicitedKeyTimeout pktcMtaDevCmsUnsolicitedKeyMaxTimeout "
        "pktcMtaDevCmsUnsolicitedKeyNomTimeout pktcMtaDevCmsUnsolicitedKeyMeanDev "
        "pktcMtaDevCmsUnsolicitedKeyMaxRetries pktcMtaDevCmsStatus pktcMtaDevCmsIpsecCtrl",
    ),
)

_SIGNALING: Objects = (
    ("1.3.6.1.4.1.4491.2.2", 2, "pktcSigMib"),
    (
        "1.3.6.1.4.1.4491.2.2.2.1.1",
        5,
        "pktcSigDevR0Cadence pktcSigDevR6Cadence pktcSigDevR7Cadence pktcSigDefCallSigTos "
        "pktcSigDefMediaStreamTos pktcSigTosFormatSelector",
    ),
    (
        "1.3.6.1.4.1.4491.2.2.2.1.1",
        12,
        "pktcSigDefNcsReceiveUdpPort pktcSigServiceClassNameUS pktcSigServiceClassNameDS "
        "pktcSigServiceClassNameMask",
    ),
    (
        "1.3.6.1.4.1.4491.2.2.2.1.1",
        17,
        "pktcSigDevR1Cadence pktcSigDevR2Cadence pktcSigDevR3Cadence pktcSigDevR4Cadence "
        "pktcSigDevR5Cadence pktcSigDevRgCadence pktcSigDevRsCadence pktcSigDevRtCadence",
    ),
    ("1.3.6.1.4.1.4491.2.2.2.1.2.1.1", 1, _END_POINT),
)

_IETF_MTA: Objects = (
    ("1.3.6.1.2.1", 140, "pktcIetfMtaMib"),
    (
        "1.3.6.1.2.1.140.1.1",
        1,
        "pktcMtaDevResetNow pktcMtaDevSerialNumber pktcMtaDevSwCurrentVers pktcMtaDevFQDN "
        "pktcMtaDevEndPntCount pktcMtaDevEnabled pktcMtaDevTypeIdentifier pktcMtaDevProvisioningState "
        "pktcMtaDevHttpAccess pktcMtaDevProvisioningTimer",
    ),
    (
        "1.3.6.1.2.1.140.1.2",
        1,
        "pktcMtaDevDhcpServerAddressType pktcMtaDevServerDhcp1 pktcMtaDevServerDhcp2 "
        "pktcMtaDevDnsServerAddressType pktcMtaDevServerDns1 pktcMtaDevServerDns2 "
        "pktcMtaDevTimeServerAddressType pktcMtaDevTimeServer pktcMtaDevConfigFile pktcMtaDevSnmpEntity "
        "pktcMtaDevProvConfigHash pktcMtaDevProvConfigKey pktcMtaDevProvConfigEncryptAlg "
        "pktcMtaDevProvSolicitedKeyTimeout",
    ),
    (
        "1.3.6.1.2.1.140.1.3.6.1",
        1,
        "pktcMtaDevRealmIndex pktcMtaDevRealmName pktcMtaDevRealmPkinitGracePeriod "
        "pktcMtaDevRealmTgsGracePeriod pktcMtaDevRealmOrgName pktcMtaDevRealmUnsolicitedKeyMaxTimeout "
        "pktcMtaDevRealmUnsolicitedKeyNomTimeout pktcMtaDevRealmUnsolicitedKeyMaxRetries "
        "pktcMtaDevRealmStatus",
    ),
    (
        "1.3.6.1.2.1.140.1.3.8.1",
        1,
        "pktcMtaDevCmsIndex pktcMtaDevCmsFqdn pktcMtaDevCmsKerbRealmName pktcMtaDevCmsMaxClockSkew "
        "pktcMtaDevCmsSolicitedKeyTimeout pktcMtaDevCmsUnsolicitedKeyMaxTimeout "
        "pktcMtaDevCmsUnsolicitedKeyNomTimeout pktcMtaDevCmsUnsolicitedKeyMaxRetries "
        "pktcMtaDevCmsIpsecCtrl pktcMtaDevCmsStatus",
    ),
    ("1.3.6.1.2.1.140.1.3", 9, "pktcMtaDevResetKrbTickets"),
)

_CADENCES_AND_DSCP = (
    "pktcSigDevR0Cadence pktcSigDevR1Cadence pktcSigDevR2Cadence pktcSigDevR3Cadence pktcSigDevR4Cadence "
    "pktcSigDevR5Cadence pktcSigDevR6Cadence pktcSigDevR7Cadence pktcSigDevRgCadence pktcSigDevRsCadence "
    "pktcSigDefCallSigDscp pktcSigDefMediaStreamDscp"
)
"""The objects that the signalling MIBs of the IETF and of Excentis number in the same way."""

_IETF_SIGNALING: Objects = (
    ("1.3.6.1.2.1", 169, "pktcIetfSigMib"),
    ("1.3.6.1.2.1.169.1.1", 4, "pktcSigDevCidSigProtocol"),
    ("1.3.6.1.2.1.169.1.1", 5, _CADENCES_AND_DSCP),
    ("1.3.6.1.2.1.169.1.1", 18, "pktcSigDefNcsReceiveUdpPort pktcSigPowerRingFrequency"),
    ("1.3.6.1.2.1.169.1.2.1.1", 1, _END_POINT.replace("pktcNcs", "pktcSig")),
)

_EXCENTIS_MTA: Objects = (
    ("1.3.6.1.4.1.7432.1.1.1", 1, "pktcMtaDevResetNow"),
    ("1.3.6.1.4.1.7432.1.1.2", 9, "pktcMtaDevProvConfigHash"),
)

_EXCENTIS_SIGNALING: Objects = (
    ("1.3.6.1.4.1.7432", 2, "pktcExcentisSigMib"),
    ("1.3.6.1.4.1.7432.2.1.1", 4, "pktcSigDevCallerIdSigProtocol"),
    ("1.3.6.1.4.1.7432.2.1.1", 5, _CADENCES_AND_DSCP),
    ("1.3.6.1.4.1.7432.2.1.1", 18, "pktcSigDefNcsReceiveUdpPort pktcSigPowerRingFrequency"),
    ("1.3.6.1.4.1.7432.2.1.2.1.1", 1, _END_POINT),
)

CABLE: Final[Modules] = {
    **_DOCSIS,
    "PKTC-MTA-MIB": _MTA,
    "PKTC-SIG-MIB": _SIGNALING,
    "PKTC-IETF-MTA-MIB": _IETF_MTA,
    "PKTC-IETF-SIG-MIB": _IETF_SIGNALING,
    "PKTC-EXCENTIS-MTA-MIB": _EXCENTIS_MTA,
    "PKTC-EXCENTIS-SIG-MIB": _EXCENTIS_SIGNALING,
}
"""All modules here."""

TWINS: Final = frozenset(
    {"PKTC-IETF-MTA-MIB", "PKTC-IETF-SIG-MIB", "PKTC-EXCENTIS-MTA-MIB", "PKTC-EXCENTIS-SIG-MIB"}
)
"""The modules that name their objects like CableLabs' MIBs for telephone adapters do."""
