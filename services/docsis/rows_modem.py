"""Rows of a modem's file that are neither flows, classifiers, SNMP, extensions nor eSAFE.

Sections are those of MULPI 3.1, Annex C; SEC is Annex A of the DOCSIS 3.0 security specification, L2VPN
Annex B of the layer 2 VPN specification, SYNC Annex D of the DOCSIS synchronization specification. What only
DOCSIS 4.0 has carries a section of MULPI 4.0.

Type 83 means two things: one byte is DOCSIS 3.1's DTP Mode Configuration, a group is DPoE 2.0's L2CP
Management.
"""

from __future__ import annotations

from typing import Final

from services.docsis.row import U8, U16, U32, VALUE, Kind, Row, under
from services.docsis.rows_service_flow import REFERENCED_RATES
from services.docsis.tlv import LONG_VALUE_BYTES_MAX

_STEP_HZ = 62_500
_CENTRES = range(0, U32 + 1, _STEP_HZ)
"""Centre frequencies are multiples of 62,500 Hz (MULPI C.1.1.1)."""

_CLASS_OF_SERVICE = (
    Row((1,), "class_id", Kind.UINT8, 1, 16, "C.1.1.4.1"),
    Row((2,), "max_downstream_rate", Kind.UINT32, 0, U32, "C.1.1.4.2", "bit/s"),
    Row((3,), "max_upstream_rate", Kind.UINT32, 0, U32, "C.1.1.4.3", "bit/s"),
    Row((4,), "upstream_channel_priority", Kind.UINT8, 0, 7, "C.1.1.4.4"),
    Row((5,), "guaranteed_min_upstream_rate", Kind.UINT32, 0, U32, "C.1.1.4.5", "bit/s"),
    Row((6,), "max_upstream_burst", Kind.UINT16, 0, U16, "C.1.1.4.6", "bytes"),
    Row((7,), "privacy_enable", Kind.UINT8, 0, 1, "C.1.1.4.7"),
)

_BASELINE_PRIVACY = (
    Row((1,), "authorize_wait_timeout", Kind.UINT32, 1, 30, "SEC A.1.1.1.1", "s"),
    Row((2,), "reauthorize_wait_timeout", Kind.UINT32, 1, 30, "SEC A.1.1.1.2", "s"),
    Row((3,), "authorization_grace_time", Kind.UINT32, 1, 6_047_999, "SEC A.1.1.1.3", "s"),
    Row((4,), "operational_wait_timeout", Kind.UINT32, 1, 10, "SEC A.1.1.1.4", "s"),
    Row((5,), "rekey_wait_timeout", Kind.UINT32, 1, 10, "SEC A.1.1.1.5", "s"),
    Row((6,), "tek_grace_time", Kind.UINT32, 1, 302_399, "SEC A.1.1.1.6", "s"),
    Row((7,), "authorize_reject_wait_timeout", Kind.UINT32, 1, 600, "SEC A.1.1.1.7", "s"),
    Row((8,), "sa_map_wait_timeout", Kind.UINT32, 1, 10, "SEC A.1.1.1.8", "s"),
    Row((9,), "sa_map_max_retries", Kind.UINT32, 0, 10, "SEC A.1.1.1.9"),
)

_DOWNSTREAM_CHANNEL_LIST = (
    Row((1,), "single_downstream_channel", Kind.GROUP, 1, VALUE, "C.1.1.22.1"),
    Row((1, 1), "timeout", Kind.UINT16, 0, U16, "C.1.1.22.1.1", "s"),
    Row((1, 2), "frequency", Kind.UINT32, 0, U32, "C.1.1.22.1.2", "Hz", allowed=_CENTRES),
    Row((1, 3), "channel_type", Kind.UINT8, 0, U8, "C.1.1.22.1.3"),
    Row((2,), "downstream_frequency_range", Kind.GROUP, 1, VALUE, "C.1.1.22.2"),
    Row((2, 1), "timeout", Kind.UINT16, 0, U16, "C.1.1.22.2.1", "s"),
    Row((2, 2), "start", Kind.UINT32, 0, U32, "C.1.1.22.2.2", "Hz", allowed=_CENTRES),
    Row((2, 3), "end", Kind.UINT32, 0, U32, "C.1.1.22.2.3", "Hz", allowed=_CENTRES),
    Row((2, 4), "step_size", Kind.UINT32, 0, U32, "C.1.1.22.2.4", "Hz"),
    Row((2, 5), "channel_type", Kind.UINT8, 0, U8, "C.1.1.22.2.5"),
    Row((3,), "default_scanning_timeout", Kind.UINT16, 0, U16, "C.1.1.22.3", "s"),
)

