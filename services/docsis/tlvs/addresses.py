"""IP addresses, prefixes, endpoints and MAC addresses: from their text to bytes and back.

The text given back is the canonical one: RFC 5952 for IPv6, colons and small letters for a MAC address. An
endpoint is an address and a UDP port (RFC 3419 without the type): `192.0.2.1:162`, `[2001:db8::1]:162`. A
prefix has 16 bytes of address and one of length: `2001:db8::/56`.
"""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Final

from services.docsis.errors import DocsisError, shown
from services.docsis.placeholders import address_field

IPV4_BYTES: Final = 4
IPV6_BYTES: Final = 16
PREFIX_BYTES: Final = 17
MAC_BYTES: Final = 6
_PORT_BYTES = 2

_MAC = re.compile(r"[0-9A-Fa-f]{2}([:-]?[0-9A-Fa-f]{2}){5}|[0-9A-Fa-f]{4}(\.[0-9A-Fa-f]{4}){2}")
_PREFIX = re.compile(r"([0-9A-Fa-f:.]{2,45})/([0-9]{1,3})")
_ENDPOINT = re.compile(r"(?:\[([0-9A-Fa-f:.]{2,45})\]|([0-9.]{7,15})):([0-9]{1,5})")


def ipv6_bytes(value: object, path: str) -> bytes:
    """The 16 bytes of an IPv6 address without a zone; raises DocsisError."""
    try:
        if isinstance(value, str) and "%" not in value:
            return IPv6Address(value).packed
    except AddressValueError:
        pass
    raise DocsisError(path, f"must be an IPv6 address such as 2001:db8::1 (quoted), not {shown(value)}")


def address_bytes(value: object, path: str) -> bytes:
    """The 4 or 16 bytes of an address of either family; raises DocsisError."""
    return ipv6_bytes(value, path) if isinstance(value, str) and ":" in value else address_field(value, path)


def prefix_bytes(value: object, path: str) -> bytes:
    """The 17 bytes of an IPv6 prefix; raises DocsisError."""
    match = _PREFIX.fullmatch(value) if isinstance(value, str) else None
    if match is None or int(match[2]) > IPV6_BYTES * 8:
        raise DocsisError(path, f"must be a prefix such as 2001:db8::/56 (quoted), not {shown(value)}")
    return ipv6_bytes(match[1], path) + bytes((int(match[2]),))


def endpoint_bytes(value: object, path: str) -> bytes:
    """The 6 or 18 bytes of an address and a port; raises DocsisError."""
    match = _ENDPOINT.fullmatch(value) if isinstance(value, str) else None
    if match is None or int(match[3]) > 0xFFFF:
        reason = f"must be such as '192.0.2.1:162' or '[2001:db8::1]:162' (quoted), not {shown(value)}"
        raise DocsisError(path, reason)
    address = ipv6_bytes(match[1], path) if match[1] else address_field(match[2], path)
    return address + int(match[3]).to_bytes(_PORT_BYTES, "big")


def mac_bytes(value: object, path: str) -> bytes:
    """The 6 bytes of a MAC address with colons, hyphens, a CMTS's dots or nothing between; raises
    DocsisError.
    """
    if not isinstance(value, str) or not _MAC.fullmatch(value):
        reason = f"must be a MAC address such as '00:1a:2c:00:00:01' (quoted), not {shown(value)}"
        raise DocsisError(path, reason)
    return bytes.fromhex(value.replace(":", "").replace("-", "").replace(".", ""))


def address_text(content: bytes) -> str | None:
    """The text of 4 or 16 bytes, None for any other number of bytes."""
    if len(content) == IPV4_BYTES:
        return str(IPv4Address(content))
    return str(IPv6Address(content)) if len(content) == IPV6_BYTES else None


def prefix_text(content: bytes) -> str | None:
    """The text of a prefix, None when it is not one."""
    if len(content) != PREFIX_BYTES or content[-1] > IPV6_BYTES * 8:
        return None
    return f"{IPv6Address(content[:-1])}/{content[-1]}"


def endpoint_text(content: bytes) -> str | None:
    """The text of an address and a port, None when it is neither 6 nor 18 bytes."""
    address = address_text(content[:-_PORT_BYTES])
    port = int.from_bytes(content[-_PORT_BYTES:], "big")
    if address is None:
        return None
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def mac_text(content: bytes) -> str | None:
    """The text of a MAC address, None when it has not 6 bytes."""
    return content.hex(":") if len(content) == MAC_BYTES else None
