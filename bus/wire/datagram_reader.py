"""Believing datagrams: the checks of one that comes in.

Theory of operation
-------------------
A receiver takes each number of a channel once and only upwards, so it delivers in order and refuses replays;
a late datagram counts as lost, and acks serve those who need delivery. An incarnation is believed once it has
answered a nonce (`bus.wire.proof`), from the numbers on that it named, and none that is older. Until then a
datagram of it is answered by a challenge, and two that challenge each other know each other after one round
trip. What the incarnation said to the group last is delivered with its answer, if nothing came after it: so a
start waits for no second beat.

The group's key is shared, so a member can write another's number, and with a great one make all that the
other says late. So the answer to a nonce is signed by the instance (`bus.wire.signature`), a number that
leaps is not taken, and a peer whose numbers are late or leap is asked again: the numbers that it names count.
The answer also names the address that it comes from. From another one the instance is not proven, so whoever
speaks for it elsewhere neither uses up its numbers nor draws to himself what is for it alone.

A token bucket comes before any of this costs a hash: one for each address from which a peer was heard last,
and one for all other addresses together, which anybody may write on a datagram.

Rows, acks and pulls are not signed, so a member that can send from another's address can speak them in its
name, until the next answer.
CURVE has no such members: that is the bus's advantage.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from bus.envelope import Envelope, Stamp, number_of
from bus.errors import DecodeError
from bus.routes import route
from bus.wire.buckets import Buckets
from bus.wire.codec import DATAGRAM_KINDS, from_frame
from bus.wire.datagram import (
    ANSWER,
    ANSWERED,
    CHALLENGE,
    CHALLENGED,
    DATAGRAM_BYTES_MAX,
    EVERYBODY,
    HEADER,
    SEAL_BYTES,
    TO_GROUP,
    VERSION,
    GroupKey,
    Writer,
    answered_content,
    open_sealed,
)
from bus.wire.dedup import Window
from bus.wire.proof import Proofs

CHALLENGE_BACK_S = 0.25
DOUBT_S = 0.25
LEAP_MAX = 65_536  # a second of a full network
REASONS = (
    "shed",
    "malformed",
    "unknown_key",
    "wrong_key",
    "forged",
    "stranger",
    "misdirected",
    "undecodable",
    "unproven",
    "impostor",
    "leapt",
    "replayed",
    "late",
    "lost",
)
"""The reasons why a datagram was not delivered. `lost` counts those that a later one overtook, `late` those
that came after it: they are refused too, and stay in `lost`, for counters only grow. `unproven` came before
its sender answered, or in our name, where only a beat is of interest; an answer of an `impostor` is not
signed by the instance that it names.
"""


class Believed(NamedTuple):
    """A datagram that passed the checks. `for_us` is false if everybody hears it and another has to act."""

    envelope: Envelope
    for_us: bool


class Shake(NamedTuple):
    """Datagrams to be sent back to where one came from."""

    datagrams: tuple[bytes, ...]


class Met(NamedTuple):
    """This peer has answered: it is there. `last` is what it said to the group last, if we have that."""

    name: str
    last: Believed | None


IsOf = Callable[[str, bytes, bytes], bool]
"""Whether the instance of this name signed these bytes with this signature."""

Opened = Believed | Shake | Met
"""What comes of a datagram."""


class _Waiting(NamedTuple):
    """What an unproven incarnation said to the group last."""

    incarnation: int
    number: int
    believed: Believed


class _Speaker(NamedTuple):
    """The source of an authentic datagram, and the address that it came from."""

    name: str
    incarnation: int
    address: str


class DatagramReader:
    """Checks datagrams and counts refusals."""

    def __init__(
        self,
        stamp: Stamp,
        names: Sequence[str],
        keys: Sequence[GroupKey],
        rate_per_s: float,
        burst: int,
        own_address: str,
        writer: Writer,
        proofs: Proofs,
        is_of: IsOf,
    ) -> None:
        """`names` is the whole fleet; `rate_per_s` and `burst` bound what a peer's address may send, and what
        all other addresses may send together. Our own datagrams come back to us from `own_address`; `writer`
        makes them. `is_of` tells whether an instance signed.
        """
        self.counts = dict.fromkeys(REASONS, 0)
        self._stamp = stamp
        self._self = number_of(stamp.instance)
        self._writer = writer
        self._proofs = proofs
        self._is_of = is_of
        self._doubted: dict[str, float] = {}  # by name, when we asked a proven peer again
        self._turns: dict[str, int] = {}  # by name; a new one with each doubt, so no answer is good for two
        self._windows: dict[int, dict[bool, Window]] = {}  # of the proven incarnation; True: in the group
        self._waiting: dict[int, _Waiting] = {}  # of members alone, as the next one
        self._challenged_back: dict[str, float] = {}
        self._buckets = Buckets(rate_per_s, burst)
        self._places = {self._self: own_address}  # from where each peer answered last
        self.keep_to(names)
        self.use(keys)

    def use(self, keys: Sequence[GroupKey]) -> None:
        """Accept these keys from now on."""
        self._keys: Mapping[int, tuple[int, AESSIV]] = {
            key.key_id: (key.check, AESSIV(key.key)) for key in keys
        }

    def keep_to(self, names: Sequence[str]) -> None:
        """Believe the instances of these names alone from now on; every other one is a stranger. What was
        heard of it stays known: its datagrams must not count anew when it is a member again.
        """
        self._names = {number_of(name): name for name in names}
        members = {*self._names, self._self}
        self._waiting = {source: one for source, one in self._waiting.items() if source in members}
        self._note_known(members)

    def read(self, datagram: bytes, address: str, now: float) -> Opened | None:
        """What comes of a datagram from `address`; None, and a count, if a check fails.

        Our own datagrams come back to us from the group: they are neither delivered nor counted. Beats of
        another process of our name are delivered, so that we notice it.
        """
        if not self._buckets.take(address if address in self._known else "", now):
            return self._refuse("shed")
        if not HEADER.size + SEAL_BYTES <= len(datagram) <= DATAGRAM_BYTES_MAX or datagram[0] != VERSION:
            return self._refuse("malformed")
        _, flags, key_id, check, source, target, incarnation, number = HEADER.unpack_from(datagram)
        if source == self._self and incarnation == self._stamp.incarnation:
            return None if address == self._places[self._self] else self._refuse("unproven")
        known = self._keys.get(key_id)
        if known is None:
            return self._refuse("unknown_key")
        if known[0] != check:
            return self._refuse("wrong_key")
        try:
            frame = open_sealed(known[1], datagram, flags)
        except InvalidTag:
            return self._refuse("forged")
        name = self._names.get(source)
        if name is None:
            return self._refuse("stranger")
        to_group, for_us = bool(flags & TO_GROUP), target in (EVERYBODY, self._self)
        if not (to_group or for_us):
            return self._refuse("misdirected")
        if self._proofs.is_over(name, incarnation):
            return self._refuse("replayed")
        if flags & (CHALLENGE | ANSWER):
            if to_group or target != self._self:
                return self._refuse("misdirected")
            shake = self._challenged if flags & CHALLENGE else self._answered
            return shake(frame, _Speaker(name, incarnation, address), now)
        is_proven = self._proofs.is_proven(name, incarnation) and self._is_at(source, address)
        if is_proven and not self._is_next(self._windows[source], to_group, number):
            return self._doubt(_Speaker(name, incarnation, address), now)
        try:
            envelope = from_frame(frame, name, DATAGRAM_KINDS)
        except DecodeError:
            return self._refuse("undecodable")
        if source == self._self and not route(envelope.traffic).is_readable:
            return self._refuse("unproven")
        believed = Believed(envelope, for_us)
        if is_proven:
            return believed
        self.counts["unproven"] += 1
        if to_group:
            self._waiting[source] = _Waiting(incarnation, number, believed)
        return Shake((self._challenge(_Speaker(name, incarnation, address), now),))

    def _doubt(self, speaker: _Speaker, now: float) -> Opened | None:
        """Ask a proven peer again, once in a while: its numbers are late, or not its own."""
        if now < self._doubted.get(speaker.name, -DOUBT_S) + DOUBT_S:
            return None
        self._doubted[speaker.name] = now
        self._turns[speaker.name] = self._turns.get(speaker.name, 0) + 1
        return Shake((self._challenge(speaker, now),))

    def _challenge(self, speaker: _Speaker, now: float) -> bytes:
        nonce = self._proofs.nonce(*speaker, now, self._turns.get(speaker.name, 0))
        return self._writer.challenge(number_of(speaker.name), speaker.incarnation, nonce)

    def _challenged(self, said: bytes, speaker: _Speaker, now: float) -> Opened | None:
        """Answer, if it is we who are asked; and ask back, so that both know each other at once."""
        if len(said) != CHALLENGED.size:
            return self._refuse("undecodable")
        nonce, asked = CHALLENGED.unpack(said)
        if asked != self._stamp.incarnation:
            return self._refuse("replayed")
        name, incarnation, _ = speaker
        answer = self._writer.answer(number_of(name), nonce, self._places[self._self])
        if (
            self._proofs.is_proven(name, incarnation)
            or now < self._challenged_back.get(name, -CHALLENGE_BACK_S) + CHALLENGE_BACK_S
        ):
            return Shake((answer,))
        self._challenged_back[name] = now
        return Shake((answer, self._challenge(speaker, now)))

    def _answered(self, said: bytes, speaker: _Speaker, now: float) -> Opened | None:
        """Believe an incarnation that answers our nonce, from the numbers on that it names."""
        if len(said) < ANSWERED.size:
            return self._refuse("undecodable")
        said, signature = said[: ANSWERED.size], said[ANSWERED.size :]
        nonce, in_group, alone = ANSWERED.unpack(said)
        name, incarnation, address = speaker
        source, was_proven = number_of(name), self._proofs.is_proven(name, incarnation)
        if not self._is_of(name, answered_content(source, incarnation, address, said), signature):
            return self._refuse("impostor")
        turn = self._turns.get(name, 0)
        if not self._proofs.prove(name, incarnation, address, nonce, now, turn):
            return self._refuse("replayed")
        is_doubted = self._doubted.pop(name, None) is not None or not self._is_at(source, address)
        if was_proven and not is_doubted:
            return None
        self._turns[name] = turn + was_proven
        waiting = self._waiting.pop(source, None)
        self._windows[source] = {True: Window.past(in_group), False: Window.past(alone)}
        if not self._is_at(source, address):
            self._places[source] = address
            self._note_known({*self._names, self._self})
        if waiting is None or (waiting.incarnation, waiting.number) != (incarnation, in_group):
            return Met(name, None)
        return Met(name, waiting.believed)

    def _is_at(self, source: int, address: str) -> bool:
        """Whether a peer answered from there: from elsewhere anybody may speak who has the group's key."""
        return source == self._self or self._places.get(source) == address

    def _note_known(self, members: Collection[int]) -> None:
        self._known = frozenset(address for source, address in self._places.items() if source in members)

    def _is_next(self, windows: dict[bool, Window], to_group: bool, number: int) -> bool:
        before = windows[to_group]
        if number > before.high + LEAP_MAX:
            self.counts["leapt"] += 1
            return False
        windows[to_group], is_new = before.see(number)
        ahead = number - before.high
        if ahead > 0:
            self.counts["lost"] += ahead - 1
            return True
        if is_new:
            self.counts["late"] += 1
        else:
            self.counts["replayed"] += 1
        return False

    def _refuse(self, reason: str) -> Opened | None:
        self.counts[reason] += 1
        return None
