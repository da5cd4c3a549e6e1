"""Leases of a DHCP server that does not ask us: the messages between its follower and the minter of its rows.

A follower reads the server's journal and reports `Leased`, a batch at a time. The minter answers with
`StorePosition` when every row of a batch and of those before it is settled: after a restart the follower goes
on there, and a lease that it reports twice makes the same row again.
"""

import hashlib
import re
from collections import OrderedDict
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network
from typing import Any, NamedTuple

SERIAL_BYTES = 8
DEVICE_BYTES = 6
_TYPED = b"\0\6"
_BETWEEN = re.compile(rb"[:.-]")
_HEX = re.compile(rb"[0-9A-Fa-f]{2}(?:[:.-]?[0-9A-Fa-f]{2}){5}")


class Lease(NamedTuple):
    """An address that was granted or renewed. Addresses are packed; the options may be empty.

    `granted_s` is Unix time in whole seconds, as the server wrote it down.
    """

    device: bytes
    address: bytes
    granted_s: int
    subnet_id: int
    circuit_id: bytes = b""
    remote_id: bytes = b""


def lease_serial(device: bytes, address: bytes, granted_s: int) -> bytes:
    """The serial of the row for a lease: every report of that lease makes the same one."""
    return hashlib.sha256(device + address + granted_s.to_bytes(8, "big")).digest()[:SERIAL_BYTES]


class Whereabouts:
    """Behind which modem each adapter was seen last, by option 82: a MAC that shows up behind two is cloned,
    or its adapter was moved. Of the devices seen last, `devices_max` are remembered.
    """

    def __init__(self, devices_max: int = 50_000) -> None:
        self.forgotten = 0
        """Devices that made room for others: a move of theirs is not seen."""
        self._devices_max = devices_max
        self._behind: OrderedDict[bytes, bytes] = OrderedDict()

    def moved_from(self, lease: Lease) -> bytes:
        """The remote id behind which this device was before; empty if it was there, or is new to us."""
        if not lease.remote_id:
            return b""
        before = self._behind.pop(lease.device, lease.remote_id)
        self._behind[lease.device] = lease.remote_id
        if len(self._behind) > self._devices_max:
            self._behind.popitem(last=False)
            self.forgotten += 1
        return b"" if before == lease.remote_id else before


class Leased(NamedTuple):
    """The new leases in the journal since the last look.

    `position` is the follower's own mark behind the last of them. `since` is a time when the journal did not
    hold them yet, in seconds of the runner's clock: an upper bound of their age.
    """

    leases: list[Lease]
    position: Any
    since: float


class LeasesRead(NamedTuple):
    """Every lease that the server had written was reported."""


class ExcuseServer(NamedTuple):
    """An operator reloads the server: for `seconds` its silence does not mean that it is gone. 0 ends the
    reload.
    """

    seconds: float


class StorePosition(NamedTuple):
    """Every row up to this mark is settled."""

    position: Any


class LeaseFile(NamedTuple):
    """A file name that the server gives out, and the leases it is for.

    `kind` is cm or mta, `cfms` are the instances that the server may name for it. Without subnets and
    networks it is for every address. `takes_no_remote_id` is for cable modems whose CMTS writes none.
    """

    kind: str
    name: str
    cfms: tuple[str, ...]
    subnet_ids: frozenset[int] = frozenset()
    networks: tuple[IPv4Network, ...] = ()
    takes_no_remote_id: bool = False


def choose_file(lease: Lease, files: Sequence[LeaseFile]) -> LeaseFile | None:
    """The first file that this lease is for; None if there is none.

    A lease is a cable modem's if its remote id is its own hardware address (its CMTS writes it, option 82.2),
    else an adapter's. A lease without a remote id that no adapter's file holds gets the first matching file
    that `takes_no_remote_id`.
    """
    is_modem = named_device(lease.remote_id) == lease.device
    kind = "cm" if is_modem else "mta"
    found = next((file for file in files if file.kind == kind and _holds(file, lease)), None)
    if found is None and not lease.remote_id:
        found = next((file for file in files if file.takes_no_remote_id and _holds(file, lease)), None)
    return found


def named_device(remote_id: bytes) -> bytes | None:
    """The hardware address in a remote id (6 bytes); None if it has no form that CMTSs write: the address,
    the same behind its type 0 and length 6, or in hex as people write it.

    >>> named_device(b"\\0\\6\\0\\x1a\\x2c\\0\\0\\1").hex()
    '001a2c000001'
    >>> named_device(b"001A.2C00.0001").hex()
    '001a2c000001'
    """
    if len(remote_id) == DEVICE_BYTES:
        return remote_id
    if len(remote_id) == len(_TYPED) + DEVICE_BYTES and remote_id.startswith(_TYPED):
        return remote_id[len(_TYPED) :]
    if _HEX.fullmatch(remote_id):
        return bytes.fromhex(_BETWEEN.sub(b"", remote_id).decode())
    return None


def _holds(file: LeaseFile, lease: Lease) -> bool:
    if (not file.subnet_ids and not file.networks) or lease.subnet_id in file.subnet_ids:
        return True
    if not file.networks:
        return False
    address = IPv4Address(lease.address)
    return any(address in network for network in file.networks)
