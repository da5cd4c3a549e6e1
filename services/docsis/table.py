"""The table of TLVs: what can be said by name in a template, as data.

Theory of operation
-------------------
One row per TLV: where it stands (the path of type numbers from the top), its name, the kind of its value,
the range of that value and the section that defines it. The code that compiles templates only loops over
these rows; to support one more TLV is to add one more row. A kind is what `services.docsis.values` knows
how to encode. The range is of the number for the numeric kinds and of the length in bytes for all others.

Sections are those of MULPI (CM-SP-MULPIv3.0, Annex C) and, where marked SEC, of the DOCSIS 3.0 security
specification's Annex A. What has no row is written as `{tlv: N, hex: "..."}`.
"""

from __future__ import annotations

from enum import Enum
from typing import Final, NamedTuple

from services.docsis.tlv import FileKind


class Kind(Enum):
    """How a value is written in a template, and its encoding (numbers: most significant byte first)."""

    UINT8 = "uint8"
    UINT16 = "uint16"
    UINT32 = "uint32"
    RATE = "rate"  # uint32 in bit/s; also text such as "20 Mbit/s"
    UINT16S = "uint16 list"
    IPV4 = "ipv4"
    IPV4S = "ipv4 list"
    MAC = "mac"
    TEXT = "text"
    TEXT_Z = "zero-terminated text"
    HEX = "hex"
    GROUP = "group"  # a list of sub-TLVs
    VARBIND = "varbind"  # {oid: ..., integer: ...}


class Row(NamedTuple):
    """One TLV; `low` and `high` bound the value, `files` are the kinds of file it may stand in."""

    path: tuple[int, ...]
    name: str
    kind: Kind
    low: int
    high: int
    section: str
    files: frozenset[FileKind] = frozenset({"cm"})

    @property
    def type(self) -> int:
        """The type byte of this TLV."""
        return self.path[-1]


_U8, _U16, _U32 = 0xFF, 0xFFFF, 0xFFFFFFFF
_ANY_FILE: Final[frozenset[FileKind]] = frozenset({"cm", "mta"})


def _under(parent: int, rows: tuple[Row, ...]) -> tuple[Row, ...]:
    """The same sub-TLVs below another parent."""
    return tuple(row._replace(path=(parent, *row.path)) for row in rows)


_CLASS_OF_SERVICE = (
    Row((1,), "class_id", Kind.UINT8, 1, 16, "C.1.1.4.1"),
    Row((2,), "max_downstream_rate", Kind.RATE, 0, _U32, "C.1.1.4.2"),
    Row((3,), "max_upstream_rate", Kind.RATE, 0, _U32, "C.1.1.4.3"),
    Row((4,), "upstream_channel_priority", Kind.UINT8, 0, 7, "C.1.1.4.4"),
    Row((5,), "guaranteed_min_upstream_rate", Kind.RATE, 0, _U32, "C.1.1.4.5"),
    Row((6,), "max_upstream_burst", Kind.UINT16, 0, _U16, "C.1.1.4.6"),
    Row((7,), "privacy_enable", Kind.UINT8, 0, 1, "C.1.1.4.7"),
)

_BASELINE_PRIVACY = (
    Row((1,), "authorize_wait_timeout", Kind.UINT32, 1, 30, "SEC A.1.1.1.1"),
    Row((2,), "reauthorize_wait_timeout", Kind.UINT32, 1, 30, "SEC A.1.1.1.2"),
    Row((3,), "authorization_grace_time", Kind.UINT32, 1, 6_047_999, "SEC A.1.1.1.3"),
    Row((4,), "operational_wait_timeout", Kind.UINT32, 1, 10, "SEC A.1.1.1.4"),
    Row((5,), "rekey_wait_timeout", Kind.UINT32, 1, 10, "SEC A.1.1.1.5"),
    Row((6,), "tek_grace_time", Kind.UINT32, 1, 302_399, "SEC A.1.1.1.6"),
    Row((7,), "authorize_reject_wait_timeout", Kind.UINT32, 1, 600, "SEC A.1.1.1.7"),
    Row((8,), "sa_map_wait_timeout", Kind.UINT32, 1, 10, "SEC A.1.1.1.8"),
    Row((9,), "sa_map_max_retries", Kind.UINT32, 0, 10, "SEC A.1.1.1.9"),
)

