"""Questions to brokers of both kinds, which may stand still: what comes back then is no answer."""

import time
from collections.abc import Iterator
from threading import Event

import pytest

from bus.transport.kafka.answers import Bounds, NoAnswerError
from bus.transport.kafka.asking import Asking, Question
from tests.contract.brokers import Brokers
from tests.contract.clients import topic
from tests.contract.harness import DEADLINE_S, TURN_S

ROLES = topic("failover").name
SHORT_S = 0.5


@pytest.fixture(
    params=["embedded_cluster", pytest.param("real_cluster", marks=pytest.mark.kafka)],
    ids=["embedded", "real"],
)
def brokers(request: pytest.FixtureRequest) -> Iterator[Brokers]:
    found: Brokers = request.getfixturevalue(request.param)
    yield found
    found.resume()


def answer(question: Question[dict[int, Bounds]]) -> dict[int, Bounds]:
    """What the question comes to; `NoAnswerError` if to nothing."""
    deadline = time.monotonic() + DEADLINE_S
    while (found := question.answer(time.monotonic())) is None:
        assert time.monotonic() < deadline
        Event().wait(TURN_S)
    return found


def later(asking: Asking) -> dict[int, Bounds]:
    """What a question comes to that is asked again while it comes to nothing, as those who ask do: after a
    change of the leader the first answer is of an older epoch.
    """
    deadline = time.monotonic() + DEADLINE_S
    while True:
        try:
            return answer(asking.bounds(ROLES, [0], DEADLINE_S, time.monotonic()))
        except NoAnswerError:
            assert time.monotonic() < deadline
            Event().wait(TURN_S)


def test_where_a_partition_begins_and_ends_is_answered(brokers: Brokers) -> None:
    asking = Asking(brokers.settings)
    [found] = answer(asking.bounds(ROLES, [0], DEADLINE_S, time.monotonic())).values()
    assert 0 <= found.start <= found.end
    asking.close()


def test_what_brokers_say_that_stand_still_is_no_answer_and_afterwards_they_answer(brokers: Brokers) -> None:
    """The client resolves such a question without an error, with the offset -1001."""
    asking = Asking(brokers.settings)
    known = answer(asking.bounds(ROLES, [0], DEADLINE_S, time.monotonic()))
    brokers.suspend()
    with pytest.raises(NoAnswerError):
        answer(asking.bounds(ROLES, [0], SHORT_S, time.monotonic()))
    with pytest.raises(NoAnswerError):
        asking.has_ids(ROLES)
    brokers.resume()
    asking.doubt()
    assert later(asking) == known
    asking.close()