_STATIC_MULTICAST_SESSION = (
    Row((1,), "group", Kind.ADDRESS, 4, 16, "C.1.1.27.1"),
    Row((2,), "source", Kind.ADDRESS, 4, 16, "C.1.1.27.2"),
    Row((3,), "cm_interface_mask", Kind.HEX, 1, VALUE, "C.1.1.27.3"),
)

_ACTIVITY_DETECTION = (
    Row((1,), "entry_bitrate_threshold", Kind.UINT32, 0, U32, "C.1.1.30.2", "bit/s"),
    Row((2,), "entry_time_threshold", Kind.UINT16, 0, U16, "C.1.1.30.2", "s"),
    Row((3,), "exit_bitrate_threshold", Kind.UINT32, 0, U32, "C.1.1.30.2", "bit/s"),
    Row((4,), "exit_time_threshold", Kind.UINT16, 0, U16, "C.1.1.30.2", "s"),
)

_ACTIVITY_DETECTIONS = (
    Row((1,), "downstream_activity_detection", Kind.GROUP, 1, VALUE, "C.1.1.30.2"),
    *under((1,), _ACTIVITY_DETECTION),
    Row((2,), "upstream_activity_detection", Kind.GROUP, 1, VALUE, "C.1.1.30.2"),
    *under((2,), _ACTIVITY_DETECTION),
)

_ENERGY_MANAGEMENT = (
    Row((1,), "feature_control", Kind.HEX, 4, 4, "C.1.1.30.1"),
    Row((2,), "energy_management_1x1_mode", Kind.GROUP, 1, VALUE, "C.1.1.30.2"),
    *under((2,), _ACTIVITY_DETECTIONS),
    Row((3,), "cycle_period", Kind.UINT16, 0, U16, "C.1.1.30.3", "s"),
    Row((4,), "docsis_light_sleep_mode", Kind.GROUP, 1, VALUE, "MULPI 4.0 C.1.1.30.4"),
    *(row._replace(section="MULPI 4.0 C.1.1.30.4") for row in under((4,), _ACTIVITY_DETECTIONS)),
)

_L2CP_MANAGEMENT = (
    Row((1,), "cm_interface_mask", Kind.HEX, 1, VALUE, "DPoE MULPI 2.0"),
    Row((2,), "l2cp_mode", Kind.UINT8, 0, U8, "DPoE MULPI 2.0"),
    Row((3,), "l2pt_destination_mac", Kind.MAC, 6, 6, "DPoE MULPI 2.0"),
    Row((4,), "l2cp_filter", Kind.HEX, 1, VALUE, "DPoE MULPI 2.0"),
)

_MAC_ADDRESS_LEARNING = (
    Row((1,), "control", Kind.UINT8, 0, 1, "C.1.2.18.1"),
    Row((2,), "holdoff_timer", Kind.UINT8, 0, 10, "C.1.2.18.2", "s"),
)

