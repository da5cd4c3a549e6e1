"""The settings without a log: everybody holds the latest record, and fetches a newer one.

Theory of operation
-------------------
Over Kafka the class `config` has a topic with a history. Multicast has none, so a `Replica` wraps the machine
and stands in for the topic: it holds the record that the machine publishes in that class, gives it back to
the machine, and announces its digest to the group once a second. A replica that hears of a newer record
fetches it from the announcer, in chunks of 1,000 bytes by unicast, some at a time, and asks again for missing
ones. It checks the SHA-256 over the whole, delivers the record to the machine as if a topic had carried it,
and announces it too, so any node can serve a late one.

Announcements are signed, and so is a record, by the instance that published it: of others it is neither held
nor announced (`bus.fleet.trust`). Who hands it on cannot change it, or its number, which stands in a message
of its own around the record.

The newest record is the highest (number, token, incarnation). A publisher takes the number after that of the
record it holds, so its record is newer than the one it knew, whatever the clocks of their hosts say, and
whether it holds a role or stands by; of two that were published at the same time that of the later token
wins, then that of the later incarnation. `CaughtUp` comes when nobody has
announced a newer record for a while, as a topic reports its end.

The format of a record: length of its source's name u8, the name, the frame of a message of type `RECORD`,
whose data is a number u64 and the frame of the published message (`bus.wire.codec`).
"""

import hashlib
import struct
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from bus.effects import Effect, Publish, Send
from bus.envelope import Envelope, Stamp, Token
from bus.errors import DecodeError, OversizeError
from bus.fleet.fleet import MINTERS
from bus.fleet.trust import Believing, UnprovenError
from bus.machine import AnyMachine
from bus.messages import CaughtUp, Received, Undelivered
from bus.routes import Column, check_size, route
from bus.switch.parity import digest_of
from bus.telemetry.metrics import Sample, labelled
from bus.transport.carrier import Sends
from bus.wire.codec import (
    DATAGRAM_KINDS,
    FRAME_HEADER,
    PROOF_BYTES_MAX,
    from_frame,
    pack_token,
    to_frame,
    unpack_token,
)

HELD = "provbus.config.held.v1"
WANT = "provbus.config.want.v1"
CHUNK = "provbus.config.chunk.v1"
RECORD = "provbus.config.record.v1"
OWN = (HELD, WANT, CHUNK)

HELD_EVERY_S = 1.0
LISTEN_S = 2.5  # two announcements may be lost
CHUNK_BYTES = 1_000
CHUNKS_AT_ONCE = 16
ASK_AGAIN_S = 0.1
_NAME = struct.Struct(">B")
_NUMBER = struct.Struct(">Q")
_FRAME_BYTES_MAX = FRAME_HEADER.size + PROOF_BYTES_MAX
RECORD_BYTES_MAX = _NAME.size + 255 + _NUMBER.size + 2 * _FRAME_BYTES_MAX + route("config").payload_bytes_max
NUMBER_MAX = 2**64 - 1
FETCH_S = 30.0  # the largest record takes 7 s; who is slower is not served, or does not want to serve
SHUNNED_S_MAX = 64.0  # nobody's announcements hold up those of others for long
ASKED_MAX = 20  # times without one new chunk, before a fetch is given up until the next announcement
ANNOUNCEMENT = struct.Struct(">32sIQQQ")  # digest, bytes, token, number, incarnation
_WANT = struct.Struct(">32sI")
_CHUNK = struct.Struct(">32sI")


class Version(NamedTuple):
    """A version; the newer one compares greater."""

    number: int
    token: Token
    incarnation: int


class _Record(NamedTuple):
    version: Version
    digest: bytes
    data: bytes


class _Shunned(NamedTuple):
    """How often in a row a record of this announcer did not come, beyond once; until when it is not asked."""

    times: int
    until: float