_CLASSIFIER = (
    Row((1,), "reference", Kind.UINT8, 1, _U8, "C.2.1.4.1"),
    Row((3,), "service_flow_reference", Kind.UINT16, 1, _U16, "C.2.1.4.3"),
    Row((5,), "rule_priority", Kind.UINT8, 0, _U8, "C.2.1.4.5"),
    Row((6,), "activation_state", Kind.UINT8, 0, 1, "C.2.1.4.6"),
    Row((9,), "ipv4", Kind.GROUP, 1, 254, "C.2.1.6"),
    Row((9, 1), "tos_range_and_mask", Kind.HEX, 3, 3, "C.2.1.6.1"),
    Row((9, 2), "protocol", Kind.UINT16, 0, 257, "C.2.1.6.2"),
    Row((9, 3), "source_address", Kind.IPV4, 4, 4, "C.2.1.6.3"),
    Row((9, 4), "source_mask", Kind.IPV4, 4, 4, "C.2.1.6.4"),
    Row((9, 5), "destination_address", Kind.IPV4, 4, 4, "C.2.1.6.5"),
    Row((9, 6), "destination_mask", Kind.IPV4, 4, 4, "C.2.1.6.6"),
    Row((9, 7), "source_port_start", Kind.UINT16, 0, _U16, "C.2.1.7.1"),
    Row((9, 8), "source_port_end", Kind.UINT16, 0, _U16, "C.2.1.7.2"),
    Row((9, 9), "destination_port_start", Kind.UINT16, 0, _U16, "C.2.1.7.3"),
    Row((9, 10), "destination_port_end", Kind.UINT16, 0, _U16, "C.2.1.7.4"),
    Row((10,), "ethernet", Kind.GROUP, 1, 254, "C.2.1.8"),
    Row((10, 1), "destination_mac_and_mask", Kind.HEX, 12, 12, "C.2.1.8.1"),
    Row((10, 2), "source_mac", Kind.MAC, 6, 6, "C.2.1.8.2"),
    Row((10, 3), "ethertype", Kind.HEX, 3, 3, "C.2.1.8.3"),
    Row((11,), "ieee_802_1", Kind.GROUP, 1, 254, "C.2.1.9"),
    Row((11, 1), "user_priority_range", Kind.HEX, 2, 2, "C.2.1.9.1"),
    Row((11, 2), "vlan_id", Kind.HEX, 2, 2, "C.2.1.9.2"),
)

_SERVICE_FLOW = (
    Row((1,), "reference", Kind.UINT16, 1, _U16, "C.2.2.5.1"),
    Row((4,), "service_class_name", Kind.TEXT_Z, 2, 16, "C.2.2.5.4"),
    Row((6,), "qos_parameter_set_type", Kind.UINT8, 0, _U8, "C.2.2.5.5"),
    Row((7,), "traffic_priority", Kind.UINT8, 0, 7, "C.2.2.7.1"),
    Row((8,), "max_sustained_rate", Kind.RATE, 0, _U32, "C.2.2.7.2"),
    Row((9,), "max_traffic_burst", Kind.UINT32, 0, _U32, "C.2.2.7.3"),
    Row((10,), "min_reserved_rate", Kind.RATE, 0, _U32, "C.2.2.7.4"),
    Row((11,), "min_reserved_rate_packet_size", Kind.UINT16, 0, _U16, "C.2.2.7.5"),
    Row((12,), "active_qos_timeout", Kind.UINT16, 0, _U16, "C.2.2.7.6"),
    Row((13,), "admitted_qos_timeout", Kind.UINT16, 0, _U16, "C.2.2.7.7"),
    Row((23,), "tos_overwrite", Kind.HEX, 2, 2, "C.2.2.7.9"),
    Row((27,), "peak_traffic_rate", Kind.RATE, 0, _U32, "C.2.2.7.10"),
)

_UPSTREAM_SERVICE_FLOW = (
    Row((14,), "max_concatenated_burst", Kind.UINT16, 0, _U16, "C.2.2.8.1"),
    Row((15,), "scheduling_type", Kind.UINT8, 1, 6, "C.2.2.8.2"),
    Row((16,), "request_transmission_policy", Kind.HEX, 4, 4, "C.2.2.8.3"),
    Row((17,), "nominal_polling_interval", Kind.UINT32, 0, _U32, "C.2.2.8.4"),
    Row((18,), "tolerated_poll_jitter", Kind.UINT32, 0, _U32, "C.2.2.8.5"),
    Row((19,), "unsolicited_grant_size", Kind.UINT16, 0, _U16, "C.2.2.8.6"),
    Row((20,), "nominal_grant_interval", Kind.UINT32, 0, _U32, "C.2.2.8.7"),
    Row((21,), "tolerated_grant_jitter", Kind.UINT32, 0, _U32, "C.2.2.8.8"),
    Row((22,), "grants_per_interval", Kind.UINT8, 0, 127, "C.2.2.8.9"),
)

