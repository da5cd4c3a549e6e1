"""Rows of the layer 2 VPN encoding, 43.5 and its like below classifiers and flows.

Sections are those of the L2VPN specification (CM-SP-L2VPN), Annex B. Tags and addresses of other networks
stay hexadecimal digits, as their own standards write them.
"""

from __future__ import annotations

from typing import Final

from services.docsis.tlvs.rows.tlv_row import U8, U16, U24, U32, VALUE, TlvRow, ValueKind, under

_IEEE_802_1AH = (
    TlvRow((1,), "i_tci", ValueKind.HEX, 4, 5, "L2VPN B.3.2.2.1"),
    TlvRow((2,), "b_da", ValueKind.MAC, 6, 6, "L2VPN B.3.2.2.2"),
    TlvRow((3,), "b_tci", ValueKind.HEX, 2, 2, "L2VPN B.3.2.2.3"),
    TlvRow((4,), "i_tpid", ValueKind.HEX, 2, 2, "L2VPN B.3.2.2.4"),
    TlvRow((5,), "i_pcp", ValueKind.HEX, 1, 1, "L2VPN B.3.2.2.5"),
    TlvRow((6,), "i_dei", ValueKind.HEX, 1, 1, "L2VPN B.3.2.2.6"),
    TlvRow((7,), "i_uca", ValueKind.HEX, 1, 1, "L2VPN B.3.2.2.7"),
    TlvRow((8,), "i_sid", ValueKind.UINT24, 0, U24, "L2VPN B.3.2.2.8"),
    TlvRow((9,), "b_tpid", ValueKind.HEX, 2, 2, "L2VPN B.3.2.2.9"),
    TlvRow((10,), "b_pcp", ValueKind.HEX, 1, 1, "L2VPN B.3.2.2.10"),
    TlvRow((11,), "b_dei", ValueKind.HEX, 1, 1, "L2VPN B.3.2.2.11"),
    TlvRow((12,), "b_vid", ValueKind.HEX, 2, 2, "L2VPN B.3.2.2.12"),
)

_NSI_ENCAPSULATION = (
    TlvRow((1,), "other", ValueKind.HEX, 0, 0, "L2VPN B.3.2"),
    TlvRow((2,), "ieee_802_1q", ValueKind.UINT16, 0, U16, "L2VPN B.3.2"),
    TlvRow((3,), "ieee_802_1ad", ValueKind.HEX, 4, 4, "L2VPN B.3.2"),
    TlvRow((4,), "mpls_pseudowire", ValueKind.GROUP, 1, VALUE, "L2VPN B.3.2"),
    TlvRow((4, 1), "pseudowire_id", ValueKind.UINT32, 0, U32, "L2VPN B.3.2"),
    TlvRow((4, 2), "peer_ip_address", ValueKind.HEX, 1, VALUE, "L2VPN B.3.2"),
    TlvRow((4, 3), "pseudowire_type", ValueKind.UINT8, 0, U8, "L2VPN B.3.2"),
    TlvRow((4, 4), "backup_pseudowire_id", ValueKind.UINT32, 0, U32, "L2VPN B.3.2"),
    TlvRow((4, 5), "backup_peer_ip_address", ValueKind.HEX, 1, VALUE, "L2VPN B.3.2"),
    TlvRow((5,), "l2tpv3_peer", ValueKind.HEX, 1, VALUE, "L2VPN B.3.2"),
    TlvRow((6,), "ieee_802_1ah", ValueKind.GROUP, 1, VALUE, "L2VPN B.3.2.2"),
    *under((6,), _IEEE_802_1AH),
    TlvRow((8,), "s_tpid", ValueKind.HEX, 2, 2, "L2VPN B.3.2.1"),
)

_MAINTENANCE_END_POINT = (
    TlvRow((1,), "md_level", ValueKind.UINT8, 0, 7, "L2VPN B.3.24.1.1"),
    TlvRow((2,), "md_name", ValueKind.TEXT, 1, VALUE, "L2VPN B.3.24.1.2"),
    TlvRow((3,), "ma_name", ValueKind.TEXT, 1, VALUE, "L2VPN B.3.24.1.3"),
    TlvRow((4,), "mep_id", ValueKind.UINT16, 1, 8191, "L2VPN B.3.24.1.4"),
)

