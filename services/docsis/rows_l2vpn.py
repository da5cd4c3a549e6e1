"""Rows of the layer 2 VPN encoding, 43.5 and its like below classifiers and flows.

Sections are those of the L2VPN specification (CM-SP-L2VPN), Annex B. Tags and addresses of other networks
stay hexadecimal digits, as their own standards write them.
"""

from __future__ import annotations

from typing import Final

from services.docsis.row import U8, U16, U24, U32, VALUE, Kind, Row, under

_IEEE_802_1AH = (
    Row((1,), "i_tci", Kind.HEX, 4, 5, "L2VPN B.3.2.2.1"),
    Row((2,), "b_da", Kind.MAC, 6, 6, "L2VPN B.3.2.2.2"),
    Row((3,), "b_tci", Kind.HEX, 2, 2, "L2VPN B.3.2.2.3"),
    Row((4,), "i_tpid", Kind.HEX, 2, 2, "L2VPN B.3.2.2.4"),
    Row((5,), "i_pcp", Kind.HEX, 1, 1, "L2VPN B.3.2.2.5"),
    Row((6,), "i_dei", Kind.HEX, 1, 1, "L2VPN B.3.2.2.6"),
    Row((7,), "i_uca", Kind.HEX, 1, 1, "L2VPN B.3.2.2.7"),
    Row((8,), "i_sid", Kind.UINT24, 0, U24, "L2VPN B.3.2.2.8"),
    Row((9,), "b_tpid", Kind.HEX, 2, 2, "L2VPN B.3.2.2.9"),
    Row((10,), "b_pcp", Kind.HEX, 1, 1, "L2VPN B.3.2.2.10"),
    Row((11,), "b_dei", Kind.HEX, 1, 1, "L2VPN B.3.2.2.11"),
    Row((12,), "b_vid", Kind.HEX, 2, 2, "L2VPN B.3.2.2.12"),
)

_NSI_ENCAPSULATION = (
    Row((1,), "other", Kind.HEX, 0, 0, "L2VPN B.3.2"),
    Row((2,), "ieee_802_1q", Kind.UINT16, 0, U16, "L2VPN B.3.2"),
    Row((3,), "ieee_802_1ad", Kind.HEX, 4, 4, "L2VPN B.3.2"),
    Row((4,), "mpls_pseudowire", Kind.GROUP, 1, VALUE, "L2VPN B.3.2"),
    Row((4, 1), "pseudowire_id", Kind.UINT32, 0, U32, "L2VPN B.3.2"),
    Row((4, 2), "peer_ip_address", Kind.HEX, 1, VALUE, "L2VPN B.3.2"),
    Row((4, 3), "pseudowire_type", Kind.UINT8, 0, U8, "L2VPN B.3.2"),
    Row((4, 4), "backup_pseudowire_id", Kind.UINT32, 0, U32, "L2VPN B.3.2"),
    Row((4, 5), "backup_peer_ip_address", Kind.HEX, 1, VALUE, "L2VPN B.3.2"),
    Row((5,), "l2tpv3_peer", Kind.HEX, 1, VALUE, "L2VPN B.3.2"),
    Row((6,), "ieee_802_1ah", Kind.GROUP, 1, VALUE, "L2VPN B.3.2.2"),
    *under((6,), _IEEE_802_1AH),
    Row((8,), "s_tpid", Kind.HEX, 2, 2, "L2VPN B.3.2.1"),
)

_MAINTENANCE_END_POINT = (
    Row((1,), "md_level", Kind.UINT8, 0, 7, "L2VPN B.3.24.1.1"),
    Row((2,), "md_name", Kind.TEXT, 1, VALUE, "L2VPN B.3.24.1.2"),
    Row((3,), "ma_name", Kind.TEXT, 1, VALUE, "L2VPN B.3.24.1.3"),
    Row((4,), "mep_id", Kind.UINT16, 1, 8191, "L2VPN B.3.24.1.4"),
)

_SERVICE_OAM = (
    Row((1,), "mep", Kind.GROUP, 1, VALUE, "L2VPN B.3.24.1"),
    *under((1,), _MAINTENANCE_END_POINT),
    Row((2,), "remote_mep", Kind.GROUP, 1, VALUE, "L2VPN B.3.24.2"),
    *under((2,), _MAINTENANCE_END_POINT),
    Row((3,), "fault_management", Kind.GROUP, 1, VALUE, "L2VPN B.3.24.3"),
    Row((3, 1), "continuity_check_messages", Kind.UINT8, 0, U8, "L2VPN B.3.24.3.1"),
    Row((3, 2), "enable_loopback_reply_messages", Kind.UINT8, 0, 1, "L2VPN B.3.24.3.2"),
    Row((3, 3), "enable_linktrace_messages", Kind.UINT8, 0, 1, "L2VPN B.3.24.3.3"),
    Row((4,), "performance_management", Kind.GROUP, 1, VALUE, "L2VPN B.3.24.4"),
    Row((4, 1), "frame_delay_measurement", Kind.GROUP, 1, VALUE, "L2VPN B.3.24.4.1"),
    Row((4, 1, 1), "enable", Kind.UINT8, 0, 1, "L2VPN B.3.24.4.1.1"),
    Row((4, 1, 2), "one_way_two_way", Kind.UINT8, 0, 1, "L2VPN B.3.24.4.1.2"),
    Row((4, 1, 3), "transmission_periodicity", Kind.UINT16, 0, U16, "L2VPN B.3.24.4.1.3"),
    Row((4, 2), "frame_loss_measurement", Kind.GROUP, 1, VALUE, "L2VPN B.3.24.4.2"),
    Row((4, 2, 1), "enable", Kind.UINT8, 0, 1, "L2VPN B.3.24.4.2.1"),
    Row((4, 2, 2), "transmission_periodicity", Kind.UINT16, 0, U16, "L2VPN B.3.24.4.2.2"),
)