class _Fetch:
    """A record on its way from `source`."""

    def __init__(self, source: str, version: Version, digest: bytes, size_bytes: int, until: float) -> None:
        self.source = source
        self.version = version
        self.digest = digest
        self.missing = set(range((size_bytes + CHUNK_BYTES - 1) // CHUNK_BYTES))
        self.data = bytearray(size_bytes)
        self.wanted: set[int] = set()
        self.asked = 0
        self.due = 0.0
        self.until = until


class Replica:
    """A machine around a machine: `inner` uses class `config` as if a topic carried it.

    Where a topic carries it too, a record goes on to there. While the topic leads, the machine reads its own
    records back from there.
    """

    def __init__(self, inner: AnyMachine, stamp: Stamp, trust: Believing, sends: Sends) -> None:
        """`trust` decides whose announcements and whose records count, `sends` tells the columns by which
        messages leave, the leading one first.
        """
        self._sends = sends
        self.counts = dict.fromkeys(("fetched", "given_up", "wrong_digest", "undecodable", "unproven"), 0)
        self._trust = trust
        self._inner = inner
        self._stamp = stamp
        self._held: _Record | None = None
        self._fetch: _Fetch | None = None
        self._shunned: dict[str, _Shunned] = {}  # the announcers whose records did not come
        self._held_due: float | None = None
        self._listen_until: float | None = None
        self._is_caught_up = False

    def receive(self, message: Any, now: float) -> list[Effect]:
        """Handle a message of class `config`; give any other to the inner machine."""
        if self._listen_until is None:
            self._listen_until = now + LISTEN_S
        if isinstance(message, Received) and _is_ours(message):
            handle = {HELD: self._announced, WANT: self._wanted, CHUNK: self._arrived}.get(
                message.envelope.type
            )
            try:
                if handle is None:
                    raise DecodeError(f"{message.envelope.type} is not for a replica")
                self._trust.check(message.envelope, now)
                return handle(message, now)
            except UnprovenError:
                return []  # counted by who does not believe it
            except (DecodeError, struct.error):
                self.counts["undecodable"] += 1
                return []
        if isinstance(message, Undelivered) and message.envelope.type in OWN:
            return []  # asked or announced again anyway
        return self._through(self._inner.receive(message, now), now)

    def tick(self, now: float) -> list[Effect]:
        """Do the work due here, then tick the inner machine."""
        effects: list[Effect] = []
        if self._held is not None and self._held_due is not None and now >= self._held_due:
            self._held_due = now + HELD_EVERY_S
            if Column.MULTICAST in self._sends():
                effects.append(self._announce(self._held))
        if self._fetch is not None and now >= self._fetch.due:
            effects += self._ask(self._fetch, now)
        if self._listens_out(now):
            self._is_caught_up = True
            if self._sends()[0] is Column.MULTICAST:  # else the topic says when it is read
                effects += self._through(self._inner.receive(CaughtUp("config"), now), now)
        due = self._inner.deadline()
        if due is not None and due <= now:
            effects += self._through(self._inner.tick(now), now)
        return effects

    def catch_up(self) -> None:
        """Listen anew: `CaughtUp` comes when nobody announces a newer record."""
        self._is_caught_up, self._listen_until = False, None

    def samples(self) -> Iterator[Sample]:
        """The outcomes of fetching others' records."""
        return labelled("provbus_settings_fetches_total", "outcome", self.counts)

    @property
    def settings_digest(self) -> str:
        """The digest of the settings in the record that is held; empty if there is none."""
        return "" if self._held is None else digest_of(_unwrap(self._held.data).published)

    def deadline(self) -> float | None:
        """The earliest deadline of ours and the inner machine's."""
        dues = [self._inner.deadline(), self._held_due if self._held is not None else None]
        dues.append(self._fetch.due if self._fetch is not None else None)
        dues.append(self._listen_until if not self._is_caught_up and self._fetch is None else None)
        return min((due for due in dues if due is not None), default=None)

    def _listens_out(self, now: float) -> bool:
        ends = self._listen_until
        return not self._is_caught_up and self._fetch is None and ends is not None and now >= ends

    def _through(self, effects: Sequence[Effect], now: float) -> list[Effect]:
        """The inner machine's effects; those of our class are performed here."""
        if not any(isinstance(one, Publish) and one.envelope.traffic == "config" for one in effects):
            return [*effects]
        done: list[Effect] = []
        for effect in effects:
            if isinstance(effect, Publish) and effect.envelope.traffic == "config":
                done += self._take(effect.envelope, now)
                if Column.BUS in self._sends():
                    done.append(effect)
            else:
                done.append(effect)
        return done

    def _take(self, envelope: Envelope, now: float) -> list[Effect]:
        """Hold a record of the inner machine, unless it is too large for its class: nobody would fetch it."""
        try:
            check_size("config", len(envelope.data))
        except OversizeError as error:
            return self._through(self._inner.receive(Undelivered(envelope, "", str(error)), now), now)
        number = 1 if self._held is None else min(self._held.version.number + 1, NUMBER_MAX)
        is_read_back = self._sends()[0] is Column.MULTICAST
        return self._hold(self._record(envelope, number), now, is_told=is_read_back)

    def _hold(self, record: _Record, now: float, *, is_told: bool = True) -> list[Effect]:
        """Take a record that is newer than ours, tell the inner machine, announce it at once."""
        if self._held is not None and record.version <= self._held.version:
            return []
        self._held = record
        self._held_due = now
        if not is_told:
            return []
        message = Received(_unwrap(record.data).published, "", column=Column.MULTICAST)
        return self._through(self._inner.receive(message, now), now)

    def _record(self, envelope: Envelope, number: int) -> _Record:
        """What a machine of ours publishes, as a record with this number."""
        around = self._stamp.envelope(RECORD, _NUMBER.pack(number) + to_frame(envelope), time_ms=0)
        name = around.source.encode()
        data = _NAME.pack(len(name)) + name + to_frame(around)
        return _Record(_unwrap(data).version, hashlib.sha256(data).digest(), data)

    def _announce(self, record: _Record) -> Publish:
        version = record.version
        data = ANNOUNCEMENT.pack(
            record.digest,
            len(record.data),
            pack_token(version.token),
            version.number,
            version.incarnation,
        )
        held = self._stamp.envelope(HELD, data, time_ms=0)
        return Publish(held, self._stamp.instance, Column.MULTICAST)

    def _announced(self, message: Received, now: float) -> list[Effect]:
        digest, size_bytes, token, number, incarnation = ANNOUNCEMENT.unpack(message.envelope.data)
        version = Version(number, unpack_token(token), incarnation)
        known = self._fetch.version if self._fetch else self._held.version if self._held else None
        if known is not None and version <= known:
            return []
        if not 0 < size_bytes <= RECORD_BYTES_MAX:
            raise DecodeError(f"a record of {size_bytes} bytes")
        source = message.envelope.source
        if source in self._shunned and now < self._shunned[source].until:
            return []
        self._fetch = _Fetch(source, version, digest, size_bytes, now + FETCH_S)
        return self._ask(self._fetch, now)

    def _ask(self, fetch: _Fetch, now: float) -> list[Effect]:
        """Ask for the first missing chunks, or give up."""
        if fetch.asked == ASKED_MAX or now >= fetch.until:
            return self._fail("given_up", now)
        fetch.asked += 1
        fetch.due = now + ASK_AGAIN_S
        fetch.wanted = set(sorted(fetch.missing)[:CHUNKS_AT_ONCE])
        return [
            self._send(fetch.source, WANT, _WANT.pack(fetch.digest, index)) for index in sorted(fetch.wanted)
        ]

    def _wanted(self, message: Received, now: float) -> list[Effect]:
        digest, index = _WANT.unpack(message.envelope.data)
        held = self._held
        if held is None or held.digest != digest:
            return []
        chunk = held.data[index * CHUNK_BYTES : (index + 1) * CHUNK_BYTES]
        if not chunk:
            raise DecodeError(f"chunk {index} of {len(held.data)} bytes")
        data = _CHUNK.pack(digest, index) + chunk
        return [self._send(message.via, CHUNK, data)]

    def _send(self, to: str | bytes, type_: str, data: bytes) -> Send:
        return Send(to, self._stamp.envelope(type_, data, time_ms=0), Column.MULTICAST)

    def _arrived(self, message: Received, now: float) -> list[Effect]:
        digest, index = _CHUNK.unpack_from(message.envelope.data)
        chunk = message.envelope.data[_CHUNK.size :]
        fetch = self._fetch
        if fetch is None or digest != fetch.digest:
            return []
        start = index * CHUNK_BYTES
        if len(chunk) != min(CHUNK_BYTES, len(fetch.data) - start):
            raise DecodeError(f"chunk {index} of {len(chunk)} bytes")
        if index not in fetch.missing:
            return []
        fetch.data[start : start + len(chunk)] = chunk
        fetch.missing.discard(index)
        fetch.wanted.discard(index)
        fetch.asked = 0
        if fetch.missing:
            return [] if fetch.wanted else self._ask(fetch, now)
        return self._fetched(fetch, now)

    def _fetched(self, fetch: _Fetch, now: float) -> list[Effect]:
        """Take the complete record if it is the announced one."""
        data = bytes(fetch.data)
        if hashlib.sha256(data).digest() != fetch.digest:
            return self._fail("wrong_digest", now)
        try:
            found = _unwrap(data)
            for envelope in (found.around, found.published):
                self._trust.check(envelope, now, MINTERS)
        except UnprovenError:
            return self._fail("unproven", now)
        except (DecodeError, struct.error):
            return self._fail("undecodable", now)
        if found.version != fetch.version:
            return self._fail("undecodable", now)
        self._fetch = None
        self._shunned.pop(fetch.source, None)
        self.counts["fetched"] += 1
        return self._hold(_Record(fetch.version, fetch.digest, data), now)

    def _fail(self, outcome: str, now: float) -> list[Effect]:
        """End a fetch without its record; another announcer gets `LISTEN_S` to announce it, and this one is
        not asked for a while, if it was not the first time.
        """
        self.counts[outcome] += 1
        assert self._fetch is not None
        source = self._fetch.source
        times = self._shunned[source].times + 1 if source in self._shunned else 0
        pause_s = min(2.0 * 2**times, SHUNNED_S_MAX) if times else 0.0
        self._shunned[source] = _Shunned(min(times, 16), now + pause_s)
        self._fetch = None
        self._listen_until = now + LISTEN_S
        return []


def _is_ours(message: Received) -> bool:
    """Whether this is of the group's class of settings, and not a record of their topic."""
    return message.envelope.traffic == "config" and message.column != Column.BUS


class _Unwrapped(NamedTuple):
    """A record: the message around it, and the message that was published."""

    version: Version
    around: Envelope
    published: Envelope


def _unwrap(data: bytes) -> _Unwrapped:
    """What a record holds; `DecodeError` or `struct.error` if it is none of our kind."""
    (name_bytes,) = _NAME.unpack_from(data)
    start = _NAME.size + name_bytes
    name = data[_NAME.size : start].decode(errors="replace")
    around = from_frame(data[start:], name, DATAGRAM_KINDS)
    if around.type != RECORD:
        raise DecodeError(f"{around.type} is not a settings record")
    (number,) = _NUMBER.unpack_from(around.data)
    published = from_frame(around.data[_NUMBER.size :], name, DATAGRAM_KINDS)
    if published.traffic != "config" or published.type in (*OWN, RECORD):
        raise DecodeError(f"{published.type} is not a settings record")
    return _Unwrapped(Version(number, published.token, published.incarnation), around, published)
