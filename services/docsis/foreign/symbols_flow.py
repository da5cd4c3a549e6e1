"""Symbols of classifiers (22, 23, 60), service flows (24, 25, 70, 71, 93, 94) and payload header suppression.

A name that stands below several of them has one row, at its first place.
"""

from __future__ import annotations

from typing import Final

from services.docsis.foreign.symbol import rows

FLOW: Final = tuple(
    rows("""
22 UsPacketClass group
22.1 ClassifierRef uint8 1 255
22.2 ClassifierId uint16 1 65535
22.3 ServiceFlowRef uint16 1 65535
22.4 ServiceFlowId uint32 1 4294967295
22.5 RulePriority uint8 0 255
22.6 ActivationState uint8 0 1
22.7 DscAction uint8 0 2
22.9 IpPacketClassifier group
22.9.1 IpTos hex 3 3
22.9.2 IpProto uint16 0 257
22.9.3 IpSrcAddr ipv4
22.9.4 IpSrcMask ipv4
22.9.5 IpDstAddr ipv4
22.9.6 IpDstMask ipv4
22.9.7 SrcPortStart uint16 0 65535
22.9.8 SrcPortEnd uint16 0 65535
22.9.9 DstPortStart uint16 0 65535
22.9.10 DstPortEnd uint16 0 65535
22.10 LLCPacketClassifier group
22.10.1 DstMacAddress mac-mask
22.10.2 SrcMacAddress mac
22.10.3 EtherType hex 3 3
22.11 IEEE802Classifier group
22.11.1 UserPriority uint8s 2 128
22.11.2 VlanID uint16 0 4096
22.12 PcIPv6PacketClassification group
22.12.1 PcIPv6TrafficClassRangeAndMask hex 3 3
22.12.2 PcIPv6FlowLabel hex 4 4
22.12.3 PcIPv6NextHeaderType uint16 0 257
22.12.4 PcIPv6SourceAddress ipv6
22.12.5 PcIPv6SourcePrefixLength uint8 0 128
22.12.6 PcIPv6DestAddress ipv6
22.12.7 PcIPv6DestPrefixLength uint8 0 128
22.13 PcCMIMEncoding hex
22.14 STagCTagFrameClassification group
22.14.1 STPID hex 2 2
22.14.2 SVID hex 2 2
22.14.3 SPCP hex 1 1
22.14.4 SDEI hex 1 1
22.14.5 CTPID hex 2 2
22.14.6 CVID hex 2 2
22.14.7 CPCP hex 1 1
22.14.8 CCFI hex 1 1
22.14.9 STCI hex 2 2
22.14.10 CTCI hex 2 2
22.15 IEEE8021ahPacketClassification group
22.15.1 ITPID hex 2 2
22.15.2 ISID hex 3 3
22.15.3 ITCI hex 5 5
22.15.4 IPCP hex 1 1
22.15.5 IDEI hex 1 1
22.15.6 IUCA hex 1 1
22.15.7 BTPID hex 2 2
22.15.8 BTCI hex 2 2
22.15.9 BPCP hex 1 1
22.15.10 BDEI hex 1 1
22.15.11 BVID hex 2 2
22.15.12 BDA mac
22.15.13 BSA mac
22.16 ICMPv4ICMPv6PacketClassification group
22.16.1 ICMPv4ICMPv6TypeStart uint8 0 255
22.16.2 ICMPv4ICMPv6TypeEnd uint8 0 255
22.17 MPLSClassificationEncoding group
22.17.1 MPLSTCbits hex 1 1
22.17.2 MPLSLabel hex 3 3
23 DsPacketClass group
60 UpstreamDropPacketClassification group
60.1 ClassifierReference uint8 1 255
60.2 ClassifierIdentifier uint16 1 65535
60.7 DynamicServiceChangeAction uint8 0 2
60.9 IPv4PacketClassification group
60.9.1 IPv4Tos hex 3 3
60.9.2 IPProtocol uint16 0 257
60.9.3 IPv4SourceAddress ipv4
60.9.4 IPv4SourceMask ipv4
60.9.5 IPv4DestinationAddress ipv4
60.9.6 IPv4DestinationMask ipv4
60.9.7 SourcePortStart uint16
60.9.8 SourcePortEnd uint16
60.9.9 DestinationPortStart uint16
60.9.10 DestinationPortEnd uint16
60.10 EthernetLLCPacketClassification group
60.10.1 DestinationMACAddress mac-mask
60.10.2 SourceMACAddress mac
60.10.3 EthertypeDSAPMacType hex 3 3
60.11 IEEE8021PQPacketClassification group
60.12 IPv6PacketClassification group
60.12.1 IPv6TrafficClassRangeandMask hex 3 3
60.12.2 IPv6FlowLabel hex 4 4
60.12.3 IPv6NextHeaderType uint16 0 257
60.12.4 IPv6SourceAddress ipv6
60.12.5 IPv6SourcePrefixLength uint8 0 128
60.12.6 IPv6DestinationAddress ipv6
60.12.7 IPv6DestinationPrefixLength uint8 0 128
60.13 CMInterfaceMaskEncoding hex
24 UsServiceFlow group
24.1 UsServiceFlowRef uint16 1 65535
24.2 UsServiceFlowId uint32 1 4294967295
24.3 ServiceIdentifier uint16
24.4 ServiceClassName text-z 2 16
24.6 QosParamSetType uint8 0 255
24.7 TrafficPriority uint8 0 7
24.8 MaxRateSustained uint32
24.9 MaxTrafficBurst uint32
24.10 MinReservedRate uint32
24.11 MinResPacketSize uint16 0 65535
24.12 ActQosParamsTimeout uint16 0 65535
24.13 AdmQosParamsTimeout uint16 0 65535
24.14 MaxConcatenatedBurst uint16 0 65535
24.15 SchedulingType uint8 0 7
24.16 RequestOrTxPolicy hex 4 4
24.17 NominalPollInterval uint32
24.18 ToleratedPollJitter uint32
24.19 UnsolicitedGrantSize uint16 0 65535
24.20 NominalGrantInterval uint32
24.21 ToleratedGrantJitter uint32
24.22 GrantsPerInterval uint8 0 127
24.23 IpTosOverwrite hex 2 2
24.26 MultipliertoNumberofBytesRequested uint8 1 16
24.27 UpstreamPeakTrafficRate uint32
24.31 ServiceFlowRequiredAttributeMask hex 4 4
24.32 ServiceFlowForbiddenAttributeMask hex 4 4
24.33 ServiceFlowAttributeAggregationRuleMask hex 4 4
24.34 ApplicationIdentifier uint32
24.35 BufferControl group
24.35.1 MinimumBuffer uint32 0 4294967295
24.35.2 TargetBuffer uint32 0 4294967295
24.35.3 MaximumBuffer uint32 0 4294967295
24.36 UpstreamAggregateServiceFlowReference uint16 1 65535
24.37 UpstreamMESPReference uint16 1 65535
24.39 SFtoIATCProfileNameReference text-z 2 16
24.40 AQMEncodings group
24.40.1 SFAQMDisable uint8 0 1
24.40.2 SFAQMLatencyTarget uint8 0 255
24.40.3 AQMAlgorithm uint8 0 2
24.40.4 ImmediateAQMMaxThreshold uint16
24.40.5 ImmediateAQMRangeExponent uint8 0 25
24.40.6 LatencyHistogramEncodings uint16s 1 15
24.41 DataRateUnitSetting uint8 0 3
24.44 GuaranteedGrantInterval uint16
24.45 GuaranteedGrantRate uint32
24.46 GuaranteedRequestInterval uint16
24.48 AbsoluteQueueDepthRequestEnable uint8 0 1
24.49 PGSActivityDetectionDisable uint8 0 1
25 DsServiceFlow group
25.1 DsServiceFlowRef uint16 1 65535
25.2 DsServiceFlowId uint32 1 4294967295
25.14 MaxDsLatency uint32
25.17 DsResequencing uint8 0 1
25.27 DownstreamPeakTrafficRate uint32
25.36 DownstreamAggregateServiceFlowReference uint16 1 65535
25.37 DownstreamMESPReference uint16 1 65535
26 PHS group
26.1 PHSClassifierRef uint8 1 255
26.2 PHSClassifierId uint16 1 65535
26.3 PHSServiceFlowRef uint16 1 65535
26.4 PHSServiceFlowId uint32 1 4294967295
26.5 PHSDSCAction uint8 0 3
26.7 PHSField hex 1 255
26.8 PHSIndex uint8 1 255
26.9 PHSMask hex 1 255
26.10 PHSSize uint8 1 255
26.11 PHSVerify uint8 0 1
26.13 PHSDBCAction uint8 0 1
70 UpstreamAggregateServiceFlow group
70.1 UpstreamServiceFlowReference uint16 1 65535
70.4 ASFQoSProfileName text-z 2 16
70.38 ServiceFlowMatchingCriteria group
70.38.1 MatchingbyApplicationId uint32 0 1
70.38.2 MatchingbyServiceClassName text-z 2 16
70.38.3 MatchingbyTrafficPriorityRange uint8s 2 128
70.42 LowLatencyAggregateSFEncodings group
70.42.1 LowLatencyServiceFlowReference uint16 1 65535
70.42.3 ClassicSFSCN text-z 2 16
70.42.4 LowLatencySFSCN text-z 2 16
70.42.5 AQMCouplingFactor uint8
70.42.6 SchedulingWeight uint8 1 255
70.42.7 QueueProtectionEnable uint8 0 1
70.42.8 QPLatencyThreshold uint16
70.42.9 QPQueuingScoreThreshold uint16
70.42.10 QPDrainRateExponent uint8
71 DownstreamAggregateServiceFlow group
71.1 DownstreamServiceFlowReference uint16 1 65535
88 QoSFrameworkforDOCSISEncodings group
91 LowLatencyDisable uint8 0 2
92 DistributedHQoSEnable uint8 0 2
93 UpstreamEHQoSASF group
93.1 ServiceFlowReference uint16 1 65535
93.8 MaxSustainedRate uint32
93.47 EnhancedHQoSIntraASFSchedulingEncoding group
93.47.1 ConstituentSFReference uint16 1 65535
93.47.3 ConstituentSFSCN text-z 2 16
93.47.4 ConstituentSFPriority uint8 0 7
93.47.5 ConstituentSFWeight uint8
""")
)