_TPID_TRANSLATION = tuple(
    Row((type,), f"{way}_{tag}", Kind.HEX, 2, 2, "L2VPN B.3.15.1")
    for type, (tag, way) in enumerate(
        ((tag, way) for tag in ("tpid", "s_tpid", "b_tpid", "i_tpid") for way in ("upstream", "downstream")),
        start=1,
    )
)

L2VPN: Final = (
    Row((1,), "vpn_identifier", Kind.HEX, 1, VALUE, "L2VPN B.3.1"),
    Row((2,), "nsi_encapsulation", Kind.GROUP, 1, VALUE, "L2VPN B.3.2"),
    *under((2,), _NSI_ENCAPSULATION),
    Row((3,), "esafe_dhcp_snooping", Kind.HEX, 1, VALUE, "L2VPN B.3.3"),
    Row((4,), "cm_interface_mask", Kind.HEX, 1, VALUE, "L2VPN B.3.4"),
    Row((5,), "attachment_group_id", Kind.HEX, 1, VALUE, "L2VPN B.3.5"),
    Row((6,), "source_attachment_individual_id", Kind.HEX, 1, VALUE, "L2VPN B.3.6"),
    Row((7,), "target_attachment_individual_id", Kind.HEX, 1, VALUE, "L2VPN B.3.7"),
    Row((8,), "upstream_user_priority", Kind.UINT8, 0, 7, "L2VPN B.3.8"),
    Row((9,), "downstream_user_priority_range", Kind.HEX, 2, 2, "L2VPN B.3.9"),
    Row((10,), "sa_descriptor", Kind.HEX, 1, VALUE, "L2VPN B.3.10"),
    Row((12,), "pseudowire_type", Kind.UINT8, 0, U8, "L2VPN B.3.13"),
    Row((13,), "l2vpn_mode", Kind.UINT8, 0, 1, "L2VPN B.3.14"),
    Row((14,), "tpid_translation", Kind.GROUP, 1, VALUE, "L2VPN B.3.15"),
    *under((14,), _TPID_TRANSLATION),
    Row((15,), "l2cp_processing", Kind.GROUP, 1, VALUE, "L2VPN B.3.16"),
    Row((15, 1), "tunnel_mode", Kind.UINT8, 0, U8, "L2VPN B.3.16.1"),
    Row((15, 2), "destination_mac", Kind.MAC, 6, 6, "L2VPN B.3.16.1"),
    Row((15, 3), "l2pt_destination_mac", Kind.MAC, 6, 6, "L2VPN B.3.16.1"),
    Row((15, 4), "l2cp_filter", Kind.HEX, 1, VALUE, "L2VPN B.3.16"),
    Row((18,), "pseudowire_class", Kind.HEX, 1, VALUE, "L2VPN B.3.18"),
    Row((19,), "service_delimiter", Kind.GROUP, 1, VALUE, "L2VPN B.3.19"),
    Row((19, 1), "c_vid", Kind.HEX, 2, 2, "L2VPN B.3.19.1"),
    Row((19, 2), "s_vid", Kind.HEX, 2, 2, "L2VPN B.3.19.2"),
    Row((19, 3), "i_sid", Kind.UINT24, 0, U24, "L2VPN B.3.19.3"),
    Row((19, 4), "b_vid", Kind.HEX, 2, 2, "L2VPN B.3.19.4"),
    Row((20,), "virtual_switch_instance", Kind.GROUP, 1, VALUE, "L2VPN B.3.20"),
    Row((20, 1), "vpls_class", Kind.HEX, 1, VALUE, "L2VPN B.3.20.1"),
    Row((20, 2), "e_tree_role", Kind.UINT8, 0, 1, "L2VPN B.3.20.2"),
    Row((20, 3), "e_tree_root_vid", Kind.HEX, 2, 2, "L2VPN B.3.20.3"),
    Row((20, 4), "e_tree_leaf_vid", Kind.HEX, 2, 2, "L2VPN B.3.20.4"),
    Row((21,), "bgp_attribute", Kind.GROUP, 1, VALUE, "L2VPN B.3.21"),
    Row((21, 1), "bgp_vpn_id", Kind.UINT32, 0, U32, "L2VPN B.3.21.1"),
    Row((21, 2), "route_distinguisher", Kind.HEX, 8, 8, "L2VPN B.3.21.2"),
    Row((21, 3), "route_target_import", Kind.HEX, 1, VALUE, "L2VPN B.3.21.3"),
    Row((21, 4), "route_target_export", Kind.HEX, 1, VALUE, "L2VPN B.3.21.4"),
    Row((21, 5), "ce_id_or_ve_id", Kind.UINT16, 0, U16, "L2VPN B.3.21.5"),
    Row((22,), "vpn_sg_attribute", Kind.HEX, 1, VALUE, "L2VPN B.3.22"),
    Row((23,), "pseudowire_signaling", Kind.UINT8, 0, 2, "L2VPN B.3.23"),
    Row((24,), "service_oam", Kind.GROUP, 1, VALUE, "L2VPN B.3.24"),
    *under((24,), _SERVICE_OAM),
    Row((25,), "network_timing_profile_reference", Kind.HEX, 1, 2, "L2VPN B.3"),
    Row((26,), "l2vpn_dsid", Kind.UINT24, 1, 0xFFFFF, "L2VPN B.3"),
    Row((27,), "multipoint_enable", Kind.UINT8, 0, 1, "L2VPN B.3"),
    Row((43,), "vendor_specific", Kind.HEX, 1, VALUE, "L2VPN B.3.11"),
)
"""What stands below 43.5."""
