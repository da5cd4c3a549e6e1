"""The reads of an attacker: names, and the addresses from which he asks for them.

Theory of operation
-------------------
He has seen names on the wire. Some belong to devices that completed their read (*spent*), others are still
good (*live*). He can send from any address, also from that of an owner. His reads are:

    guess       a real name with a few characters changed, from anywhere
    replay      a spent name from anywhere; from its owner's address at the CFM that served it (another
                CFM knows only the name's age: single download holds per CFM)
    foreign     a live name, from an address that is not its owner's
    owner       a changed name from the address of a live one's owner
    traversal   paths that a careless server would open

Every other read comes from the /24 of a legitimate modem, so a CFM that blocks a network blocks customers.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import NamedTuple

from services.tftp.packets import Request, format_request

NAME_CHARACTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
CHANGED = 3
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


class Shot(NamedTuple):
    """One read request: its source address, the CFM's address, and the packet."""

    source: str
    server: str
    packet: bytes


class Arsenal:
    """An endless, seeded supply of reads that no CFM may answer.

    `strangers` are addresses of no customer, `neighbours` addresses in the /24s of modems.
    """

    def __init__(
        self,
        spent: Sequence[Bait],
        live: Sequence[Bait],
        servers: Sequence[str],
        strangers: Sequence[str],
        neighbours: Sequence[str],
        random: Random,
    ) -> None:
        self._spent = spent
        self._live = live
        self._servers = servers
        self._strangers = strangers
        self._neighbours = neighbours
        self._random = random
        self._shots = 0

    def sources(self) -> set[str]:
        """The addresses from which a shot may come."""
        owners = {bait.owner for bait in (*self._spent, *self._live)}
        return {*self._strangers, *self._neighbours, *owners}

    def next(self) -> Shot:
        """The next read; the kinds and the places take turns."""
        random = self._random
        kind, place = self._shots % 5, self._shots % 2
        self._shots += 1
        source = random.choice(self._neighbours if place else self._strangers)
        server = random.choice(self._servers)
        if kind == 0:
            name = self._guess()
        elif kind == 1:
            bait = random.choice(self._spent)
            name = bait.name
            if place:
                source, server = bait.owner, bait.server
        elif kind == 2:
            name = random.choice(self._live).name
        elif kind == 3:
            name, source = self._guess(), random.choice(self._live).owner
        else:
            name = random.choice(TRAVERSALS)
        return Shot(source, server, format_request(Request(name)))

    def _guess(self) -> bytes:
        """A live name with `CHANGED` characters replaced: version, key and mask stay as they are."""
        name = bytearray(self._random.choice(self._live).name)
        sealed = name.index(b".")
        for at in self._random.sample(range(4, sealed), CHANGED):
            name[at] = self._random.choice(NAME_CHARACTERS.replace(name[at : at + 1], b""))
        return bytes(name)
