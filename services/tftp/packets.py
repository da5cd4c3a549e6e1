"""TFTP on the wire: requests, data, acknowledgements, options and errors.

Theory of operation
-------------------
Every packet starts with a 16-bit opcode in network order (RFC 1350, section 5). DATA and ACK follow it with a
16-bit block number, ERROR with a code and a text that ends in NUL. A read request (RRQ) holds the file name
and the mode, each ended by NUL, then pairs of option and value, ended by NUL too (RFC 2347). The server
answers the options it takes in an OACK of the same shape: `blksize` (RFC 2348), `tsize` (RFC 2349),
`windowsize` (RFC 7440).

`timeout` (RFC 2349) is not among them. It asks for a wait of 1 to 255 s before a packet is sent again, and an
OACK must repeat the asked value: it cannot be capped. Our own first wait is its least value, so it could only
make us slower, and keep a read whose client is gone for many times as long. An option that is not
acknowledged counts as not asked (RFC 2347).

The mode `octet` moves bytes. `netascii` moves text: the receiver makes line ends of its own out of it, so a
binary file that is sent so arrives whole at some clients (Unix) and changed at others (Windows). `mail` is
obsolete.

Parsing is bounded by the 512 bytes a request may have and never raises: an illegal packet is `None`. An
option that is unknown, repeated, out of range or cut short counts as not asked: it is not acknowledged, but
the modem still gets its read. A file name is opaque, 1 to 127 bytes (the BOOTP `file` field without its NUL),
and never a path. Bytes after an ACK are ignored for the same reason: a sloppy modem must boot, too.
"""

import struct
from collections.abc import Mapping
from typing import NamedTuple

from bus.errors import LocalError

RRQ, WRQ, DATA, ACK, ERROR, OACK = 1, 2, 3, 4, 5, 6

ERROR_UNDEFINED = 0
ERROR_UNKNOWN_TID = 5
ERROR_OPTIONS = 8  # RFC 2347: the option negotiation is refused

HEAD = struct.Struct("!HH")  # opcode and block number of DATA and ACK, opcode and code of ERROR
HEAD_BYTES = HEAD.size
NUMBER_MASK = 0xFFFF  # a block's number on the wire is its position modulo 65536
NUMBER_HALF = 0x8000  # a distance below this is behind, from this on ahead

REQUEST_BYTES_MAX = 512  # RFC 2347, section 2
NAME_BYTES_MAX = 127  # the BOOTP `file` field is 128 bytes with its NUL
ERROR_TEXT_CHARS_MAX = 80  # enough for a log line; the text is the peer's
VALUE_DIGITS_MAX = 10  # no option of ours has a longer value
BLKSIZE_DEFAULT_BYTES = 512

OCTET = b"octet"
NETASCII = b"netascii"

BLKSIZE = b"blksize"
TSIZE = b"tsize"
WINDOWSIZE = b"windowsize"

REQUEST_LIMITS: Mapping[bytes, tuple[int, int]] = {
    BLKSIZE: (8, 65464),
    TSIZE: (0, 0),
    WINDOWSIZE: (1, 65535),
}
OACK_LIMITS: Mapping[bytes, tuple[int, int]] = {**REQUEST_LIMITS, TSIZE: (0, 10**VALUE_DIGITS_MAX - 1)}

_OPCODE = struct.Struct("!H")
_RRQ_HEAD = _OPCODE.pack(RRQ)
_OACK_HEAD = _OPCODE.pack(OACK)


class Request(NamedTuple):
    """One read in octet mode and the options it asks for, or one in netascii, whose options do not matter.
    None and False mean not asked.
    """

    name: bytes
    blksize: int | None = None
    tsize: bool = False
    windowsize: int | None = None  # blocks sent before an ACK is waited for
    is_netascii: bool = False


class ErrorPacket(NamedTuple):
    """An ERROR packet: its code and its text, made printable and cut to 80 characters."""

    code: int
    text: str


def parse_opcode(data: bytes) -> int | None:
    """The opcode; None for a packet shorter than the four bytes that every packet has."""
    return HEAD.unpack_from(data)[0] if len(data) >= HEAD_BYTES else None


