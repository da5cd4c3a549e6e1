"""Rows of the DOCSIS extension field (43), at the top and below classifiers and flows.

The field begins with a vendor's identifier (sub-TLV 8). With `ffffff` it is the general extension
information, whose sub-TLVs are named here; with any other it belongs to that vendor, and nothing below it has
a name.
Sections are those of MULPI 3.1, Annex C; DEMARC is Annex B of the DEMARC specification.
"""

from __future__ import annotations

from typing import Final

from services.docsis.row import ANY_FILE, U8, U16, U32, VALUE, Kind, Row, under
from services.docsis.rows_l2vpn import L2VPN

VENDOR_ID: Final = bytes.fromhex("0803")
"""How every extension field begins: with the identifier of its vendor."""

GENERAL_EXTENSION: Final = VENDOR_ID + bytes.fromhex("ffffff")
"""How an extension field begins whose content is not a vendor's own."""

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
"""Where else an extension field may stand, and the section that allows it."""

_VENDOR_ID = Row((8,), "vendor_id", Kind.HEX, 3, 3, "C.1.3.2")

_EXTENDED_CMTS_MIC = (
    Row((1,), "hmac_type", Kind.UINT8, 0, U8, "C.1.1.18.1.6.1"),
    Row((2,), "bitmap", Kind.HEX, 1, VALUE, "C.1.1.18.1.6.2"),
    Row((3,), "digest", Kind.HEX, 1, VALUE, "C.1.1.18.1.6.3"),
)

_SOURCE_ADDRESS_VERIFICATION = (
    Row((1,), "group_name", Kind.TEXT, 1, 15, "C.1.1.18.1.7.1"),
    Row((2,), "static_prefix_rule", Kind.GROUP, 1, VALUE, "C.1.1.18.1.7.2"),
    Row((2, 1), "prefix_address", Kind.ADDRESS, 4, 16, "C.1.1.18.1.7.2.1"),
    Row((2, 2), "prefix_length", Kind.UINT8, 0, 128, "C.1.1.18.1.7.2.2"),
)

_ATTRIBUTE_MASKS = (
    Row((1,), "downstream_required", Kind.HEX, 4, 4, "C.1.1.18.1.8.1"),
    Row((2,), "downstream_forbidden", Kind.HEX, 4, 4, "C.1.1.18.1.8.2"),
    Row((3,), "upstream_required", Kind.HEX, 4, 4, "C.1.1.18.1.8.3"),
    Row((4,), "upstream_forbidden", Kind.HEX, 4, 4, "C.1.1.18.1.8.4"),
)

_MULTICAST_JOIN_AUTHORIZATION = (
    Row((1,), "profile_name", Kind.TEXT, 1, 15, "C.1.1.18.1.9.1"),
    Row((2,), "static_session_rule", Kind.GROUP, 1, VALUE, "C.1.1.18.1.9.2"),
    Row((2, 1), "rule_priority", Kind.UINT8, 0, U8, "C.1.1.18.1.9.2.1"),
    Row((2, 2), "authorization_action", Kind.UINT8, 0, 1, "C.1.1.18.1.9.2.2"),
    Row((2, 3), "source_prefix_address", Kind.ADDRESS, 4, 16, "C.1.1.18.1.9.2.3"),
    Row((2, 4), "source_prefix_length", Kind.UINT8, 0, 128, "C.1.1.18.1.9.2.4"),
    Row((2, 5), "group_prefix_address", Kind.ADDRESS, 4, 16, "C.1.1.18.1.9.2.5"),
    Row((2, 6), "group_prefix_length", Kind.UINT8, 0, 128, "C.1.1.18.1.9.2.6"),
    Row((3,), "max_multicast_sessions", Kind.UINT16, 0, U16, "C.1.1.18.1.9.3"),
)

_DEMARC_AUTO_CONFIGURATION = (
    Row((1,), "enable", Kind.UINT8, 0, 1, "DEMARC B.1"),
    Row((2,), "cm_interface_mask", Kind.HEX, 1, VALUE, "DEMARC B.2"),
    Row((3,), "upstream_service_class_name", Kind.TEXT_Z, 2, 16, "DEMARC B.3"),
    Row((4,), "downstream_service_class_name", Kind.TEXT_Z, 2, 16, "DEMARC B.4"),
)

_GENERAL = (
    Row((1,), "cm_load_balancing_policy_id", Kind.UINT32, 0, U32, "C.1.1.18.1.1"),
    Row((2,), "cm_load_balancing_priority", Kind.UINT32, 0, U32, "C.1.1.18.1.2"),
    Row((3,), "cm_load_balancing_group_id", Kind.UINT32, 0, U32, "C.1.1.18.1.3"),
    Row((4,), "cm_ranging_class_id_extension", Kind.UINT16, 0, U16, "C.1.1.18.1.4"),
    Row((6,), "extended_cmts_mic", Kind.GROUP, 1, VALUE, "C.1.1.18.1.6"),
    *under((6,), _EXTENDED_CMTS_MIC),
    Row((7,), "source_address_verification", Kind.GROUP, 1, VALUE, "C.1.1.18.1.7"),
    *under((7,), _SOURCE_ADDRESS_VERIFICATION),
    Row((9,), "cable_modem_attribute_masks", Kind.GROUP, 1, VALUE, "C.1.1.18.1.8"),
    *under((9,), _ATTRIBUTE_MASKS),
    Row((10,), "ip_multicast_join_authorization", Kind.GROUP, 1, VALUE, "C.1.1.18.1.9"),
    *under((10,), _MULTICAST_JOIN_AUTHORIZATION),
    Row((11,), "service_type_identifier", Kind.TEXT, 1, 16, "C.1.1.18.1.10"),
    Row((12,), "demarc_auto_configuration", Kind.GROUP_OR_HEX, 1, VALUE, "C.1.1.18.1.11"),
    *under((12,), _DEMARC_AUTO_CONFIGURATION),
)

_L2VPN = (Row((5,), "l2vpn", Kind.GROUP, 1, VALUE, "C.1.1.18.1.5"), *under((5,), L2VPN))


def _field(parent: tuple[int, ...], section: str) -> tuple[Row, ...]:
    """An extension field below `parent`, with what may stand in one anywhere."""
    path = (*parent, 43)
    return (
        Row(path, "vendor_specific", Kind.EXTENSION, 1, VALUE, section),
        *under(path, (_VENDOR_ID, *_L2VPN)),
    )


EXTENSIONS: Final = (
    *(row._replace(files=ANY_FILE) for row in _field((), "C.1.1.18")),
    *(row._replace(files=ANY_FILE) for row in under((43,), _GENERAL)),
    *(row for parent, section in _PARENTS.items() for row in _field((parent,), section)),
)
"""TLV 43 everywhere."""
