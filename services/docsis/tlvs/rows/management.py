"""Rows of management: SNMP access, notification receivers, event control.

SNMP coexistence and access views stand in the same form in the file of a telephone adapter (PacketCable
1.5 provisioning) and in the settings of an eRouter. Sections are those of MULPI 3.1, Annex C.
"""

from __future__ import annotations

from typing import Final

from services.docsis.tlv import LONG_VALUE_BYTES_MAX
from services.docsis.tlvs.rows.tlv_row import ANY_FILE, U16, U32, VALUE, TlvRow, ValueKind, under

COEXISTENCE: Final = (
    TlvRow((53,), "snmp_v1v2c_coexistence", ValueKind.GROUP, 1, VALUE, "C.1.2.13"),
    TlvRow((53, 1), "community_name", ValueKind.TEXT, 1, VALUE, "C.1.2.13.1"),
    TlvRow((53, 2), "transport_address_access", ValueKind.GROUP, 1, VALUE, "C.1.2.13.2"),
    TlvRow((53, 2, 1), "transport_address", ValueKind.ENDPOINT, 6, 18, "C.1.2.13.2.1"),
    TlvRow((53, 2, 2), "transport_address_mask", ValueKind.ENDPOINT, 6, 18, "C.1.2.13.2.2"),
    TlvRow((53, 3), "access_view_type", ValueKind.UINT8, 1, 2, "C.1.2.13.3"),
    TlvRow((53, 4), "access_view_name", ValueKind.TEXT, 1, VALUE, "C.1.2.13.4"),
    TlvRow((54,), "snmp_v3_access_view", ValueKind.GROUP, 1, VALUE, "C.1.2.14"),
    TlvRow((54, 1), "name", ValueKind.TEXT, 1, VALUE, "C.1.2.14.1"),
    TlvRow((54, 2), "subtree", ValueKind.OBJECT_ID, 1, VALUE, "C.1.2.14.2"),
    TlvRow((54, 3), "mask", ValueKind.HEX, 1, VALUE, "C.1.2.14.3"),
    TlvRow((54, 4), "type", ValueKind.UINT8, 1, 2, "C.1.2.14.4"),
)
"""TLVs 53 and 54."""

_NOTIFICATION_RECEIVER = (
    TlvRow((1,), "ipv4_address", ValueKind.IPV4, 4, 4, "C.1.2.12.1"),
    TlvRow((2,), "udp_port", ValueKind.UINT16, 0, U16, "C.1.2.12.2"),
    TlvRow((3,), "trap_type", ValueKind.UINT16, 1, 5, "C.1.2.12.3"),
    TlvRow((4,), "timeout", ValueKind.UINT16, 0, U16, "C.1.2.12.4", "ms"),
    TlvRow((5,), "retries", ValueKind.UINT16, 0, U16, "C.1.2.12.5"),
    TlvRow((6,), "filtering_parameters", ValueKind.OBJECT_ID, 1, VALUE, "C.1.2.12.6"),
    TlvRow((7,), "security_name", ValueKind.TEXT, 1, VALUE, "C.1.2.12.7"),
    TlvRow((8,), "ipv6_address", ValueKind.IPV6, 16, 16, "C.1.2.12.8"),
)

_BOTH = (
    TlvRow((11,), "snmp_set", ValueKind.VARBIND, 1, LONG_VALUE_BYTES_MAX, "C.1.2.5"),
    TlvRow((38,), "snmp_v3_notification_receiver", ValueKind.GROUP, 1, VALUE, "C.1.2.12"),
    *under((38,), _NOTIFICATION_RECEIVER),
    *COEXISTENCE,
)

SNMP: Final = (
    TlvRow((10,), "snmp_write_access_control", ValueKind.WRITE_CONTROL, 4, VALUE, "C.1.2.4"),
    TlvRow((34,), "snmp_v3_kickstart", ValueKind.GROUP, 1, VALUE, "C.1.2.9"),
    TlvRow((34, 1), "security_name", ValueKind.TEXT, 1, 16, "C.1.2.9.1"),
    TlvRow((34, 2), "manager_public_number", ValueKind.HEX, 1, VALUE, "C.1.2.9.2"),
    TlvRow((55,), "snmp_cpe_access_control", ValueKind.UINT8, 0, 1, "C.1.2.15"),
    TlvRow((66,), "management_event_control", ValueKind.UINT32, 0, U32, "C.1.2.16"),
    *(row._replace(files=ANY_FILE) for row in _BOTH),
)
"""TLVs 10, 11, 34, 38, 53, 54, 55 and 66."""