_SERVICE_OAM = (
    TlvRow((1,), "mep", ValueKind.GROUP, 1, VALUE, "L2VPN B.3.24.1"),
    *under((1,), _MAINTENANCE_END_POINT),
    TlvRow((2,), "remote_mep", ValueKind.GROUP, 1, VALUE, "L2VPN B.3.24.2"),
    *under((2,), _MAINTENANCE_END_POINT),
    TlvRow((3,), "fault_management", ValueKind.GROUP, 1, VALUE, "L2VPN B.3.24.3"),
    TlvRow((3, 1), "continuity_check_messages", ValueKind.UINT8, 0, U8, "L2VPN B.3.24.3.1"),
    TlvRow((3, 2), "enable_loopback_reply_messages", ValueKind.UINT8, 0, 1, "L2VPN B.3.24.3.2"),
    TlvRow((3, 3), "enable_linktrace_messages", ValueKind.UINT8, 0, 1, "L2VPN B.3.24.3.3"),
    TlvRow((4,), "performance_management", ValueKind.GROUP, 1, VALUE, "L2VPN B.3.24.4"),
    TlvRow((4, 1), "frame_delay_measurement", ValueKind.GROUP, 1, VALUE, "L2VPN B.3.24.4.1"),
    TlvRow((4, 1, 1), "enable", ValueKind.UINT8, 0, 1, "L2VPN B.3.24.4.1.1"),
    TlvRow((4, 1, 2), "one_way_two_way", ValueKind.UINT8, 0, 1, "L2VPN B.3.24.4.1.2"),
    TlvRow((4, 1, 3), "transmission_periodicity", ValueKind.UINT16, 0, U16, "L2VPN B.3.24.4.1.3"),
    TlvRow((4, 2), "frame_loss_measurement", ValueKind.GROUP, 1, VALUE, "L2VPN B.3.24.4.2"),
    TlvRow((4, 2, 1), "enable", ValueKind.UINT8, 0, 1, "L2VPN B.3.24.4.2.1"),
    TlvRow((4, 2, 2), "transmission_periodicity", ValueKind.UINT16, 0, U16, "L2VPN B.3.24.4.2.2"),
)

_TPID_TRANSLATION = tuple(
    TlvRow((type,), f"{way}_{tag}", ValueKind.HEX, 2, 2, "L2VPN B.3.15.1")
    for type, (tag, way) in enumerate(
        ((tag, way) for tag in ("tpid", "s_tpid", "b_tpid", "i_tpid") for way in ("upstream", "downstream")),
        start=1,
    )
)

