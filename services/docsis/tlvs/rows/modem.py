"""Rows of a modem's file that are neither flows, classifiers, SNMP, extensions nor eSAFE.

Sections are those of MULPI 3.1, Annex C; SEC is Annex A of the DOCSIS 3.0 security specification, L2VPN Annex
B of the layer 2 VPN specification, SYNC Annex D of the DOCSIS synchronization specification. A TLV that only
DOCSIS 4.0 has carries a section of MULPI 4.0.

Type 83 means two things: one byte is DOCSIS 3.1's DTP Mode Configuration, a group is DPoE 2.0's L2CP
Management.
"""

from __future__ import annotations

from typing import Final

from services.docsis.tlv import LONG_VALUE_BYTES_MAX
from services.docsis.tlvs.rows.service_flow import REFERENCED_RATES
from services.docsis.tlvs.rows.tlv_row import U8, U16, U32, VALUE, TlvRow, ValueKind, under

_STEP_HZ = 62_500
_CENTRES = range(0, U32 + 1, _STEP_HZ)
"""Centre frequencies are multiples of 62,500 Hz (MULPI C.1.1.1)."""

_CLASS_OF_SERVICE = (
    TlvRow((1,), "class_id", ValueKind.UINT8, 1, 16, "C.1.1.4.1"),
    TlvRow((2,), "max_downstream_rate", ValueKind.UINT32, 0, U32, "C.1.1.4.2", "bit/s"),
    TlvRow((3,), "max_upstream_rate", ValueKind.UINT32, 0, U32, "C.1.1.4.3", "bit/s"),
    TlvRow((4,), "upstream_channel_priority", ValueKind.UINT8, 0, 7, "C.1.1.4.4"),
    TlvRow((5,), "guaranteed_min_upstream_rate", ValueKind.UINT32, 0, U32, "C.1.1.4.5", "bit/s"),
    TlvRow((6,), "max_upstream_burst", ValueKind.UINT16, 0, U16, "C.1.1.4.6", "bytes"),
    TlvRow((7,), "privacy_enable", ValueKind.UINT8, 0, 1, "C.1.1.4.7"),
)

_BASELINE_PRIVACY = (
    TlvRow((1,), "authorize_wait_timeout", ValueKind.UINT32, 1, 30, "SEC A.1.1.1.1", "s"),
    TlvRow((2,), "reauthorize_wait_timeout", ValueKind.UINT32, 1, 30, "SEC A.1.1.1.2", "s"),
    TlvRow((3,), "authorization_grace_time", ValueKind.UINT32, 1, 6_047_999, "SEC A.1.1.1.3", "s"),
    TlvRow((4,), "operational_wait_timeout", ValueKind.UINT32, 1, 10, "SEC A.1.1.1.4", "s"),
    TlvRow((5,), "rekey_wait_timeout", ValueKind.UINT32, 1, 10, "SEC A.1.1.1.5", "s"),
    TlvRow((6,), "tek_grace_time", ValueKind.UINT32, 1, 302_399, "SEC A.1.1.1.6", "s"),
    TlvRow((7,), "authorize_reject_wait_timeout", ValueKind.UINT32, 1, 600, "SEC A.1.1.1.7", "s"),
    TlvRow((8,), "sa_map_wait_timeout", ValueKind.UINT32, 1, 10, "SEC A.1.1.1.8", "s"),
    TlvRow((9,), "sa_map_max_retries", ValueKind.UINT32, 0, 10, "SEC A.1.1.1.9"),
)

_DOWNSTREAM_CHANNEL_LIST = (
    TlvRow((1,), "single_downstream_channel", ValueKind.GROUP, 1, VALUE, "C.1.1.22.1"),
    TlvRow((1, 1), "timeout", ValueKind.UINT16, 0, U16, "C.1.1.22.1.1", "s"),
    TlvRow((1, 2), "frequency", ValueKind.UINT32, 0, U32, "C.1.1.22.1.2", "Hz", allowed=_CENTRES),
    TlvRow((1, 3), "channel_type", ValueKind.UINT8, 0, U8, "C.1.1.22.1.3"),
    TlvRow((2,), "downstream_frequency_range", ValueKind.GROUP, 1, VALUE, "C.1.1.22.2"),
    TlvRow((2, 1), "timeout", ValueKind.UINT16, 0, U16, "C.1.1.22.2.1", "s"),
    TlvRow((2, 2), "start", ValueKind.UINT32, 0, U32, "C.1.1.22.2.2", "Hz", allowed=_CENTRES),
    TlvRow((2, 3), "end", ValueKind.UINT32, 0, U32, "C.1.1.22.2.3", "Hz", allowed=_CENTRES),
    TlvRow((2, 4), "step_size", ValueKind.UINT32, 0, U32, "C.1.1.22.2.4", "Hz"),
    TlvRow((2, 5), "channel_type", ValueKind.UINT8, 0, U8, "C.1.1.22.2.5"),
    TlvRow((3,), "default_scanning_timeout", ValueKind.UINT16, 0, U16, "C.1.1.22.3", "s"),
)

