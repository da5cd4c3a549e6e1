"""Kea's lease journal: one line per lease that was granted, renewed, released or declined.

Theory of operation
-------------------
The journal is the CSV file of Kea's memfile backend. Its first line names the columns; later versions of Kea
add some, so columns are found by name. There is no quoting: a comma inside a field is written `&#x2c`, any
character as `&#x` and two hex digits. `expire` is when the lease ends, `expire - valid_lifetime` when it was
granted; both in Unix time. A line of another state than 0, or of lifetime 0, takes an address away.

With `store-extended-info` the last column holds option 82 (RFC 3046) as JSON: `{"ISC": {"relay-agent-info":
"0x..."}}`, in later versions `{"relay-agent-info": {"sub-options": "0x..."}}`. The same JSON is in the answer
to `lease4-get-page`, whose entries become the same leases.
"""

import re
from collections.abc import Mapping
from ipaddress import AddressValueError, IPv4Address
from typing import Any, NamedTuple

from pydantic_core import from_json

from bus.errors import DecodeError
from bus.wire.endpoint import wrong_packed
from fileid.lease import DEVICE_BYTES, Lease

GRANTED_S_END = 1 << 38  # a row holds milliseconds in 48 bits
CIRCUIT_ID, REMOTE_ID = 1, 2
"""Sub-options of option 82, RFC 3046 section 3."""

_ESCAPED = re.compile(rb"&#x([0-9A-Fa-f]{2})")


class Header(NamedTuple):
    """The index of each column in a line, and the number of columns."""

    address: int
    hwaddr: int
    valid_lifetime: int
    expire: int
    subnet_id: int
    state: int
    user_context: int
    width: int


def parse_header(line: bytes) -> Header:
    """The columns that the journal's first line names; `DecodeError` if one that we need is missing."""
    names = line.decode(errors="replace").strip().split(",")
    missing = [name for name in Header._fields[:-1] if name not in names]
    if missing:
        raise DecodeError(f"the lease journal has no column {', '.join(missing)}: is this Kea's leases4.csv?")
    return Header._make([*map(names.index, Header._fields[:-1]), len(names)])


def is_refused(first_line: bytes) -> bool:
    """Whether Kea refuses to load a file with this first line. It begins an empty file anew."""
    try:
        parse_header(first_line)
    except DecodeError:
        return bool(first_line)
    return False


def guess_columns(line: bytes) -> Header | None:
    """The columns of a journal that has lost its first line, if this line is one of Kea's; None if not.

    Every version so far has the eleven columns of 2.2, and adds others behind them.
    """
    columns = Header(0, 1, 3, 4, 5, 9, 10, len(line.split(b",")))
    try:
        parse_line(line, columns)
    except (DecodeError, IndexError):
        return None
    return columns


def parse_line(line: bytes, columns: Header) -> Lease | None:
    """The lease in a line; None if it grants nothing to a device; `DecodeError` if it is no line of Kea's."""
    fields = split_line(line, columns)
    granted_s = granted_at(fields, columns)
    return None if granted_s is None else parse_fields(fields, columns, granted_s)


def split_line(line: bytes, columns: Header) -> list[bytes]:
    """The fields of a line; `DecodeError` if they are not as many as the columns."""
    fields = line.rstrip(b"\r\n").split(b",")
    if len(fields) != columns.width:
        raise DecodeError(f"a line has {len(fields)} columns instead of {columns.width}")
    return fields


def granted_at(fields: list[bytes], columns: Header) -> int | None:
    """When a line's lease was granted, in Unix seconds; None if it grants nothing. `DecodeError` as above.

    Most lines that are read are old ones: this is all that is looked at of them.
    """
    try:
        lifetime_s = int(fields[columns.valid_lifetime])
        if int(fields[columns.state]) != 0 or lifetime_s <= 0:
            return None
        return int(fields[columns.expire]) - lifetime_s
    except ValueError as error:
        raise DecodeError(f"a line holds something else than a number: {error}") from error


def parse_fields(fields: list[bytes], columns: Header, granted_s: int) -> Lease | None:
    """The lease of a line whose lease was granted then; None if it is no device's; `DecodeError` as above."""
    try:
        subnet_id = int(fields[columns.subnet_id])
    except ValueError as error:
        raise DecodeError(f"a line holds something else than a number: {error}") from error
    hardware, address = fields[columns.hwaddr].decode(errors="replace"), fields[columns.address]
    context = _ESCAPED.sub(_unescaped, fields[columns.user_context])
    return _lease(hardware, address.decode(errors="replace"), granted_s, subnet_id, context)


def parse_entry(entry: Mapping[str, Any]) -> Lease | None:
    """The lease in one entry of `lease4-get-page`; None and `DecodeError` as of a line."""
    try:
        if entry["state"] != 0 or entry["valid-lft"] <= 0:
            return None
        hardware, address = str(entry.get("hw-address", "")), str(entry["ip-address"])
        granted_s, subnet_id = int(entry["cltt"]), int(entry["subnet-id"])
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise DecodeError(f"an entry of lease4-get-page is not a lease: {error!r}") from error
    return _lease(hardware, address, granted_s, subnet_id, entry.get("user-context"))


def _lease(hardware: str, address: str, granted_s: int, subnet_id: int, context: Any) -> Lease | None:
    try:
        device = bytes.fromhex(hardware.replace(":", ""))
        packed = IPv4Address(address).packed
    except (AddressValueError, ValueError) as error:
        raise DecodeError(f"not an address: {error}") from error
    mistake = wrong_packed(packed)
    if mistake:
        raise DecodeError(f"{address} {mistake}")
    if not 0 <= granted_s < GRANTED_S_END:
        raise DecodeError(f"not a time: granted at {granted_s}")
    if len(device) != DEVICE_BYTES:
        return None
    if not context:
        return Lease(device, packed, granted_s, subnet_id)
    try:
        said = from_json(context) if isinstance(context, bytes) else context
        options = relay_options(said)
    except (ValueError, AttributeError) as error:
        raise DecodeError(f"a user context is not what Kea writes: {error}") from error
    return Lease(
        device, packed, granted_s, subnet_id, options.get(CIRCUIT_ID, b""), options.get(REMOTE_ID, b"")
    )


def relay_options(context: Mapping[str, Any]) -> dict[int, bytes]:
    """The sub-options of option 82 in a lease's user context, empty if it has none; `DecodeError` if they do
    not fill their lengths.
    """
    said = context.get("ISC", {}).get("relay-agent-info", "")
    if isinstance(said, Mapping):
        said = said.get("sub-options", "")
    data = bytes.fromhex(str(said).removeprefix("0x"))
    found: dict[int, bytes] = {}
    at = 0
    while at < len(data):
        end = at + 2 + (data[at + 1] if at + 1 < len(data) else 0)
        if at + 1 >= len(data) or end > len(data):
            raise DecodeError("option 82 ends within a sub-option")
        found[data[at]] = data[at + 2 : end]
        at = end
    return found


def _unescaped(found: re.Match[bytes]) -> bytes:
    return bytes.fromhex(found[1].decode())
