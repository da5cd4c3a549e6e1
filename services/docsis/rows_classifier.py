"""Rows of packet classifiers (22, 23) and of upstream drop classifiers (60).

All three describe a packet in the same way. A drop classifier has no service flow: what it matches, the
modem drops. Sections are those of MULPI 3.1, Annex C.
"""

from __future__ import annotations

from typing import Final

from services.docsis.row import U8, U16, U24, VALUE, Kind, Row, under

_RULE = (
    Row((1,), "reference", Kind.UINT8, 1, U8, "C.2.1.4.1"),
    Row((5,), "rule_priority", Kind.UINT8, 0, U8, "C.2.1.4.5"),
    Row((13,), "cm_interface_mask", Kind.HEX, 1, VALUE, "C.2.1.4.8"),
)

_TO_SERVICE_FLOW = (
    Row((3,), "service_flow_reference", Kind.UINT16, 1, U16, "C.2.1.4.3"),
    Row((6,), "activation_state", Kind.UINT8, 0, 1, "C.2.1.4.6"),
)

_IP_PACKET = (
    Row((9,), "ipv4", Kind.GROUP, 1, VALUE, "C.2.1.6"),
    Row((9, 1), "tos_range_and_mask", Kind.HEX, 3, 3, "C.2.1.6.1"),
    Row((9, 2), "protocol", Kind.UINT16, 0, 257, "C.2.1.6.2"),
    Row((9, 3), "source_address", Kind.IPV4, 4, 4, "C.2.1.6.3"),
    Row((9, 4), "source_mask", Kind.IPV4, 4, 4, "C.2.1.6.4"),
    Row((9, 5), "destination_address", Kind.IPV4, 4, 4, "C.2.1.6.5"),
    Row((9, 6), "destination_mask", Kind.IPV4, 4, 4, "C.2.1.6.6"),
    Row((9, 7), "source_port_start", Kind.UINT16, 0, U16, "C.2.1.7.1"),
    Row((9, 8), "source_port_end", Kind.UINT16, 0, U16, "C.2.1.7.2"),
    Row((9, 9), "destination_port_start", Kind.UINT16, 0, U16, "C.2.1.7.3"),
    Row((9, 10), "destination_port_end", Kind.UINT16, 0, U16, "C.2.1.7.4"),
    Row((12,), "ipv6", Kind.GROUP, 1, VALUE, "C.2.1.10"),
    Row((12, 1), "traffic_class_range_and_mask", Kind.HEX, 3, 3, "C.2.1.10.1"),
    Row((12, 2), "flow_label", Kind.UINT32, 0, 0xFFFFF, "C.2.1.10.2"),
    Row((12, 3), "next_header_type", Kind.UINT16, 0, 257, "C.2.1.10.3"),
    Row((12, 4), "source_address", Kind.IPV6, 16, 16, "C.2.1.10.4"),
    Row((12, 5), "source_prefix_length", Kind.UINT8, 0, 128, "C.2.1.10.5"),
    Row((12, 6), "destination_address", Kind.IPV6, 16, 16, "C.2.1.10.6"),
    Row((12, 7), "destination_prefix_length", Kind.UINT8, 0, 128, "C.2.1.10.7"),
    Row((16,), "icmp", Kind.GROUP, 1, VALUE, "C.2.1.12"),
    Row((16, 1), "type_start", Kind.UINT8, 0, U8, "C.2.1.12.1"),
    Row((16, 2), "type_end", Kind.UINT8, 0, U8, "C.2.1.12.2"),
)

