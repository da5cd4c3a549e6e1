"""SNMP objects that configuration files commonly carry, as data.

The objects are listed by the module that defines them; each line has a parent, the number of the first object
below it, and the names of the objects from there on. The sources are the MIBs themselves: SNMPv2-SMI (RFC
2578), SNMPv2-MIB (RFC 3418), IF-MIB (RFC 2863), the SNMPv3 framework (RFC 3413 to 3415, 3584, 2786) and the
cable device MIB (RFC 4639); those of CableLabs and of PacketCable are in `services.docsis.mib.objects_cable`.
"""

from __future__ import annotations

from typing import Final

from services.docsis.mib.objects_cable import CABLE, Modules, Objects

ROOTS: Final = {
    "ccitt": "0",
    "zeroDotZero": "0.0",
    "iso": "1",
    "joint-iso-ccitt": "2",
    "org": "1.3",
    "dod": "1.3.6",
    "internet": "1.3.6.1",
    "directory": "1.3.6.1.1",
    "mgmt": "1.3.6.1.2",
    "transmission": "1.3.6.1.2.1.10",
    "experimental": "1.3.6.1.3",
    "private": "1.3.6.1.4",
    "security": "1.3.6.1.5",
    "snmpV2": "1.3.6.1.6",
    "snmpDomains": "1.3.6.1.6.1",
    "snmpProxys": "1.3.6.1.6.2",
    "snmpModules": "1.3.6.1.6.3",
}
"""The nodes above every MIB (RFC 2578), which net-snmp knows as well. They are read and never shown."""

_SYSTEM: Final[Modules] = {
    "SNMPv2-SMI": (("1.3.6.1.2", 1, "mib-2"), ("1.3.6.1.4", 1, "enterprises")),
    "SNMPv2-MIB": (
        ("1.3.6.1.2.1", 1, "system"),
        ("1.3.6.1.2.1.1", 1, "sysDescr sysObjectID sysUpTime sysContact sysName sysLocation sysServices"),
        ("1.3.6.1.2.1.11", 30, "snmpEnableAuthenTraps"),
        ("1.3.6.1.6.3.1.1.5", 1, "coldStart warmStart"),
        ("1.3.6.1.6.3.1.1.5", 5, "authenticationFailure"),
    ),
    "IF-MIB": (
        ("1.3.6.1.2.1", 2, "interfaces"),
        ("1.3.6.1.2.1.2", 1, "ifNumber ifTable"),
        (
            "1.3.6.1.2.1.2.2.1",
            1,
            "ifIndex ifDescr ifType ifMtu ifSpeed ifPhysAddress ifAdminStatus ifOperStatus ifLastChange",
        ),
        ("1.3.6.1.2.1.31.1.1.1", 14, "ifLinkUpDownTrapEnable"),
        ("1.3.6.1.2.1.31.1.1.1", 16, "ifPromiscuousMode"),
        ("1.3.6.1.2.1.31.1.1.1", 18, "ifAlias"),
        ("1.3.6.1.6.3.1.1.5", 3, "linkDown linkUp"),
    ),
}

_SNMP_V3: Final[Modules] = {
    "SNMP-USM-DH-OBJECTS-MIB": (
        ("1.3.6.1.3.101.1.1", 1, "usmDHParameters"),
        (
            "1.3.6.1.3.101.1.2.1.1",
            1,
            "usmDHKickstartIndex usmDHKickstartMyPublic usmDHKickstartMgrPublic usmDHKickstartSecurityName",
        ),
    ),
    "SNMP-TARGET-MIB": (
        (
            "1.3.6.1.6.3.12.1.2.1",
            1,
            "snmpTargetAddrName snmpTargetAddrTDomain snmpTargetAddrTAddress snmpTargetAddrTimeout "
            "snmpTargetAddrRetryCount snmpTargetAddrTagList snmpTargetAddrParams snmpTargetAddrStorageType "
            "snmpTargetAddrRowStatus",
        ),
        (
            "1.3.6.1.6.3.12.1.3.1",
            1,
            "snmpTargetParamsName snmpTargetParamsMPModel snmpTargetParamsSecurityModel "
            "snmpTargetParamsSecurityName snmpTargetParamsSecurityLevel snmpTargetParamsStorageType "
            "snmpTargetParamsRowStatus",
        ),
    ),
    "SNMP-NOTIFICATION-MIB": (
        (
            "1.3.6.1.6.3.13.1.1.1",
            1,
            "snmpNotifyName snmpNotifyTag snmpNotifyType snmpNotifyStorageType snmpNotifyRowStatus",
        ),
        (
            "1.3.6.1.6.3.13.1.2.1",
            1,
            "snmpNotifyFilterProfileName snmpNotifyFilterProfileStorType snmpNotifyFilterProfileRowStatus",
        ),
        (
            "1.3.6.1.6.3.13.1.3.1",
            1,
            "snmpNotifyFilterSubtree snmpNotifyFilterMask snmpNotifyFilterType snmpNotifyFilterStorageType "
            "snmpNotifyFilterRowStatus",
        ),
    ),
    "SNMP-VIEW-BASED-ACM-MIB": (
        (
            "1.3.6.1.6.3.16.1.2.1",
            1,
            "vacmSecurityModel vacmSecurityName vacmGroupName vacmSecurityToGroupStorageType "
            "vacmSecurityToGroupStatus",
        ),
        (
            "1.3.6.1.6.3.16.1.4.1",
            1,
            "vacmAccessContextPrefix vacmAccessSecurityModel vacmAccessSecurityLevel vacmAccessContextMatch "
            "vacmAccessReadViewName vacmAccessWriteViewName vacmAccessNotifyViewName vacmAccessStorageType "
            "vacmAccessStatus",
        ),
        (
            "1.3.6.1.6.3.16.1.5.2.1",
            1,
            "vacmViewTreeFamilyViewName vacmViewTreeFamilySubtree vacmViewTreeFamilyMask "
            "vacmViewTreeFamilyType vacmViewTreeFamilyStorageType vacmViewTreeFamilyStatus",
        ),
    ),
    "SNMP-COMMUNITY-MIB": (
        (
            "1.3.6.1.6.3.18.1.1.1",
            1,
            "snmpCommunityIndex snmpCommunityName snmpCommunitySecurityName snmpCommunityContextEngineID "
            "snmpCommunityContextName snmpCommunityTransportTag snmpCommunityStorageType snmpCommunityStatus",
        ),
        ("1.3.6.1.6.3.18.1.2.1", 1, "snmpTargetAddrTMask snmpTargetAddrMMS"),
    ),
}

