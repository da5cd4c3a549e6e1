"""The audit stream: the events of each FileID, in batches that delay no boot.

Theory of operation
-------------------
A record on the audit topic costs 40-70 µs and wakes a thread per broker, so events travel 256 at a time or
after 200 ms; with 64, a storm's boots cost the services 6 % more. A batch that the transport refuses is
dropped and counted: no boot waits for a log.

The batches are also kept here, in the bytes that were sent: the newest `KEPT_MAX` events, some 5 MiB. They
answer the request `trace` of the local socket, also while Kafka is away or not used at all. Keeping a batch
is one append; a search looks for the text in those bytes, 2 ms for all of them.

An event is a JSON object with at least `event`, `device` (as `bus.device` tells it, or empty if unknown),
`fileid` (16 hex digits, or empty) and `at`: Unix seconds of its end. Its `.._ms` fields are the times that
led up to it.
"""

import json
import re
from collections import deque
from collections.abc import Iterable
from typing import Any

from pydantic_core import to_json

from bus.contract import WireContract, decode
from bus.device import device_text, parse_device
from bus.effects import Publish
from bus.envelope import Stamp
from bus.errors import DecodeError

AUDIT = "provbus.audit.batch.v1"
EVENTS_MAX = 256
DELAY_S = 0.2
KEPT_MAX = 20_000
FOUND_MAX = 1_000  # events in an answer; a device that boots in a loop makes a few a minute
FILEID = re.compile(r"[0-9a-f]{16}")


class AuditBatch(WireContract):
    """Events of FileIDs, in their order."""

    events: list[dict[str, Any]]


class Audit:
    """Collects events into batches."""

    def __init__(self, stamp: Stamp, kept_max: int = KEPT_MAX) -> None:
        """`kept_max` events are remembered."""
        self.dropped = 0
        self._stamp = stamp
        self._events: list[str | dict[str, Any]] = []
        self._deadline: float | None = None
        self._kept_max = kept_max
        self._kept: deque[tuple[int, bytes]] = deque()
        self._kept_events = 0

    def __len__(self) -> int:
        return len(self._events)

    def record(self, event: str | dict[str, Any], now: float) -> None:
        """Add one event. The two events of every boot come as JSON text, which saves a microsecond."""
        if not self._events:
            self._deadline = now + DELAY_S
        self._events.append(event)
        if len(self._events) >= EVENTS_MAX:
            self._deadline = now

    def tick(self, now: float, wall_s: float) -> list[Publish]:
        """The batches that are due at `now`; `wall_s` is Unix time."""
        if self._deadline is None or now < self._deadline:
            return []
        events, self._events, self._deadline = self._events, [], None
        effects = []
        for start in range(0, len(events), EVENTS_MAX):
            batch = events[start : start + EVENTS_MAX]
            data = _batch(batch)
            self._keep(len(batch), data)
            envelope = self._stamp.envelope(AUDIT, data, time_ms=int(wall_s * 1000))
            effects.append(Publish(envelope, key=envelope.id))
        return effects

    def flush(self, wall_s: float) -> list[Publish]:
        """The batches of all waiting events, at once."""
        self._deadline = 0.0 if self._events else None
        return self.tick(0.0, wall_s)

    def undelivered(self, data: bytes) -> None:
        """Count a batch that the transport refused."""
        self.dropped += len(json.loads(data)["events"])

    def deadline(self) -> float | None:
        """The time of the next `tick` that publishes."""
        return self._deadline

    def answer(self, body: dict[str, Any]) -> dict[str, Any]:
        """The answer to the request `trace`: the newest `FOUND_MAX` events of a `device` or a `fileid`;
        `DecodeError` for anything else.
        """
        asked = [(field, body[field]) for field in ("device", "fileid") if field in body]
        told = _as_told(*asked[0]) if len(asked) == 1 and isinstance(asked[0][1], str) else None
        if told is None:
            raise DecodeError("trace takes a 'device' (001a.2c00.0001) or a 'fileid' (16 hex digits)")
        return {"instance": self._stamp.instance, "events": self._find(asked[0][0], told)[-FOUND_MAX:]}

    def _find(self, field: str, value: str) -> list[dict[str, Any]]:
        batches = [data for _, data in self._kept]
        if self._events:
            batches.append(_batch(self._events))
        return [event for data in batches for event in events_of(data, field, value)]

    def _keep(self, count: int, data: bytes) -> None:
        self._kept.append((count, data))
        self._kept_events += count
        while self._kept_events > self._kept_max:
            self._kept_events -= self._kept.popleft()[0]


def _batch(events: Iterable[str | dict[str, Any]]) -> bytes:
    texts = [event if type(event) is str else to_json(event).decode() for event in events]
    return f'{{"events":[{",".join(texts)}]}}'.encode()


def events_of(data: bytes, field: str, value: str) -> list[dict[str, Any]]:
    """The events of a batch whose `field` is `value`. A batch without this text is not decoded; `DecodeError`
    if another cannot be.
    """
    if f'"{value}"'.encode() not in data:
        return []
    return [event for event in decode(AuditBatch, data).events if event.get(field) == value]


def _as_told(field: str, value: str) -> str | None:
    """The value as events have it; None if it is no value of this field."""
    if field == "fileid":
        return value if FILEID.fullmatch(value) else None
    try:
        return device_text(parse_device(value))
    except ValueError:
        return None