_STATIC_MULTICAST_SESSION = (
    TlvRow((1,), "group", ValueKind.ADDRESS, 4, 16, "C.1.1.27.1"),
    TlvRow((2,), "source", ValueKind.ADDRESS, 4, 16, "C.1.1.27.2"),
    TlvRow((3,), "cm_interface_mask", ValueKind.HEX, 1, VALUE, "C.1.1.27.3"),
)

_ACTIVITY_DETECTION = (
    TlvRow((1,), "entry_bitrate_threshold", ValueKind.UINT32, 0, U32, "C.1.1.30.2", "bit/s"),
    TlvRow((2,), "entry_time_threshold", ValueKind.UINT16, 0, U16, "C.1.1.30.2", "s"),
    TlvRow((3,), "exit_bitrate_threshold", ValueKind.UINT32, 0, U32, "C.1.1.30.2", "bit/s"),
    TlvRow((4,), "exit_time_threshold", ValueKind.UINT16, 0, U16, "C.1.1.30.2", "s"),
)

_ACTIVITY_DETECTIONS = (
    TlvRow((1,), "downstream_activity_detection", ValueKind.GROUP, 1, VALUE, "C.1.1.30.2"),
    *under((1,), _ACTIVITY_DETECTION),
    TlvRow((2,), "upstream_activity_detection", ValueKind.GROUP, 1, VALUE, "C.1.1.30.2"),
    *under((2,), _ACTIVITY_DETECTION),
)

_ENERGY_MANAGEMENT = (
    TlvRow((1,), "feature_control", ValueKind.HEX, 4, 4, "C.1.1.30.1"),
    TlvRow((2,), "energy_management_1x1_mode", ValueKind.GROUP, 1, VALUE, "C.1.1.30.2"),
    *under((2,), _ACTIVITY_DETECTIONS),
    TlvRow((3,), "cycle_period", ValueKind.UINT16, 0, U16, "C.1.1.30.3", "s"),
    TlvRow((4,), "docsis_light_sleep_mode", ValueKind.GROUP, 1, VALUE, "MULPI 4.0 C.1.1.30.4"),
    *(row._replace(section="MULPI 4.0 C.1.1.30.4") for row in under((4,), _ACTIVITY_DETECTIONS)),
)

_L2CP_MANAGEMENT = (
    TlvRow((1,), "cm_interface_mask", ValueKind.HEX, 1, VALUE, "DPoE MULPI 2.0"),
    TlvRow((2,), "l2cp_mode", ValueKind.UINT8, 0, U8, "DPoE MULPI 2.0"),
    TlvRow((3,), "l2pt_destination_mac", ValueKind.MAC, 6, 6, "DPoE MULPI 2.0"),
    TlvRow((4,), "l2cp_filter", ValueKind.HEX, 1, VALUE, "DPoE MULPI 2.0"),
)

_MAC_ADDRESS_LEARNING = (
    TlvRow((1,), "control", ValueKind.UINT8, 0, 1, "C.1.2.18.1"),
    TlvRow((2,), "holdoff_timer", ValueKind.UINT8, 0, 10, "C.1.2.18.2", "s"),
)

