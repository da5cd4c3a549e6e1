"""Where each class is read from, and what becomes of a position that is gone."""

from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from bus.messages import LogBounds, LogLost
from bus.transport.kafka.asking import Asking
from bus.transport.kafka.feeds import TABLE, End, Feed, FeedOpened, FeedState, Happened
from tests.unit.bus.kafka.cluster import (
    AWAY,
    EOF,
    GONE,
    NEVER,
    ROLES,
    Cluster,
    event,
    record,
)

LOG = "failover"
UNKNOWN = KafkaError(KafkaError._NO_OFFSET)


class Assigned:
    """A consumer that remembers what it was assigned; `error` is raised by the next call."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, int, int]] = []
        self.error: KafkaException | None = None

    def incremental_assign(self, places: Any) -> None:
        self._note("assign", places)

    def incremental_unassign(self, places: Any) -> None:
        self._note("unassign", places)

    def _note(self, what: str, places: Any) -> None:
        if self.error is not None:
            error, self.error = self.error, None
            raise error
        self.calls += [(what, place.partition, place.offset) for place in places]

    def take(self) -> list[tuple[str, int, int]]:
        calls, self.calls = self.calls, []
        return calls


class Read:
    """One class as it is read; every turn is ten seconds after the one before."""

    def __init__(self, traffic: str, first: Any = 3, last: Any = 9) -> None:
        self.cluster = Cluster()
        self.feed = Feed(traffic, Asking({}, self.cluster.client))
        self.topic = self.feed.topic
        self.consumer: Any = Assigned()
        self.bounds(first, last)
        self._now = 0.0

    def bounds(self, first: Any, last: Any) -> None:
        self.cluster.first[self.topic], self.cluster.last[self.topic] = first, last

    def turns(self, count: int = 2) -> list[Any]:
        """What these turns tell: a question is asked in one, and answered in the next."""
        for _ in range(count):
            self._now += 10.0
            self.feed.turn(self._now, self.consumer)
        return self.feed.take()

    def opened(self, *offsets: int, leader_epoch: int = 0) -> "Read":
        """It is open, and read these records."""
        self.feed.seen("id")
        self.turns()
        self.consumer.take()
        for offset in offsets:
            assert self.feed.passes(record(self.feed.traffic, offset, leader_epoch))
        return self

    def gone(self, offset: int = -1001) -> list[Any]:
        """The client says that our position is gone; what comes of the next turns."""
        assert self.feed.passes(event(self.topic, GONE, offset))
        return self.turns()


def test_nothing_is_read_of_a_topic_that_was_not_seen() -> None:
    read = Read(LOG)
    assert read.turns() == read.consumer.take() == read.cluster.asked == []


def test_a_log_is_read_from_the_start_that_its_reader_was_told() -> None:
    read = Read(LOG)
    read.feed.seen("the id")
    assert read.turns() == [LogBounds(LOG, 3, 9, "the id")]
    assert read.consumer.take() == [("assign", 0, 3)]
    assert read.turns() == []


def test_a_long_log_is_read_near_its_end() -> None:
    read = Read(LOG, 0, 1_000_000)
    read.feed.seen("")
    assert read.turns() == [LogBounds(LOG, 950_000, 1_000_000)]


@pytest.mark.parametrize(("traffic", "start"), [("config", 3), ("heartbeat", 9)])
def test_another_class_is_read_from_its_beginning_or_its_end(traffic: str, start: int) -> None:
    read = Read(traffic)
    read.feed.seen("id")
    assert read.turns() == [FeedOpened(traffic, {0: start}, {0: 9})]
    assert read.consumer.take() == [("assign", 0, start)]


@pytest.mark.parametrize(
    ("first", "last"), [(AWAY, 9), (3, NEVER), (-1001, -1001), (0, -1001), (9, 3), (None, None)], ids=str
)
def test_what_is_no_answer_reaches_no_machine_and_is_asked_again(first: Any, last: Any) -> None:
    read = Read(LOG, first, last)
    read.feed.seen("id")
    assert read.turns(8) == read.consumer.take() == []
    assert read.feed.trouble.startswith(f"where {ROLES} begins and ends: ")
    waits = [wait_s for _, wait_s in read.cluster.asked]
    assert len(waits) > 2
    assert waits == sorted(waits), "the next question waited no longer"
    assert read.cluster.clients == len(waits), "who did not answer was asked again on the same connection"
    read.bounds(3, 9)
    assert read.turns() == [LogBounds(LOG, 3, 9, "id")]
    assert read.feed.trouble == ""


def test_a_consumer_that_refuses_is_given_the_partition_again() -> None:
    read = Read(LOG)
    read.feed.seen("id")
    read.consumer.error = AWAY
    assert read.turns() == []
    assert read.turns() == [LogBounds(LOG, 3, 9, "id")]
    assert read.consumer.take() == [("assign", 0, 3)]


def test_everybody_who_asks_is_answered_with_one_question_and_who_comes_later_with_the_next() -> None:
    read = Read("config").opened()
    for _ in range(2):
        read.feed.want_end()
    assert read.turns(1) == []
    read.feed.want_end()
    read.bounds(3, 12)
    assert read.turns(1) == [End("config", {0: 9})] * 2
    assert read.turns() == [End("config", {0: 12})]
    assert read.turns() == []


def test_who_asks_before_it_is_open_is_answered_behind_its_bounds() -> None:
    read = Read(LOG)
    read.feed.want_end()
    read.feed.seen("id")
    assert read.turns(4) == [LogBounds(LOG, 3, 9, "id"), End(LOG, {0: 9})]


def test_who_asks_while_nobody_answers_is_answered_in_the_end() -> None:
    read = Read("config").opened()
    read.bounds(0, -1001)
    read.feed.want_end()
    assert read.turns(6) == []
    read.bounds(3, 9)
    assert read.turns() == [End("config", {0: 9})]


def test_a_class_whose_position_is_gone_is_read_as_at_a_start() -> None:
    read = Read("config").opened()
    read.bounds(0, 2)
    read.feed.want_end()
    assert read.gone(9) == [FeedOpened("config", {0: 0}, {0: 2})]
    assert read.consumer.take() == [("unassign", 0, 3), ("assign", 0, 0)]
    assert read.turns() == [End("config", {0: 2})]


@pytest.mark.parametrize("offset", [-1001, 6])
def test_a_log_that_still_has_our_position_goes_on(offset: int) -> None:
    """An event without an offset, or at one that is still there, says nothing of the log."""
    read = Read(LOG).opened(3, 4, 5, leader_epoch=7)
    assert read.gone(offset) == []
    assert read.consumer.take() == [("unassign", 0, 3), ("assign", 0, 5)]
    assert not read.feed.passes(record(LOG, 5, leader_epoch=7)), "a record was given twice"
    assert read.feed.passes(record(LOG, 6, leader_epoch=8))
    assert read.turns() == []
    assert read.feed.state is FeedState.OPEN


def test_a_log_of_which_nothing_was_read_goes_on_at_its_start() -> None:
    read = Read(LOG).opened()
    assert read.gone() == []
    assert read.consumer.take() == [("unassign", 0, 3), ("assign", 0, 3)]
    assert read.feed.passes(record(LOG, 3))


def test_while_nobody_says_where_a_log_ends_it_is_not_lost() -> None:
    read = Read(LOG).opened(3, 4)
    read.bounds(0, -1001)
    assert read.gone() == read.turns(8) == []
    assert read.feed.trouble
    read.bounds(3, 9)
    assert read.turns() == []
    assert read.feed.state is FeedState.PROVING


@pytest.mark.parametrize(
    ("first", "last", "reason"),
    [
        (7, 9, "begins at offset 7 now: those from 6 on were never read"),
        (0, 2, "was cut: it ends at offset 2 now, and was read up to 6"),
        (0, 0, "was cut: it ends at offset 0 now"),
    ],
)
def test_a_log_without_our_position_is_lost_once_and_for_good(first: int, last: int, reason: str) -> None:
    read = Read(LOG).opened(3, 4, 5)
    read.bounds(first, last)
    [lost] = read.gone(6)
    assert isinstance(lost, LogLost)
    assert reason in lost.reason
    read.feed.want_end()
    read.feed.seen("id")
    read.feed.restart()
    read.feed.passes(event(ROLES, GONE))
    read.bounds(0, 99)
    assert read.turns(4) == []
    assert not read.feed.passes(record(LOG, 6))
    assert not read.feed.is_busy


def test_a_lost_log_is_not_fetched_any_more() -> None:
    read = Read(LOG).opened(3)
    read.feed.made_anew("it is another one")
    assert read.turns() == [LogLost(LOG, "it is another one")]
    assert read.consumer.take() == [("unassign", 0, 3)]


@pytest.mark.parametrize(("offset", "leader_epoch"), [(5, 8), (6, 8), (7, 7)])
def test_a_log_that_was_cut_and_written_anew_is_lost(offset: int, leader_epoch: int) -> None:
    read = Read(LOG).opened(3, 4, 5, leader_epoch=7)
    assert read.gone() == []
    assert not read.feed.passes(record(LOG, offset, leader_epoch))
    [lost] = read.turns()
    assert "was cut and written anew" in lost.reason


def test_what_stands_before_our_position_cannot_be_proved_when_it_expired() -> None:
    read = Read(LOG).opened(3, 4, 5)
    read.bounds(6, 9)
    assert read.gone() == []
    assert read.consumer.take() == [("unassign", 0, 3), ("assign", 0, 6)]
    assert read.feed.passes(record(LOG, 6))


def test_on_another_consumer_a_log_goes_on_and_the_others_begin_anew() -> None:
    log, settings, beats = Read(LOG).opened(3, 4), Read("config").opened(), Read("heartbeat").opened()
    for read in (log, settings, beats):
        read.feed.restart()
    assert log.turns() == []
    assert log.consumer.take() == [("assign", 0, 4)]
    assert settings.turns() == [FeedOpened("config", {0: 3}, {0: 9})]
    assert beats.turns() == [FeedOpened("heartbeat", {0: 9}, {0: 9})]


def test_a_topic_made_anew_is_read_from_its_beginning_and_its_reader_knows() -> None:
    read = Read("config").opened()
    read.feed.made_anew("it is another one")
    read.feed.restart()
    read.bounds(0, 300)
    assert read.turns() == [FeedOpened("config", {0: 0}, {0: 300}, is_anew=True)]
    read.feed.restart()
    assert read.turns() == [FeedOpened("config", {0: 0}, {0: 300})]


def test_a_topic_made_anew_before_it_was_read_is_none_that_was_lost() -> None:
    read = Read("config")
    read.feed.made_anew("it is another one")
    read.feed.seen("id")
    assert read.turns() == [FeedOpened("config", {0: 3}, {0: 9})]


def test_other_events_need_nothing() -> None:
    read = Read(LOG).opened(3, 4)
    for error in (EOF, KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED)):
        assert read.feed.passes(event(ROLES, error, 5))
    assert read.turns() == read.consumer.take() == []


def test_nothing_leads_out_of_a_lost_feed_and_every_other_state_can_be_lost() -> None:
    assert [what for state, what in TABLE if state is FeedState.LOST] == []
    assert {state for state, what in TABLE if what is Happened.LOST} == {*FeedState} - {FeedState.LOST}


def test_every_state_is_reached() -> None:
    assert {*TABLE.values()} | {FeedState.NEW} == {*FeedState}
