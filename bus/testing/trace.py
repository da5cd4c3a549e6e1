"""The trace: the steps of a world, as a hash over all of them and as the last lines for people.

The hash is over the messages that travel: envelopes, records of a log, requests of the local socket and their
answers. It includes no name of a module or a class, and no effect for the runner alone: so code that was
moved or renamed and behaves the same has the same hash.

A step is written down at once, since its objects may change afterwards, but as shortly as possible: an
envelope by a digest of its content, which is made once for all its readers. The text is hashed in blocks, and
the lines for people are made only when somebody looks. The trace does not depend on memory addresses, the
hash seed of the process or the byte order of the machine.
"""

import json
import struct
from collections import deque
from collections.abc import Callable, Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from bus.effects import Effect, Publish, Reply, Send
from bus.envelope import Envelope
from bus.messages import Entry, LocalRequest, Received, Undelivered

TAIL_MAX = 100  # lines kept for people who look at a violation
BLOCK_MAX = 2_000  # steps that are hashed together
ENVELOPES_MAX = 4_096  # digests kept: a record is read within moments of its writing


class Trace:
    """Writes down the steps of a world."""

    def __init__(self) -> None:
        self._hash = blake2b(digest_size=16)
        self._times: list[float] = []
        self._texts: list[str] = []
        # A record is given to one reader after the other, and does not change.
        self._received: Received | Entry | None = None
        self._receipt = ""
        self._tail: deque[tuple[float, str, Any, Sequence[Effect] | None]] = deque(maxlen=TAIL_MAX)

    def add(self, now: float, who: str, message: Any, effects: Sequence[Effect]) -> None:
        """Add a step of `who`."""
        self._tail.append((now, who, message, effects))
        if message is self._received:
            text = self._receipt
        else:
            text = _write(message)
            if type(message) is Received or type(message) is Entry:
                self._received, self._receipt = message, text
        for effect in effects:
            if written := _write(effect):
                text += f" -> {written}"
        if not text:
            return
        self._times.append(now)
        self._texts.append(f"{who} {text}")
        if len(self._texts) >= BLOCK_MAX:
            self._absorb(self._hash)
            self._times.clear()
            self._texts.clear()

    def note(self, now: float, text: str) -> None:
        """Add a line that is no step."""
        self._tail.append((now, text, None, None))
        self._times.append(now)
        self._texts.append(text)

    def tail(self) -> list[str]:
        """The last lines, each with its time. Objects that changed since are shown as they are now."""
        return [
            f"{now!r} {who}" if effects is None else f"{now!r} {who} {message!r} -> {effects!r}"
            for now, who, message, effects in self._tail
        ]

    def digest(self) -> str:
        """The hash over everything so far, hex."""
        found = self._hash.copy()
        self._absorb(found)
        return found.hexdigest()

    def _absorb(self, into: blake2b) -> None:
        into.update(struct.pack(f"<{len(self._times)}d", *self._times))
        into.update("\n".join(self._texts).encode())


@lru_cache(maxsize=ENVELOPES_MAX)
def _digest(envelope: Envelope) -> str:
    plain = (*envelope[:6], *envelope.token, *envelope[7:])  # the repr of a NamedTuple takes twice as long
    return blake2b(repr(plain).encode(), digest_size=8).hexdigest()


def _write(said: Any) -> str:
    """A travelling message in words of the wire; empty for other objects."""
    writer = _WRITERS.get(type(said))
    return "" if writer is None else writer(said)


def _write_entry(entry: Entry) -> str:
    said = "unreadable" if entry.envelope is None else _digest(entry.envelope)
    return f"entry {entry.traffic} {entry.offset} {said}"


def _write_body(word: str, said: LocalRequest | Reply) -> str:
    return f"{word} {said.session} {json.dumps(said.body, sort_keys=True)}"


_WRITERS: dict[type, Callable[[Any], str]] = {
    Received: lambda said: f"received {_digest(said.envelope)} {said.via!r}",
    Undelivered: lambda said: f"undelivered {_digest(said.envelope)} {said.to!r} {said.reason!r}",
    Entry: _write_entry,
    Send: lambda said: f"send {_digest(said.envelope)} {said.to!r}",
    Publish: lambda said: f"publish {_digest(said.envelope)} {said.key!r}",
    LocalRequest: lambda said: _write_body("request", said),
    Reply: lambda said: _write_body("reply", said),
}