_UNI_CONTROL = (
    TlvRow((1,), "context_cm_interface_mask", ValueKind.HEX, 1, VALUE, "C.3.3.1"),
    TlvRow((2,), "admin_status", ValueKind.UINT8, 0, 1, "C.3.3.2"),
    TlvRow((3,), "auto_negotiation_status", ValueKind.UINT8, 0, 1, "C.3.3.3"),
    TlvRow((4,), "operating_speed", ValueKind.UINT8, 0, 6, "C.3.3.4"),
    TlvRow((5,), "duplex", ValueKind.UINT8, 0, 2, "C.3.3.5"),
    TlvRow((6,), "eee_status", ValueKind.UINT8, 0, 1, "C.3.3.6"),
    TlvRow((7,), "maximum_frame_size", ValueKind.UINT16, 0, U16, "C.3.3.7", "bytes"),
    TlvRow((8,), "power_over_ethernet_status", ValueKind.UINT8, 0, 1, "C.3.3.8"),
    TlvRow((9,), "media_type", ValueKind.UINT8, 0, 1, "C.3.3.9"),
)

_ENHANCED_HQOS = (
    *REFERENCED_RATES,
    TlvRow((47,), "intra_asf_scheduling", ValueKind.GROUP, 1, VALUE, "MULPI 4.0 C.2.2.9.18"),
    TlvRow((47, 1), "service_flow_reference", ValueKind.UINT16, 1, U16, "MULPI 4.0 C.2.2.9.18.1"),
    TlvRow((47, 3), "service_class_name", ValueKind.TEXT_Z, 2, 16, "MULPI 4.0 C.2.2.9.18.3"),
    TlvRow((47, 4), "priority", ValueKind.UINT8, 0, 7, "MULPI 4.0 C.2.2.9.18.4"),
    TlvRow((47, 5), "weight", ValueKind.UINT8, 0, U8, "MULPI 4.0 C.2.2.9.18.5"),
)

_ADVANCED_DIPLEXER = (
    TlvRow((1,), "upstream_upper_band_edge", ValueKind.UINT16, 0, U16, "MULPI 4.0 C.1.2.24.1", "MHz"),
    TlvRow((2,), "downstream_lower_band_edge", ValueKind.UINT16, 0, U16, "MULPI 4.0 C.1.2.24.2", "MHz"),
    TlvRow((3,), "downstream_upper_band_edge", ValueKind.UINT16, 0, U16, "MULPI 4.0 C.1.2.24.3", "MHz"),
)

_DOCSIS_SYNC = (
    TlvRow((1,), "ptp_master_clock_enable", ValueKind.UINT8, 1, 2, "SYNC D.2.1.1"),
    TlvRow((2,), "ptp_profile", ValueKind.UINT8, 0, 3, "SYNC D.2.1.2"),
    TlvRow((3,), "ptp_max_slave_clocks", ValueKind.UINT8, 0, U8, "SYNC D.2.1.3"),
    TlvRow((4,), "sync_e_clock_enable", ValueKind.UINT8, 1, 2, "SYNC D.2.1.4"),
)

_PTP_ADDRESS = (
    TlvRow((1,), "ptp_source_address", ValueKind.ADDRESS, 4, 16, "SYNC D.2.2.1"),
    TlvRow((2,), "cmts_ptp_address", ValueKind.ADDRESS, 4, 16, "SYNC D.2.2.2"),
    TlvRow((3,), "ptp_destination_multicast_mac", ValueKind.MAC, 6, 6, "SYNC D.2.2.3"),
)

