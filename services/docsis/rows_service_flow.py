"""Rows of service flows (24, 25), aggregate service flows (70, 71) and what is theirs.

Sections are those of MULPI 3.1, Annex C. A rate is in bit/s unless the same flow has a
`data_rate_unit_setting` other than 0. Then it counts kbit/s, Mbit/s or Gbit/s, and is written and read as a
bare number.
"""

from __future__ import annotations

from typing import Final

from services.docsis.row import U8, U16, U32, VALUE, Kind, Row, under

DATA_RATE_UNIT: Final = 41
"""The type of data_rate_unit_setting in any flow."""

_REFERENCE = Row((1,), "reference", Kind.UINT16, 1, U16, "C.2.2.5.1")

_GUARANTEED = (
    Row((7,), "traffic_priority", Kind.UINT8, 0, 7, "C.2.2.7.1"),
    Row((8,), "max_sustained_rate", Kind.UINT32, 0, U32, "C.2.2.7.2", "bit/s"),
    Row((9,), "max_traffic_burst", Kind.UINT32, 0, U32, "C.2.2.7.3", "bytes"),
    Row((10,), "min_reserved_rate", Kind.UINT32, 0, U32, "C.2.2.7.4", "bit/s"),
    Row((11,), "min_reserved_rate_packet_size", Kind.UINT16, 0, U16, "C.2.2.7.5", "bytes"),
)

REFERENCED_RATES: Final = (_REFERENCE, *_GUARANTEED)
"""What an enhanced HQoS aggregate (93, 94) shares with every flow."""

_RATES = (
    *_GUARANTEED,
    Row((27,), "peak_traffic_rate", Kind.UINT32, 0, U32, "C.2.2.7.10", "bit/s"),
    Row((36,), "aggregate_service_flow_reference", Kind.UINT16, 1, U16, "C.2.2.7"),
    Row((37,), "metro_ethernet_service_profile_reference", Kind.UINT16, 1, U16, "C.2.2.7"),
    Row((DATA_RATE_UNIT,), "data_rate_unit_setting", Kind.UINT8, 0, 3, "C.2.2.7"),
)
"""What single and aggregate service flows have in common."""

_SERVICE_FLOW = (
    _REFERENCE,
    Row((4,), "service_class_name", Kind.TEXT_Z, 2, 16, "C.2.2.5.4"),
    Row((6,), "qos_parameter_set_type", Kind.UINT8, 0, U8, "C.2.2.5.5", allowed=range(8)),
    *_RATES,
    Row((12,), "active_qos_timeout", Kind.UINT16, 0, U16, "C.2.2.7.6", "s"),
    Row((13,), "admitted_qos_timeout", Kind.UINT16, 0, U16, "C.2.2.7.7", "s"),
    Row((23,), "tos_overwrite", Kind.HEX, 2, 2, "C.2.2.7.9"),
    Row((31,), "required_attribute_mask", Kind.HEX, 4, 4, "C.2.2.5.6"),
    Row((32,), "forbidden_attribute_mask", Kind.HEX, 4, 4, "C.2.2.5.7"),
    Row((33,), "attribute_aggregation_rule_mask", Kind.HEX, 4, 4, "C.2.2.5.8"),
    Row((34,), "application_identifier", Kind.HEX, 1, VALUE, "C.2.2.5.9", allowed=(4,)),
    Row((35,), "buffer_control", Kind.GROUP, 1, VALUE, "C.2.2.7.11"),
    Row((35, 1), "minimum_buffer", Kind.UINT32, 0, U32, "C.2.2.7.11", "bytes"),
    Row((35, 2), "target_buffer", Kind.UINT32, 0, U32, "C.2.2.7.11.4", "bytes"),
    Row((35, 3), "maximum_buffer", Kind.UINT32, 0, U32, "C.2.2.7.11", "bytes"),
    Row((38,), "serving_group_name", Kind.TEXT, 1, VALUE, "C.2.2.7"),
    Row((39,), "iatc_profile_name", Kind.TEXT_Z, 2, 16, "C.2.2.7.14"),
    Row((40,), "aqm", Kind.GROUP, 1, VALUE, "C.2.2.7.15"),
    Row((40, 1), "aqm_disable", Kind.UINT8, 0, 1, "C.2.2.7.15.1"),
    Row((40, 2), "classic_aqm_latency_target", Kind.UINT8, 0, U8, "C.2.2.7.15.2", "ms"),
    Row((40, 3), "aqm_algorithm", Kind.UINT8, 0, U8, "C.2.2.7.15.3", allowed=range(3)),
    Row((40, 4), "immediate_aqm_max_threshold", Kind.UINT16, 0, U16, "C.2.2.7.15.4", "us"),
    Row((40, 5), "immediate_aqm_range_exponent", Kind.UINT8, 0, U8, "C.2.2.7.15.5", allowed=range(26)),
    Row((40, 6), "latency_histogram", Kind.HEX, 1, VALUE, "C.2.2.7.15.6"),
)

