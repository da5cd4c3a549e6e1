"""Rows of embedded service devices (eSAFE, 201 to 231): the eRouter in full, the others as a whole.

Sections are those of the eRouter specification, Annex B, and of the eDOCSIS specification, which gives each
device its number.
"""

from __future__ import annotations

from typing import Final

from services.docsis.row import U8, VALUE, Kind, Row, under
from services.docsis.rows_snmp import COEXISTENCE

_EROUTER = (
    Row((1,), "initialization_mode", Kind.UINT8, 0, 3, "eRouter B.4.2"),
    Row((2,), "tr069_management_server", Kind.GROUP, 1, VALUE, "eRouter B.4.3"),
    Row((2, 1), "enable_cwmp", Kind.UINT8, 0, 1, "eRouter B.4.3.1"),
    Row((2, 2), "url", Kind.TEXT, 1, VALUE, "eRouter B.4.3.2"),
    Row((2, 3), "username", Kind.TEXT, 1, VALUE, "eRouter B.4.3.3"),
    Row((2, 4), "password", Kind.TEXT, 1, VALUE, "eRouter B.4.3.4"),
    Row((2, 5), "connection_request_username", Kind.TEXT, 1, VALUE, "eRouter B.4.3.5"),
    Row((2, 6), "connection_request_password", Kind.TEXT, 1, VALUE, "eRouter B.4.3.6"),
    Row((2, 7), "acs_override", Kind.UINT8, 0, 1, "eRouter B.4.3.7"),
    Row((3,), "initialization_mode_override", Kind.UINT8, 0, 1, "eRouter B.4.4"),
    Row((4,), "tr369_controller_count", Kind.UINT8, 0, U8, "eRouter B.4"),
    Row((5,), "tr369_controller", Kind.HEX, 1, VALUE, "eRouter B.4"),
    Row((10,), "router_advertisement_transmission_interval", Kind.UINT16, 3, 1800, "eRouter B.4.10", "s"),
    Row((11,), "snmp_set", Kind.VARBIND, 1, VALUE, "eRouter B.4.8"),
    Row((12,), "ip_multicast_configuration_server", Kind.TEXT, 1, VALUE, "eRouter B.4"),
    Row((13,), "link_id_control", Kind.UINT8, 0, U8, "eRouter B.4"),
    Row((42,), "topology_mode", Kind.UINT8, 1, 2, "eRouter B.4.9"),
    Row((43,), "vendor_specific", Kind.HEX, 1, VALUE, "eRouter B.4.7"),
    *(row._replace(section="eRouter B.4.5" if row.path[0] == 53 else "eRouter B.4.6") for row in COEXISTENCE),
)

ESAFE: Final = (
    Row((201,), "eps", Kind.HEX, 1, VALUE, "eDOCSIS 5.2"),
    Row((202,), "erouter", Kind.GROUP, 1, VALUE, "eRouter B.4"),
    *under((202,), _EROUTER),
    Row((216,), "emta", Kind.HEX, 1, VALUE, "eDOCSIS 5.2"),
    Row((217,), "estb", Kind.HEX, 1, VALUE, "eDOCSIS 5.2"),
    Row((219,), "etea", Kind.HEX, 1, VALUE, "eDOCSIS 5.2"),
    Row((220,), "edva", Kind.HEX, 1, VALUE, "eDOCSIS 5.2"),
    Row((221,), "esg", Kind.HEX, 1, VALUE, "eDOCSIS 5.2"),
)
"""TLVs 201 to 221."""
