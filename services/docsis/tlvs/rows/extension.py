"""Rows of the DOCSIS extension field (43), at the top and below classifiers and flows.

The field begins with a vendor's identifier (sub-TLV 8). With `ffffff` it is the general extension
information, whose sub-TLVs are named here; with any other it belongs to that vendor, and nothing below it has
a name.
Sections are those of MULPI 3.1, Annex C; DEMARC is Annex B of the DEMARC specification.
"""

from __future__ import annotations

from typing import Final

from services.docsis.tlvs.rows.l2vpn import L2VPN
from services.docsis.tlvs.rows.tlv_row import ANY_FILE, U8, U16, U32, VALUE, TlvRow, ValueKind, under

VENDOR_ID: Final = bytes.fromhex("0803")
"""The beginning of every extension field: the identifier of its vendor."""

GENERAL_EXTENSION: Final = VENDOR_ID + bytes.fromhex("ffffff")
"""The beginning of an extension field whose content is not a vendor's own."""

_PARENTS = {
    22: "C.2.1.11",
    23: "C.2.1.11",
    24: "C.2.2.7.8",
    25: "C.2.2.7.8",
    26: "C.2.4.2",
    60: "C.2.1.11",
    70: "C.2.2.7.8",
    71: "C.2.2.7.8",
}
"""The other parents of an extension field, each with the section that allows it."""

_VENDOR_ID = TlvRow((8,), "vendor_id", ValueKind.HEX, 3, 3, "C.1.3.2")

_EXTENDED_CMTS_MIC = (
    TlvRow((1,), "hmac_type", ValueKind.UINT8, 0, U8, "C.1.1.18.1.6.1"),
    TlvRow((2,), "bitmap", ValueKind.HEX, 1, VALUE, "C.1.1.18.1.6.2"),
    TlvRow((3,), "digest", ValueKind.HEX, 1, VALUE, "C.1.1.18.1.6.3"),
)

_SOURCE_ADDRESS_VERIFICATION = (
    TlvRow((1,), "group_name", ValueKind.TEXT, 1, 15, "C.1.1.18.1.7.1"),
    TlvRow((2,), "static_prefix_rule", ValueKind.GROUP, 1, VALUE, "C.1.1.18.1.7.2"),
    TlvRow((2, 1), "prefix_address", ValueKind.ADDRESS, 4, 16, "C.1.1.18.1.7.2.1"),
    TlvRow((2, 2), "prefix_length", ValueKind.UINT8, 0, 128, "C.1.1.18.1.7.2.2"),
)

_ATTRIBUTE_MASKS = (
    TlvRow((1,), "downstream_required", ValueKind.HEX, 4, 4, "C.1.1.18.1.8.1"),
    TlvRow((2,), "downstream_forbidden", ValueKind.HEX, 4, 4, "C.1.1.18.1.8.2"),
    TlvRow((3,), "upstream_required", ValueKind.HEX, 4, 4, "C.1.1.18.1.8.3"),
    TlvRow((4,), "upstream_forbidden", ValueKind.HEX, 4, 4, "C.1.1.18.1.8.4"),
)

_MULTICAST_JOIN_AUTHORIZATION = (
    TlvRow((1,), "profile_name", ValueKind.TEXT, 1, 15, "C.1.1.18.1.9.1"),
    TlvRow((2,), "static_session_rule", ValueKind.GROUP, 1, VALUE, "C.1.1.18.1.9.2"),
    TlvRow((2, 1), "rule_priority", ValueKind.UINT8, 0, U8, "C.1.1.18.1.9.2.1"),
    TlvRow((2, 2), "authorization_action", ValueKind.UINT8, 0, 1, "C.1.1.18.1.9.2.2"),
    TlvRow((2, 3), "source_prefix_address", ValueKind.ADDRESS, 4, 16, "C.1.1.18.1.9.2.3"),
    TlvRow((2, 4), "source_prefix_length", ValueKind.UINT8, 0, 128, "C.1.1.18.1.9.2.4"),
    TlvRow((2, 5), "group_prefix_address", ValueKind.ADDRESS, 4, 16, "C.1.1.18.1.9.2.5"),
    TlvRow((2, 6), "group_prefix_length", ValueKind.UINT8, 0, 128, "C.1.1.18.1.9.2.6"),
    TlvRow((3,), "max_multicast_sessions", ValueKind.UINT16, 0, U16, "C.1.1.18.1.9.3"),
)

_DEMARC_AUTO_CONFIGURATION = (
    TlvRow((1,), "enable", ValueKind.UINT8, 0, 1, "DEMARC B.1"),
    TlvRow((2,), "cm_interface_mask", ValueKind.HEX, 1, VALUE, "DEMARC B.2"),
    TlvRow((3,), "upstream_service_class_name", ValueKind.TEXT_Z, 2, 16, "DEMARC B.3"),
    TlvRow((4,), "downstream_service_class_name", ValueKind.TEXT_Z, 2, 16, "DEMARC B.4"),
)

_GENERAL = (
    TlvRow((1,), "cm_load_balancing_policy_id", ValueKind.UINT32, 0, U32, "C.1.1.18.1.1"),
    TlvRow((2,), "cm_load_balancing_priority", ValueKind.UINT32, 0, U32, "C.1.1.18.1.2"),
    TlvRow((3,), "cm_load_balancing_group_id", ValueKind.UINT32, 0, U32, "C.1.1.18.1.3"),
    TlvRow((4,), "cm_ranging_class_id_extension", ValueKind.UINT16, 0, U16, "C.1.1.18.1.4"),
    TlvRow((6,), "extended_cmts_mic", ValueKind.GROUP, 1, VALUE, "C.1.1.18.1.6"),
    *under((6,), _EXTENDED_CMTS_MIC),
    TlvRow((7,), "source_address_verification", ValueKind.GROUP, 1, VALUE, "C.1.1.18.1.7"),
    *under((7,), _SOURCE_ADDRESS_VERIFICATION),
    TlvRow((9,), "cable_modem_attribute_masks", ValueKind.GROUP, 1, VALUE, "C.1.1.18.1.8"),
    *under((9,), _ATTRIBUTE_MASKS),
    TlvRow((10,), "ip_multicast_join_authorization", ValueKind.GROUP, 1, VALUE, "C.1.1.18.1.9"),
    *under((10,), _MULTICAST_JOIN_AUTHORIZATION),
    TlvRow((11,), "service_type_identifier", ValueKind.TEXT, 1, 16, "C.1.1.18.1.10"),
    TlvRow((12,), "demarc_auto_configuration", ValueKind.GROUP_OR_HEX, 1, VALUE, "C.1.1.18.1.11"),
    *under((12,), _DEMARC_AUTO_CONFIGURATION),
)

_L2VPN = (TlvRow((5,), "l2vpn", ValueKind.GROUP, 1, VALUE, "C.1.1.18.1.5"), *under((5,), L2VPN))


def _field(parent: tuple[int, ...], section: str) -> tuple[TlvRow, ...]:
    """An extension field below `parent`, with the sub-TLVs that are allowed in every one."""
    path = (*parent, 43)
    return (
        TlvRow(path, "vendor_specific", ValueKind.EXTENSION, 1, VALUE, section),
        *under(path, (_VENDOR_ID, *_L2VPN)),
    )


EXTENSIONS: Final = (
    *(row._replace(files=ANY_FILE) for row in _field((), "C.1.1.18")),
    *(row._replace(files=ANY_FILE) for row in under((43,), _GENERAL)),
    *(row for parent, section in _PARENTS.items() for row in _field((parent,), section)),
)
"""TLV 43 everywhere."""