_UPSTREAM = (
    Row((14,), "max_concatenated_burst", Kind.UINT16, 0, U16, "C.2.2.8.1", "bytes"),
    Row((15,), "scheduling_type", Kind.UINT8, 1, 7, "C.2.2.8.2"),
    Row((16,), "request_transmission_policy", Kind.HEX, 4, 4, "C.2.2.8.3"),
    Row((17,), "nominal_polling_interval", Kind.UINT32, 0, U32, "C.2.2.8.4", "us"),
    Row((18,), "tolerated_poll_jitter", Kind.UINT32, 0, U32, "C.2.2.8.5", "us"),
    Row((19,), "unsolicited_grant_size", Kind.UINT16, 0, U16, "C.2.2.8.6", "bytes"),
    Row((20,), "nominal_grant_interval", Kind.UINT32, 0, U32, "C.2.2.8.7", "us"),
    Row((21,), "tolerated_grant_jitter", Kind.UINT32, 0, U32, "C.2.2.8.8", "us"),
    Row((22,), "grants_per_interval", Kind.UINT8, 0, 127, "C.2.2.8.9"),
    Row((24,), "unsolicited_grant_time_reference", Kind.UINT32, 0, U32, "C.2.2.8.10"),
    Row((25,), "multiplier_to_contention_request_backoff_window", Kind.UINT8, 0, U8, "C.2.2.8.11"),
    Row(
        (26,),
        "multiplier_to_number_of_bytes_requested",
        Kind.UINT8,
        0,
        U8,
        "C.2.2.8.12",
        allowed=(1, 2, 4, 8, 16),
    ),
    Row((44,), "guaranteed_grant_interval", Kind.UINT16, 0, U16, "C.2.2.8", "us"),
    Row((45,), "guaranteed_grant_rate", Kind.UINT32, 0, U32, "C.2.2.8", "bit/s"),
    Row((46,), "guaranteed_request_interval", Kind.UINT16, 0, U16, "C.2.2.8", "us"),
    Row((48,), "absolute_queue_depth_request_enable", Kind.UINT8, 0, 1, "C.2.2.8"),
    Row((49,), "pgs_activity_detection_disable", Kind.UINT8, 0, 1, "C.2.2.8"),
)

_DOWNSTREAM = (
    Row((14,), "max_downstream_latency", Kind.UINT32, 0, U32, "C.2.2.9.1", "us"),
    Row((17,), "downstream_resequencing", Kind.UINT8, 0, 1, "C.2.2.9.2"),
)

_AGGREGATE = (
    _REFERENCE,
    Row((4,), "qos_profile_name", Kind.TEXT_Z, 2, 16, "C.2.2.7.12"),
    *_RATES,
    Row((38,), "service_flow_matching", Kind.GROUP, 1, VALUE, "C.2.2.7"),
    Row((38, 1), "application_identifier", Kind.HEX, 1, VALUE, "C.2.2.7.13.1", allowed=(4,)),
    Row((38, 2), "service_class_name", Kind.TEXT_Z, 2, 16, "C.2.2.7"),
    Row((38, 3), "traffic_priority_range", Kind.HEX, 2, 2, "C.2.2.7"),
    Row((42,), "low_latency", Kind.GROUP, 1, VALUE, "C.2.2.7.17"),
    Row((42, 1), "low_latency_service_flow_reference", Kind.UINT16, 1, U16, "C.2.2.7.17.1"),
    Row((42, 3), "classic_service_class_name", Kind.TEXT_Z, 2, 16, "C.2.2.7.17.3"),
    Row((42, 4), "low_latency_service_class_name", Kind.TEXT_Z, 2, 16, "C.2.2.7.17.4"),
    Row((42, 5), "aqm_coupling_factor", Kind.UINT8, 0, U8, "C.2.2.7.17.5"),
    Row((42, 6), "scheduling_weight", Kind.UINT8, 0, U8, "C.2.2.7.17.6", allowed=range(1, 256)),
    Row((42, 7), "queue_protection_enable", Kind.UINT8, 0, 1, "C.2.2.7.17.7"),
    Row((42, 8), "qp_latency_threshold", Kind.UINT16, 0, U16, "C.2.2.7.17.8", "us"),
    Row((42, 9), "qp_queuing_score_threshold", Kind.UINT16, 0, U16, "C.2.2.7.17.9", "us"),
    Row((42, 10), "qp_drain_rate_exponent", Kind.UINT8, 0, U8, "C.2.2.7.17.10"),
)

