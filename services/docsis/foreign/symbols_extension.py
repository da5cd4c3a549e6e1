"""Symbols of the extension field (43), of SNMP, of the boxes behind a modem, and the one without a TLV of its
own."""

from __future__ import annotations

from typing import Final

from services.docsis.foreign.symbol import rows

EXTENSION: Final = tuple(
    rows("""
43 VendorSpecific group
43.1 CMLoadBalancingPolicyID uint32
43.2 CMLoadBalancingPriority uint32
43.3 CMLoadBalancingGroupID uint32
43.4 CMRangingClassIDExtension uint16
43.5 L2VPNEncoding group
43.5.1 VPNIdentifier hex-or-text 4 255
43.5.2 NSIEncapsulation group
43.5.2.1 ServiceMultiplexingValueOther empty
43.5.2.2 NSIEncapsulationSingleQTag uint16 0 4096
43.5.2.3 NSIEncapsulationDualQTag tags
43.5.2.4 ServiceMultiplexingValueMPLSPW group
43.5.2.4.1 MPLSPseudowireID uint32
43.5.2.4.2 MPLSPeerIpAddress peer
43.5.2.4.3 MPLSPseudowireType uint8
43.5.2.4.4 MPLSBackupPseudowireID uint32
43.5.2.4.5 MPLSBackupPeerIpAddress peer
43.5.2.5 ServiceMultiplexingValueL2TPv3Peer peer
43.5.2.6 IEEE8021ahEncapsulation group
43.5.2.6.1 ITCIEncapsulation hex 4 4
43.5.2.6.2 BDAEncapsulation hex 6 6
43.5.2.6.3 BTCIEncapsulation hex 2 2
43.5.2.6.4 ITPIDEncapsulation hex 2 2
43.5.2.6.5 IPCPEncapsulation hex 1 1
43.5.2.6.6 IDEIEncapsulation hex 1 1
43.5.2.6.7 IUCAEncapsulation hex 1 1
43.5.2.6.8 ISIDEncapsulation hex 3 3
43.5.2.6.9 BTPIDEncapsulation hex 2 2
43.5.2.6.10 BPCPEncapsulation hex 1 1
43.5.2.6.11 BDEIEncapsulation hex 1 1
43.5.2.6.12 BVIDEncapsulation hex 2 2
43.5.2.8 ServiceMultiplexingValueIEEE8021adSTPID hex 2 2
43.5.3 eSAFEDHCPSnooping hex
43.5.4 CMInterfaceMaskCMIMSubtype hex
43.5.5 AttachmentGroupID hex
43.5.6 SourceAttachmentIndividualID hex
43.5.7 TargetAttachmentIndividualID hex
43.5.8 IngressUserPriority uint8 0 7
43.5.9 UserPriorityRange uint8s 2 128
43.5.10 L2VPNSADescriptorSubtype hex 14 14
43.5.12 PseudowireType uint8 4 5
43.5.13 L2VPNMode uint8 0 1
43.5.14 TPIDTranslation group
43.5.14.1 UpstreamTPIDTranslation hex 2 2
43.5.14.2 DownstreamTPIDTranslation hex 2 2
43.5.14.3 UpstreamSTPIDTranslation hex 2 2
43.5.14.4 DownstreamSTPIDTranslation hex 2 2
43.5.14.5 UpstreamBTPIDTranslation hex 2 2
43.5.14.6 DownstreamBTPIDTranslation hex 2 2
43.5.14.7 UpstreamITPIDTranslation hex 2 2
43.5.14.8 DownstreamITPIDTranslation hex 2 2
43.5.15 L2CPProcessing group
43.5.15.1 L2CPTunnelMode uint8 0 1
43.5.15.2 L2CPDMACAddress mac
43.5.15.3 L2CPOverwrotingDMACAddress mac
43.5.16 DACDisableEnableConfiguration uint8 0 1
43.5.18 PseudowireClass hex
43.5.19 ServiceDelimiter group
43.5.19.1 CVIDDelimiter hex 2 2
43.5.19.2 SVIDDelimiter hex 2 2
43.5.19.3 ISIDDelimiter hex 3 3
43.5.19.4 BVIDDelimiter hex 2 2
43.5.20 VirtualSwitchInstanceEncoding group
43.5.20.1 VPLSClass hex
43.5.20.2 ETreeRole uint8 0 1
43.5.20.3 ETreeRootVID hex 2 2
43.5.20.4 ETreeLeafVID hex 2 2
43.5.21 BGPAttribute group
43.5.21.1 BGPVPNID uint32
43.5.21.2 RouteDistinguisher hex 8 8
43.5.21.3 RouteTargetImport hex
43.5.21.4 RouteTargetExport hex
43.5.21.5 CEIDVEID uint16
43.5.23 PseudowireSignaling uint8 0 2
43.5.24 SOAMSubtype group
43.5.24.1 MEPConfiguration group
43.5.24.1.1 MDLevel uint8 0 7
43.5.24.1.2 MDName text 2 16
43.5.24.1.3 MAName text 2 28
43.5.24.1.4 MEPID uint16 1 8191
43.5.24.2 RemoteMEPConfiguration group
43.5.24.2.1 RemoteMDLevel uint8 0 7
43.5.24.2.2 RemoteMDName text 2 16
43.5.24.2.3 RemoteMAName text 2 28
43.5.24.2.4 RemoteMEPID uint16 1 8191
43.5.24.3 FaultManagementConfiguration group
43.5.24.3.1 ContinuityCheckMessages uint8 0 2
43.5.24.3.2 LoopbackFunction uint8 0 1
43.5.24.3.3 LinktraceFunction uint8 0 1
43.5.24.4 PerformanceManagementConfiguration group
43.5.24.4.1 FrameDelayMeasurement group
43.5.24.4.1.1 FrameDelayMeasurementEnable uint8 0 1
43.5.24.4.1.2 FrameDelayMeasurementOneWayTwoWay uint8 0 1
43.5.24.4.1.3 FrameDelayMeasurementTransmissionPeriodicity uint16
43.5.24.4.2 FrameLossMeasurement group
43.5.24.4.2.1 FrameLossMeasurementEnable uint8 0 1
43.5.24.4.2.2 FrameLossMeasurementTransmissionPeriodicity uint8
43.5.26 L2VPNDSID uint24
43.5.43 VendorSpecificL2VPNSubtype group
43.6 ExtendedCMTSMICConfigurationSetting group
43.6.1 ExtendedCMTSMICHMACtype uint8
43.6.2 ExtendedCMTSMICBitmap hex
43.6.3 ExplicitExtendedCMTSMICDigest hex
43.6 ExtendedCMTSMICConfiguration group
43.6.1 ExtendedCMTSMICHMACDigestType uint8
43.6.2 ExtendedCMTSMICHMACBitmap hex
43.6.3 ExtendedCMTSMICHMACDigest hex
43.7 SAVAuthorizationEncoding group
43.7.1 SAVGroupName text 1 15
43.7.2 SAVStaticPrefixRule group
43.7.2.1 SAVStaticPrefixAddress address
43.7.2.2 SAVStaticPrefixLength uint8
43.8 VendorIdentifier hex 3 3
43.9 CMAttributeMasks group
43.9.1 CMDownstreamRequiredAttributeMask hex 4 4
43.9.2 CMDownstreamForbiddenAttributeMask hex 4 4
43.9.3 CMUpstreamRequiredAttributeMask hex 4 4
43.9.4 CMUpstreamForbiddenAttributeMask hex 4 4
43.10 IPMulticastJoinAuthorization group
43.10.1 IPMulticastProfileName text 1 15
43.10.2 IPMulticastJoinAuthStaticSessionRule group
43.10.2.1 MulticastRulePriority uint8 0 255
43.10.2.2 AuthorizationAction uint8 0 1
43.10.2.3 SourcePrefixAddress address
43.10.2.4 SourcePrefixLength uint8 0 128
43.10.2.5 GroupPrefixAddress address
43.10.2.6 GroupPrefixLength uint8 0 128
43.10.3 MaximumMulticastSessions uint16
43.11 ServiceTypeIdentifier text 1 16
43.12 DEMARCAutoConfiguration group
43.12.1 DACDisableEnableConfig uint8 0 1
43.12.2 CMIMEncoding hex
43.12.3 UpstreamServiceClassName text-z 2 16
43.12.4 DownstreamServiceClassName text-z 2 16
""")
)

