"""A lease journal of an old plant: made by the lab, loaded by a real Kea.

Its leases are modems' own, granted between one and twenty hours ago and good for a day, in the format of Kea
2.2. They have addresses outside the pools and MACs of their own, so they collide with no device. The lines
are in the order in which the leases were granted, as in a journal that was never cleaned up.
"""

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from bus.device import parse_device
from services.dhcp.kea.doctor.signs import header
from services.lab.network.addresses import ESTABLISHED_FIRST

HEADER = header("2.2.0")
LIFETIME_S = 86400
YOUNGEST_S, OLDEST_S = 3600, 72000
SUBNET_ID = 1
_NAMES = HEADER.split(",")
_ADDRESS, _DEVICE, _LIFETIME, _EXPIRE, _STATE = (
    _NAMES.index(name) for name in ("address", "hwaddr", "valid_lifetime", "expire", "state")
)
_WIDTH = len(_NAMES)
_AT_ONCE = 20_000
_MAC_PREFIX = "02:4c:4a"
_FIRST = int.from_bytes(ESTABLISHED_FIRST, "big")
_OPTION_82 = "0x010480000001" + "0206"
"""The circuit id of a cable interface, and the head of a remote id of six bytes: the device's own MAC."""


class GrantedLease(NamedTuple):
    """A lease as Kea stored it: device, address, and the whole second of Unix time when it was granted."""

    device: str
    address: str
    granted_s: int

    def packed_device(self) -> bytes:
        """Its MAC."""
        return parse_device(self.device)

    def packed_address(self) -> bytes:
        """Its address."""
        return IPv4Address(self.address).packed


def established(number: int) -> tuple[str, str]:
    """Device and address of the lease of this number."""
    at, low = _FIRST + number, f"{number:06x}"
    return (
        f"{_MAC_PREFIX}:{low[:2]}:{low[2:4]}:{low[4:]}",
        f"{at >> 24}.{at >> 16 & 255}.{at >> 8 & 255}.{at & 255}",
    )


def journal_lines(leases: int, now_s: int) -> Iterator[str]:
    """The header and a line for each lease, the oldest first; `now_s` is Unix time."""
    yield f"{HEADER}\n"
    for number in range(leases):
        device, address = established(number)
        expire_s = now_s - OLDEST_S + (OLDEST_S - YOUNGEST_S) * number // leases + LIFETIME_S
        option_82 = _OPTION_82 + device.replace(":", "").upper()
        context = f'{{ "ISC": {{ "relay-agent-info": "{option_82}" }} }}'
        yield f"{address},{device},01:{device},{LIFETIME_S},{expire_s},{SUBNET_ID},0,0,,0,{context}\n"


def write_journal(path: Path, leases: int, now_s: int) -> None:
    """Write such a journal."""
    lines = journal_lines(leases, now_s)
    with path.open("w") as file:
        while part := "".join(islice(lines, _AT_ONCE)):
            file.write(part)


def granted(paths: Iterable[Path], since_s: int, until_s: int) -> set[GrantedLease]:
    """The leases in these journals of Kea's that were granted from `since_s` up to, and without, `until_s`. A
    missing file holds none, and a torn line is none.
    """
    found: set[GrantedLease] = set()
    for path in paths:
        try:
            with path.open("rb") as file:
                found.update(one for line in file if (one := _granted(line, since_s, until_s)) is not None)
        except FileNotFoundError:
            continue
    return found


def _granted(line: bytes, since_s: int, until_s: int) -> GrantedLease | None:
    fields = line.split(b",")
    if len(fields) < _WIDTH or not fields[_EXPIRE].isdigit():
        return None
    lifetime_s = int(fields[_LIFETIME])
    granted_s = int(fields[_EXPIRE]) - lifetime_s
    if not since_s <= granted_s < until_s or lifetime_s <= 0 or fields[_STATE] != b"0":
        return None
    return GrantedLease(fields[_DEVICE].decode(), fields[_ADDRESS].decode(), granted_s)