_ETHERNET_FRAME = (
    Row((10,), "ethernet", Kind.GROUP, 1, VALUE, "C.2.1.8"),
    Row((10, 1), "destination_mac_and_mask", Kind.HEX, 12, 12, "C.2.1.8.1"),
    Row((10, 2), "source_mac", Kind.MAC, 6, 6, "C.2.1.8.2"),
    Row((10, 3), "ethertype", Kind.HEX, 3, 3, "C.2.1.8.3"),
    Row((10, 4), "slow_protocol_subtype", Kind.UINT8, 0, U8, "C.2.1.8"),
    Row((11,), "ieee_802_1", Kind.GROUP, 1, VALUE, "C.2.1.9"),
    Row((11, 1), "user_priority_range", Kind.HEX, 2, 2, "C.2.1.9.1"),
    Row((11, 2), "vlan_id", Kind.HEX, 2, 2, "C.2.1.9.2"),
    Row((14,), "ieee_802_1ad", Kind.GROUP, 1, VALUE, "C.2.1.13"),
    Row((14, 1), "s_tpid", Kind.HEX, 2, 2, "C.2.1.13.1"),
    Row((14, 2), "s_vid", Kind.HEX, 2, 2, "C.2.1.13.2"),
    Row((14, 3), "s_pcp", Kind.HEX, 1, 1, "C.2.1.13.3"),
    Row((14, 4), "s_dei", Kind.HEX, 1, 1, "C.2.1.13.4"),
    Row((14, 5), "c_tpid", Kind.HEX, 2, 2, "C.2.1.13.5"),
    Row((14, 6), "c_vid", Kind.HEX, 2, 2, "C.2.1.13.6"),
    Row((14, 7), "c_pcp", Kind.HEX, 1, 1, "C.2.1.13.7"),
    Row((14, 8), "c_cfi", Kind.HEX, 1, 1, "C.2.1.13.8"),
    Row((14, 9), "s_tci", Kind.HEX, 2, 2, "C.2.1.13.9"),
    Row((14, 10), "c_tci", Kind.HEX, 2, 2, "C.2.1.13.10"),
    Row((15,), "ieee_802_1ah", Kind.GROUP, 1, VALUE, "C.2.1.14"),
    Row((15, 1), "i_tpid", Kind.HEX, 2, 2, "C.2.1.14.1"),
    Row((15, 2), "i_sid", Kind.UINT24, 0, U24, "C.2.1.14.2"),
    Row((15, 3), "i_tci", Kind.HEX, 5, 5, "C.2.1.14.3"),
    Row((15, 4), "i_pcp", Kind.HEX, 1, 1, "C.2.1.14.4"),
    Row((15, 5), "i_dei", Kind.HEX, 1, 1, "C.2.1.14.5"),
    Row((15, 6), "i_uca", Kind.HEX, 1, 1, "C.2.1.14.6"),
    Row((15, 7), "b_tpid", Kind.HEX, 2, 2, "C.2.1.14.7"),
    Row((15, 8), "b_tci", Kind.HEX, 2, 2, "C.2.1.14.8"),
    Row((15, 9), "b_pcp", Kind.HEX, 1, 1, "C.2.1.14.9"),
    Row((15, 10), "b_dei", Kind.HEX, 1, 1, "C.2.1.14.10"),
    Row((15, 11), "b_vid", Kind.HEX, 2, 2, "C.2.1.14.11"),
    Row((15, 12), "b_da", Kind.MAC, 6, 6, "C.2.1.14.12"),
    Row((15, 13), "b_sa", Kind.MAC, 6, 6, "C.2.1.14.13"),
    Row((17,), "mpls", Kind.GROUP, 1, VALUE, "C.2.1.15"),
    Row((17, 1), "tc_bits", Kind.HEX, 1, 1, "C.2.1.15.1"),
    Row((17, 2), "label", Kind.HEX, 3, 3, "C.2.1.15.2"),
)

_PACKET = _RULE + _IP_PACKET + _ETHERNET_FRAME

CLASSIFIERS: Final = (
    Row((22,), "upstream_packet_classifier", Kind.GROUP, 1, VALUE, "C.2.1.1"),
    *under((22,), _PACKET + _TO_SERVICE_FLOW),
    Row((23,), "downstream_packet_classifier", Kind.GROUP, 1, VALUE, "C.2.1.3"),
    *under((23,), _PACKET + _TO_SERVICE_FLOW),
    Row((60,), "upstream_drop_packet_classifier", Kind.GROUP, 1, VALUE, "C.2.1.2"),
    *under((60,), _PACKET),
    Row((62,), "upstream_drop_classifier_group_id", Kind.UINT8S, 1, VALUE, "C.1.1.26"),
)
"""TLVs 22, 23, 60 and 62 without their extension fields."""
