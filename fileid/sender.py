"""The minter that sent rows, and which of them can be its own.

A row is believed under its minter's names and of its time alone:

- A name that a DHCP server gives out (`fileid.given`) belongs to the minters that follow such a server, and
  its row is of a lease. Every other name is sealed, and belongs to the owner of its key: the first characters
  of a name tell the key, so nothing is opened to see it.
- A row was minted at most `AGO_S_MAX` before it was sent and at most `AHEAD_S_MAX` after, by the clock of its
  sender. Its life counts from its arrival all the same.

A key id that nobody here has belongs to nobody, and its rows are taken from every minter: a CFM that lacks a
key serves by rows alone, and a name that no key of ours opens is no name of another minter that we know.
"""

from collections.abc import Iterable
from typing import NamedTuple

from fileid.given import Given
from fileid.row import (
    HEAD,
    IPV4_BODY_BYTES_MAX,
    IPV4_STARTS,
    LEASED_START,
    MINTED,
    MINTER,
    NAME_BYTES_MAX,
    VALUES_BYTES_MAX,
    head_bytes,
)
from fileid.seal import HEAD_CHARACTERS, Opener

AGO_S_MAX = 65.0
"""A row that is older serves nobody: its modem has started over with DHCP."""
AHEAD_S_MAX = 5.0
"""A DHCP server writes its leases by whole seconds, and its clock may be another one than its sidecar's."""

OBJECTIONS = ("malformed", "foreign_name", "untimely")
"""Why a row cannot be its sender's own."""

_AGO_MS_MAX, _AHEAD_MS_MAX = AGO_S_MAX * 1000, AHEAD_S_MAX * 1000
_NOTHING_GIVEN = Given()


class Sender(NamedTuple):
    """A minter by its packed number, the `heads` of its sealed names, the names that it gives out, and the
    moment at which it sent its rows (Unix ms of its clock).
    """

    number: bytes
    heads: frozenset[bytes]
    given: Given
    sent_ms: int

    def objection(self, name: bytes, body: bytes) -> str:
        """Why this row is not taken from it (one of `OBJECTIONS`); empty if it is."""
        size = head_bytes(body)
        if not (
            0 < len(name) <= NAME_BYTES_MAX
            and HEAD.size <= size <= len(body) <= size + VALUES_BYTES_MAX
            and body[MINTER] == self.number
        ):
            return "malformed"
        if not (
            self.given.is_key(name) if body[:2] == LEASED_START else name[:HEAD_CHARACTERS] in self.heads
        ):
            return "foreign_name"
        return "" if is_timely(int.from_bytes(body[MINTED], "big"), self.sent_ms) else "untimely"

    def may_send(self, names: list[bytes], bodies: list[bytes]) -> bool:
        """Whether nothing is objected to any of these IPv4 rows of one kind; at a third of the cost."""
        starts = {body[:2] for body in bodies}
        times = [body[MINTED] for body in bodies]
        return (
            all(names)
            and max(map(len, names)) <= NAME_BYTES_MAX
            and HEAD.size <= min(map(len, bodies))
            and max(map(len, bodies)) <= IPV4_BODY_BYTES_MAX
            and {body[MINTER] for body in bodies} == {self.number}
            and is_timely(int.from_bytes(min(times), "big"), self.sent_ms)
            and is_timely(int.from_bytes(max(times), "big"), self.sent_ms)
            and (
                all(map(self.given.is_key, names))
                if starts == {LEASED_START}
                else starts <= IPV4_STARTS
                and LEASED_START not in starts
                and {name[:HEAD_CHARACTERS] for name in names} <= self.heads
            )
        )


class Senders:
    """The minters whose names `opener` opens, and `givers`, which bring the rows of `given` names."""

    def __init__(self, opener: Opener, given: Given, givers: Iterable[int]) -> None:
        self._opener = opener
        self._given = given
        self._givers = {number.to_bytes(4, "big") for number in givers}

    def find(self, number: bytes, sent_ms: int) -> Sender:
        """The minter of this packed number, which sent something at `sent_ms` (Unix) of its own clock."""
        given = self._given if number in self._givers else _NOTHING_GIVEN
        return Sender(number, self._opener.heads(number), given, sent_ms)


def is_timely(minted_ms: int, sent_ms: int) -> bool:
    """Whether a row may have been minted then if it was sent at `sent_ms`, both by its sender's clock."""
    return -_AHEAD_MS_MAX <= sent_ms - minted_ms <= _AGO_MS_MAX
