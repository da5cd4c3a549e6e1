"""A topic is deleted although the answer of the broker that did it was lost."""

from collections.abc import Callable, Iterator

import pytest
from confluent_kafka import KafkaError, KafkaException

from bus.errors import UnavailableError
from services.lab.faults.kafka.remake import until_deleted

LOST = KafkaException(KafkaError(KafkaError._DESTROY_BROKER))
GONE = KafkaException(KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART))


def answering(*answers: Exception | None) -> tuple[Callable[[], None], Iterator[Exception | None]]:
    """A deletion that is answered so, one after the other, and what was not asked for yet."""
    left = iter(answers)

    def delete() -> None:
        answer = next(left)
        if answer is not None:
            raise answer

    return delete, left


@pytest.mark.parametrize("answers", [(None,), (LOST, None), (LOST, GONE), (TimeoutError(), LOST, GONE)])
def test_a_lost_answer_is_asked_for_again(answers: tuple[Exception | None, ...]) -> None:
    delete, left = answering(*answers)
    until_deleted(delete, "provbus.settings.v1")
    assert [*left] == []


def test_a_topic_that_was_not_there_is_an_error() -> None:
    delete, _ = answering(GONE)
    with pytest.raises(UnavailableError, match=r"provbus\.settings\.v1 cannot be deleted"):
        until_deleted(delete, "provbus.settings.v1")
