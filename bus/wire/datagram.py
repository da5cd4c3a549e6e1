"""Datagrams: the format of a message on the group, and the checks of one that comes in.

Theory of operation
-------------------
One message is one datagram of at most 1,400 bytes, sealed with a key that the whole fleet shares:

    version u8 | flags u8 | key id u8 | reserved u8 | key check u32 | source u32 | target u32
    incarnation u64 | number u64 | payload and seal

The header is always readable and always authenticated. The payload is a frame of `bus.wire.codec`: encrypted
with AES-SIV (RFC 5297: no nonce that could repeat after a restart), or readable with the same seal behind it
as a signature. `target` is the instance that has to act, 0 means everybody. `key check` is the head of the
key's SHA-256; it tells "that host has another key under the same id" from "somebody changed a bit".

`number` counts the datagrams of one incarnation on one channel (the group, or all messages to one peer
alone). A receiver takes each number once and only upwards, so it delivers in order and refuses replays; a
late datagram counts as lost, and acks serve those who need delivery. An older incarnation than the newest
heard is refused. A token bucket per address comes before any of this costs a hash.

A shared key does not tell which member of the fleet spoke. CURVE does: that is the bus's advantage.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from struct import Struct
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from bus.envelope import Envelope, Stamp, number_of
from bus.errors import DecodeError, OversizeError
from bus.routes import route
from bus.wire.codec import DATAGRAM_KINDS, FRAME_HEADER, from_frame, to_frame
from bus.wire.dedup import Window

DATAGRAM_BYTES_MAX = 1_400  # fits an Ethernet frame with room for a tunnel's headers
KEY_BYTES = 64  # AES-256-SIV
HEADER = Struct(">BBBxIIIQQ")
SEAL_BYTES = 16
DATA_BYTES_MAX = DATAGRAM_BYTES_MAX - HEADER.size - SEAL_BYTES - FRAME_HEADER.size
EVERYBODY = 0
_VERSION = 1
_TO_GROUP = 1
_ENCRYPTED = 2
_SOURCES_MAX = 10_000
REASONS = (
    "shed",
    "malformed",
    "unknown_key",
    "wrong_key",
    "forged",
    "stranger",
    "misdirected",
    "undecodable",
    "replayed",
    "late",
    "lost",
)
"""The reasons why a datagram was not delivered. `lost` counts those that a later one overtook, `late` those
that came after it: they are refused too, and stay in `lost`, for counters only grow.
"""


class GroupKey(NamedTuple):
    """A key of the whole fleet."""

    key_id: int
    key: bytes

    @property
    def check(self) -> int:
        """The head of the key's SHA-256: enough to notice another key, too little to find this one."""
        return int.from_bytes(hashlib.sha256(self.key).digest()[:4], "big")


class Writer:
    """Makes the datagrams of one instance, of its stamp's incarnation, sealed with one key."""

    def __init__(self, stamp: Stamp, key: GroupKey) -> None:
        self._stamp = stamp
        self._source = number_of(stamp.instance)
        self._numbers: dict[int, int] = {}
        self.use(key)

    def use(self, key: GroupKey) -> None:
        """Seal with this key from now on."""
        self._key_id, self._check = key.key_id, key.check
        self._siv = AESSIV(key.key)

    def write(self, envelope: Envelope, target: int, *, to_group: bool) -> bytes:
        """The next datagram; `OversizeError` for a message that does not fit into one."""
        if len(envelope.data) > DATA_BYTES_MAX:
            raise OversizeError(len(envelope.data), DATA_BYTES_MAX)
        frame = to_frame(envelope)
        channel = EVERYBODY if to_group else target
        number = self._numbers[channel] = self._numbers.get(channel, 0) + 1
        encrypted = not route(envelope.traffic).is_readable
        header = HEADER.pack(
            _VERSION,
            _TO_GROUP * to_group | _ENCRYPTED * encrypted,
            self._key_id,
            self._check,
            self._source,
            target,
            self._stamp.incarnation,
            number,
        )
        if encrypted:
            return header + self._siv.encrypt(frame, [header])
        return header + frame + self._siv.encrypt(b"", [header, frame])


class Believed(NamedTuple):
    """A datagram that passed the checks. `for_us` is false if everybody hears it and another has to act."""

    envelope: Envelope
    for_us: bool


class _Heard(NamedTuple):
    incarnation: int
    windows: dict[bool, Window]


