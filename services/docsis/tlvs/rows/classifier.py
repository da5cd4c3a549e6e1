"""Rows of packet classifiers (22, 23) and of upstream drop classifiers (60).

All three describe a packet in the same way. A drop classifier has no service flow: the modem drops packets
that match. Sections are those of MULPI 3.1, Annex C.
"""

from __future__ import annotations

from typing import Final

from services.docsis.tlvs.rows.tlv_row import U8, U16, U24, VALUE, TlvRow, ValueKind, under

_RULE = (
    TlvRow((1,), "reference", ValueKind.UINT8, 1, U8, "C.2.1.4.1"),
    TlvRow((5,), "rule_priority", ValueKind.UINT8, 0, U8, "C.2.1.4.5"),
    TlvRow((13,), "cm_interface_mask", ValueKind.HEX, 1, VALUE, "C.2.1.4.8"),
)

_TO_SERVICE_FLOW = (
    TlvRow((3,), "service_flow_reference", ValueKind.UINT16, 1, U16, "C.2.1.4.3"),
    TlvRow((6,), "activation_state", ValueKind.UINT8, 0, 1, "C.2.1.4.6"),
)

_IP_PACKET = (
    TlvRow((9,), "ipv4", ValueKind.GROUP, 1, VALUE, "C.2.1.6"),
    TlvRow((9, 1), "tos_range_and_mask", ValueKind.HEX, 3, 3, "C.2.1.6.1"),
    TlvRow((9, 2), "protocol", ValueKind.UINT16, 0, 257, "C.2.1.6.2"),
    TlvRow((9, 3), "source_address", ValueKind.IPV4, 4, 4, "C.2.1.6.3"),
    TlvRow((9, 4), "source_mask", ValueKind.IPV4, 4, 4, "C.2.1.6.4"),
    TlvRow((9, 5), "destination_address", ValueKind.IPV4, 4, 4, "C.2.1.6.5"),
    TlvRow((9, 6), "destination_mask", ValueKind.IPV4, 4, 4, "C.2.1.6.6"),
    TlvRow((9, 7), "source_port_start", ValueKind.UINT16, 0, U16, "C.2.1.7.1"),
    TlvRow((9, 8), "source_port_end", ValueKind.UINT16, 0, U16, "C.2.1.7.2"),
    TlvRow((9, 9), "destination_port_start", ValueKind.UINT16, 0, U16, "C.2.1.7.3"),
    TlvRow((9, 10), "destination_port_end", ValueKind.UINT16, 0, U16, "C.2.1.7.4"),
    TlvRow((12,), "ipv6", ValueKind.GROUP, 1, VALUE, "C.2.1.10"),
    TlvRow((12, 1), "traffic_class_range_and_mask", ValueKind.HEX, 3, 3, "C.2.1.10.1"),
    TlvRow((12, 2), "flow_label", ValueKind.UINT32, 0, 0xFFFFF, "C.2.1.10.2"),
    TlvRow((12, 3), "next_header_type", ValueKind.UINT16, 0, 257, "C.2.1.10.3"),
    TlvRow((12, 4), "source_address", ValueKind.IPV6, 16, 16, "C.2.1.10.4"),
    TlvRow((12, 5), "source_prefix_length", ValueKind.UINT8, 0, 128, "C.2.1.10.5"),
    TlvRow((12, 6), "destination_address", ValueKind.IPV6, 16, 16, "C.2.1.10.6"),
    TlvRow((12, 7), "destination_prefix_length", ValueKind.UINT8, 0, 128, "C.2.1.10.7"),
    TlvRow((16,), "icmp", ValueKind.GROUP, 1, VALUE, "C.2.1.12"),
    TlvRow((16, 1), "type_start", ValueKind.UINT8, 0, U8, "C.2.1.12.1"),
    TlvRow((16, 2), "type_end", ValueKind.UINT8, 0, U8, "C.2.1.12.2"),
)

