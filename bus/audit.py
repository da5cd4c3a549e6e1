"""The audit stream: what happened to each FileID, in batches, never in the way.

A record on the audit topic costs 40-70 µs, so events travel 64 at a time or after 200 ms. What the transport
refuses is dropped and counted: nobody's boot waits for a log.
"""

import json
from typing import Any

from pydantic_core import to_json

from bus.envelope import Stamp
from bus.machine import Publish
from bus.messages import AUDIT

EVENTS_MAX = 64
DELAY_S = 0.2


class Audit:
    """Collects events into batches."""

    def __init__(self, stamp: Stamp) -> None:
        self.dropped = 0
        self._stamp = stamp
        self._events: list[dict[str, Any]] = []
        self._deadline: float | None = None

    def __len__(self) -> int:
        return len(self._events)

    def record(self, event: dict[str, Any], now: float) -> None:
        """Add one event; `event["event"]` names it."""
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
            data = to_json({"events": batch})
            envelope = self._stamp.envelope(AUDIT, data, time_ms=int(wall_s * 1000))
            effects.append(Publish(envelope, key=envelope.id))
        return effects

    def flush(self, wall_s: float) -> list[Publish]:
        """The events that still wait, without waiting any longer."""
        self._deadline = 0.0 if self._events else None
        return self.tick(0.0, wall_s)

    def undelivered(self, data: bytes) -> None:
        """Count a batch that was not taken."""
        self.dropped += len(json.loads(data)["events"])

    def deadline(self) -> float | None:
        """When `tick` has something to publish."""
        return self._deadline