_UNI_CONTROL = (
    Row((1,), "context_cm_interface_mask", Kind.HEX, 1, VALUE, "C.3.3.1"),
    Row((2,), "admin_status", Kind.UINT8, 0, 1, "C.3.3.2"),
    Row((3,), "auto_negotiation_status", Kind.UINT8, 0, 1, "C.3.3.3"),
    Row((4,), "operating_speed", Kind.UINT8, 0, 6, "C.3.3.4"),
    Row((5,), "duplex", Kind.UINT8, 0, 2, "C.3.3.5"),
    Row((6,), "eee_status", Kind.UINT8, 0, 1, "C.3.3.6"),
    Row((7,), "maximum_frame_size", Kind.UINT16, 0, U16, "C.3.3.7", "bytes"),
    Row((8,), "power_over_ethernet_status", Kind.UINT8, 0, 1, "C.3.3.8"),
    Row((9,), "media_type", Kind.UINT8, 0, 1, "C.3.3.9"),
)

_ENHANCED_HQOS = (
    *REFERENCED_RATES,
    Row((47,), "intra_asf_scheduling", Kind.GROUP, 1, VALUE, "MULPI 4.0 C.2.2.9.18"),
    Row((47, 1), "service_flow_reference", Kind.UINT16, 1, U16, "MULPI 4.0 C.2.2.9.18.1"),
    Row((47, 3), "service_class_name", Kind.TEXT_Z, 2, 16, "MULPI 4.0 C.2.2.9.18.3"),
    Row((47, 4), "priority", Kind.UINT8, 0, 7, "MULPI 4.0 C.2.2.9.18.4"),
    Row((47, 5), "weight", Kind.UINT8, 0, U8, "MULPI 4.0 C.2.2.9.18.5"),
)

_ADVANCED_DIPLEXER = (
    Row((1,), "upstream_upper_band_edge", Kind.UINT16, 0, U16, "MULPI 4.0 C.1.2.24.1", "MHz"),
    Row((2,), "downstream_lower_band_edge", Kind.UINT16, 0, U16, "MULPI 4.0 C.1.2.24.2", "MHz"),
    Row((3,), "downstream_upper_band_edge", Kind.UINT16, 0, U16, "MULPI 4.0 C.1.2.24.3", "MHz"),
)

_DOCSIS_SYNC = (
    Row((1,), "ptp_master_clock_enable", Kind.UINT8, 1, 2, "SYNC D.2.1.1"),
    Row((2,), "ptp_profile", Kind.UINT8, 0, 3, "SYNC D.2.1.2"),
    Row((3,), "ptp_max_slave_clocks", Kind.UINT8, 0, U8, "SYNC D.2.1.3"),
    Row((4,), "sync_e_clock_enable", Kind.UINT8, 1, 2, "SYNC D.2.1.4"),
)

_PTP_ADDRESS = (
    Row((1,), "ptp_source_address", Kind.ADDRESS, 4, 16, "SYNC D.2.2.1"),
    Row((2,), "cmts_ptp_address", Kind.ADDRESS, 4, 16, "SYNC D.2.2.2"),
    Row((3,), "ptp_destination_multicast_mac", Kind.MAC, 6, 6, "SYNC D.2.2.3"),
)

