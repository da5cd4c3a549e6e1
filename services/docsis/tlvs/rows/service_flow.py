"""Rows of service flows (24, 25), aggregate service flows (70, 71) and their profiles and suppressions.

Sections are those of MULPI 3.1, Annex C. A rate is in bit/s unless the same flow has a
`data_rate_unit_setting` other than 0. Then it counts kbit/s, Mbit/s or Gbit/s, and is written and read as a
bare number.
"""

from __future__ import annotations

from typing import Final

from services.docsis.tlvs.rows.tlv_row import U8, U16, U32, VALUE, TlvRow, ValueKind, under

DATA_RATE_UNIT: Final = 41
"""The type of data_rate_unit_setting in any flow."""

_REFERENCE = TlvRow((1,), "reference", ValueKind.UINT16, 1, U16, "C.2.2.5.1")

_GUARANTEED = (
    TlvRow((7,), "traffic_priority", ValueKind.UINT8, 0, 7, "C.2.2.7.1"),
    TlvRow((8,), "max_sustained_rate", ValueKind.UINT32, 0, U32, "C.2.2.7.2", "bit/s"),
    TlvRow((9,), "max_traffic_burst", ValueKind.UINT32, 0, U32, "C.2.2.7.3", "bytes"),
    TlvRow((10,), "min_reserved_rate", ValueKind.UINT32, 0, U32, "C.2.2.7.4", "bit/s"),
    TlvRow((11,), "min_reserved_rate_packet_size", ValueKind.UINT16, 0, U16, "C.2.2.7.5", "bytes"),
)

REFERENCED_RATES: Final = (_REFERENCE, *_GUARANTEED)
"""The rows that an enhanced HQoS aggregate (93, 94) shares with every flow."""

_RATES = (
    *_GUARANTEED,
    TlvRow((27,), "peak_traffic_rate", ValueKind.UINT32, 0, U32, "C.2.2.7.10", "bit/s"),
    TlvRow((36,), "aggregate_service_flow_reference", ValueKind.UINT16, 1, U16, "C.2.2.7"),
    TlvRow((37,), "metro_ethernet_service_profile_reference", ValueKind.UINT16, 1, U16, "C.2.2.7"),
    TlvRow((DATA_RATE_UNIT,), "data_rate_unit_setting", ValueKind.UINT8, 0, 3, "C.2.2.7"),
)
"""The rows that single and aggregate service flows have in common."""

_SERVICE_FLOW = (
    _REFERENCE,
    TlvRow((4,), "service_class_name", ValueKind.TEXT_Z, 2, 16, "C.2.2.5.4"),
    TlvRow((6,), "qos_parameter_set_type", ValueKind.UINT8, 0, U8, "C.2.2.5.5", allowed=range(8)),
    *_RATES,
    TlvRow((12,), "active_qos_timeout", ValueKind.UINT16, 0, U16, "C.2.2.7.6", "s"),
    TlvRow((13,), "admitted_qos_timeout", ValueKind.UINT16, 0, U16, "C.2.2.7.7", "s"),
    TlvRow((23,), "tos_overwrite", ValueKind.HEX, 2, 2, "C.2.2.7.9"),
    TlvRow((31,), "required_attribute_mask", ValueKind.HEX, 4, 4, "C.2.2.5.6"),
    TlvRow((32,), "forbidden_attribute_mask", ValueKind.HEX, 4, 4, "C.2.2.5.7"),
    TlvRow((33,), "attribute_aggregation_rule_mask", ValueKind.HEX, 4, 4, "C.2.2.5.8"),
    TlvRow((34,), "application_identifier", ValueKind.HEX, 1, VALUE, "C.2.2.5.9", allowed=(4,)),
    TlvRow((35,), "buffer_control", ValueKind.GROUP, 1, VALUE, "C.2.2.7.11"),
    TlvRow((35, 1), "minimum_buffer", ValueKind.UINT32, 0, U32, "C.2.2.7.11", "bytes"),
    TlvRow((35, 2), "target_buffer", ValueKind.UINT32, 0, U32, "C.2.2.7.11.4", "bytes"),
    TlvRow((35, 3), "maximum_buffer", ValueKind.UINT32, 0, U32, "C.2.2.7.11", "bytes"),
    TlvRow((38,), "serving_group_name", ValueKind.TEXT, 1, VALUE, "C.2.2.7"),
    TlvRow((39,), "iatc_profile_name", ValueKind.TEXT_Z, 2, 16, "C.2.2.7.14"),
    TlvRow((40,), "aqm", ValueKind.GROUP, 1, VALUE, "C.2.2.7.15"),
    TlvRow((40, 1), "aqm_disable", ValueKind.UINT8, 0, 1, "C.2.2.7.15.1"),
    TlvRow((40, 2), "classic_aqm_latency_target", ValueKind.UINT8, 0, U8, "C.2.2.7.15.2", "ms"),
    TlvRow((40, 3), "aqm_algorithm", ValueKind.UINT8, 0, U8, "C.2.2.7.15.3", allowed=range(3)),
    TlvRow((40, 4), "immediate_aqm_max_threshold", ValueKind.UINT16, 0, U16, "C.2.2.7.15.4", "us"),
    TlvRow(
        (40, 5), "immediate_aqm_range_exponent", ValueKind.UINT8, 0, U8, "C.2.2.7.15.5", allowed=range(26)
    ),
    TlvRow((40, 6), "latency_histogram", ValueKind.HEX, 1, VALUE, "C.2.2.7.15.6"),
)