_REGISTRATION = (
    TlvRow((1,), "downstream_frequency", ValueKind.UINT32, 0, U32, "C.1.1.1", "Hz", allowed=_CENTRES),
    TlvRow((2,), "upstream_channel_id", ValueKind.UINT8, 0, U8, "C.1.1.2"),
    TlvRow((3,), "network_access", ValueKind.UINT8, 0, 1, "C.1.1.3"),
    TlvRow((4,), "class_of_service", ValueKind.GROUP, 1, VALUE, "C.1.1.4"),
    *under((4,), _CLASS_OF_SERVICE),
    TlvRow((17,), "baseline_privacy", ValueKind.GROUP, 1, VALUE, "C.3.1.1"),
    *under((17,), _BASELINE_PRIVACY),
    TlvRow((18,), "max_cpe", ValueKind.UINT8, 0, U8, "C.1.1.7"),
    TlvRow((19,), "tftp_server_timestamp", ValueKind.UINT32, 0, U32, "C.1.1.8"),
    TlvRow((20,), "tftp_server_provisioned_modem_ipv4_address", ValueKind.IPV4, 4, 4, "C.1.1.9"),
    TlvRow((28,), "max_classifiers", ValueKind.UINT16, 0, U16, "C.1.1.16"),
    TlvRow((29,), "privacy_enable", ValueKind.UINT8, 0, 1, "C.1.1.17"),
    TlvRow((35,), "subscriber_management_control", ValueKind.HEX, 3, 3, "C.1.1.19.1"),
    TlvRow((36,), "subscriber_management_cpe_table", ValueKind.IPV4S, 4, 252, "C.1.1.19.2"),
    TlvRow((37,), "subscriber_management_filters", ValueKind.UINT16S, 8, 20, "C.1.1.19.4"),
    TlvRow((39,), "enable_2_0_mode", ValueKind.UINT8, 0, 1, "C.1.1.20"),
    TlvRow((40,), "enable_test_modes", ValueKind.UINT8, 0, 1, "C.1.1.20"),
    TlvRow((41,), "downstream_channel_list", ValueKind.GROUP, 1, VALUE, "C.1.1.22"),
    *under((41,), _DOWNSTREAM_CHANNEL_LIST),
    TlvRow((42,), "static_multicast_mac_address", ValueKind.MAC, 6, 6, "C.1.1.23"),
    TlvRow((45,), "downstream_unencrypted_traffic_filtering", ValueKind.GROUP, 1, VALUE, "C.1.1.24"),
    TlvRow((45, 1), "control", ValueKind.UINT8, 0, 1, "L2VPN B.2.1"),
    TlvRow((45, 2), "cm_interface_mask", ValueKind.HEX, 1, VALUE, "L2VPN B.2.2"),
    TlvRow((56,), "channel_assignment", ValueKind.GROUP, 1, VALUE, "C.1.1.25"),
    TlvRow((56, 1), "transmit_channel", ValueKind.UINT8, 0, U8, "C.1.1.25.1"),
    TlvRow((56, 2), "receive_channel", ValueKind.UINT32, 0, U32, "C.1.1.25.2", "Hz"),
    TlvRow((59,), "tftp_server_provisioned_modem_ipv6_address", ValueKind.IPV6, 16, 16, "C.1.1.10"),
    TlvRow(
        (61,), "subscriber_management_cpe_ipv6_prefix_list", ValueKind.IPV6_PREFIXES, 17, 238, "C.1.1.19.3"
    ),
    TlvRow((63,), "subscriber_management_max_cpe_ipv6_prefix", ValueKind.UINT16, 0, U16, "C.1.1.19.5"),
    TlvRow((64,), "cmts_static_multicast_session", ValueKind.GROUP, 1, VALUE, "C.1.1.27"),
    *under((64,), _STATIC_MULTICAST_SESSION),
    TlvRow((65,), "l2vpn_mac_aging", ValueKind.GROUP, 1, VALUE, "C.1.1.28"),
    TlvRow((65, 1), "mode", ValueKind.UINT8, 0, U8, "C.1.1.28"),
    TlvRow((67,), "subscriber_management_cpe_ipv6_list", ValueKind.IPV6S, 16, 240, "C.1.1.19.6"),
    TlvRow((74,), "energy_management", ValueKind.GROUP, 1, VALUE, "C.1.1.30"),
    *under((74,), _ENERGY_MANAGEMENT),
    TlvRow((83,), "l2cp_management", ValueKind.GROUP, 1, VALUE, "DPoE MULPI 2.0"),
    *under((83,), _L2CP_MANAGEMENT),
    TlvRow((83,), "dtp_mode", ValueKind.UINT8, 0, 2, "C.1.1.31"),
    TlvRow((88,), "qos_framework_for_docsis", ValueKind.HEX, 1, VALUE, "C.1.8"),
    TlvRow((91,), "low_latency_disable", ValueKind.UINT8, 0, U8, "C.1.1.32", allowed=range(3)),
    TlvRow((92,), "distributed_hqos_enable", ValueKind.HEX, 1, VALUE, "C.1.1.33", allowed=(1,)),
    TlvRow((93,), "upstream_enhanced_hqos_asf", ValueKind.GROUP_OR_HEX, 1, VALUE, "MULPI 4.0 C.2.2.5"),
    *under((93,), _ENHANCED_HQOS),
    TlvRow((94,), "downstream_enhanced_hqos_asf", ValueKind.GROUP_OR_HEX, 1, VALUE, "MULPI 4.0 C.2.2.6"),
    *under((94,), _ENHANCED_HQOS),
    TlvRow((95,), "dhqos_asf_sid_bundle_assignment", ValueKind.HEX, 1, VALUE, "MULPI 4.0 C.1.5.8"),
)

