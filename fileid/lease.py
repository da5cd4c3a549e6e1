"""Leases of a DHCP server that does not ask us: the words between whoever follows it and whoever makes rows.

A follower reads the server's journal and says `Leased`, a batch at a time. Who makes the rows answers with
`StorePosition` when every row of a batch and of those before it is settled: after a restart the follower goes
on there, and what it says twice makes the same rows again.
"""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network
from typing import Any, NamedTuple


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


class Leased(NamedTuple):
    """What the journal held between two looks at it.

    `position` is the follower's own mark behind the last of them. `since` is when the journal did not hold
    them yet, in seconds of the runner's clock: an upper bound of their age.
    """

    leases: list[Lease]
    position: Any
    since: float


class StorePosition(NamedTuple):
    """Everything up to this mark is settled."""

    position: Any


class LeaseFile(NamedTuple):
    """A file name that the server gives out, and which leases it is for.

    `kind` is cm or mta, `cfms` are the instances that the server may name for it. With neither subnets nor
    networks it is for every address.
    """

    kind: str
    name: str
    cfms: tuple[str, ...]
    subnet_ids: frozenset[int] = frozenset()
    networks: tuple[IPv4Network, ...] = ()


def choose_file(lease: Lease, files: Sequence[LeaseFile]) -> LeaseFile | None:
    """The first file that this lease is for; None if there is none.

    A cable modem is known by its own hardware address as remote id (its CMTS writes it, option 82.2), an
    adapter by where its address lies.
    """
    kind = "cm" if lease.remote_id == lease.device else "mta"
    return next((file for file in files if file.kind == kind and _holds(file, lease)), None)


def _holds(file: LeaseFile, lease: Lease) -> bool:
    if (not file.subnet_ids and not file.networks) or lease.subnet_id in file.subnet_ids:
        return True
    if not file.networks:
        return False
    address = IPv4Address(lease.address)
    return any(address in network for network in file.networks)