_UPSTREAM = (
    TlvRow((14,), "max_concatenated_burst", ValueKind.UINT16, 0, U16, "C.2.2.8.1", "bytes"),
    TlvRow((15,), "scheduling_type", ValueKind.UINT8, 1, 7, "C.2.2.8.2"),
    TlvRow((16,), "request_transmission_policy", ValueKind.HEX, 4, 4, "C.2.2.8.3"),
    TlvRow((17,), "nominal_polling_interval", ValueKind.UINT32, 0, U32, "C.2.2.8.4", "us"),
    TlvRow((18,), "tolerated_poll_jitter", ValueKind.UINT32, 0, U32, "C.2.2.8.5", "us"),
    TlvRow((19,), "unsolicited_grant_size", ValueKind.UINT16, 0, U16, "C.2.2.8.6", "bytes"),
    TlvRow((20,), "nominal_grant_interval", ValueKind.UINT32, 0, U32, "C.2.2.8.7", "us"),
    TlvRow((21,), "tolerated_grant_jitter", ValueKind.UINT32, 0, U32, "C.2.2.8.8", "us"),
    TlvRow((22,), "grants_per_interval", ValueKind.UINT8, 0, 127, "C.2.2.8.9"),
    TlvRow((24,), "unsolicited_grant_time_reference", ValueKind.UINT32, 0, U32, "C.2.2.8.10"),
    TlvRow((25,), "multiplier_to_contention_request_backoff_window", ValueKind.UINT8, 0, U8, "C.2.2.8.11"),
    TlvRow(
        (26,),
        "multiplier_to_number_of_bytes_requested",
        ValueKind.UINT8,
        0,
        U8,
        "C.2.2.8.12",
        allowed=(1, 2, 4, 8, 16),
    ),
    TlvRow((44,), "guaranteed_grant_interval", ValueKind.UINT16, 0, U16, "C.2.2.8", "us"),
    TlvRow((45,), "guaranteed_grant_rate", ValueKind.UINT32, 0, U32, "C.2.2.8", "bit/s"),
    TlvRow((46,), "guaranteed_request_interval", ValueKind.UINT16, 0, U16, "C.2.2.8", "us"),
    TlvRow((48,), "absolute_queue_depth_request_enable", ValueKind.UINT8, 0, 1, "C.2.2.8"),
    TlvRow((49,), "pgs_activity_detection_disable", ValueKind.UINT8, 0, 1, "C.2.2.8"),
)

_DOWNSTREAM = (
    TlvRow((14,), "max_downstream_latency", ValueKind.UINT32, 0, U32, "C.2.2.9.1", "us"),
    TlvRow((17,), "downstream_resequencing", ValueKind.UINT8, 0, 1, "C.2.2.9.2"),
)

_AGGREGATE = (
    _REFERENCE,
    TlvRow((4,), "qos_profile_name", ValueKind.TEXT_Z, 2, 16, "C.2.2.7.12"),
    *_RATES,
    TlvRow((38,), "service_flow_matching", ValueKind.GROUP, 1, VALUE, "C.2.2.7"),
    TlvRow((38, 1), "application_identifier", ValueKind.HEX, 1, VALUE, "C.2.2.7.13.1", allowed=(4,)),
    TlvRow((38, 2), "service_class_name", ValueKind.TEXT_Z, 2, 16, "C.2.2.7"),
    TlvRow((38, 3), "traffic_priority_range", ValueKind.HEX, 2, 2, "C.2.2.7"),
    TlvRow((42,), "low_latency", ValueKind.GROUP, 1, VALUE, "C.2.2.7.17"),
    TlvRow((42, 1), "low_latency_service_flow_reference", ValueKind.UINT16, 1, U16, "C.2.2.7.17.1"),
    TlvRow((42, 3), "classic_service_class_name", ValueKind.TEXT_Z, 2, 16, "C.2.2.7.17.3"),
    TlvRow((42, 4), "low_latency_service_class_name", ValueKind.TEXT_Z, 2, 16, "C.2.2.7.17.4"),
    TlvRow((42, 5), "aqm_coupling_factor", ValueKind.UINT8, 0, U8, "C.2.2.7.17.5"),
    TlvRow((42, 6), "scheduling_weight", ValueKind.UINT8, 0, U8, "C.2.2.7.17.6", allowed=range(1, 256)),
    TlvRow((42, 7), "queue_protection_enable", ValueKind.UINT8, 0, 1, "C.2.2.7.17.7"),
    TlvRow((42, 8), "qp_latency_threshold", ValueKind.UINT16, 0, U16, "C.2.2.7.17.8", "us"),
    TlvRow((42, 9), "qp_queuing_score_threshold", ValueKind.UINT16, 0, U16, "C.2.2.7.17.9", "us"),
    TlvRow((42, 10), "qp_drain_rate_exponent", ValueKind.UINT8, 0, U8, "C.2.2.7.17.10"),
)