L2VPN: Final = (
    TlvRow((1,), "vpn_identifier", ValueKind.HEX, 1, VALUE, "L2VPN B.3.1"),
    TlvRow((2,), "nsi_encapsulation", ValueKind.GROUP, 1, VALUE, "L2VPN B.3.2"),
    *under((2,), _NSI_ENCAPSULATION),
    TlvRow((3,), "esafe_dhcp_snooping", ValueKind.HEX, 1, VALUE, "L2VPN B.3.3"),
    TlvRow((4,), "cm_interface_mask", ValueKind.HEX, 1, VALUE, "L2VPN B.3.4"),
    TlvRow((5,), "attachment_group_id", ValueKind.HEX, 1, VALUE, "L2VPN B.3.5"),
    TlvRow((6,), "source_attachment_individual_id", ValueKind.HEX, 1, VALUE, "L2VPN B.3.6"),
    TlvRow((7,), "target_attachment_individual_id", ValueKind.HEX, 1, VALUE, "L2VPN B.3.7"),
    TlvRow((8,), "upstream_user_priority", ValueKind.UINT8, 0, 7, "L2VPN B.3.8"),
    TlvRow((9,), "downstream_user_priority_range", ValueKind.HEX, 2, 2, "L2VPN B.3.9"),
    TlvRow((10,), "sa_descriptor", ValueKind.HEX, 1, VALUE, "L2VPN B.3.10"),
    TlvRow((12,), "pseudowire_type", ValueKind.UINT8, 0, U8, "L2VPN B.3.13"),
    TlvRow((13,), "l2vpn_mode", ValueKind.UINT8, 0, 1, "L2VPN B.3.14"),
    TlvRow((14,), "tpid_translation", ValueKind.GROUP, 1, VALUE, "L2VPN B.3.15"),
    *under((14,), _TPID_TRANSLATION),
    TlvRow((15,), "l2cp_processing", ValueKind.GROUP, 1, VALUE, "L2VPN B.3.16"),
    TlvRow((15, 1), "tunnel_mode", ValueKind.UINT8, 0, U8, "L2VPN B.3.16.1"),
    TlvRow((15, 2), "destination_mac", ValueKind.MAC, 6, 6, "L2VPN B.3.16.1"),
    TlvRow((15, 3), "l2pt_destination_mac", ValueKind.MAC, 6, 6, "L2VPN B.3.16.1"),
    TlvRow((15, 4), "l2cp_filter", ValueKind.HEX, 1, VALUE, "L2VPN B.3.16"),
    TlvRow((18,), "pseudowire_class", ValueKind.HEX, 1, VALUE, "L2VPN B.3.18"),
    TlvRow((19,), "service_delimiter", ValueKind.GROUP, 1, VALUE, "L2VPN B.3.19"),
    TlvRow((19, 1), "c_vid", ValueKind.HEX, 2, 2, "L2VPN B.3.19.1"),
    TlvRow((19, 2), "s_vid", ValueKind.HEX, 2, 2, "L2VPN B.3.19.2"),
    TlvRow((19, 3), "i_sid", ValueKind.UINT24, 0, U24, "L2VPN B.3.19.3"),
    TlvRow((19, 4), "b_vid", ValueKind.HEX, 2, 2, "L2VPN B.3.19.4"),
    TlvRow((20,), "virtual_switch_instance", ValueKind.GROUP, 1, VALUE, "L2VPN B.3.20"),
    TlvRow((20, 1), "vpls_class", ValueKind.HEX, 1, VALUE, "L2VPN B.3.20.1"),
    TlvRow((20, 2), "e_tree_role", ValueKind.UINT8, 0, 1, "L2VPN B.3.20.2"),
    TlvRow((20, 3), "e_tree_root_vid", ValueKind.HEX, 2, 2, "L2VPN B.3.20.3"),
    TlvRow((20, 4), "e_tree_leaf_vid", ValueKind.HEX, 2, 2, "L2VPN B.3.20.4"),
    TlvRow((21,), "bgp_attribute", ValueKind.GROUP, 1, VALUE, "L2VPN B.3.21"),
    TlvRow((21, 1), "bgp_vpn_id", ValueKind.UINT32, 0, U32, "L2VPN B.3.21.1"),
    TlvRow((21, 2), "route_distinguisher", ValueKind.HEX, 8, 8, "L2VPN B.3.21.2"),
    TlvRow((21, 3), "route_target_import", ValueKind.HEX, 1, VALUE, "L2VPN B.3.21.3"),
    TlvRow((21, 4), "route_target_export", ValueKind.HEX, 1, VALUE, "L2VPN B.3.21.4"),
    TlvRow((21, 5), "ce_id_or_ve_id", ValueKind.UINT16, 0, U16, "L2VPN B.3.21.5"),
    TlvRow((22,), "vpn_sg_attribute", ValueKind.HEX, 1, VALUE, "L2VPN B.3.22"),
    TlvRow((23,), "pseudowire_signaling", ValueKind.UINT8, 0, 2, "L2VPN B.3.23"),
    TlvRow((24,), "service_oam", ValueKind.GROUP, 1, VALUE, "L2VPN B.3.24"),
    *under((24,), _SERVICE_OAM),
    TlvRow((25,), "network_timing_profile_reference", ValueKind.HEX, 1, 2, "L2VPN B.3"),
    TlvRow((26,), "l2vpn_dsid", ValueKind.UINT24, 1, 0xFFFFF, "L2VPN B.3"),
    TlvRow((27,), "multipoint_enable", ValueKind.UINT8, 0, 1, "L2VPN B.3"),
    TlvRow((43,), "vendor_specific", ValueKind.HEX, 1, VALUE, "L2VPN B.3.11"),
)
"""The sub-TLVs of 43.5."""
