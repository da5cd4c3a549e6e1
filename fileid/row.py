"""The row: a device, its address and its settings. One layout, on the wire and inside the sealed name.

A row is its bytes. `body` is a packed head of 50 bytes followed by the device values as their template packs
them; the minter needs the body anyway to seal it into the name, so sending a row costs a concatenation, and
receiving one a slice. The CFM decodes the fields once, when the modem reads.

Head: flags u8, version u8, minted_ms u48 | era u16, epoch u48 | device 6 | address 4 | relay 4 | minter u32 |
generation u32 | template u32 | serial 8. Minter and template are numbers of names (`number_of`); the serial
is random and makes every FileID unique. Flag 1 marks a partial seal. Flag 2 marks an IPv6 row: the other 12
bytes of its address follow the head, which then has 62 bytes, and its relay is zero, for two IPv6 addresses
would leave no room in a name. Flag 4 marks an IPv4 row made from a lease of a DHCP server that does not ask
us: that server chose its name, so the name comes back with the device's next lease (`fileid.given`).

Frame of rows: count u16, then per row (name length u16, body length u16), then the rows, each its name and
its body.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from ipaddress import AddressValueError, IPv6Address
from itertools import chain
from struct import Struct
from typing import NamedTuple, TypeVar

from bus.envelope import Token, number_of
from bus.errors import DecodeError, LocalError, OversizeError
from bus.routes import ROUTES
from bus.wire.codec import pack_token, unpack_token

ROWS = "provbus.fileid.rows.v1"
ACK = "provbus.fileid.ack.v1"
PULL = "provbus.fileid.pull.v1"
PULLED = "provbus.fileid.pulled.v1"
HELLO = "provbus.fileid.hello.v1"
DISOWNED = "provbus.fileid.disowned.v1"

NAME_BYTES_MAX = 127  # BOOTP `file` is 128 bytes with its final zero (RFC 951)
VALUES_BYTES_MAX = 1024
ROWS_MAX = 64
LIFE_S = 60.0
OPENS_S = LIFE_S + 10.0  # a seal opens for 60 s, on a clock that may be 5 s off

_BODY_VERSION = 1
_PARTIAL = 1 << 56
_IPV6 = 2 << 56
_LEASED = 4 << 56
_TIME_MASK = (1 << 48) - 1
HEAD = Struct(">QQ6s4s4sIII8s")
IPV4_BYTES, IPV6_BYTES = 4, 16
NO_RELAY = bytes(IPV4_BYTES)
_REST_BYTES = IPV6_BYTES - IPV4_BYTES
_HEAD_BYTES = {
    bytes((flags, _BODY_VERSION)): HEAD.size + _REST_BYTES * (flags >> 1 & 1) for flags in range(5)
}
IPV4_STARTS = {bytes((flags, _BODY_VERSION)) for flags in (0, 1, 4)}
"""The flags and the version with which an IPv4 row starts: its head has `HEAD.size` bytes."""
IPV4_BODY_BYTES_MAX = HEAD.size + VALUES_BYTES_MAX
LEASED_START = bytes((4, _BODY_VERSION))
"""The flags and the version with which the row of a lease starts: a DHCP server gave its name."""
MINTED = slice(2, 8)
"""The place of the minting time in a body; it compares as times do."""
TOKEN = slice(8, 16)
"""The place of the packed token in a body; it compares as tokens do."""
MINTER = slice(30, 34)
_TEMPLATE_AT = 38
_LENGTHS = [Struct(f">{1 + 2 * count}H") for count in range(ROWS_MAX + 1)]  # by count: it, then two a row
COUNT_BYTES = _LENGTHS[0].size
"""The bytes of a frame besides its rows."""
_Item = TypeVar("_Item")
_QUAD = re.compile(r"[0-9]{1,3}(\.[0-9]{1,3}){3}")


class Fields(NamedTuple):
    """The decoded body of a row. Times are Unix ms; the address has 4 or 16 packed bytes, the relay 4."""

    partial: bool
    minted_ms: int
    token: Token
    device: bytes
    address: bytes
    relay: bytes
    minter: int
    generation: int
    template: int
    serial: bytes
    values: bytes
    leased: bool = False


class Row(NamedTuple):
    """One device's next file: its name, and its contents as a packed body."""

    name: bytes
    body: bytes

    def fields(self) -> Fields:
        """The decoded body; `DecodeError` if it is not a row's."""
        return unpack(self.body)


def pack(fields: Fields) -> bytes:
    """The body of a row; `OversizeError` for values that no row may carry."""
    if len(fields.values) > VALUES_BYTES_MAX:
        raise OversizeError(len(fields.values), VALUES_BYTES_MAX)
    flags = _PARTIAL if fields.partial else 0
    address = fields.address
    if len(address) == IPV6_BYTES:
        if fields.relay != NO_RELAY:
            raise LocalError("an IPv6 row has no relay")
        flags |= _IPV6
    if fields.leased:
        if flags:
            raise LocalError("a leased row is whole and IPv4")
        flags = _LEASED
    return (
        HEAD.pack(
            flags | _BODY_VERSION << 48 | fields.minted_ms,
            pack_token(fields.token),
            fields.device,
            address[:IPV4_BYTES],
            fields.relay,
            fields.minter,
            fields.generation,
            fields.template,
            fields.serial,
        )
        + address[IPV4_BYTES:]
        + fields.values
    )