_PAYLOAD_HEADER_SUPPRESSION = (
    TlvRow((1,), "classifier_reference", ValueKind.UINT8, 1, U8, "C.2.3.1.1"),
    TlvRow((3,), "service_flow_reference", ValueKind.UINT16, 1, U16, "C.2.3.1.3"),
    TlvRow((7,), "field", ValueKind.HEX, 1, VALUE, "C.2.4.2.1"),
    TlvRow((8,), "index", ValueKind.UINT8, 1, U8, "C.2.4.2.2"),
    TlvRow((9,), "mask", ValueKind.HEX, 1, VALUE, "C.2.4.2.3"),
    TlvRow((10,), "size", ValueKind.UINT8, 1, U8, "C.2.4.2.4"),
    TlvRow((11,), "verification", ValueKind.UINT8, 0, 1, "C.2.4.2.5"),
)

_METRO_ETHERNET_SERVICE_PROFILE = (
    TlvRow((1,), "reference", ValueKind.UINT16, 1, U16, "C.2.2.10"),
    TlvRow((2,), "bandwidth_profile", ValueKind.GROUP, 1, VALUE, "C.2.2.10"),
    TlvRow((2, 1), "committed_information_rate", ValueKind.UINT32, 0, U32, "C.2.2.10"),
    TlvRow((2, 2), "committed_burst_size", ValueKind.UINT32, 0, U32, "C.2.2.10"),
    TlvRow((2, 3), "excess_information_rate", ValueKind.UINT32, 0, U32, "C.2.2.10"),
    TlvRow((2, 4), "excess_burst_size", ValueKind.UINT32, 0, U32, "C.2.2.10"),
    TlvRow((2, 5), "coupling_flag", ValueKind.UINT8, 0, 1, "C.2.2.10"),
    TlvRow((2, 6), "color_mode", ValueKind.GROUP, 1, VALUE, "C.2.2.10"),
    TlvRow((2, 6, 1), "color_identification_field", ValueKind.UINT8, 0, U8, "C.2.2.10"),
    TlvRow((2, 6, 2), "color_identification_field_value", ValueKind.HEX, 1, VALUE, "C.2.2.10"),
    TlvRow((2, 7), "color_marking", ValueKind.GROUP, 1, VALUE, "C.2.2.10"),
    TlvRow((2, 7, 1), "color_marking_field", ValueKind.UINT8, 0, U8, "C.2.2.10"),
    TlvRow((2, 7, 2), "color_marking_field_value", ValueKind.HEX, 1, VALUE, "C.2.2.10"),
    TlvRow((3,), "name", ValueKind.TEXT_Z, 2, VALUE, "C.2.2.10"),
)

SERVICE_FLOWS: Final = (
    TlvRow((24,), "upstream_service_flow", ValueKind.GROUP, 1, VALUE, "C.2.2.1"),
    *under((24,), _SERVICE_FLOW + _UPSTREAM),
    TlvRow((25,), "downstream_service_flow", ValueKind.GROUP, 1, VALUE, "C.2.2.2"),
    *under((25,), _SERVICE_FLOW + _DOWNSTREAM),
    TlvRow((26,), "payload_header_suppression", ValueKind.GROUP, 1, VALUE, "C.2.3"),
    *under((26,), _PAYLOAD_HEADER_SUPPRESSION),
    TlvRow((70,), "upstream_aggregate_service_flow", ValueKind.GROUP, 1, VALUE, "C.2.2.3"),
    *under((70,), _AGGREGATE),
    TlvRow((71,), "downstream_aggregate_service_flow", ValueKind.GROUP, 1, VALUE, "C.2.2.4"),
    *under((71,), _AGGREGATE),
    TlvRow((72,), "metro_ethernet_service_profile", ValueKind.GROUP, 1, VALUE, "C.2.2.10"),
    *under((72,), _METRO_ETHERNET_SERVICE_PROFILE),
)
"""TLVs 24, 25, 26, 70, 71 and 72 without their extension fields."""