def parse_request(data: bytes) -> Request | None:
    """A read request in octet or netascii mode (any case); None for any other packet (RFC 1350, section 5;
    RFC 2347).
    """
    if len(data) > REQUEST_BYTES_MAX or data[:2] != _RRQ_HEAD:
        return None
    fields = data[2:].split(b"\0")
    if len(fields) < 3:
        return None
    name = fields[0]
    if not 0 < len(name) <= NAME_BYTES_MAX:
        return None
    mode = fields[1].lower()
    if mode != OCTET:
        return Request(name, is_netascii=True) if mode == NETASCII else None
    if len(fields) == 3:
        return Request(name)
    asked: dict[bytes, int] = {}
    for option, text in zip(fields[2:-1:2], fields[3:-1:2], strict=False):
        value = _value(text)
        low, high = REQUEST_LIMITS.get(option.lower(), (1, 0))
        if value is not None and low <= value <= high:
            asked.setdefault(option.lower(), value)
    return Request(name, asked.get(BLKSIZE), TSIZE in asked, asked.get(WINDOWSIZE))


def format_request(request: Request) -> bytes:
    """The RRQ packet; LocalError when the name or an option's value is not legal."""
    if not 0 < len(request.name) <= NAME_BYTES_MAX or b"\0" in request.name:
        raise LocalError(f"a TFTP file name has 1 to {NAME_BYTES_MAX} bytes and no NUL, not {request.name!r}")
    options: dict[bytes, int] = {}
    if request.blksize is not None:
        options[BLKSIZE] = request.blksize
    if request.tsize:
        options[TSIZE] = 0
    if request.windowsize is not None:
        options[WINDOWSIZE] = request.windowsize
    for option, value in options.items():
        low, high = REQUEST_LIMITS[option]
        if not low <= value <= high:
            raise LocalError(f"TFTP option {option.decode()} is {low} to {high}, not {value}")
    mode = NETASCII if request.is_netascii else OCTET
    return b"%b%b\0%b\0%b" % (_RRQ_HEAD, request.name, mode, _format_options(options))


def parse_oack(data: bytes) -> dict[bytes, int] | None:
    """Options in lower case and their values; None unless every one is known, legal and given once."""
    fields = data[2:].split(b"\0")
    if len(data) > REQUEST_BYTES_MAX or data[:2] != _OACK_HEAD or len(fields) % 2 == 0 or fields[-1]:
        return None
    options: dict[bytes, int] = {}
    for option, text in zip(fields[:-1:2], fields[1::2], strict=True):
        value = _value(text)
        low, high = OACK_LIMITS.get(option.lower(), (1, 0))
        if value is None or not low <= value <= high or option.lower() in options:
            return None
        options[option.lower()] = value
    return options or None


def format_oack(options: Mapping[bytes, int]) -> bytes:
    """The OACK packet for options in lower case and their values (RFC 2347, section 3)."""
    return _OACK_HEAD + _format_options(options)


def parse_error(data: bytes) -> ErrorPacket | None:
    """Code and text of an ERROR packet; a text without its NUL is taken to the end (RFC 1350, section 5)."""
    if len(data) < HEAD_BYTES:
        return None
    opcode, code = HEAD.unpack_from(data)
    if opcode != ERROR:
        return None
    raw = data[HEAD_BYTES : HEAD_BYTES + ERROR_TEXT_CHARS_MAX].split(b"\0", 1)[0]
    return ErrorPacket(code, "".join(chr(byte) if 32 <= byte < 127 else "?" for byte in raw))


def format_error(code: int, text: str) -> bytes:
    """The ERROR packet for a code and an ASCII text."""
    return HEAD.pack(ERROR, code) + text.encode("ascii") + b"\0"


def _format_options(options: Mapping[bytes, int]) -> bytes:
    return b"".join(b"%b\0%d\0" % pair for pair in options.items())


def _value(text: bytes) -> int | None:
    return int(text) if len(text) <= VALUE_DIGITS_MAX and text.isdigit() else None
