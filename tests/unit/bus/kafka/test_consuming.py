"""A consumer that is replaced under its readers, and what they are told."""

from threading import Event
from typing import Any

import pytest
from confluent_kafka import KafkaError, Message

from bus.errors import LocalError
from bus.messages import LogBounds, LogLost
from bus.transport.kafka.answers import ClearText
from bus.transport.kafka.asking import Asking
from bus.transport.kafka.consuming import Consuming
from bus.transport.kafka.feeds import End, FeedOpened
from bus.transport.kafka.topic_pins import TopicPins
from bus.transport.kafka.topic_watch import MadeAnew, TopicWatch
from tests.unit.bus.kafka.cluster import EOF, FATAL, GONE, ROLES, SETTINGS, Cluster, event, record

READ = ("config", "failover")


class Consumer:
    """A consumer that fetches what a test gives it; `error` is raised by the next `poll`."""

    def __init__(self) -> None:
        self.fetched: list[Message] = []
        self.assigned: dict[str, int] = {}
        self.error: Exception | None = None
        self.is_closed = False

    def poll(self, timeout_s: float) -> Message | None:
        if self.error is not None:
            error, self.error = self.error, None
            raise error
        return self.fetched.pop(0) if self.fetched else None

    def consume(self, count: int, timeout_s: float) -> list[Message]:
        fetched, self.fetched = self.fetched, []
        return fetched

    def incremental_assign(self, places: Any) -> None:
        self.assigned |= {place.topic: place.offset for place in places}

    def incremental_unassign(self, places: Any) -> None:
        for place in places:
            del self.assigned[place.topic]

    def close(self) -> None:
        self.is_closed = True


class Consumed:
    """Consuming on consumers of which each is kept; `put` is what the machine's side got."""

    def __init__(self, *read: str) -> None:
        self.cluster = Cluster()
        self.made: list[Consumer] = []
        self.put: list[Any] = []
        stop = Event()
        stop.set()  # so that no turn waits
        asking = Asking({}, self.cluster.client)
        names = [ROLES, SETTINGS]
        self.topics = TopicWatch(
            asking,
            names,
            TopicPins(None, [ROLES]),
            read=names,
            written=list,
            logs=[ROLES],
            clear=ClearText({}),
        )
        make: Any = self._make
        self.consuming = Consuming(read, make, asking, self.topics, self.put.extend, stop)
        self.now = 0.0

    @property
    def consumer(self) -> Consumer:
        return self.made[-1]

    def _make(self) -> Consumer:
        self.made.append(Consumer())
        return self.made[-1]

    def turns(self, count: int = 4, every_s: float = 10.0) -> list[Any]:
        """What these turns put."""
        self.put.clear()
        for _ in range(count):
            self.now += every_s
            for one in self.topics.turn(self.now):
                self.consuming.made_anew(one)
            self.consuming.turn(self.now)
        return self.put


@pytest.fixture
def consumed() -> Consumed:
    """It reads settings and a log, and has begun with both."""
    one = Consumed(*READ)
    assert one.turns() == [
        FeedOpened("config", {0: 0}, {0: 0}),
        LogBounds("failover", 0, 0, f"id-of-{ROLES}"),
    ]
    return one


def test_nothing_is_assigned_before_the_topics_were_seen() -> None:
    consumed = Consumed(*READ)
    consumed.turns(1)
    assert consumed.consumer.assigned == {}
    consumed.turns()
    assert consumed.consumer.assigned == {ROLES: 0, SETTINGS: 0}


def test_what_was_fetched_is_put_with_the_client_s_events(consumed: Consumed) -> None:
    fetched = [record("config", 0), event(SETTINGS, EOF, 1), record("failover", 0)]
    consumed.consumer.fetched = [*fetched]
    assert consumed.turns(1) == fetched


def test_who_asks_is_answered_with_a_captured_end(consumed: Consumed) -> None:
    consumed.cluster.last[SETTINGS] = 5
    consumed.consuming.catch_up("config")
    assert consumed.turns() == [End("config", {0: 5})]
    with pytest.raises(LocalError, match="heartbeat is not read here"):
        consumed.consuming.catch_up("heartbeat")


@pytest.mark.parametrize("error", [FATAL, RuntimeError("Consumer closed"), SystemError("NULL")], ids=str)
def test_a_consumer_that_fails_is_replaced_and_its_readers_read_on(
    consumed: Consumed, error: Exception
) -> None:
    consumed.consumer.fetched = [record("failover", 0), record("failover", 1)]
    consumed.cluster.last = {ROLES: 2, SETTINGS: 1}
    consumed.turns(1)
    consumed.consumer.error = error
    assert consumed.turns(1) == []
    [trouble] = consumed.consuming.troubles()
    assert trouble.startswith("the Kafka consumer, which is replaced: ")
    assert consumed.turns() == [FeedOpened("config", {0: 0}, {0: 1})]
    assert [one.is_closed for one in consumed.made] == [True, False]
    assert consumed.consumer.assigned == {ROLES: 1, SETTINGS: 0}, "the log is proved by its last record"
    fresh = record("failover", 2)
    consumed.consumer.fetched = [record("failover", 1), fresh]
    assert consumed.turns(1) == [fresh]
    assert list(consumed.consuming.troubles()) == []


def test_settings_made_anew_are_read_from_their_beginning_on_another_consumer(consumed: Consumed) -> None:
    consumed.cluster.ids[SETTINGS] = "another"
    consumed.cluster.last[SETTINGS] = 300
    assert consumed.turns(6) == [FeedOpened("config", {0: 0}, {0: 300}, is_anew=True)]
    assert [one.is_closed for one in consumed.made] == [True, False]
    assert consumed.consumer.assigned == {ROLES: 0, SETTINGS: 0}


def test_a_log_made_anew_is_lost_and_costs_the_others_nothing(consumed: Consumed) -> None:
    consumed.cluster.ids[ROLES] = "another"
    [lost] = consumed.turns(6)
    assert isinstance(lost, LogLost)
    assert "was deleted and made anew" in lost.reason
    assert len(consumed.made) == 1
    assert consumed.consumer.assigned == {SETTINGS: 0}


def test_a_topic_that_is_not_read_here_costs_no_consumer(consumed: Consumed) -> None:
    consumed.consuming.made_anew(MadeAnew("provbus.audit.v1", "it is another one"))
    assert consumed.turns() == []
    assert len(consumed.made) == 1


@pytest.mark.parametrize("error", [GONE, KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED)], ids=str)
def test_trouble_with_a_topic_has_it_looked_at(consumed: Consumed, error: KafkaError) -> None:
    consumed.turns(2)
    consumed.cluster.asked.clear()
    assert consumed.turns(1, every_s=1.0) == []
    assert consumed.cluster.asked == []
    consumed.consumer.fetched = [event(SETTINGS, error)]
    consumed.turns(2, every_s=1.0)
    assert "all" in [what for what, _ in consumed.cluster.asked]


def test_it_is_closed_whatever_state_it_is_in(consumed: Consumed) -> None:
    consumed.consuming.close()
    consumed.consuming.close()
    assert consumed.consumer.is_closed