_DOWNSTREAM_SERVICE_FLOW = (Row((14,), "max_downstream_latency", Kind.UINT32, 0, _U32, "C.2.2.9.1"),)

_PAYLOAD_HEADER_SUPPRESSION = (
    Row((1,), "classifier_reference", Kind.UINT8, 1, _U8, "C.2.3.1.1"),
    Row((3,), "service_flow_reference", Kind.UINT16, 1, _U16, "C.2.3.1.3"),
    Row((7,), "field", Kind.HEX, 1, 254, "C.2.4.2.1"),
    Row((8,), "index", Kind.UINT8, 1, _U8, "C.2.4.2.2"),
    Row((9,), "mask", Kind.HEX, 1, 254, "C.2.4.2.3"),
    Row((10,), "size", Kind.UINT8, 1, _U8, "C.2.4.2.4"),
    Row((11,), "verification", Kind.UINT8, 0, 1, "C.2.4.2.5"),
)

TABLE: Final[tuple[Row, ...]] = (
    Row((1,), "downstream_frequency", Kind.UINT32, 0, _U32, "C.1.1.1"),
    Row((2,), "upstream_channel_id", Kind.UINT8, 0, _U8, "C.1.1.2"),
    Row((3,), "network_access", Kind.UINT8, 0, 1, "C.1.1.3"),
    Row((4,), "class_of_service", Kind.GROUP, 1, 254, "C.1.1.4"),
    *_under(4, _CLASS_OF_SERVICE),
    Row((9,), "software_upgrade_filename", Kind.TEXT, 1, 254, "C.1.2.3"),
    Row((11,), "snmp_set", Kind.VARBIND, 1, 65_535, "C.1.2.5", _ANY_FILE),
    Row((17,), "baseline_privacy", Kind.GROUP, 1, 254, "C.3.1.1"),
    *_under(17, _BASELINE_PRIVACY),
    Row((18,), "max_cpe", Kind.UINT8, 0, _U8, "C.1.1.7"),
    Row((21,), "software_upgrade_server", Kind.IPV4, 4, 4, "C.1.2.7"),
    Row((22,), "upstream_packet_classifier", Kind.GROUP, 1, 254, "C.2.1.1"),
    *_under(22, _CLASSIFIER),
    Row((23,), "downstream_packet_classifier", Kind.GROUP, 1, 254, "C.2.1.3"),
    *_under(23, _CLASSIFIER),
    Row((24,), "upstream_service_flow", Kind.GROUP, 1, 254, "C.2.2.1"),
    *_under(24, _SERVICE_FLOW + _UPSTREAM_SERVICE_FLOW),
    Row((25,), "downstream_service_flow", Kind.GROUP, 1, 254, "C.2.2.2"),
    *_under(25, _SERVICE_FLOW + _DOWNSTREAM_SERVICE_FLOW),
    Row((26,), "payload_header_suppression", Kind.GROUP, 1, 254, "C.2.3"),
    *_under(26, _PAYLOAD_HEADER_SUPPRESSION),
    Row((28,), "max_classifiers", Kind.UINT16, 0, _U16, "C.1.1.16"),
    Row((29,), "privacy_enable", Kind.UINT8, 0, 1, "C.1.1.17"),
    Row((35,), "subscriber_management_control", Kind.HEX, 3, 3, "C.1.1.19.1"),
    Row((36,), "subscriber_management_cpe_table", Kind.IPV4S, 4, 252, "C.1.1.19.2"),
    Row((37,), "subscriber_management_filters", Kind.UINT16S, 8, 20, "C.1.1.19.4"),
    Row((43,), "vendor_specific", Kind.HEX, 1, 254, "C.1.1.18", _ANY_FILE),
)


def _children() -> dict[tuple[FileKind, tuple[int, ...]], dict[str, Row]]:
    found: dict[tuple[FileKind, tuple[int, ...]], dict[str, Row]] = {}
    for row in TABLE:
        for file in row.files:
            found.setdefault((file, row.path[:-1]), {})[row.name] = row
    return found


CHILDREN: Final = _children()
"""Rows by name, by kind of file and path of the parent; the path of the top level is empty."""
