"""Clients that are replaced: when, how often, and what is said meanwhile."""

from typing import Any

import pytest
from confluent_kafka import KafkaError

from bus.transport.kafka.replaceable import AGAIN_S, CALM_S, Backoff, Replaceable
from tests.unit.bus.kafka.cluster import FATAL, refused

NO_THREAD = refused(KafkaError._CRIT_SYS_RESOURCE)


class Clients:
    """Makes clients, numbered, and ends them; `errors` are raised by the next ones to be made or ended."""

    def __init__(self) -> None:
        self.made = 0
        self.ended: list[int] = []
        self.make_errors: list[Exception] = []
        self.end_error: Exception | None = None
        self.one: Replaceable[int] = Replaceable("producer", self._make, self._end)

    def _make(self) -> int:
        if self.make_errors:
            raise self.make_errors.pop(0)
        self.made += 1
        return self.made

    def _end(self, client: int) -> None:
        self.ended.append(client)
        if self.end_error is not None:
            raise self.end_error

    def counts(self) -> dict[str, Any]:
        return {sample.labels["cause"]: sample.value for sample in self.one.samples()}


def test_a_client_that_serves_stays() -> None:
    clients = Clients()
    assert not clients.one.turn(1.0)
    assert (clients.one.client, clients.one.trouble, clients.ended) == (1, "", [])


def test_one_that_failed_is_replaced_at_once_and_said(caplog: pytest.LogCaptureFixture) -> None:
    clients = Clients()
    clients.one.fail(FATAL, 1.0)
    assert clients.one.trouble.startswith("the Kafka producer, which is replaced: ")
    assert clients.one.turn(1.0)
    assert (clients.one.client, clients.one.trouble, clients.ended) == (2, "", [1])
    assert clients.counts() == {"topic": 0, "failure": 1}
    assert ["replacing" in one.getMessage() for one in caplog.records] == [True]


def test_one_that_fails_again_and_again_is_replaced_later_each_time_and_within_a_bound() -> None:
    clients, now, gaps = Clients(), 1.0, []
    for _ in range(8):
        clients.one.fail(FATAL, now)
        failed_at = now
        while not clients.one.turn(now):
            assert clients.one.client is None
            now += 0.5
        gaps.append(now - failed_at)
    assert gaps == [*AGAIN_S, *[AGAIN_S[-1]] * 2]


def test_after_calm_a_failure_is_the_first_again() -> None:
    backoff = Backoff()
    assert [backoff.failed(0.0) for _ in range(4)] == [0.0, 1.0, 2.0, 4.0]
    assert backoff.failed(CALM_S) == CALM_S


def test_one_that_cannot_be_made_is_tried_again_without_an_end() -> None:
    clients = Clients()
    clients.make_errors = [NO_THREAD] * 3
    clients.one.fail(FATAL, 0.0)
    now, turns = 0.0, 0
    while not clients.one.turn(now):
        now, turns = now + 1.0, turns + 1
        assert clients.one.trouble
        assert turns < 60
    assert (clients.one.client, clients.ended) == (2, [1])


def test_one_that_is_wanted_anew_needs_no_failure() -> None:
    clients = Clients()
    clients.one.renew("the topic is another one")
    assert clients.one.turn(1.0)
    assert clients.counts() == {"topic": 1, "failure": 0}


@pytest.mark.parametrize("error", [SystemError("returned NULL"), RuntimeError("closed"), FATAL], ids=str)
def test_one_that_cannot_be_ended_is_left(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    clients = Clients()
    clients.end_error = error
    clients.one.renew("the topic is another one")
    assert clients.one.turn(1.0)
    assert clients.one.client == 2
    clients.one.close()
    clients.one.close()
    assert clients.one.client is None
    assert ["closing" in one.getMessage() for one in caplog.records].count(True) == 2


def test_a_fault_of_ours_is_told_with_where_it_happened(caplog: pytest.LogCaptureFixture) -> None:
    clients = Clients()
    clients.one.fail(ValueError("of a callback"), 1.0)
    assert caplog.records[0].exc_info is not None
    assert clients.one.turn(1.0)
