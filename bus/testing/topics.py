"""Topics in the world: the way of a record into the log of its class.

Theory of operation
-------------------
A record reaches the broker after its delay, in the order in which its writer published, and is appended to
the class's log (`bus.testing.partition`), where all readers find it.

A writer that is cut off from the broker gets its record back after `MESSAGE_TIMEOUT_S`. When a confirmation
is lost the record is in the log *and* comes back: after a time-out the outcome is indeterminate, as with
Kafka. A slow log appends each record later by its delay, in order. A stalled log appends nothing; when it
goes on it appends the waiting records, but only some of those that their writers gave up.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from random import Random

from bus.envelope import Envelope
from bus.errors import LocalError
from bus.messages import Undelivered
from bus.routes import check_size, route
from bus.testing.faults import BROKER
from bus.testing.network import Network
from bus.testing.partition import Give, PartitionLog
from bus.testing.timeline import Timeline
from bus.wire.codec import from_headers, to_headers

MESSAGE_TIMEOUT_S = 2.0
PUBLISH_DELAY_S = 0.003  # a round trip through three brokers
GIVEN_UP_APPENDED = 0.5  # the probability that a stalled log appends a record that its writer gave up
ECHO_RECENT = 20  # every other echo is one of these latest records: an old one is easy to recognize


@dataclass(slots=True, eq=False)
class _Write:
    """A record on its way. Its writer gets it back if it is not confirmed in time."""

    envelope: Envelope
    give: Give
    is_confirmed: bool
    is_over: bool = False
    is_timed: bool = False


class _Topic:
    """One class: its log, and the records that wait to be appended to it."""

    def __init__(self, log: PartitionLog) -> None:
        self.log = log
        self.delay_s = 0.0
        self.free_at = 0.0
        self.waiting: list[_Write] = []


class Topics:
    """The topics of a world."""

    def __init__(self, network: Network, timeline: Timeline, random: Random) -> None:
        self._network = network
        self._timeline = timeline
        self._random = random
        self._topics: dict[str, _Topic] = {}
        self._busy_s: dict[str, float] = {}

    def log(self, traffic: str) -> list[Envelope]:
        """All records of a class in order, each at the place of its offset, also those no longer retained."""
        return list(self._topic(traffic).log.records)

    def publish(self, node: str, envelope: Envelope, give: Give) -> None:
        """Take a record from a node; `OversizeError` or `LocalError` if its class cannot carry it."""
        topic = self._topic(envelope.traffic)
        check_size(envelope.traffic, len(envelope.data))
        now = self._timeline.now
        # A later record of this writer never overtakes an earlier one.
        at = max(self._busy_s.get(node, 0.0), now + PUBLISH_DELAY_S + self._network.delay_s())
        self._busy_s[node] = at
        record = from_headers(to_headers(envelope), envelope.data)
        write = _Write(record, give, self._network.is_confirmed(node))
        self._timeline.after(at - now, partial(self._arrive, node, topic, write))

    def open(self, node: str, traffic: str, give: Give) -> None:
        """Read a class for an incarnation of a node, from now on until the node is closed."""
        self._topic(traffic).log.open(node, give)

    def close(self, node: str) -> None:
        """End the reading of a node."""
        for topic in self._topics.values():
            topic.log.close(node)

    def catch_up(self, node: str, traffic: str) -> None:
        """Tell the node when it has received the present log; `LocalError` if it does not read it."""
        self._topic(traffic).log.catch_up(node)

    def slow(self, traffic: str, delay_s: float) -> bool:
        """Delay every append by `delay_s`; True if that is a change."""
        topic = self._topic(traffic)
        changed, topic.delay_s = topic.delay_s != delay_s, delay_s
        return changed

    def stall(self, traffic: str, is_on: bool) -> bool:
        """Let the log take and give no record, or go on; True if that is a change."""
        topic = self._topic(traffic)
        if topic.log.is_stalled == is_on:
            return False
        topic.log.is_stalled = is_on
        if not is_on:
            waiting, topic.waiting = topic.waiting, []
            for write in waiting:
                if not write.is_over or self._random.random() < GIVEN_UP_APPENDED:
                    self._append(topic, write)
        return True

    def echo(self, traffic: str, source: str | None) -> bool:
        """Append a copy of an earlier record (of this source); True if there was one."""
        topic = self._topic(traffic)
        said: Sequence[Envelope] = [record for record in topic.log.records if source in (None, record.source)]
        if not said:
            return False
        if self._random.random() < 0.5:
            said = said[-ECHO_RECENT:]
        self._land(topic, _Write(self._random.choice(said), lambda _: None, is_confirmed=True))
        return True

    def retain(self, traffic: str, keep: int) -> bool:
        """Drop all but the last `keep` records; True if any was dropped."""
        return self._topic(traffic).log.retain(keep)

    def truncate(self, traffic: str, count: int) -> bool:
        """Lose the last `count` records, whose offsets are used again; True if there were any."""
        return self._topic(traffic).log.truncate(count)

    def recreate(self, traffic: str) -> bool:
        """Delete the log and make it anew, empty; always True."""
        self._topic(traffic).log.recreate()
        return True

    def skip(self, node: str, traffic: str) -> bool:
        """Let the reader miss its next record; True if there is a reader."""
        return self._topic(traffic).log.skip(node)

    def _topic(self, traffic: str) -> _Topic:
        topic = self._topics.get(traffic)
        if topic is None:
            if route(traffic).topic is None:
                raise LocalError(f"{traffic} does not travel by topic")
            log = PartitionLog(traffic, self._network, self._timeline, self._random)
            topic = self._topics[traffic] = _Topic(log)
        return topic

    def _arrive(self, node: str, topic: _Topic, write: _Write) -> None:
        """Bring a record to the broker, unless its writer is cut off."""
        if self._network.is_cut(node, BROKER):
            self._time(write)
        elif topic.delay_s or topic.free_at > self._timeline.now:
            topic.free_at = max(topic.free_at, self._timeline.now + topic.delay_s)
            self._time(write)
            self._timeline.at(topic.free_at, partial(self._land, topic, write))
        else:
            self._land(topic, write)

    def _land(self, topic: _Topic, write: _Write) -> None:
        if topic.log.is_stalled:
            topic.waiting.append(write)
            self._time(write)
        else:
            self._append(topic, write)

    def _append(self, topic: _Topic, write: _Write) -> None:
        topic.log.append(write.envelope)
        if write.is_confirmed:
            write.is_over = True
        else:
            self._time(write)

    def _time(self, write: _Write) -> None:
        if not write.is_timed:
            write.is_timed = True
            self._timeline.after(MESSAGE_TIMEOUT_S, partial(self._give_up, write))

    def _give_up(self, write: _Write) -> None:
        if not write.is_over:
            write.is_over = True
            write.give(Undelivered(write.envelope, "", "the broker did not confirm it"))