_REGISTRATION = (
    Row((1,), "downstream_frequency", Kind.UINT32, 0, U32, "C.1.1.1", "Hz", allowed=_CENTRES),
    Row((2,), "upstream_channel_id", Kind.UINT8, 0, U8, "C.1.1.2"),
    Row((3,), "network_access", Kind.UINT8, 0, 1, "C.1.1.3"),
    Row((4,), "class_of_service", Kind.GROUP, 1, VALUE, "C.1.1.4"),
    *under((4,), _CLASS_OF_SERVICE),
    Row((17,), "baseline_privacy", Kind.GROUP, 1, VALUE, "C.3.1.1"),
    *under((17,), _BASELINE_PRIVACY),
    Row((18,), "max_cpe", Kind.UINT8, 0, U8, "C.1.1.7"),
    Row((19,), "tftp_server_timestamp", Kind.UINT32, 0, U32, "C.1.1.8"),
    Row((20,), "tftp_server_provisioned_modem_ipv4_address", Kind.IPV4, 4, 4, "C.1.1.9"),
    Row((28,), "max_classifiers", Kind.UINT16, 0, U16, "C.1.1.16"),
    Row((29,), "privacy_enable", Kind.UINT8, 0, 1, "C.1.1.17"),
    Row((35,), "subscriber_management_control", Kind.HEX, 3, 3, "C.1.1.19.1"),
    Row((36,), "subscriber_management_cpe_table", Kind.IPV4S, 4, 252, "C.1.1.19.2"),
    Row((37,), "subscriber_management_filters", Kind.UINT16S, 8, 20, "C.1.1.19.4"),
    Row((39,), "enable_2_0_mode", Kind.UINT8, 0, 1, "C.1.1.20"),
    Row((40,), "enable_test_modes", Kind.UINT8, 0, 1, "C.1.1.20"),
    Row((41,), "downstream_channel_list", Kind.GROUP, 1, VALUE, "C.1.1.22"),
    *under((41,), _DOWNSTREAM_CHANNEL_LIST),
    Row((42,), "static_multicast_mac_address", Kind.MAC, 6, 6, "C.1.1.23"),
    Row((45,), "downstream_unencrypted_traffic_filtering", Kind.GROUP, 1, VALUE, "C.1.1.24"),
    Row((45, 1), "control", Kind.UINT8, 0, 1, "L2VPN B.2.1"),
    Row((45, 2), "cm_interface_mask", Kind.HEX, 1, VALUE, "L2VPN B.2.2"),
    Row((56,), "channel_assignment", Kind.GROUP, 1, VALUE, "C.1.1.25"),
    Row((56, 1), "transmit_channel", Kind.UINT8, 0, U8, "C.1.1.25.1"),
    Row((56, 2), "receive_channel", Kind.UINT32, 0, U32, "C.1.1.25.2", "Hz"),
    Row((59,), "tftp_server_provisioned_modem_ipv6_address", Kind.IPV6, 16, 16, "C.1.1.10"),
    Row((61,), "subscriber_management_cpe_ipv6_prefix_list", Kind.IPV6_PREFIXES, 17, 238, "C.1.1.19.3"),
    Row((63,), "subscriber_management_max_cpe_ipv6_prefix", Kind.UINT16, 0, U16, "C.1.1.19.5"),
    Row((64,), "cmts_static_multicast_session", Kind.GROUP, 1, VALUE, "C.1.1.27"),
    *under((64,), _STATIC_MULTICAST_SESSION),
    Row((65,), "l2vpn_mac_aging", Kind.GROUP, 1, VALUE, "C.1.1.28"),
    Row((65, 1), "mode", Kind.UINT8, 0, U8, "C.1.1.28"),
    Row((67,), "subscriber_management_cpe_ipv6_list", Kind.IPV6S, 16, 240, "C.1.1.19.6"),
    Row((74,), "energy_management", Kind.GROUP, 1, VALUE, "C.1.1.30"),
    *under((74,), _ENERGY_MANAGEMENT),
    Row((83,), "l2cp_management", Kind.GROUP, 1, VALUE, "DPoE MULPI 2.0"),
    *under((83,), _L2CP_MANAGEMENT),
    Row((83,), "dtp_mode", Kind.UINT8, 0, 2, "C.1.1.31"),
    Row((88,), "qos_framework_for_docsis", Kind.HEX, 1, VALUE, "C.1.8"),
    Row((91,), "low_latency_disable", Kind.UINT8, 0, U8, "C.1.1.32", allowed=range(3)),
    Row((92,), "distributed_hqos_enable", Kind.HEX, 1, VALUE, "C.1.1.33", allowed=(1,)),
    Row((93,), "upstream_enhanced_hqos_asf", Kind.GROUP_OR_HEX, 1, VALUE, "MULPI 4.0 C.2.2.5"),
    *under((93,), _ENHANCED_HQOS),
    Row((94,), "downstream_enhanced_hqos_asf", Kind.GROUP_OR_HEX, 1, VALUE, "MULPI 4.0 C.2.2.6"),
    *under((94,), _ENHANCED_HQOS),
    Row((95,), "dhqos_asf_sid_bundle_assignment", Kind.HEX, 1, VALUE, "MULPI 4.0 C.1.5.8"),
)

