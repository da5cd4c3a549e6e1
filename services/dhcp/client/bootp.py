"""DHCP messages as a relay agent carries them: parsing and formatting only.

Theory of operation
-------------------
RFC 951 gives a message its fixed 236 bytes, RFC 2131 its meaning, RFC 2132 its options, RFC 3046 the relay's
option 82, RFC 3527 the link selection in it: an address of the subnet that the device is in. A cable modem
takes its file name from the BOOTP field `file` and its TFTP server from `siaddr`; it ignores options 66 and
67. `file` is 128 bytes with a closing NUL, so a name has at most 127.

The simulated plant and its stand-in server exchange a `Message`, and the doctor sends one to a Kea. Unknown
options are skipped. A relayed request carries `giaddr` and hops 1, as a real server expects; a short message
is padded to the 300 bytes of BOOTP. The kind of a message makes it a request or a reply, and a message whose
op contradicts its kind is refused, so no host answers an echo of its own message.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from bus.errors import DecodeError, OversizeError

DISCOVER, OFFER, REQUEST, DECLINE, ACK, NAK, RELEASE, INFORM = range(1, 9)
UNSET = bytes(4)
FILE_BYTES_MAX = 127
MESSAGE_BYTES_MIN = 300  # RFC 1542 section 2.1
MESSAGE_BYTES_MAX = 1472  # the UDP payload of one Ethernet frame

_COOKIE = 0x63825363
_ETHERNET, _MAC_BYTES = 1, 6
_REPLIES = frozenset((OFFER, ACK, NAK))
# op htype hlen hops xid secs flags ciaddr yiaddr siaddr giaddr chaddr sname file cookie
_HEADER = struct.Struct("!BBBBIHH4s4s4s4s16s64x128sI")
_PAD, _END = 0, 255
_REQUESTED, _LEASE, _OVERLOAD, _KIND, _SERVER, _VENDOR, _CLIENT, _RELAY = 50, 51, 52, 53, 54, 60, 61, 82
_CIRCUIT, _REMOTE, _LINK = 1, 2, 5
_FIXED_BYTES = {_REQUESTED: 4, _LEASE: 4, _KIND: 1, _SERVER: 4}


class Message(NamedTuple):
    """One DHCP message. Addresses are 4 packed bytes; an absent option is empty."""

    kind: int
    xid: int
    chaddr: bytes
    giaddr: bytes = UNSET
    ciaddr: bytes = UNSET
    yiaddr: bytes = UNSET
    siaddr: bytes = UNSET
    file: bytes = b""
    requested: bytes = b""
    lease_s: int | None = None
    server_id: bytes = b""
    vendor_class: bytes = b""
    client_id: bytes = b""
    circuit_id: bytes = b""
    remote_id: bytes = b""
    link: bytes = b""


def address_text(address: bytes) -> str:
    """Four packed bytes as dotted text."""
    return f"{address[0]}.{address[1]}.{address[2]}.{address[3]}"


def format_message(message: Message) -> bytes:
    """The datagram of `message`, at least 300 bytes; OversizeError when a field does not fit."""
    if len(message.file) > FILE_BYTES_MAX:
        raise OversizeError(len(message.file), FILE_BYTES_MAX)
    reply = message.kind in _REPLIES
    header = _HEADER.pack(
        2 if reply else 1,
        _ETHERNET,
        _MAC_BYTES,
        0 if reply or message.giaddr == UNSET else 1,
        message.xid,
        0,
        0,
        message.ciaddr,
        message.yiaddr,
        message.siaddr,
        message.giaddr,
        message.chaddr,
        message.file,
        _COOKIE,
    )
    lease = b"" if message.lease_s is None else message.lease_s.to_bytes(4, "big")
    relay = (
        _option(_CIRCUIT, message.circuit_id)
        + _option(_REMOTE, message.remote_id)
        + _option(_LINK, message.link)
    )
    data = b"".join(
        (
            header,
            _option(_KIND, bytes((message.kind,))),
            _option(_REQUESTED, message.requested),
            _option(_LEASE, lease),
            _option(_SERVER, message.server_id),
            _option(_VENDOR, message.vendor_class),
            _option(_CLIENT, message.client_id),
            _option(_RELAY, relay),  # last, RFC 3046 section 2.1
            b"\xff",
        )
    )
    return data.ljust(MESSAGE_BYTES_MIN, b"\0")


def parse_message(data: bytes) -> Message:
    """The message in one datagram; DecodeError if it is none."""
    if not _HEADER.size < len(data) <= MESSAGE_BYTES_MAX:
        raise DecodeError(f"DHCP message of {len(data)} bytes")
    op, htype, hlen, _hops, xid, _secs, _flags, ciaddr, yiaddr, siaddr, giaddr, chaddr, file, cookie = (
        _HEADER.unpack_from(data)
    )
    if cookie != _COOKIE or htype != _ETHERNET or hlen != _MAC_BYTES:
        raise DecodeError("not a DHCP message of an Ethernet device")
    options = _options(data, _HEADER.size, len(data), closed=True)
    for code, size in _FIXED_BYTES.items():
        if len(options.get(code, bytes(size))) != size:
            raise DecodeError(f"DHCP option {code} is not {size} bytes long")
    kind = options.get(_KIND, UNSET)[0]
    if not DISCOVER <= kind <= INFORM or op != (2 if kind in _REPLIES else 1):
        raise DecodeError(f"DHCP message of kind {kind} with op {op}")
    if _OVERLOAD in options:
        raise DecodeError("DHCP option overload: `file` is not a name")
    relay = options.get(_RELAY, b"")
    agent = _options(relay, 0, len(relay), closed=False)
    return Message(
        kind=kind,
        xid=xid,
        chaddr=chaddr[:_MAC_BYTES],
        giaddr=giaddr,
        ciaddr=ciaddr,
        yiaddr=yiaddr,
        siaddr=siaddr,
        file=file.partition(b"\0")[0][:FILE_BYTES_MAX],
        requested=options.get(_REQUESTED, b""),
        lease_s=int.from_bytes(options[_LEASE], "big") if _LEASE in options else None,
        server_id=options.get(_SERVER, b""),
        vendor_class=options.get(_VENDOR, b""),
        client_id=options.get(_CLIENT, b""),
        circuit_id=agent.get(_CIRCUIT, b""),
        remote_id=agent.get(_REMOTE, b""),
        link=agent.get(_LINK, b""),
    )


def _option(code: int, value: bytes) -> bytes:
    if not value:
        return b""
    if len(value) > 255:
        raise OversizeError(len(value), 255)
    return bytes((code, len(value))) + value


def _options(data: bytes, at: int, end: int, *, closed: bool) -> dict[int, bytes]:
    """Code to value, repeated codes joined (RFC 3396); `closed` lists know padding and need the end mark."""
    options: dict[int, bytes] = {}
    while at < end:
        code = data[at]
        if closed and code == _END:
            return options
        if closed and code == _PAD:
            at += 1
            continue
        if at + 1 >= end or at + 2 + data[at + 1] > end:
            raise DecodeError(f"DHCP option {code} runs past its end")
        value = data[at + 2 : at + 2 + data[at + 1]]
        options[code] = options[code] + value if code in options else value
        at += 2 + len(value)
    if closed:
        raise DecodeError("DHCP options without an end mark")
    return options
