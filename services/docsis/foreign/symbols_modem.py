"""Symbols of a modem's own settings: frequency, access, class of service, privacy, upgrade, CPEs, timing.

The paths are those of MULPI 3.1, Annex C, as far as it has them.
"""

from __future__ import annotations

from typing import Final

from services.docsis.foreign.symbol import rows

MODEM: Final = tuple(
    rows("""
1 DownstreamFrequency uint32 88000000 1008000000
2 UpstreamChannelId uint8 0 255
3 NetworkAccess uint8 0 1
4 ClassOfService group
4.1 ClassID uint8 1 16
4.2 MaxRateDown uint32 0 1334880000
4.3 MaxRateUp uint32 0 183900000
4.4 PriorityUp uint8 0 7
4.5 GuaranteedUp uint32 0 183900000
4.6 MaxBurstUp uint16 0 65535
4.7 PrivacyEnable uint8 0 1
5 ModemCapabilities group
5.1 ConcatenationSupport uint8 0 1
5.2 ModemDocsisVersion uint8 0 3
5.3 FragmentationSupport uint8 0 1
5.4 PHSSupport uint8 0 1
5.5 IGMPSupport uint8 0 1
5.6 BaselinePrivacySupport uint8 0 1
5.7 DownstreamSAIDSupport uint8 0 255
5.8 UpstreamSIDSupport uint8 0 255
5.9 OptionalFilteringSupport uint8
5.10 TransmitPreEqualizerTapsPerModulationInterval uint8 1 4
5.11 NumberofTransmitEqualizerTaps uint8 8 64
5.12 DCCSupport uint8 0 1
5.13 IPFiltersSupport uint16 64 65535
5.14 LLCFiltersSupport uint16 10 65535
5.15 ExpandedUnicastSIDSpace uint8 0 1
5.16 RangingHoldOffSupport hex 4 4
5.17 L2VPNCapability uint8 0 1
5.18 L2VPNeSAFEHostCapability hex
5.19 DUTFilteringSupport uint8 0 1
5.20 UpstreamFrequencyRangeSupport uint8 0 1
5.21 UpstreamSymbolRateSupport uint8
5.22 SelectableActiveCodeMode2Support uint8 0 1
5.23 CodeHoppingMode2Support uint8 0 1
5.24 MultipleTransmitChannelSupport uint8
5.25 M512MspsUpstreamTransmitChannel uint8
5.26 M256MspsUpstreamTransmitChannel uint8
5.27 TotalSIDClusterSupport uint8
5.28 SIDClustersPerServiceFlow uint8 2 8
5.29 MultipleReceiveChannelSupport uint8
5.30 TotalDownstreamServiceIDSupport uint8 32 255
5.31 ResequencingDownstreamServiceID uint8 16 255
5.32 MulticastDownstreamServiceID uint8 16 255
5.33 MulticastDSIDForwarding uint8 0 2
5.34 FrameControlTypeForwarding uint8 0 1
5.35 DPVCapability uint8
5.36 UnsolicitedGrantServiceSupport uint8
5.37 MAPandUCDReceiptSupport uint8 0 1
5.38 UpstreamDropClassifierSupport uint16 64 65535
5.39 IPv6Support uint8 0 1
5.40 ExtendedUpstreamTransmitPower uint8 0 244
5.41 MPLSClassificationSupport hex 4 4
5.42 DONUCapabilitiesEncoding hex
5.44 EnergyManagementCapabilities hex 4 4
5.45 CDOCSISCapabilityEncoding hex
5.46 CMSTATUSACK uint8 0 1
6 CmMic computed
7 CmtsMic computed
9 SwUpgradeFilename text
12 ModemIPAddress ipv4
14 CpeMacAddress mac
17 BaselinePrivacy group
17.1 AuthTimeout uint32 1 30
17.2 ReAuthTimeout uint32 1 30
17.3 AuthGraceTime uint32 1 6047999
17.4 OperTimeout uint32 1 10
17.5 ReKeyTimeout uint32 1 10
17.6 TEKGraceTime uint32 1 302399
17.7 AuthRejectTimeout uint32 1 600
17.8 SAMapWaitTimeout uint32 1 10
17.9 SAMapMaxRetries uint32 0 10
18 MaxCPE uint8 1 254
19 TftpTimestamp uint32 0 4294967295
20 TftpModemAddress ipv4
21 SwUpgradeServer ipv4
28 MaxClassifiers uint16
29 GlobalPrivacyEnable uint8
32 MfgCVCData hex 0 255
32 ManufacturerCVC file
33 CoSignerCVCData hex 0 255
33 CoSignerCVC file
35 SubMgmtControl hex 3 3
36 SubscriberManagementCPEIPTable ipv4s
37 SubMgmtFilters uint16s 4 10
39 DocsisTwoEnable uint8 0 1
40 EnableTestModes uint8 0 1
41 DsChannelList group
41.1 SingleDsChannel group
41.1.1 SingleDsTimeout uint16 0 65535
41.1.2 SingleDsFrequency uint32 0 4294967295
41.2 DsFreqRange group
41.2.1 DsFreqRangeTimeout uint16 0 65535
41.2.2 DsFreqRangeStart uint32 0 4294967295
41.2.3 DsFreqRangeEnd uint32 0 4294967295
41.2.4 DsFreqRangeStepSize uint32 0 4294967295
41.3 DefaultScanTimeout uint16 0 65535
42 MulticastMACAddress mac
45 DUTFiltering group
45.1 DUTControl uint8 0 1
45.2 DUTCMIM hex
56 ChannelAssignmentConfig group
56.1 CaTransmit uint8 0 255
56.2 CaReceive uint32 88000000 860000000
58 SwUpgradeServer6 ipv6
59 TFTPProvisionedModemIPv6Address ipv6
61 SubMgmtCPEIPv6PrefixList prefixes
62 UpstreamDropClassifierGroupID uint8s
63 SubMgmtControl6 uint16
64 CMTSStaticMulticastSessionEncodings group
64.1 CMTSStaticMulticastSessionGroup address
64.2 CMTSStaticMulticastSessionSource address
64.3 CMTSStaticMulticastSessionCMIM hex
65 L2VPNMACAgingEncoding group
65.1 L2VPNMACAgingMode uint8 0 1
67 SubscriberManagementCPEIPv6Table ipv6s
68 DefaultUpstreamTargetBuffer uint16
69 MACAddressLearningControlEncoding group
69.1 MACAddressLearningControl uint8 0 1
69.2 MACAddressLearningHoldoffTimer uint8 0 10
72 MetroEthernetServiceProfile group
72.1 MESPReference uint8 1 255
72.2 MESPBandwidthProfile group
72.2.1 CIR uint32
72.2.2 CBR uint32
72.2.3 EIR uint32
72.2.4 EBS uint32
72.2.5 CouplingFlag uint8 0 1
72.2.6 ColorMode group
72.2.6.1 ColorIdentificationField uint8 0 9
72.2.6.2 ColorIdentificationFieldValue hex 1 1
72.2.7 ColorMarking group
72.2.7.1 ColorMarkingField uint8 0 5
72.2.7.2 ColorMarkingFieldValue hex 1 1
72.3 MESPName text-z 2 254
73 NetworkTimingProfile group
73.1 NetworkTimingProfileReference uint16 1 65536
73.2 NetworkTimingProfileName text-z 2 16
74 EnergyManagementParameter group
74.1 EnergyManagementFeatureControl uint32 0 3
74.2 EnergyManagement1x1Mode group
74.2.1 DownstreamActivityDetectionParameters group
74.2.1.1 DownstreamEntryBitrateThreshold uint32
74.2.1.2 DownstreamEntryTimeThreshold uint16 1 65535
74.2.1.3 DownstreamExitBitrateThreshold uint32
74.2.1.4 DownstreamExitTimeThreshold uint16 1 65535
74.2.2 UpstreamActivityDetectionParameters group
74.2.2.1 UpstreamEntryBitrateThreshold uint32
74.2.2.2 UpstreamEntryTimeThreshold uint16 1 65535
74.2.2.3 UpstreamExitBitrateThreshold uint32
74.2.2.4 UpstreamExitTimeThreshold uint16 1 65535
74.3 EnergyManagementCyclePeriod uint16
74.4 EnergyManagementDLSMode group
75 EnergyManagement1x1ModeIndicator uint8 0 2
76 CMUpstreamAQMDisable uint8 0 1
79 UNIControlEncodings group
79.1 ContextCMIM hex
79.2 UNIAdminStatus uint8 0 1
79.3 UNIAutoNegotiationStatus uint8 0 1
79.4 UNIOperatingSpeed uint8 0 6
79.5 UNIDuplex uint8 0 2
79.6 EEEStatus uint8 0 1
79.7 MaximumFrameSize uint16
79.8 PowerOverEthernetStatus uint8 0 1
79.9 MediaType uint8 0 1
81 ManufacturerCVCChain hex 0 255
81 ManufacturerCVCChainFile file
82 CoSignerCVCChain hex 0 255
82 CoSignerCVCChainFile file
83 DTPModeConfiguration uint8 0 2
84 DiplexerBandEdge group
84.1 DiplexerUpstreamUpperBandEdge uint8 0 4
84.2 DiplexerDownstreamLowerBandEdge uint8 0 1
84.3 DiplexerDownstreamUpperBandEdge uint8 0 2
96 AdvancedDiplexerBandEdge group
96.1 AdvDiplexerUpstreamUpperBandEdge uint16
96.2 AdvDiplexerDownstreamLowerBandEdge uint16
96.3 AdvDiplexerDownstreamUpperBandEdge uint16
97 AdvancedBandPlanSupport uint8 0 1
101 DOCSISSyncConfigurations group
101.1 PTPMasterClockEnable uint8 1 2
101.2 PTPProfileConfiguration uint8 0 3
101.3 PTPMaxNumberofClockSlavesConfiguration uint8 0 255
101.4 SyncEClockEnable uint8 1 2
102 PTPAddressConfigurations group
102.1 PTPSourceIPAddressConfiguration address
102.2 CMTSPTPIPAddressConfiguration address
102.3 PTPDestMulticastMACAddressConfiguration mac
254 MtaConfigDelimiter uint8 1 255
""")
)