RENAMED: Final = tuple(
    rows("""
43.5.2 NSIEncapsulationSubtype group
43.5.2.2 ServiceMultiplexingValueIEEE8021Q uint16 0 4096
43.5.2.3 ServiceMultiplexingValueIEEE8021ad hex 4 4
""")
)
"""Names that some versions between 0.9.5 and 0.9.8 had for a while."""

MANAGEMENT: Final = tuple(
    rows("""
10 SnmpWriteControl write-control
11 SnmpMibObject varbind
11 DigitMap file
34 SnmpV3Kickstart group
34.1 SnmpV3SecurityName text 1 16
34.2 SnmpV3MgrPublicNumber hex 1 514
38 SnmpV3TrapReceiver group
38.1 SnmpV3TrapRxIP ipv4
38.2 SnmpV3TrapRxPort uint16
38.3 SnmpV3TrapRxType uint16 1 5
38.4 SnmpV3TrapRxTimeout uint16 0 65535
38.5 SnmpV3TrapRxRetries uint16 0 65535
38.6 SnmpV3TrapRxFilterOID oid
38.7 SnmpV3TrapRxSecurityName text 1 16
38.8 SnmpV3TrapRxIP6 ipv6
53 SNMPv1v2cCoexistenceConfig group
53.1 SNMPv1v2cCommunityName text
53.2 SNMPv1v2cTransportAddressAccess group
53.2.1 SNMPv1v2cTransportAddress endpoint
53.2.2 SNMPv1v2cTransportAddressMask endpoint
53.3 SNMPv1v2cAccessViewType uint8 1 2
53.4 SNMPv1v2cAccessViewName text
54 SNMPv3AccessViewConfiguration group
54.1 SNMPv3AccessViewName text
54.2 SNMPv3AccessViewSubtree oid
54.3 SNMPv3AccessViewMask hex 1 2
54.4 SNMPv3AccessViewType uint8 1 2
55 SNMPCPEAccessControl uint8 0 1
66 ManagementEventControl uint32
202 eRouter group
202.1 InitializationMode uint8 0 3
202.2 TR69ManagementServer group
202.2.1 EnableCWMP uint8 0 1
202.2.2 URL text
202.2.3 Username text
202.2.4 Password text
202.2.5 ConnectionRequestUsername text
202.2.6 ConnectionRequestPassword text
202.2.7 ACSOverride uint8 0 1
202.3 InitializationModeOverride uint8 0 1
202.10 RATransmissionInterval uint16 3 1800
202.42 TopologyModeEncoding uint8 1 2
217 EstbSettings group
217.1 IpModeControl uint8 0 2
217.53 Snmpv1v2Settings group
217.53.1 Snmpv1v2CommunityName text 1 32
0 GenericTLV generic
""")
)
