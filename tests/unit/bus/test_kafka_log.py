"""Opening a log and capturing ends, between two fetches, with brokers that may not answer."""

import logging
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, Message, TopicPartition

from bus.errors import LocalError
from bus.machine import LogBounds, LogLost
from bus.transport.kafka.log_watch import WARN_AT, End, LogWatch
from bus.transport.kafka.topic_pins import TopicPins

ROLES, SETTINGS = "provbus.roles.v1", "provbus.settings.v1"
AWAY = KafkaException(KafkaError(KafkaError._TRANSPORT))
GONE = KafkaError(KafkaError._AUTO_OFFSET_RESET)
SETTINGS_START = TopicPartition(SETTINGS, 0, -2)


class Cluster:
    """A consumer's view of brokers without topic ids; `away` are the topics whose leaders do not answer."""

    def __init__(self) -> None:
        self.bounds = {ROLES: (3, 9), SETTINGS: (0, 4)}
        self.away: set[str] = set()
        self.calls: list[tuple[str, str, int]] = []
        self.asked: list[str] = []

    def list_topics(self, topic: str, timeout: float) -> Any:
        self._answer(topic)
        return SimpleNamespace(controller_id=0, brokers={1: None})

    def bounds_of(self, place: TopicPartition) -> tuple[int, int]:
        self.asked.append(place.topic)
        self._answer(place.topic)
        return self.bounds[place.topic]

    def incremental_assign(self, places: list[TopicPartition]) -> None:
        self.calls += [("assign", place.topic, place.offset) for place in places]

    def incremental_unassign(self, places: list[TopicPartition]) -> None:
        self.calls += [("unassign", place.topic, place.partition) for place in places]

    def _answer(self, topic: str) -> None:
        if topic in self.away:
            raise AWAY


class Watched:
    """A watch over both classes and what it put; every turn is a second after the one before."""

    def __init__(self, known_id: str = "") -> None:
        self.cluster = Cluster()
        self.told: list[Any] = []
        consumer: Any = self.cluster
        pins = TopicPins(None, [ROLES])
        if known_id:
            pins.check(ROLES, known_id)
        admin = {"bootstrap.servers": "127.0.0.1:1", "log_level": 0}
        read, starts = ("config", "failover"), [SETTINGS_START]
        self.watch = LogWatch(consumer, admin, read, starts, pins, self.told.extend, consumer.bounds_of)
        self._now = 0.0

    def turn(self) -> list[Any]:
        """What one more turn tells."""
        before = len(self.told)
        self._now += 1.0
        self.watch.turn(self._now)
        return self.told[before:]


@pytest.fixture
def watched() -> Watched:
    return Watched()


def gone(topic: str, offset: int) -> Message:
    return Message(topic=topic, partition=0, offset=offset, error=GONE)


def test_a_log_is_read_from_the_start_that_its_reader_was_told(watched: Watched) -> None:
    assert watched.turn() == [LogBounds("failover", 3, 9)]
    assert watched.cluster.calls == [("assign", ROLES, 3)]
    assert watched.turn() == []


def test_a_log_whose_leader_is_away_is_opened_when_it_is_back(watched: Watched) -> None:
    watched.cluster.away = {ROLES}
    assert [*watched.turn(), *watched.turn()] == []
    assert watched.cluster.calls == []
    watched.cluster.away = set()
    assert watched.turn() == [LogBounds("failover", 3, 9)]


def test_a_log_whose_id_is_known_is_not_opened_without_being_asked_for_it() -> None:
    watched = Watched(known_id="Hwc14KEJShO7DQAMFITY1A")
    assert [*watched.turn(), *watched.turn(), *watched.turn()] == []
    assert watched.cluster.calls == []
    watched.watch.close()


def test_everybody_who_asks_is_answered_with_one_question(watched: Watched) -> None:
    watched.turn()
    watched.cluster.asked.clear()
    watched.cluster.bounds[ROLES] = (3, 12)
    for traffic in ("failover", "config", "failover"):
        watched.watch.ask(traffic)
    assert watched.turn() == [End("failover", {0: 12}), End("failover", {0: 12}), End("config", {0: 4})]
    assert watched.cluster.asked == [ROLES, SETTINGS]
    assert watched.turn() == []


def test_who_asks_before_the_log_is_open_is_answered_behind_its_bounds(watched: Watched) -> None:
    watched.cluster.away = {ROLES}
    watched.watch.ask("failover")
    assert watched.turn() == []
    watched.cluster.away = set()
    assert watched.turn() == [LogBounds("failover", 3, 9), End("failover", {0: 9})]


def test_a_leader_that_is_away_is_asked_again_and_holds_up_no_other_class(watched: Watched) -> None:
    watched.turn()
    watched.cluster.away = {SETTINGS}
    watched.watch.ask("config")
    assert watched.turn() == []
    watched.watch.ask("failover")
    told = [*watched.turn(), *watched.turn()]
    assert told == [End("failover", {0: 9})]
    watched.cluster.away = set()
    assert watched.turn() == [End("config", {0: 4})]


def test_of_what_is_not_read_nobody_captures_the_end(watched: Watched) -> None:
    with pytest.raises(LocalError, match="heartbeat is not read here"):
        watched.watch.ask("heartbeat")


def test_a_log_whose_position_is_gone_is_lost_once_and_for_good(watched: Watched) -> None:
    watched.turn()
    for _ in range(2):
        watched.watch.mend(gone(ROLES, 5))
    [_, lost] = watched.told
    assert isinstance(lost, LogLost)
    assert "has no offset 5 any more" in lost.reason
    assert watched.cluster.calls[-1] == ("unassign", ROLES, 0)
    watched.watch.ask("failover")
    assert watched.turn() == []


def test_another_class_is_read_as_at_a_start_where_its_position_is_gone(watched: Watched) -> None:
    watched.turn()
    watched.watch.mend(gone(SETTINGS, 99))
    assert watched.cluster.calls[1:] == [("unassign", SETTINGS, 0), ("assign", SETTINGS, -2)]
    assert watched.told == [LogBounds("failover", 3, 9)]


def test_other_events_need_nothing(watched: Watched) -> None:
    watched.turn()
    calls = list(watched.cluster.calls)
    watched.watch.mend(Message(topic=ROLES, partition=0, offset=5, value=b""))
    watched.watch.mend(
        Message(topic=ROLES, partition=0, offset=5, error=KafkaError(KafkaError._PARTITION_EOF))
    )
    assert (watched.cluster.calls, len(watched.told)) == (calls, 1)


def test_a_broker_that_is_late_once_is_nobodys_news_and_one_that_stays_away_is(
    watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    logger = logging.getLogger("provbus.kafka.client")
    before = logger.level
    logger.setLevel(logging.NOTSET)  # as once we run
    try:
        watched.cluster.away = {ROLES}
        for _ in range(WARN_AT - 1):
            watched.turn()
        assert caplog.records == []
        for _ in range(WARN_AT):
            watched.turn()
        assert [one.getMessage().partition(":")[0] for one in caplog.records] == [ROLES]
    finally:
        logger.setLevel(before)
