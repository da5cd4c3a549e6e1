"""Rows of embedded service devices (eSAFE, 201 to 231): the eRouter in full, the others as a whole.

Sections are those of the eRouter specification, Annex B, and of the eDOCSIS specification, which gives each
device its number.
"""

from __future__ import annotations

from typing import Final

from services.docsis.tlvs.rows.management import COEXISTENCE
from services.docsis.tlvs.rows.tlv_row import U8, VALUE, TlvRow, ValueKind, under

_EROUTER = (
    TlvRow((1,), "initialization_mode", ValueKind.UINT8, 0, 3, "eRouter B.4.2"),
    TlvRow((2,), "tr069_management_server", ValueKind.GROUP, 1, VALUE, "eRouter B.4.3"),
    TlvRow((2, 1), "enable_cwmp", ValueKind.UINT8, 0, 1, "eRouter B.4.3.1"),
    TlvRow((2, 2), "url", ValueKind.TEXT, 1, VALUE, "eRouter B.4.3.2"),
    TlvRow((2, 3), "username", ValueKind.TEXT, 1, VALUE, "eRouter B.4.3.3"),
    TlvRow((2, 4), "password", ValueKind.TEXT, 1, VALUE, "eRouter B.4.3.4"),
    TlvRow((2, 5), "connection_request_username", ValueKind.TEXT, 1, VALUE, "eRouter B.4.3.5"),
    TlvRow((2, 6), "connection_request_password", ValueKind.TEXT, 1, VALUE, "eRouter B.4.3.6"),
    TlvRow((2, 7), "acs_override", ValueKind.UINT8, 0, 1, "eRouter B.4.3.7"),
    TlvRow((3,), "initialization_mode_override", ValueKind.UINT8, 0, 1, "eRouter B.4.4"),
    TlvRow((4,), "tr369_controller_count", ValueKind.UINT8, 0, U8, "eRouter B.4"),
    TlvRow((5,), "tr369_controller", ValueKind.HEX, 1, VALUE, "eRouter B.4"),
    TlvRow(
        (10,), "router_advertisement_transmission_interval", ValueKind.UINT16, 3, 1800, "eRouter B.4.10", "s"
    ),
    TlvRow((11,), "snmp_set", ValueKind.VARBIND, 1, VALUE, "eRouter B.4.8"),
    TlvRow((12,), "ip_multicast_configuration_server", ValueKind.TEXT, 1, VALUE, "eRouter B.4"),
    TlvRow((13,), "link_id_control", ValueKind.UINT8, 0, U8, "eRouter B.4"),
    TlvRow((42,), "topology_mode", ValueKind.UINT8, 1, 2, "eRouter B.4.9"),
    TlvRow((43,), "vendor_specific", ValueKind.HEX, 1, VALUE, "eRouter B.4.7"),
    *(row._replace(section="eRouter B.4.5" if row.path[0] == 53 else "eRouter B.4.6") for row in COEXISTENCE),
)

ESAFE: Final = (
    TlvRow((201,), "eps", ValueKind.HEX, 1, VALUE, "eDOCSIS 5.2"),
    TlvRow((202,), "erouter", ValueKind.GROUP, 1, VALUE, "eRouter B.4"),
    *under((202,), _EROUTER),
    TlvRow((216,), "emta", ValueKind.HEX, 1, VALUE, "eDOCSIS 5.2"),
    TlvRow((217,), "estb", ValueKind.HEX, 1, VALUE, "eDOCSIS 5.2"),
    TlvRow((219,), "etea", ValueKind.HEX, 1, VALUE, "eDOCSIS 5.2"),
    TlvRow((220,), "edva", ValueKind.HEX, 1, VALUE, "eDOCSIS 5.2"),
    TlvRow((221,), "esg", ValueKind.HEX, 1, VALUE, "eDOCSIS 5.2"),
)
"""TLVs 201 to 221."""
