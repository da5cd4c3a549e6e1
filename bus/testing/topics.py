"""Topics in the world: one log per class, and readers who fetch from it.

Theory of operation
-------------------
A record reaches the broker after its delay, in the order in which its writer published. What is in the log is
totally ordered, and every reader sees all of it in that order: late, but nothing is missing. A reader has at
most one fetch under way; it brings everything that is there when it arrives, and `CaughtUp` behind the last
record that the log held when the reader began. Readers of a class that needs its history begin at the log's
start, others at its end (`bus.routes`).

A writer who is cut off from the broker gets his record back after `MESSAGE_TIMEOUT_S`, unless the way was
mended. When a confirmation is lost the record is in the log *and* comes back: after a time-out the truth is
indeterminate, as it is with Kafka.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bus.codec import Headers, from_headers, to_headers
from bus.envelope import Envelope
from bus.errors import LocalError
from bus.machine import CaughtUp, Received, Undelivered
from bus.routes import check_size, route
from bus.testing.faults import BROKER, Network

MESSAGE_TIMEOUT_S = 2.0
FETCH_AGAIN_S = 0.5  # a reader that is cut off tries again
PUBLISH_DELAY_S = 0.003  # a round trip through three brokers

Give = Callable[[Any], None]
"""Gives a message to the machine it was made for, if that still runs."""
After = Callable[[float, Callable[[], None]], None]
"""Calls something after so many seconds of virtual time."""


@dataclass(slots=True, eq=False)
class Reader:
    """One incarnation's place in one log. `is_open` tells whether it still runs."""

    node: str
    traffic: str
    give: Give
    is_open: Callable[[], bool]
    position: int
    caught_up_at: int
    is_behind: bool = True
    is_fetching: bool = False


class Topics:
    """The logs of a world."""

    def __init__(self, network: Network, after: After) -> None:
        self._network = network
        self._after = after
        self._logs: dict[str, list[tuple[Headers, bytes]]] = {}
        self._readers: dict[str, list[Reader]] = {}
        self._busy_s: dict[str, float] = {}

    def log(self, traffic: str) -> list[Envelope]:
        """Everything that was ever published in a class, in order."""
        return [from_headers(*record) for record in self._logs.get(traffic, [])]

    def publish(self, node: str, envelope: Envelope, give: Give, now: float) -> None:
        """Take a record from a node; `OversizeError` or `LocalError` if its class cannot carry it."""
        traffic = envelope.traffic
        if route(traffic).topic is None:
            raise LocalError(f"{traffic} does not travel by topic")
        check_size(traffic, len(envelope.data))
        record = (to_headers(envelope), envelope.data)
        # A later record of this writer never overtakes an earlier one.
        at = max(self._busy_s.get(node, 0.0), now + PUBLISH_DELAY_S + self._network.delay_s())
        self._busy_s[node] = at
        confirmed = bool(self._network.copies(BROKER, node))

        def arrive() -> None:
            if not self._network.is_cut(node, BROKER):
                self._append(traffic, record)
                if confirmed:
                    return
            self._after(MESSAGE_TIMEOUT_S, time_out)

        def time_out() -> None:
            give(Undelivered(envelope, "", "the broker did not confirm it"))

        self._after(at - now, arrive)

    def open(self, node: str, traffic: str, give: Give, is_open: Callable[[], bool]) -> None:
        """Read a class for an incarnation of a node, from now on until it is no longer open."""
        end = len(self._logs.get(traffic, []))
        position = 0 if route(traffic).from_start else end
        reader = Reader(node, traffic, give, is_open, position, end)
        self._readers.setdefault(traffic, []).append(reader)
        self._fetch(reader)

    def _append(self, traffic: str, record: tuple[Headers, bytes]) -> None:
        self._logs.setdefault(traffic, []).append(record)
        readers = [reader for reader in self._readers.get(traffic, []) if reader.is_open()]
        self._readers[traffic] = readers
        for reader in readers:
            self._fetch(reader)

    def _fetch(self, reader: Reader) -> None:
        if not reader.is_fetching:
            reader.is_fetching = True
            self._after(self._network.delay_s(), lambda: self._fetched(reader))

    def _fetched(self, reader: Reader) -> None:
        if not reader.is_open():
            return
        if self._network.is_cut(BROKER, reader.node) or self._network.is_cut(reader.node, BROKER):
            self._after(FETCH_AGAIN_S, lambda: self._fetched(reader))
            return
        log = self._logs.get(reader.traffic, [])
        reader.is_fetching = False
        fresh, reader.position = log[reader.position :], len(log)
        for record in fresh:
            reader.give(Received(from_headers(*record), ""))
        if reader.is_behind and reader.position >= reader.caught_up_at:
            reader.is_behind = False
            reader.give(CaughtUp(reader.traffic))