_ETHERNET_FRAME = (
    TlvRow((10,), "ethernet", ValueKind.GROUP, 1, VALUE, "C.2.1.8"),
    TlvRow((10, 1), "destination_mac_and_mask", ValueKind.HEX, 12, 12, "C.2.1.8.1"),
    TlvRow((10, 2), "source_mac", ValueKind.MAC, 6, 6, "C.2.1.8.2"),
    TlvRow((10, 3), "ethertype", ValueKind.HEX, 3, 3, "C.2.1.8.3"),
    TlvRow((10, 4), "slow_protocol_subtype", ValueKind.UINT8, 0, U8, "C.2.1.8"),
    TlvRow((11,), "ieee_802_1", ValueKind.GROUP, 1, VALUE, "C.2.1.9"),
    TlvRow((11, 1), "user_priority_range", ValueKind.HEX, 2, 2, "C.2.1.9.1"),
    TlvRow((11, 2), "vlan_id", ValueKind.HEX, 2, 2, "C.2.1.9.2"),
    TlvRow((14,), "ieee_802_1ad", ValueKind.GROUP, 1, VALUE, "C.2.1.13"),
    TlvRow((14, 1), "s_tpid", ValueKind.HEX, 2, 2, "C.2.1.13.1"),
    TlvRow((14, 2), "s_vid", ValueKind.HEX, 2, 2, "C.2.1.13.2"),
    TlvRow((14, 3), "s_pcp", ValueKind.HEX, 1, 1, "C.2.1.13.3"),
    TlvRow((14, 4), "s_dei", ValueKind.HEX, 1, 1, "C.2.1.13.4"),
    TlvRow((14, 5), "c_tpid", ValueKind.HEX, 2, 2, "C.2.1.13.5"),
    TlvRow((14, 6), "c_vid", ValueKind.HEX, 2, 2, "C.2.1.13.6"),
    TlvRow((14, 7), "c_pcp", ValueKind.HEX, 1, 1, "C.2.1.13.7"),
    TlvRow((14, 8), "c_cfi", ValueKind.HEX, 1, 1, "C.2.1.13.8"),
    TlvRow((14, 9), "s_tci", ValueKind.HEX, 2, 2, "C.2.1.13.9"),
    TlvRow((14, 10), "c_tci", ValueKind.HEX, 2, 2, "C.2.1.13.10"),
    TlvRow((15,), "ieee_802_1ah", ValueKind.GROUP, 1, VALUE, "C.2.1.14"),
    TlvRow((15, 1), "i_tpid", ValueKind.HEX, 2, 2, "C.2.1.14.1"),
    TlvRow((15, 2), "i_sid", ValueKind.UINT24, 0, U24, "C.2.1.14.2"),
    TlvRow((15, 3), "i_tci", ValueKind.HEX, 5, 5, "C.2.1.14.3"),
    TlvRow((15, 4), "i_pcp", ValueKind.HEX, 1, 1, "C.2.1.14.4"),
    TlvRow((15, 5), "i_dei", ValueKind.HEX, 1, 1, "C.2.1.14.5"),
    TlvRow((15, 6), "i_uca", ValueKind.HEX, 1, 1, "C.2.1.14.6"),
    TlvRow((15, 7), "b_tpid", ValueKind.HEX, 2, 2, "C.2.1.14.7"),
    TlvRow((15, 8), "b_tci", ValueKind.HEX, 2, 2, "C.2.1.14.8"),
    TlvRow((15, 9), "b_pcp", ValueKind.HEX, 1, 1, "C.2.1.14.9"),
    TlvRow((15, 10), "b_dei", ValueKind.HEX, 1, 1, "C.2.1.14.10"),
    TlvRow((15, 11), "b_vid", ValueKind.HEX, 2, 2, "C.2.1.14.11"),
    TlvRow((15, 12), "b_da", ValueKind.MAC, 6, 6, "C.2.1.14.12"),
    TlvRow((15, 13), "b_sa", ValueKind.MAC, 6, 6, "C.2.1.14.13"),
    TlvRow((17,), "mpls", ValueKind.GROUP, 1, VALUE, "C.2.1.15"),
    TlvRow((17, 1), "tc_bits", ValueKind.HEX, 1, 1, "C.2.1.15.1"),
    TlvRow((17, 2), "label", ValueKind.HEX, 3, 3, "C.2.1.15.2"),
)

_PACKET = _RULE + _IP_PACKET + _ETHERNET_FRAME

CLASSIFIERS: Final = (
    TlvRow((22,), "upstream_packet_classifier", ValueKind.GROUP, 1, VALUE, "C.2.1.1"),
    *under((22,), _PACKET + _TO_SERVICE_FLOW),
    TlvRow((23,), "downstream_packet_classifier", ValueKind.GROUP, 1, VALUE, "C.2.1.3"),
    *under((23,), _PACKET + _TO_SERVICE_FLOW),
    TlvRow((60,), "upstream_drop_packet_classifier", ValueKind.GROUP, 1, VALUE, "C.2.1.2"),
    *under((60,), _PACKET),
    TlvRow((62,), "upstream_drop_classifier_group_id", ValueKind.UINT8S, 1, VALUE, "C.1.1.26"),
)
"""TLVs 22, 23, 60 and 62 without their extension fields."""