class DatagramReader:
    """Checks datagrams and counts refusals."""

    def __init__(
        self,
        stamp: Stamp,
        names: Sequence[str],
        keys: Sequence[GroupKey],
        rate_per_s: float,
        burst: int,
    ) -> None:
        """`names` is the whole fleet; `rate_per_s` and `burst` bound what one address may send."""
        self.counts = dict.fromkeys(REASONS, 0)
        self._stamp = stamp
        self._self = number_of(stamp.instance)
        self._names = {number_of(name): name for name in names}
        self._heard: dict[int, _Heard] = {}
        self._buckets = TokenBuckets(rate_per_s, burst)
        self.use(keys)

    def use(self, keys: Sequence[GroupKey]) -> None:
        """Accept these keys from now on."""
        self._keys: Mapping[int, tuple[int, AESSIV]] = {
            key.key_id: (key.check, AESSIV(key.key)) for key in keys
        }

    def read(self, datagram: bytes, address: str, now: float) -> Believed | None:
        """The message in a datagram from `address`; None, and a count, if a check fails.

        Our own datagrams come back to us from the group: they are neither delivered nor counted. Beats of
        another process of our name are delivered, so that we notice it.
        """
        if not self._buckets.take(address, now):
            return self._refuse("shed")
        if not HEADER.size + SEAL_BYTES <= len(datagram) <= DATAGRAM_BYTES_MAX or datagram[0] != _VERSION:
            return self._refuse("malformed")
        _, flags, key_id, check, source, target, incarnation, number = HEADER.unpack_from(datagram)
        if source == self._self and incarnation == self._stamp.incarnation:
            return None
        known = self._keys.get(key_id)
        if known is None:
            return self._refuse("unknown_key")
        if known[0] != check:
            return self._refuse("wrong_key")
        try:
            frame = _open(known[1], datagram, flags)
        except InvalidTag:
            return self._refuse("forged")
        name = self._names.get(source)
        if name is None:
            return self._refuse("stranger")
        to_group, for_us = bool(flags & _TO_GROUP), target in (EVERYBODY, self._self)
        if not (to_group or for_us):
            return self._refuse("misdirected")
        if not self._is_next(source, incarnation, to_group, number):
            return None
        try:
            envelope = from_frame(frame, name, DATAGRAM_KINDS)
        except DecodeError:
            return self._refuse("undecodable")
        if source == self._self and not route(envelope.traffic).is_readable:
            return None
        return Believed(envelope, for_us)

    def _is_next(self, source: int, incarnation: int, to_group: bool, number: int) -> bool:
        heard = self._heard.get(source)
        if heard is None or incarnation > heard.incarnation:
            heard = self._heard[source] = _Heard(incarnation, {})
        elif incarnation < heard.incarnation:
            self.counts["replayed"] += 1
            return False
        before = heard.windows.get(to_group)
        if before is None:  # we came in the middle: earlier numbers were not lost, we were not there
            before = Window(high=number - 1)
        heard.windows[to_group], is_new = before.see(number)
        ahead = number - before.high
        if ahead > 0:
            self.counts["lost"] += ahead - 1
            return True
        if is_new:
            self.counts["late"] += 1
        else:
            self.counts["replayed"] += 1
        return False

    def _refuse(self, reason: str) -> Believed | None:
        self.counts[reason] += 1
        return None


class TokenBuckets:
    """A bucket per address: `rate_per_s` tokens a second, at most `burst` saved up.

    >>> buckets = TokenBuckets(rate_per_s=1.0, burst=2)
    >>> [buckets.take("192.0.2.7", now) for now in (0.0, 0.0, 0.0, 1.0)]
    [True, True, False, True]
    """

    def __init__(self, rate_per_s: float, burst: int) -> None:
        self._rate_per_s = rate_per_s
        self._burst = burst
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, address: str, now: float) -> bool:
        """Whether this address has a token left; takes it."""
        tokens, at = self._buckets.get(address, (float(self._burst), now))
        tokens = min(self._burst, tokens + (now - at) * self._rate_per_s)
        allowed = tokens >= 1.0
        self._buckets[address] = (tokens - 1.0 if allowed else tokens, now)
        self._buckets.move_to_end(address)
        if len(self._buckets) > _SOURCES_MAX:
            self._buckets.popitem(last=False)
        return allowed


def _open(siv: AESSIV, datagram: bytes, flags: int) -> bytes:
    """The frame in an authentic datagram; `InvalidTag` otherwise."""
    header = datagram[: HEADER.size]
    if flags & _ENCRYPTED:
        return siv.decrypt(datagram[HEADER.size :], [header])
    frame, seal = datagram[HEADER.size : -SEAL_BYTES], datagram[-SEAL_BYTES:]
    siv.decrypt(seal, [header, frame])
    return frame
