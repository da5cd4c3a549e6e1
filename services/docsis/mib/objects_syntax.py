"""The syntax of the objects that configuration files set, and the indices of their tables, as data.

They are listed by module; each line has a syntax and the names of its objects. The syntax is one of the
conventions below, or in the notation of `services.docsis.mib.syntax`. The sources are the MIBs, as for
`services.docsis.mib.objects`. A node that is not here, such as one above objects, has no syntax and any
instance.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias

from services.docsis.mib.syntax import Index, IndexPart, Syntax, syntax

Lines: TypeAlias = tuple[tuple[str, str], ...]

_CONVENTIONS: Final = {
    "TruthValue": "integer true(1) false(2)",
    "RowStatus": ("integer active(1) notInService(2) notReady(3) createAndGo(4) createAndWait(5) destroy(6)"),
    "StorageType": "integer other(1) volatile(2) nonVolatile(3) permanent(4) readOnly(5)",
    "InetAddressType": "integer unknown(0) ipv4(1) ipv6(2) ipv4z(3) ipv6z(4) dns(16)",
    "SnmpSecurityLevel": "integer noAuthNoPriv(1) authNoPriv(2) authPriv(3)",
    "Enabled": "integer enabled(1) disabled(2)",
    "Included": "integer included(1) excluded(2)",
    "Filter": "integer discard(1) accept(2)",
    "EventPriority": (
        "integer emergency(1) alert(2) critical(3) error(4) warning(5) notice(6) information(7) debug(8)"
    ),
    "RingFrequency": (
        "integer f20Hz(1) f25Hz(2) f33Point33Hz(3) f50Hz(4) f15Hz(5) f16Hz(6) f22Hz(7) f23Hz(8) f45Hz(9)"
    ),
    "CallerId": "integer fsk(1) dtmf(2)",
}

_SNMP: Final[dict[str, Lines]] = {
    "SNMPv2-MIB": (
        ("octets", "sysDescr sysContact sysName sysLocation"),
        ("object_id", "sysObjectID"),
        ("timeticks", "sysUpTime"),
        ("integer", "sysServices"),
        ("Enabled", "snmpEnableAuthenTraps"),
    ),
    "IF-MIB": (
        ("octets", "ifDescr ifAlias"),
        ("bytes", "ifPhysAddress"),
        ("integer", "ifNumber ifIndex ifType ifMtu"),
        ("gauge32", "ifSpeed"),
        ("timeticks", "ifLastChange"),
        ("integer up(1) down(2) testing(3)", "ifAdminStatus"),
        (
            "integer up(1) down(2) testing(3) unknown(4) dormant(5) notPresent(6) lowerLayerDown(7)",
            "ifOperStatus",
        ),
        ("Enabled", "ifLinkUpDownTrapEnable"),
        ("TruthValue", "ifPromiscuousMode"),
    ),
    "SNMP-USM-DH-OBJECTS-MIB": (
        ("octets", "usmDHKickstartSecurityName"),
        ("bytes", "usmDHParameters usmDHKickstartMyPublic usmDHKickstartMgrPublic"),
        ("integer", "usmDHKickstartIndex"),
    ),
    "SNMP-TARGET-MIB": (
        (
            "octets",
            "snmpTargetAddrName snmpTargetAddrTagList snmpTargetAddrParams snmpTargetParamsName "
            "snmpTargetParamsSecurityName",
        ),
        ("bytes", "snmpTargetAddrTAddress"),
        ("object_id", "snmpTargetAddrTDomain"),
        (
            "integer",
            "snmpTargetAddrTimeout snmpTargetAddrRetryCount snmpTargetParamsMPModel "
            "snmpTargetParamsSecurityModel",
        ),
        ("SnmpSecurityLevel", "snmpTargetParamsSecurityLevel"),
        ("StorageType", "snmpTargetAddrStorageType snmpTargetParamsStorageType"),
        ("RowStatus", "snmpTargetAddrRowStatus snmpTargetParamsRowStatus"),
    ),
    "SNMP-NOTIFICATION-MIB": (
        ("octets", "snmpNotifyName snmpNotifyTag snmpNotifyFilterProfileName"),
        ("bytes", "snmpNotifyFilterMask"),
        ("integer trap(1) inform(2)", "snmpNotifyType"),
        ("object_id", "snmpNotifyFilterSubtree"),
        ("Included", "snmpNotifyFilterType"),
        ("StorageType", "snmpNotifyStorageType snmpNotifyFilterProfileStorType snmpNotifyFilterStorageType"),
        ("RowStatus", "snmpNotifyRowStatus snmpNotifyFilterProfileRowStatus snmpNotifyFilterRowStatus"),
    ),
    "SNMP-VIEW-BASED-ACM-MIB": (
        (
            "octets",
            "vacmSecurityName vacmGroupName vacmAccessContextPrefix vacmAccessReadViewName "
            "vacmAccessWriteViewName vacmAccessNotifyViewName vacmViewTreeFamilyViewName",
        ),
        ("bytes", "vacmViewTreeFamilyMask"),
        ("integer", "vacmSecurityModel vacmAccessSecurityModel"),
        ("SnmpSecurityLevel", "vacmAccessSecurityLevel"),
        ("integer exact(1) prefix(2)", "vacmAccessContextMatch"),
        ("object_id", "vacmViewTreeFamilySubtree"),
        ("Included", "vacmViewTreeFamilyType"),
        (
            "StorageType",
            "vacmSecurityToGroupStorageType vacmAccessStorageType vacmViewTreeFamilyStorageType",
        ),
        ("RowStatus", "vacmSecurityToGroupStatus vacmAccessStatus vacmViewTreeFamilyStatus"),
    ),
    "SNMP-COMMUNITY-MIB": (
        (
            "octets",
            "snmpCommunityIndex snmpCommunityName snmpCommunitySecurityName snmpCommunityContextName "
            "snmpCommunityTransportTag",
        ),
        ("bytes", "snmpCommunityContextEngineID snmpTargetAddrTMask"),
        ("integer", "snmpTargetAddrMMS"),
        ("StorageType", "snmpCommunityStorageType"),
        ("RowStatus", "snmpCommunityStatus"),
    ),
}

_CABLE_DEVICE: Final[Lines] = (
    ("integer cm(1) cmtsActive(2) cmtsBackup(3)", "docsDevRole"),
    (
        "octets",
        "docsDevSerialNumber docsDevNmAccessCommunity docsDevSwFilename docsDevSwCurrentVers "
        "docsDevServerConfigFile",
    ),
    (
        "bytes",
        "docsDevDateTime docsDevNmAccessInterfaces docsDevFilterIpTos docsDevFilterIpTosMask "
        "docsDevFilterTosAndMask docsDevFilterTosOrMask",
    ),
    ("address", "docsDevSwServerAddress docsDevEvSyslogAddress docsDevCpeInetAddr"),
    (
        "TruthValue",
        "docsDevResetNow docsDevEvThrottleInhibited docsDevEvThrottleThresholdExceeded "
        "docsDevFilterIpBroadcast docsDevFilterIpContinue",
    ),
    ("integer stEnabled(1) noStFilterBpdu(2) noStPassBpdu(3)", "docsDevSTPControl"),
    ("integer passive(1) active(2)", "docsDevIgmpModeControl"),
    ("gauge32", "docsDevMaxCpe docsDevEvThrottleThreshold"),
    (
        "integer",
        "docsDevNmAccessIndex docsDevEvThrottleInterval docsDevFilterLLCIndex docsDevFilterLLCIfIndex "
        "docsDevFilterLLCProtocol docsDevFilterIpIndex docsDevFilterIpIfIndex docsDevFilterIpProtocol "
        "docsDevFilterIpSourcePortLow docsDevFilterIpSourcePortHigh docsDevFilterIpDestPortLow "
        "docsDevFilterIpDestPortHigh docsDevFilterIpPolicyId docsDevFilterPolicyIndex docsDevFilterPolicyId "
        "docsDevFilterTosIndex docsDevCpeIpMax",
    ),
    (
        "ipaddress",
        "docsDevNmAccessIp docsDevNmAccessIpMask docsDevSwServer docsDevServerDhcp docsDevServerTime "
        "docsDevServerTftp docsDevEvSyslog docsDevFilterIpSaddr docsDevFilterIpSmask docsDevFilterIpDaddr "
        "docsDevFilterIpDmask docsDevCpeIp",
    ),
    (
        "integer none(1) read(2) readWrite(3) roWithTraps(4) rwWithTraps(5) trapsOnly(6)",
        "docsDevNmAccessControl",
    ),
    ("integer disableSNMPv2trap(1) enableSNMPv2trap(2)", "docsDevNmAccessTrapVersion"),
    (
        "integer upgradeFromMgt(1) allowProvisioningUpgrade(2) ignoreProvisioningUpgrade(3)",
        "docsDevSwAdminStatus",
    ),
    (
        "integer inProgress(1) completeFromProvisioning(2) completeFromMgt(3) failed(4) other(5)",
        "docsDevSwOperStatus",
    ),
    ("integer tftp(1) http(2)", "docsDevSwServerTransportProtocol"),
    ("InetAddressType", "docsDevSwServerAddressType docsDevEvSyslogAddressType docsDevCpeInetType"),
    (
        "integer operational(1) disabled(2) waitingForDhcpOffer(3) waitingForDhcpResponse(4) "
        "waitingForTimeServer(5) waitingForTftp(6) refusedByCmts(7) forwardingDenied(8) other(9) unknown(10)",
        "docsDevServerBootState",
    ),
    ("integer resetLog(1) useDefaultReporting(2)", "docsDevEvControl"),
    (
        "integer unconstrained(1) maintainBelowThreshold(2) stopAtThreshold(3) inhibited(4)",
        "docsDevEvThrottleAdminStatus",
    ),
    ("EventPriority", "docsDevEvPriority"),
    ("bits local(0) traps(1) syslog(2) localVolatile(8) stdInterface(9)", "docsDevEvReporting"),
    ("Filter", "docsDevFilterLLCUnmatchedAction docsDevFilterIpDefault"),
    ("integer discard(1) accept(2) policy(3)", "docsDevFilterIpControl"),
    ("integer inbound(1) outbound(2) both(3)", "docsDevFilterIpDirection"),
    ("integer ethertype(1) dsap(2)", "docsDevFilterLLCProtocolType"),
    ("counter32", "docsDevFilterLLCMatches docsDevFilterIpMatches"),
    ("object_id", "docsDevFilterPolicyPtr"),
    ("integer none(1) any(2)", "docsDevCpeEnroll"),
    ("integer other(1) manual(2) learned(3)", "docsDevCpeSource"),
    ("integer manual(2) learned(3)", "docsDevCpeInetSource"),
    (
        "RowStatus",
        "docsDevNmAccessStatus docsDevFilterLLCStatus docsDevFilterIpStatus docsDevFilterPolicyStatus "
        "docsDevFilterTosStatus docsDevCpeStatus docsDevCpeInetRowStatus",
    ),
)

_DOCSIS: Final[dict[str, Lines]] = {
    "DOCS-CABLE-DEVICE-MIB": _CABLE_DEVICE,
    "DOCS-BPI2-MIB": (
        ("TruthValue", "docsBpi2CmPrivacyEnable"),
        (
            "integer configFileCvcVerified(1) configFileCvcRejected(2) snmpCvcVerified(3) "
            "snmpCvcRejected(4) codeFileVerified(5) codeFileRejected(6) other(7)",
            "docsBpi2CodeDownloadStatusCode",
        ),
        ("octets", "docsBpi2CodeDownloadStatusString docsBpi2CodeMfgOrgName"),
    ),
    "DOCS-IF3-MIB": (
        ("TruthValue", "docsIf3CmSpectrumAnalysisCtrlCmdEnable"),
        ("integer", "docsIf3CmSpectrumAnalysisCtrlCmdInactivityTimeout"),
    ),
    "ESAFE-MIB": (
        (
            "integer disabled(1) ipv4Only(2) ipv6Only(3) ipv4AndIpv6(4) noTLV202dot1Present(5)",
            "esafeErouterAdminMode",
        ),
        (
            "integer disabled(1) ipv4OnlyFwding(2) ipv6OnlyFwding(3) ipv4AndIpv6Fwding(4) "
            "noIpv4AndNoIpv6Fwding(5)",
            "esafeErouterOperMode",
        ),
        ("bytes", "esafeErouterPhysAddress"),
        (
            "integer ipDisabled(1) ipv4Only(2) ipv6Only(3) ipv4AndIpv6(4) honoreRouterInitMode(5)",
            "esafeErouterInitModeControl",
        ),
        ("TruthValue", "esafeErouterSoftReset"),
    ),
}

_MTA: Final[Lines] = (
    ("TruthValue", "pktcMtaDevResetNow pktcMtaDevEnabled pktcMtaDevHttpAccess pktcMtaDevCmsIpsecCtrl"),
    (
        "octets",
        "pktcMtaDevSerialNumber pktcMtaDevHardwareVersion pktcMtaDevFQDN pktcMtaDevTypeIdentifier "
        "pktcMtaDevConfigFile pktcMtaDevSnmpEntity pktcMtaDevProvKerbRealmName pktcMtaDevRealmName "
        "pktcMtaDevRealmOrgName pktcMtaDevCmsFqdn pktcMtaDevCmsKerbRealmName",
    ),
    ("bytes", "pktcMtaDevMacAddress pktcMtaDevProvConfigHash pktcMtaDevProvConfigKey"),
    (
        "integer",
        "pktcMtaDevRealmPkinitGracePeriod pktcMtaDevRealmTgsGracePeriod "
        "pktcMtaDevRealmUnsolicitedKeyMaxTimeout pktcMtaDevRealmUnsolicitedKeyNomTimeout "
        "pktcMtaDevRealmUnsolicitedKeyMeanDev pktcMtaDevRealmUnsolicitedKeyMaxRetries "
        "pktcMtaDevCmsMaxClockSkew pktcMtaDevCmsSolicitedKeyTimeout pktcMtaDevCmsUnsolicitedKeyMaxTimeout "
        "pktcMtaDevCmsUnsolicitedKeyNomTimeout pktcMtaDevCmsUnsolicitedKeyMeanDev "
        "pktcMtaDevCmsUnsolicitedKeyMaxRetries pktcMtaDevProvSolicitedKeyTimeout "
        "pktcMtaDevProvUnsolicitedKeyMaxTimeout pktcMtaDevProvUnsolicitedKeyNomTimeout "
        "pktcMtaDevProvUnsolicitedKeyMeanDev pktcMtaDevProvUnsolicitedKeyMaxRetries",
    ),
    (
        "integer operational(1) waitingForSnmpSetInfo(2) waitingForTftpAddrResponse(3) "
        "waitingForConfigFile(4)",
        "pktcMtaDevProvState",
    ),
    ("ipaddress", "pktcMtaDevServerDhcp1 pktcMtaDevServerDhcp2 pktcMtaDevTimeServer"),
    ("RowStatus", "pktcMtaDevRealmStatus pktcMtaDevCmsStatus"),
)

_CADENCES = (
    "pktcSigDevR0Cadence pktcSigDevR1Cadence pktcSigDevR2Cadence pktcSigDevR3Cadence pktcSigDevR4Cadence "
    "pktcSigDevR5Cadence pktcSigDevR6Cadence pktcSigDevR7Cadence pktcSigDevRgCadence pktcSigDevRsCadence"
)


_END_POINT_NUMBERS = (
    "CallAgentUdpPort PartialDialTO CriticalDialTO BusyToneTO DialToneTO MessageWaitingTO "
    "OffHookWarnToneTO RingingTO RingBackTO ReorderToneTO StutterDialToneTO TSMax Max1 Max2 MWD Tdinit "
    "Tdmin Tdmax RtoMax RtoInit LongDurationKeepAlive Thist CallWaitingMaxRep CallWaitingDelay"
)


def _end_points(prefix: str, number: str) -> Lines:
    """The columns of a table of end points."""
    return (
        ("octets", f"{prefix}CallAgentId"),
        (number, " ".join(prefix + name for name in _END_POINT_NUMBERS.split())),
        ("TruthValue", f"{prefix}Max1QEnable {prefix}Max2QEnable"),
        ("RowStatus", f"{prefix}Status"),
    )


_PACKETCABLE: Final[dict[str, Lines]] = {
    "PKTC-MTA-MIB": _MTA,
    "PKTC-SIG-MIB": (
        ("octets", "pktcSigServiceClassNameUS pktcSigServiceClassNameDS"),
        ("bytes", f"{_CADENCES} pktcSigDevRtCadence"),
        (
            "integer",
            "pktcSigDefCallSigTos pktcSigDefMediaStreamTos pktcSigDefNcsReceiveUdpPort "
            "pktcSigServiceClassNameMask",
        ),
        ("integer ipv4TOSOctet(1) dscpCodepoint(2)", "pktcSigTosFormatSelector"),
        *_end_points("pktcNcsEndPntConfig", "integer"),
    ),
    "PKTC-IETF-MTA-MIB": (
        ("TruthValue", "pktcMtaDevResetNow pktcMtaDevEnabled pktcMtaDevHttpAccess pktcMtaDevCmsIpsecCtrl"),
        (
            "octets",
            "pktcMtaDevSerialNumber pktcMtaDevSwCurrentVers pktcMtaDevFQDN pktcMtaDevTypeIdentifier "
            "pktcMtaDevConfigFile pktcMtaDevSnmpEntity pktcMtaDevRealmName pktcMtaDevRealmOrgName "
            "pktcMtaDevCmsFqdn pktcMtaDevCmsKerbRealmName",
        ),
        ("bytes", "pktcMtaDevProvConfigHash pktcMtaDevProvConfigKey"),
        (
            "address",
            "pktcMtaDevServerDhcp1 pktcMtaDevServerDhcp2 pktcMtaDevServerDns1 pktcMtaDevServerDns2 "
            "pktcMtaDevTimeServer",
        ),
        (
            "gauge32",
            "pktcMtaDevEndPntCount pktcMtaDevProvisioningTimer pktcMtaDevProvSolicitedKeyTimeout "
            "pktcMtaDevRealmIndex pktcMtaDevRealmPkinitGracePeriod pktcMtaDevRealmTgsGracePeriod "
            "pktcMtaDevRealmUnsolicitedKeyMaxTimeout pktcMtaDevRealmUnsolicitedKeyNomTimeout "
            "pktcMtaDevRealmUnsolicitedKeyMaxRetries pktcMtaDevCmsIndex pktcMtaDevCmsMaxClockSkew "
            "pktcMtaDevCmsSolicitedKeyTimeout pktcMtaDevCmsUnsolicitedKeyMaxTimeout "
            "pktcMtaDevCmsUnsolicitedKeyNomTimeout pktcMtaDevCmsUnsolicitedKeyMaxRetries",
        ),
        (
            "InetAddressType",
            "pktcMtaDevDhcpServerAddressType pktcMtaDevDnsServerAddressType pktcMtaDevTimeServerAddressType",
        ),
        (
            "integer none(0) des64CbcMode(1) t3Des192CbcMode(2) aes128CbcMode(3) aes256CbcMode(4)",
            "pktcMtaDevProvConfigEncryptAlg",
        ),
        ("bits invalidateProvOnReboot(0) invalidateAllCmsOnReboot(1)", "pktcMtaDevResetKrbTickets"),
        ("RowStatus", "pktcMtaDevRealmStatus pktcMtaDevCmsStatus"),
    ),
    "PKTC-IETF-SIG-MIB": (
        ("bytes", _CADENCES),
        ("integer", "pktcSigDefCallSigDscp pktcSigDefMediaStreamDscp"),
        ("gauge32", "pktcSigDefNcsReceiveUdpPort"),
        ("CallerId", "pktcSigDevCidSigProtocol"),
        ("RingFrequency", "pktcSigPowerRingFrequency"),
        *_end_points("pktcSigEndPntConfig", "gauge32"),
    ),
    "PKTC-EXCENTIS-MTA-MIB": (("TruthValue", "pktcMtaDevResetNow"), ("bytes", "pktcMtaDevProvConfigHash")),
    "PKTC-EXCENTIS-SIG-MIB": (
        ("octets", "pktcNcsEndPntConfigCallAgentId"),
        ("bytes", _CADENCES),
        ("CallerId", "pktcSigDevCallerIdSigProtocol"),
        ("RingFrequency", "pktcSigPowerRingFrequency"),
        ("TruthValue", "pktcNcsEndPntConfigMax1QEnable pktcNcsEndPntConfigMax2QEnable"),
        ("RowStatus", "pktcNcsEndPntConfigStatus"),
    ),
}

_NUMBER = IndexPart("number")
_TEXT = IndexPart("text")
_LAST_TEXT = (IndexPart("implied"),)

INDICES: Final[Mapping[str, Index]] = {
    "1.3.6.1.2.1.2.2.1": (_NUMBER,),
    "1.3.6.1.2.1.31.1.1.1": (_NUMBER,),
    "1.3.6.1.3.101.1.2.1.1": (_NUMBER,),
    "1.3.6.1.6.3.12.1.2.1": _LAST_TEXT,
    "1.3.6.1.6.3.12.1.3.1": _LAST_TEXT,
    "1.3.6.1.6.3.13.1.1.1": _LAST_TEXT,
    "1.3.6.1.6.3.13.1.2.1": _LAST_TEXT,
    "1.3.6.1.6.3.13.1.3.1": (_TEXT, IndexPart("implied_identifier")),
    "1.3.6.1.6.3.16.1.2.1": (_NUMBER, _TEXT),
    "1.3.6.1.6.3.16.1.4.1": (
        _TEXT,
        _TEXT,
        _NUMBER,
        IndexPart("number", labels=syntax(_CONVENTIONS["SnmpSecurityLevel"]).labels),
    ),
    "1.3.6.1.6.3.16.1.5.2.1": (_TEXT, IndexPart("identifier")),
    "1.3.6.1.6.3.18.1.1.1": _LAST_TEXT,
    "1.3.6.1.6.3.18.1.2.1": _LAST_TEXT,
    "1.3.6.1.2.1.69.1.2.1": (_NUMBER,),
    "1.3.6.1.2.1.69.1.5.7.1": (IndexPart("number", labels=syntax(_CONVENTIONS["EventPriority"]).labels),),
    "1.3.6.1.2.1.69.1.6.2.1": (_NUMBER,),
    "1.3.6.1.2.1.69.1.6.4.1": (_NUMBER,),
    "1.3.6.1.2.1.69.1.6.5.1": (_NUMBER,),
    "1.3.6.1.2.1.69.1.6.6.1": (_NUMBER,),
    "1.3.6.1.2.1.69.1.7.3.1": (IndexPart("address"),),
    "1.3.6.1.2.1.69.1.7.4.1": (
        IndexPart("number", labels=syntax(_CONVENTIONS["InetAddressType"]).labels),
        _TEXT,
    ),
    "1.3.6.1.2.1.10.127.6.1.1.1.1": (_NUMBER,),
    "1.3.6.1.4.1.4491.2.2.1.1.3.16.1": (_TEXT,),
    "1.3.6.1.4.1.4491.2.2.1.1.3.17.1": (_TEXT,),
    "1.3.6.1.4.1.4491.2.2.2.1.2.1.1": (_NUMBER,),
    "1.3.6.1.2.1.140.1.3.6.1": (_NUMBER,),
    "1.3.6.1.2.1.140.1.3.8.1": (_NUMBER,),
    "1.3.6.1.2.1.169.1.2.1.1": (_NUMBER,),
    "1.3.6.1.4.1.7432.2.1.2.1.1": (_NUMBER,),
}
"""The indices of the tables by the identifier of their rows.

The index of the realms and call agents of CableLabs' adapters is their text with its length before it. Some
editions of PKTC-MTA-MIB have IMPLIED; for adapters of such an edition the index is written as numbers.
"""


def _syntaxes() -> Iterator[tuple[tuple[str, str], Syntax]]:
    for module, lines in {**_SNMP, **_DOCSIS, **_PACKETCABLE}.items():
        for text, names in lines:
            found = syntax(_CONVENTIONS.get(text, text))
            for name in names.split():
                yield (module, name), found


SYNTAXES: Final[Mapping[tuple[str, str], Syntax]] = dict(_syntaxes())
"""The syntax of an object by module and name."""