_PAYLOAD_HEADER_SUPPRESSION = (
    Row((1,), "classifier_reference", Kind.UINT8, 1, U8, "C.2.3.1.1"),
    Row((3,), "service_flow_reference", Kind.UINT16, 1, U16, "C.2.3.1.3"),
    Row((7,), "field", Kind.HEX, 1, VALUE, "C.2.4.2.1"),
    Row((8,), "index", Kind.UINT8, 1, U8, "C.2.4.2.2"),
    Row((9,), "mask", Kind.HEX, 1, VALUE, "C.2.4.2.3"),
    Row((10,), "size", Kind.UINT8, 1, U8, "C.2.4.2.4"),
    Row((11,), "verification", Kind.UINT8, 0, 1, "C.2.4.2.5"),
)

_METRO_ETHERNET_SERVICE_PROFILE = (
    Row((1,), "reference", Kind.UINT16, 1, U16, "C.2.2.10"),
    Row((2,), "bandwidth_profile", Kind.GROUP, 1, VALUE, "C.2.2.10"),
    Row((2, 1), "committed_information_rate", Kind.UINT32, 0, U32, "C.2.2.10"),
    Row((2, 2), "committed_burst_size", Kind.UINT32, 0, U32, "C.2.2.10"),
    Row((2, 3), "excess_information_rate", Kind.UINT32, 0, U32, "C.2.2.10"),
    Row((2, 4), "excess_burst_size", Kind.UINT32, 0, U32, "C.2.2.10"),
    Row((2, 5), "coupling_flag", Kind.UINT8, 0, 1, "C.2.2.10"),
    Row((2, 6), "color_mode", Kind.GROUP, 1, VALUE, "C.2.2.10"),
    Row((2, 6, 1), "color_identification_field", Kind.UINT8, 0, U8, "C.2.2.10"),
    Row((2, 6, 2), "color_identification_field_value", Kind.HEX, 1, VALUE, "C.2.2.10"),
    Row((2, 7), "color_marking", Kind.GROUP, 1, VALUE, "C.2.2.10"),
    Row((2, 7, 1), "color_marking_field", Kind.UINT8, 0, U8, "C.2.2.10"),
    Row((2, 7, 2), "color_marking_field_value", Kind.HEX, 1, VALUE, "C.2.2.10"),
    Row((3,), "name", Kind.TEXT_Z, 2, VALUE, "C.2.2.10"),
)

SERVICE_FLOWS: Final = (
    Row((24,), "upstream_service_flow", Kind.GROUP, 1, VALUE, "C.2.2.1"),
    *under((24,), _SERVICE_FLOW + _UPSTREAM),
    Row((25,), "downstream_service_flow", Kind.GROUP, 1, VALUE, "C.2.2.2"),
    *under((25,), _SERVICE_FLOW + _DOWNSTREAM),
    Row((26,), "payload_header_suppression", Kind.GROUP, 1, VALUE, "C.2.3"),
    *under((26,), _PAYLOAD_HEADER_SUPPRESSION),
    Row((70,), "upstream_aggregate_service_flow", Kind.GROUP, 1, VALUE, "C.2.2.3"),
    *under((70,), _AGGREGATE),
    Row((71,), "downstream_aggregate_service_flow", Kind.GROUP, 1, VALUE, "C.2.2.4"),
    *under((71,), _AGGREGATE),
    Row((72,), "metro_ethernet_service_profile", Kind.GROUP, 1, VALUE, "C.2.2.10"),
    *under((72,), _METRO_ETHERNET_SERVICE_PROFILE),
)
"""TLVs 24, 25, 26, 70, 71 and 72 without their extension fields."""