_MODEM_ONLY = (
    Row((9,), "software_upgrade_filename", Kind.TEXT, 1, VALUE, "C.1.2.3"),
    Row((14,), "cpe_mac_address", Kind.MAC, 6, 6, "C.1.2.6"),
    Row((21,), "software_upgrade_server", Kind.IPV4, 4, 4, "C.1.2.7"),
    Row((32,), "manufacturer_cvc", Kind.HEX_SPLIT, 1, LONG_VALUE_BYTES_MAX, "C.1.2.10"),
    Row((33,), "co_signer_cvc", Kind.HEX_SPLIT, 1, LONG_VALUE_BYTES_MAX, "C.1.2.11"),
    Row((58,), "software_upgrade_ipv6_server", Kind.IPV6, 16, 16, "C.1.2.8"),
    Row((68,), "default_upstream_target_buffer", Kind.UINT16, 0, U16, "C.1.2.17", "ms"),
    Row((69,), "mac_address_learning_control", Kind.GROUP_OR_HEX, 1, VALUE, "C.1.2.18"),
    *under((69,), _MAC_ADDRESS_LEARNING),
    Row((73,), "network_timing_profile", Kind.GROUP, 1, VALUE, "C.1.2.19"),
    Row((73, 1), "reference", Kind.UINT16, 1, U16, "C.1.2.19"),
    Row((73, 2), "name", Kind.TEXT_Z, 2, VALUE, "C.1.2.19"),
    Row((76,), "upstream_aqm_disable", Kind.UINT8, 0, 1, "C.1.2.20"),
    Row((79,), "uni_control", Kind.GROUP_OR_HEX, 1, VALUE, "C.3.3"),
    *under((79,), _UNI_CONTROL),
    Row((81,), "manufacturer_cvc_chain", Kind.HEX_SPLIT, 1, LONG_VALUE_BYTES_MAX, "C.1.2.21"),
    Row((82,), "co_signer_cvc_chain", Kind.HEX_SPLIT, 1, LONG_VALUE_BYTES_MAX, "C.1.2.22"),
    Row((84,), "diplexer_band_edge", Kind.GROUP, 1, VALUE, "C.1.2.23"),
    Row((84, 1), "upstream_upper_band_edge", Kind.UINT8, 0, U8, "C.1.2.23"),
    Row((84, 2), "downstream_lower_band_edge", Kind.UINT8, 0, U8, "C.1.2.23"),
    Row((84, 3), "downstream_upper_band_edge", Kind.UINT8, 0, U8, "C.1.2.23"),
    Row((96,), "advanced_diplexer_band_edge", Kind.GROUP_OR_HEX, 1, VALUE, "MULPI 4.0 C.1.2.24"),
    *under((96,), _ADVANCED_DIPLEXER),
    Row((97,), "advanced_band_plan_support", Kind.UINT8, 0, U8, "MULPI 4.0 C.1.2.25"),
    Row((101,), "docsis_sync", Kind.GROUP_OR_HEX, 1, VALUE, "SYNC D.2.1"),
    *under((101,), _DOCSIS_SYNC),
    Row((102,), "ptp_address", Kind.GROUP_OR_HEX, 1, VALUE, "SYNC D.2.2"),
    *under((102,), _PTP_ADDRESS),
    Row((103,), "ssh_server", Kind.HEX, 1, LONG_VALUE_BYTES_MAX, "MULPI 4.0 C.3.1.2"),
    Row((104,), "security", Kind.HEX, 1, LONG_VALUE_BYTES_MAX, "MULPI 4.0 C.3.1.3"),
    Row((106,), "fdx_downstream_upper_band_edge", Kind.UINT16, 0, U16, "MULPI 4.0 C.1.2.26"),
)

MODEM: Final = _REGISTRATION + _MODEM_ONLY
"""What the modem tells the CMTS when it registers, and what it keeps to itself."""