_MODEM_ONLY = (
    TlvRow((9,), "software_upgrade_filename", ValueKind.TEXT, 1, VALUE, "C.1.2.3"),
    TlvRow((14,), "cpe_mac_address", ValueKind.MAC, 6, 6, "C.1.2.6"),
    TlvRow((21,), "software_upgrade_server", ValueKind.IPV4, 4, 4, "C.1.2.7"),
    TlvRow((32,), "manufacturer_cvc", ValueKind.HEX_SPLIT, 1, LONG_VALUE_BYTES_MAX, "C.1.2.10"),
    TlvRow((33,), "co_signer_cvc", ValueKind.HEX_SPLIT, 1, LONG_VALUE_BYTES_MAX, "C.1.2.11"),
    TlvRow((58,), "software_upgrade_ipv6_server", ValueKind.IPV6, 16, 16, "C.1.2.8"),
    TlvRow((68,), "default_upstream_target_buffer", ValueKind.UINT16, 0, U16, "C.1.2.17", "ms"),
    TlvRow((69,), "mac_address_learning_control", ValueKind.GROUP_OR_HEX, 1, VALUE, "C.1.2.18"),
    *under((69,), _MAC_ADDRESS_LEARNING),
    TlvRow((73,), "network_timing_profile", ValueKind.GROUP, 1, VALUE, "C.1.2.19"),
    TlvRow((73, 1), "reference", ValueKind.UINT16, 1, U16, "C.1.2.19"),
    TlvRow((73, 2), "name", ValueKind.TEXT_Z, 2, VALUE, "C.1.2.19"),
    TlvRow((76,), "upstream_aqm_disable", ValueKind.UINT8, 0, 1, "C.1.2.20"),
    TlvRow((79,), "uni_control", ValueKind.GROUP_OR_HEX, 1, VALUE, "C.3.3"),
    *under((79,), _UNI_CONTROL),
    TlvRow((81,), "manufacturer_cvc_chain", ValueKind.HEX_SPLIT, 1, LONG_VALUE_BYTES_MAX, "C.1.2.21"),
    TlvRow((82,), "co_signer_cvc_chain", ValueKind.HEX_SPLIT, 1, LONG_VALUE_BYTES_MAX, "C.1.2.22"),
    TlvRow((84,), "diplexer_band_edge", ValueKind.GROUP, 1, VALUE, "C.1.2.23"),
    TlvRow((84, 1), "upstream_upper_band_edge", ValueKind.UINT8, 0, U8, "C.1.2.23"),
    TlvRow((84, 2), "downstream_lower_band_edge", ValueKind.UINT8, 0, U8, "C.1.2.23"),
    TlvRow((84, 3), "downstream_upper_band_edge", ValueKind.UINT8, 0, U8, "C.1.2.23"),
    TlvRow((96,), "advanced_diplexer_band_edge", ValueKind.GROUP_OR_HEX, 1, VALUE, "MULPI 4.0 C.1.2.24"),
    *under((96,), _ADVANCED_DIPLEXER),
    TlvRow((97,), "advanced_band_plan_support", ValueKind.UINT8, 0, U8, "MULPI 4.0 C.1.2.25"),
    TlvRow((101,), "docsis_sync", ValueKind.GROUP_OR_HEX, 1, VALUE, "SYNC D.2.1"),
    *under((101,), _DOCSIS_SYNC),
    TlvRow((102,), "ptp_address", ValueKind.GROUP_OR_HEX, 1, VALUE, "SYNC D.2.2"),
    *under((102,), _PTP_ADDRESS),
    TlvRow((103,), "ssh_server", ValueKind.HEX, 1, LONG_VALUE_BYTES_MAX, "MULPI 4.0 C.3.1.2"),
    TlvRow((104,), "security", ValueKind.HEX, 1, LONG_VALUE_BYTES_MAX, "MULPI 4.0 C.3.1.3"),
    TlvRow((106,), "fdx_downstream_upper_band_edge", ValueKind.UINT16, 0, U16, "MULPI 4.0 C.1.2.26"),
)

MODEM: Final = _REGISTRATION + _MODEM_ONLY
"""The TLVs that the modem sends to the CMTS when it registers, and those that it keeps."""