_CABLE_DEVICE: Objects = (
    ("1.3.6.1.2.1", 69, "docsDev"),
    ("1.3.6.1.2.1.69", 1, "docsDevMIBObjects"),
    ("1.3.6.1.2.1.69.1", 1, "docsDevBase docsDevNmAccessTable docsDevSoftware docsDevServer docsDevEvent"),
    ("1.3.6.1.2.1.69.1", 6, "docsDevFilter docsDevCpe"),
    (
        "1.3.6.1.2.1.69.1.1",
        1,
        "docsDevRole docsDevDateTime docsDevResetNow docsDevSerialNumber docsDevSTPControl "
        "docsDevIgmpModeControl docsDevMaxCpe",
    ),
    (
        "1.3.6.1.2.1.69.1.2.1",
        1,
        "docsDevNmAccessIndex docsDevNmAccessIp docsDevNmAccessIpMask docsDevNmAccessCommunity "
        "docsDevNmAccessControl docsDevNmAccessInterfaces docsDevNmAccessStatus docsDevNmAccessTrapVersion",
    ),
    (
        "1.3.6.1.2.1.69.1.3",
        1,
        "docsDevSwServer docsDevSwFilename docsDevSwAdminStatus docsDevSwOperStatus docsDevSwCurrentVers "
        "docsDevSwServerAddressType docsDevSwServerAddress docsDevSwServerTransportProtocol",
    ),
    (
        "1.3.6.1.2.1.69.1.4",
        1,
        "docsDevServerBootState docsDevServerDhcp docsDevServerTime docsDevServerTftp "
        "docsDevServerConfigFile",
    ),
    (
        "1.3.6.1.2.1.69.1.5",
        1,
        "docsDevEvControl docsDevEvSyslog docsDevEvThrottleAdminStatus docsDevEvThrottleInhibited "
        "docsDevEvThrottleThreshold docsDevEvThrottleInterval docsDevEvControlTable docsDevEventTable "
        "docsDevEvSyslogAddressType docsDevEvSyslogAddress docsDevEvThrottleThresholdExceeded",
    ),
    ("1.3.6.1.2.1.69.1.5.7.1", 1, "docsDevEvPriority docsDevEvReporting"),
    (
        "1.3.6.1.2.1.69.1.6",
        1,
        "docsDevFilterLLCUnmatchedAction docsDevFilterLLCTable docsDevFilterIpDefault docsDevFilterIpTable "
        "docsDevFilterPolicyTable docsDevFilterTosTable",
    ),
    (
        "1.3.6.1.2.1.69.1.6.2.1",
        1,
        "docsDevFilterLLCIndex docsDevFilterLLCStatus docsDevFilterLLCIfIndex docsDevFilterLLCProtocolType "
        "docsDevFilterLLCProtocol docsDevFilterLLCMatches",
    ),
    (
        "1.3.6.1.2.1.69.1.6.4.1",
        1,
        "docsDevFilterIpIndex docsDevFilterIpStatus docsDevFilterIpControl docsDevFilterIpIfIndex "
        "docsDevFilterIpDirection docsDevFilterIpBroadcast docsDevFilterIpSaddr docsDevFilterIpSmask "
        "docsDevFilterIpDaddr docsDevFilterIpDmask docsDevFilterIpProtocol docsDevFilterIpSourcePortLow "
        "docsDevFilterIpSourcePortHigh docsDevFilterIpDestPortLow docsDevFilterIpDestPortHigh "
        "docsDevFilterIpMatches docsDevFilterIpTos docsDevFilterIpTosMask docsDevFilterIpContinue "
        "docsDevFilterIpPolicyId",
    ),
    ("1.3.6.1.2.1.69.1.6.5.1", 1, "docsDevFilterPolicyIndex docsDevFilterPolicyId"),
    ("1.3.6.1.2.1.69.1.6.5.1", 5, "docsDevFilterPolicyStatus docsDevFilterPolicyPtr"),
    (
        "1.3.6.1.2.1.69.1.6.6.1",
        1,
        "docsDevFilterTosIndex docsDevFilterTosStatus docsDevFilterTosAndMask docsDevFilterTosOrMask",
    ),
    ("1.3.6.1.2.1.69.1.7", 1, "docsDevCpeEnroll docsDevCpeIpMax docsDevCpeTable docsDevCpeInetTable"),
    ("1.3.6.1.2.1.69.1.7.3.1", 1, "docsDevCpeIp docsDevCpeSource docsDevCpeStatus"),
    (
        "1.3.6.1.2.1.69.1.7.4.1",
        1,
        "docsDevCpeInetType docsDevCpeInetAddr docsDevCpeInetSource docsDevCpeInetRowStatus",
    ),
)

MODULES: Final[Modules] = {**_SYSTEM, **_SNMP_V3, "DOCS-CABLE-DEVICE-MIB": _CABLE_DEVICE, **CABLE}
"""All objects that have a name here."""
