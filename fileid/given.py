"""Names that another DHCP server gives out by itself, without asking us for one.

Such a server knows two kinds. A *shared* name goes to every device of a class, so a row is found by it and
the address that asks. A name *per device* has the device's hardware address in it, written `{device}` in the
configuration and as twelve hex digits on the wire.

A row of a shared name is keyed by name, NUL and address. No request can ask for such a key, because NUL ends
the name there (RFC 1350, section 5); so the tables of rows need not distinguish the two kinds of names.
Neither kind is a secret: a read is valid because its address was leased within the last minute.
"""

import re
from collections.abc import Iterable

DEVICE = "{device}"


def given_name(pattern: str, device: bytes) -> bytes:
    """The file name given to a device."""
    return pattern.replace(DEVICE, device.hex()).encode("ascii")


def given_key(pattern: str, device: bytes, address: bytes) -> bytes:
    """The key of this device's row, the same that `Given.key` returns for its read."""
    name = given_name(pattern, device)
    return name if DEVICE in pattern else _shared_key(name, address)


class Given:
    """The names that may be read without a seal."""

    def __init__(self, patterns: Iterable[str] = ()) -> None:
        patterns = [*patterns]
        self._shared = {one.encode("ascii") for one in patterns if DEVICE not in one}
        own = [re.escape(one).replace(re.escape(DEVICE), "[0-9a-f]{12}") for one in patterns if DEVICE in one]
        self._own = re.compile("|".join(own).encode("ascii")) if own else None

    def __bool__(self) -> bool:
        return bool(self._shared) or self._own is not None

    @property
    def is_shared(self) -> bool:
        """Whether a name is for many devices, which nobody can tell apart behind a CMTS that proxies TFTP."""
        return bool(self._shared)

    def key(self, name: bytes, address: bytes) -> bytes | None:
        """The key of the row for this name and address; None if the name is not given out."""
        if name in self._shared:
            return _shared_key(name, address)
        return name if self._own is not None and self._own.fullmatch(name) else None

    def is_key(self, key: bytes) -> bool:
        """Whether this is a key of a name that is given out."""
        name, nul, _ = key.partition(b"\0")
        if nul:
            return name in self._shared
        return self._own is not None and self._own.fullmatch(key) is not None


def _shared_key(name: bytes, address: bytes) -> bytes:
    return name + b"\0" + address
