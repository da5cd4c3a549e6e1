"""The reads of an attacker: names, and the addresses from which he asks for them.

Theory of operation
-------------------
He has seen names on the wire. Some belong to devices that completed their read (*spent*), others are still
good (*live*), and some are of long ago (*expired*). He can send from any address, also from that of an owner.
His reads are:

    guess       a real name with a few characters changed, from anywhere
    replay      a spent name from anywhere; from its owner's address at the CFM that served it (another
                CFM knows only the name's age: single download holds per CFM)
    foreign     a live name, from an address that is not its owner's
    owner       a changed name from the address of a live one's owner
    traversal   paths that a careless server would open
    expired     an expired name, from its owner's address
    shared      the name of a class of service, which many modems read
    ack         no read: the acknowledgement of a block that was sent to somebody else

Every other one comes from the /24 of a legitimate modem, so a CFM that blocks a network blocks customers.
Behind a CMTS that proxies TFTP it comes from the CMTS, where a name alone is believed: there he does not use
names that are good, or that another CFM may not know to be spent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import cycle
from random import Random
from typing import NamedTuple

from services.tftp.packets import ACK, HEAD, Request, format_request

NAME_CHARACTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
CHANGED = 3
BLOCKS = 16  # a file of ours has fewer
TRAVERSALS = (
    b"../../../../etc/passwd",
    b"..\\..\\..\\boot.ini",
    b"/etc/shadow",
    b"....//....//etc/hosts",
    b"%2e%2e%2fetc%2fpasswd",
    b"cmts.secret",
    b"./../keys/seal/dhcp-1.key",
    b"x" * 127,
)


class Bait(NamedTuple):
    """A name that was minted for the attack: its owner's address and the CFM that has its row."""

    name: bytes
    owner: str
    server: str


class SeenNames(NamedTuple):
    """What he has seen: names by what they are worth, and the names of classes of service."""

    spent: Sequence[Bait]
    live: Sequence[Bait]
    expired: Sequence[Bait]
    shared: Sequence[bytes]


class Places(NamedTuple):
    """The CFMs, and where he sends from: `strangers` are addresses of no customer, `neighbours` addresses in
    the /24s of modems, or those of the CMTS that reads for them.
    """

    servers: Sequence[str]
    strangers: Sequence[str]
    neighbours: Sequence[str]
    behind_proxy: bool = False


class Shot(NamedTuple):
    """One packet: its source address, the CFM's address and port (0: the well-known one), and its bytes."""

    source: str
    server: str
    packet: bytes
    port: int = 0


class Arsenal:
    """An endless, seeded supply of packets that no CFM may answer."""

    def __init__(self, seen: SeenNames, places: Places, random: Random) -> None:
        self._seen = seen
        self._places = places
        self._random = random
        self._ports: list[tuple[str, int]] = []
        self._kinds: Mapping[str, Callable[[str, str, bool], Shot]] = {
            "guess": lambda source, server, _: _read(source, server, self._guess()),
            "replay": self._replay,
            "foreign": self._foreign,
            "owner": lambda _, server, __: _read(random.choice(seen.live).owner, server, self._guess()),
            "traversal": lambda source, server, _: _read(source, server, random.choice(TRAVERSALS)),
            "expired": self._expired,
            "shared": lambda source, server, _: _read(source, server, random.choice(seen.shared)),
            "ack": self._ack,
        }
        self._turns = cycle([(kind, is_near) for is_near in (False, True) for kind in self._kinds])

    def sources(self) -> set[str]:
        """The addresses from which a shot may come."""
        seen = self._seen
        owners = {bait.owner for bait in (*seen.spent, *seen.live, *seen.expired)}
        return {*self._places.strangers, *self._places.neighbours, *owners}

    def sends_from(self, server: str, port: int) -> None:
        """A CFM sends files from this port."""
        if (server, port) not in self._ports:
            self._ports.append((server, port))

    def next(self) -> Shot:
        """The next packet; the kinds and the places take turns."""
        kind, is_near = next(self._turns)
        source = self._random.choice(self._places.neighbours if is_near else self._places.strangers)
        return self._kinds[kind](source, self._random.choice(self._places.servers), is_near)

    def _replay(self, source: str, server: str, is_near: bool) -> Shot:
        bait = self._random.choice(self._seen.spent)
        if is_near:
            source, server = bait.owner, bait.server
        return _read(source, server, bait.name)

    def _foreign(self, source: str, server: str, is_near: bool) -> Shot:
        if is_near and self._places.behind_proxy:
            source = self._random.choice(self._places.strangers)
        return _read(source, server, self._random.choice(self._seen.live).name)

    def _expired(self, source: str, server: str, is_near: bool) -> Shot:
        bait = self._random.choice(self._seen.expired)
        return _read(source if is_near and self._places.behind_proxy else bait.owner, server, bait.name)

    def _ack(self, source: str, server: str, is_near: bool) -> Shot:
        server, port = self._random.choice(self._ports or [(server, 0)])
        return Shot(source, server, HEAD.pack(ACK, self._random.randint(1, BLOCKS)), port)

    def _guess(self) -> bytes:
        """A live name with `CHANGED` characters replaced: version, key and mask stay as they are."""
        name = bytearray(self._random.choice(self._seen.live).name)
        sealed = name.index(b".")
        for at in self._random.sample(range(4, sealed), CHANGED):
            name[at] = self._random.choice(NAME_CHARACTERS.replace(name[at : at + 1], b""))
        return bytes(name)


def _read(source: str, server: str, name: bytes) -> Shot:
    return Shot(source, server, format_request(Request(name)))
