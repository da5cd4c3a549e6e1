"""Rows of management: SNMP access, notification receivers, event control.

SNMP coexistence and access views stand in the same form in the file of a telephone adapter (PacketCable
1.5 provisioning) and in the settings of an eRouter. Sections are those of MULPI 3.1, Annex C.
"""

from __future__ import annotations

from typing import Final

from services.docsis.row import ANY_FILE, U16, U32, VALUE, Kind, Row, under
from services.docsis.tlv import LONG_VALUE_BYTES_MAX

COEXISTENCE: Final = (
    Row((53,), "snmp_v1v2c_coexistence", Kind.GROUP, 1, VALUE, "C.1.2.13"),
    Row((53, 1), "community_name", Kind.TEXT, 1, VALUE, "C.1.2.13.1"),
    Row((53, 2), "transport_address_access", Kind.GROUP, 1, VALUE, "C.1.2.13.2"),
    Row((53, 2, 1), "transport_address", Kind.ENDPOINT, 6, 18, "C.1.2.13.2.1"),
    Row((53, 2, 2), "transport_address_mask", Kind.ENDPOINT, 6, 18, "C.1.2.13.2.2"),
    Row((53, 3), "access_view_type", Kind.UINT8, 1, 2, "C.1.2.13.3"),
    Row((53, 4), "access_view_name", Kind.TEXT, 1, VALUE, "C.1.2.13.4"),
    Row((54,), "snmp_v3_access_view", Kind.GROUP, 1, VALUE, "C.1.2.14"),
    Row((54, 1), "name", Kind.TEXT, 1, VALUE, "C.1.2.14.1"),
    Row((54, 2), "subtree", Kind.OBJECT_ID, 1, VALUE, "C.1.2.14.2"),
    Row((54, 3), "mask", Kind.HEX, 1, VALUE, "C.1.2.14.3"),
    Row((54, 4), "type", Kind.UINT8, 1, 2, "C.1.2.14.4"),
)
"""TLVs 53 and 54."""

_NOTIFICATION_RECEIVER = (
    Row((1,), "ipv4_address", Kind.IPV4, 4, 4, "C.1.2.12.1"),
    Row((2,), "udp_port", Kind.UINT16, 0, U16, "C.1.2.12.2"),
    Row((3,), "trap_type", Kind.UINT16, 1, 5, "C.1.2.12.3"),
    Row((4,), "timeout", Kind.UINT16, 0, U16, "C.1.2.12.4", "ms"),
    Row((5,), "retries", Kind.UINT16, 0, U16, "C.1.2.12.5"),
    Row((6,), "filtering_parameters", Kind.OBJECT_ID, 1, VALUE, "C.1.2.12.6"),
    Row((7,), "security_name", Kind.TEXT, 1, VALUE, "C.1.2.12.7"),
    Row((8,), "ipv6_address", Kind.IPV6, 16, 16, "C.1.2.12.8"),
)

_BOTH = (
    Row((11,), "snmp_set", Kind.VARBIND, 1, LONG_VALUE_BYTES_MAX, "C.1.2.5"),
    Row((38,), "snmp_v3_notification_receiver", Kind.GROUP, 1, VALUE, "C.1.2.12"),
    *under((38,), _NOTIFICATION_RECEIVER),
    *COEXISTENCE,
)

SNMP: Final = (
    Row((10,), "snmp_write_access_control", Kind.WRITE_CONTROL, 4, VALUE, "C.1.2.4"),
    Row((34,), "snmp_v3_kickstart", Kind.GROUP, 1, VALUE, "C.1.2.9"),
    Row((34, 1), "security_name", Kind.TEXT, 1, 16, "C.1.2.9.1"),
    Row((34, 2), "manager_public_number", Kind.HEX, 1, VALUE, "C.1.2.9.2"),
    Row((55,), "snmp_cpe_access_control", Kind.UINT8, 0, 1, "C.1.2.15"),
    Row((66,), "management_event_control", Kind.UINT32, 0, U32, "C.1.2.16"),
    *(row._replace(files=ANY_FILE) for row in _BOTH),
)
"""TLVs 10, 11, 34, 38, 53, 54, 55 and 66."""