def unpack(body: bytes) -> Fields:
    """The inverse of `pack`; `DecodeError` for anything `pack` does not make."""
    size = head_bytes(body)
    if not HEAD.size <= size <= len(body) <= size + VALUES_BYTES_MAX:
        raise DecodeError(f"row of {len(body)} bytes with flags and version {body[:2].hex()}")
    first, token, device, address, relay, minter, generation, template, serial = HEAD.unpack_from(body)
    if size != HEAD.size:
        if relay != NO_RELAY:
            raise DecodeError("an IPv6 row with a relay")
        address += body[HEAD.size : size]
    return Fields(
        bool(first & _PARTIAL),
        first & _TIME_MASK,
        unpack_token(token),
        device,
        address,
        relay,
        minter,
        generation,
        template,
        serial,
        body[size:],
        bool(first & _LEASED),
    )


def head_bytes(body: bytes) -> int:
    """The length of this body's head, in bytes; 0 for unknown flags and versions."""
    return _HEAD_BYTES.get(body[:2], 0)


def is_partial(body: bytes) -> bool:
    """Whether the name of this row holds only its head."""
    return bool(body[0] & 1)


def is_newer(body: bytes, other: bytes) -> bool:
    """Whether both are of leases, and the first of the later one: then it replaces the other."""
    return bool(body[:2] == other[:2] == LEASED_START and body[MINTED] > other[MINTED])


def is_same(body: bytes, other: bytes) -> bool:
    """Whether two rows of one name give their device the same file, whoever minted them under whatever claim:
    they differ in token, minter and generation at most.
    """
    return (
        body[: TOKEN.start] == other[: TOKEN.start]
        and body[TOKEN.stop : MINTER.start] == other[TOKEN.stop : MINTER.start]
        and body[_TEMPLATE_AT:] == other[_TEMPLATE_AT:]
    )


def mark_partial(body: bytes) -> bytes:
    """The same body, marked as one whose name holds only the head."""
    return bytes((body[0] | 1,)) + body[1:]


def pack_rows(rows: Sequence[Row]) -> bytes:
    """Many rows in one frame's data, 1 to `ROWS_MAX`."""
    count = len(rows)
    parts = [*chain.from_iterable(rows)]
    return _LENGTHS[count].pack(count, *map(len, parts)) + b"".join(parts)


def split_rows(data: bytes) -> tuple[list[bytes], list[bytes]]:
    """The names and the bodies in a frame's data; `DecodeError` if the lengths do not add up.

    The bodies are not decoded.
    """
    count = int.from_bytes(data[:2], "big")
    if not 1 <= count <= ROWS_MAX or len(data) < _LENGTHS[count].size:
        raise DecodeError(f"{count} rows in {len(data)} bytes")
    layout = _LENGTHS[count]
    start = layout.size
    parts = []
    for length in layout.unpack_from(data)[1:]:
        end = start + length
        parts.append(data[start:end])
        start = end
    if start != len(data):
        raise DecodeError(f"rows end at {start} of {len(data)} bytes")
    return parts[::2], parts[1::2]


def cut(
    items: Sequence[_Item], size_bytes: Callable[[_Item], int], bytes_max: int
) -> Iterator[Sequence[_Item]]:
    """Runs of at most `ROWS_MAX` items whose sizes together stay within `bytes_max`; one item always fits."""
    start = total = 0
    for at, item in enumerate(items):
        total += size_bytes(item)
        if at > start and (total > bytes_max or at - start == ROWS_MAX):
            yield items[start:at]
            start, total = at, size_bytes(item)
    if items:
        yield items[start:]


def largest_frame() -> int:
    """The limit of data in a frame of rows where only its class has one, in bytes."""
    return ROUTES["fileid"].payload_bytes_max


def cut_rows(rows: Sequence[Row], data_bytes_max: int) -> Iterator[Sequence[Row]]:
    """The rows of each frame whose data may have this many bytes."""
    return cut(rows, row_bytes, data_bytes_max - COUNT_BYTES)


def row_bytes(row: Row) -> int:
    """The bytes of a row in a frame's data."""
    return 4 + len(row.name) + len(row.body)


def name_bytes(name: bytes) -> int:
    """The bytes of a name in the data of a `PULL`."""
    return 1 + len(name)


def pack_names(names: Sequence[bytes]) -> bytes:
    """File names, each behind its length in one byte (`PULL`, `DISOWNED`)."""
    return b"".join(bytes((len(name),)) + name for name in names)


def unpack_names(data: bytes) -> list[bytes]:
    """The inverse of `pack_names`; `DecodeError` if the lengths do not add up or there are more than
    `ROWS_MAX`.
    """
    names: list[bytes] = []
    at = 0
    while at < len(data):
        end = at + 1 + data[at]
        if end > len(data) or len(names) == ROWS_MAX:
            raise DecodeError("names do not add up")
        names.append(data[at + 1 : end])
        at = end
    return names


def pack_address(text: object) -> bytes:
    """The 4 or 16 bytes of an address; `DecodeError` if it is none.

    An IPv4 address inside an IPv6 one (RFC 4291, section 2.5.5.2) is the IPv4 address; a zone (RFC 4007) is
    not part of the device's address and is dropped. `ipaddress` takes ten times as long, so dotted quads are
    parsed without it.
    """
    if isinstance(text, str):
        try:
            if _QUAD.fullmatch(text):
                return bytes(map(int, text.split(".")))
            found = IPv6Address(text.partition("%")[0])
            return (found.ipv4_mapped or found).packed
        except (ValueError, AddressValueError):
            pass
    raise DecodeError(f"{text!r} is not an IP address")


def template_number(class_name: str, signature: str) -> int:
    """The number of a template, from its class's name and the signature of its device values.

    A class whose placeholders change gets another number, so values packed for the old ones are never read as
    the new.
    """
    return number_of(f"{class_name} {signature}")
