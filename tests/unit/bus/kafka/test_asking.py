"""Questions to the brokers: answered, refused, answered with nothing, or never."""

import logging
from typing import Any

import pytest
from confluent_kafka import KafkaError

from bus.transport.kafka.answers import Bounds, NoAnswerError, TopicState
from bus.transport.kafka.asking import AGAIN_S, WAIT_S, WARN_AT, Asking, Retries
from tests.unit.bus.kafka.cluster import AWAY, BEATS, NEVER, ROLES, SETTINGS, Cluster, refused

WAIT = 1.0
LATE = 100.0


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


@pytest.fixture
def asking(cluster: Cluster) -> Asking:
    return Asking({}, cluster.client)


def test_the_bounds_of_every_partition_are_one_answer(cluster: Cluster, asking: Asking) -> None:
    cluster.first[ROLES], cluster.last[ROLES] = 3, 9
    question = asking.bounds(ROLES, range(2), WAIT, now=0.0)
    assert question.answer(0.0) == {0: Bounds(3, 9), 1: Bounds(3, 9)}


@pytest.mark.parametrize(
    ("first", "last"),
    [
        (AWAY, 9),
        (3, AWAY),
        (3, refused(KafkaError._TIMED_OUT)),
        (RuntimeError("Results length 1 is different from future-map length 2"), 9),
        (-1001, -1001),
        (0, -1001),
        (9, 3),
        (None, None),
    ],
    ids=str,
)
def test_what_is_not_believed_is_no_answer(cluster: Cluster, asking: Asking, first: Any, last: Any) -> None:
    cluster.first[ROLES], cluster.last[ROLES] = first, last
    question = asking.bounds(ROLES, range(1), WAIT, now=0.0)
    with pytest.raises(NoAnswerError):
        question.answer(0.0)


@pytest.mark.parametrize("is_left_out", [True, False])
def test_what_never_comes_is_no_answer_at_last(cluster: Cluster, asking: Asking, is_left_out: bool) -> None:
    """The future of one partition does not resolve, or there is none."""
    if is_left_out:
        cluster.left_out = {1}
    else:
        cluster.last[ROLES] = NEVER
    question = asking.bounds(ROLES, range(2), WAIT, now=0.0)
    assert question.answer(WAIT) is None
    with pytest.raises(NoAnswerError, match="in time"):
        question.answer(LATE)


def test_of_topics_each_is_answered_for_itself(cluster: Cluster, asking: Asking) -> None:
    del cluster.ids[SETTINGS]
    cluster.ids[BEATS] = AWAY
    found = asking.topics([ROLES, SETTINGS, BEATS], WAIT, now=0.0).answer(0.0)
    assert found == {ROLES: TopicState(f"id-of-{ROLES}"), SETTINGS: TopicState("", "is not there")}


def test_topics_of_which_nothing_is_known_are_no_answer(cluster: Cluster, asking: Asking) -> None:
    cluster.ids = {ROLES: AWAY, SETTINGS: AWAY}
    with pytest.raises(NoAnswerError):
        asking.topics([ROLES, SETTINGS], WAIT, now=0.0).answer(0.0)


def test_a_client_stands_until_it_is_doubted(cluster: Cluster, asking: Asking) -> None:
    for _ in range(3):
        asking.bounds(ROLES, range(1), WAIT, now=0.0)
        asking.has_ids(ROLES)
    assert cluster.clients == 1
    asking.doubt()
    asking.topics([ROLES], WAIT, now=0.0)
    assert cluster.clients == 2


def test_a_cluster_that_does_not_answer_is_of_no_kind(cluster: Cluster, asking: Asking) -> None:
    cluster.id = ""
    with pytest.raises(NoAnswerError):
        asking.has_ids(ROLES)


def test_a_client_that_cannot_be_made_is_no_answer() -> None:
    def make(_: Any) -> Any:
        raise refused(KafkaError._CRIT_SYS_RESOURCE)

    with pytest.raises(NoAnswerError):
        Asking({}, make).bounds(ROLES, range(1), WAIT, now=0.0)


def test_who_is_not_answered_waits_longer_and_asks_less_often() -> None:
    retries = Retries("nobody knows")
    waits, pauses = [], []
    for _ in range(6):
        waits.append(retries.wait_s)
        retries.failed(NoAnswerError("silence"), now=100.0)
        pauses.append(round(retries.due - 100.0, 3))
    assert waits == [*WAIT_S, *[WAIT_S[-1]] * 2]
    assert pauses == [*AGAIN_S, *[AGAIN_S[-1]] * 2]
    assert retries.trouble == "silence"
    retries.answered()
    assert (retries.wait_s, retries.trouble) == (WAIT_S[0], "")


def test_a_broker_that_was_late_is_nobodys_news_and_one_that_stays_away_is(
    caplog: pytest.LogCaptureFixture,
) -> None:
    logger = logging.getLogger("provbus.kafka.client")
    before = logger.level
    logger.setLevel(logging.NOTSET)  # as once we run
    try:
        retries = Retries("where the log begins")
        for _ in range(WARN_AT - 1):
            retries.failed(AWAY, now=0.0)
        assert caplog.records == []
        for _ in range(WARN_AT):
            retries.failed(AWAY, now=0.0)
        assert [one.getMessage().partition(":")[0] for one in caplog.records] == ["where the log begins"]
    finally:
        logger.setLevel(before)
