"""Questions to the brokers: asked on a connection of their own, answered later, without waiting.

Theory of operation
-------------------
On the consumer's connection a question waits behind a fetch that the broker holds back, so there is a client
for questions alone. It is kept as long as it answers: one for each question costs 2 ms of CPU, a kept one
0.1 ms a second. One that does not answer may have chosen a stopped broker, and would go on waiting for it for
a minute. So the next question begins a new one.

The thread that asks has other work, and looks for the answer in its next turns. While none comes it waits
longer and asks less often (`Retries`), for on a busy machine every question makes the next one slower.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, Generic, TypeVar

from confluent_kafka import KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]

from bus.transport.kafka.answers import Bounds, NoAnswerError, TopicState, bounds, has_ids, topic_state
from bus.transport.kafka.client_settings import COMMON

WAIT_S = (1.0, 2.0, 4.0, 8.0)
AGAIN_S = (0.2, 0.5, 1.0, 2.0)
WARN_AT = 5  # failed tries: a busy broker that is late is no news
KIND_S = 0.5  # the one question with a wait; before its answer there is nothing else to do
_LATE_S = 0.5  # librdkafka times a question out itself, and now and then does not
_log = logging.getLogger("provbus.kafka.client")  # silent until we run: `check_broker` says it while we start

Answer = TypeVar("Answer")


class Retries:
    """The time limit of a question, and the time of the next try. Both grow while no answer comes."""

    def __init__(self, what: str) -> None:
        """`what` says what is not known meanwhile, for people."""
        self.due = 0.0
        self.trouble = ""
        """The reason why there was no answer last time; empty if there was one."""
        self._what = what
        self._tries = 0

    @property
    def wait_s(self) -> float:
        """The time limit of the next question, in s."""
        return WAIT_S[min(self._tries, len(WAIT_S) - 1)]

    def failed(self, error: Exception, now: float) -> None:
        """Note that no answer came."""
        self.due = now + AGAIN_S[min(self._tries, len(AGAIN_S) - 1)]
        self._tries += 1
        self.trouble = reason_of(error)
        if self._tries == WARN_AT:
            _log.warning("%s: %s", self._what, self.trouble)

    def answered(self) -> None:
        """Note that one came."""
        self._tries, self.trouble = 0, ""


class Question(Generic[Answer]):
    """An open question. `client` lives as long as its question."""

    def __init__(
        self, client: Any, futures: Sequence[Any], read: Callable[[list[Any]], Answer], until: float
    ) -> None:
        self._client = client
        self._futures = futures
        self._read = read
        self._until = until

    def answer(self, now: float) -> Answer | None:
        """The answer, or None while it is not here; `NoAnswerError` when there will be none."""
        if all(one is not None and one.done() for one in self._futures):
            return self._read([_outcome(one) for one in self._futures])
        if now >= self._until:
            raise NoAnswerError("no broker answered in time")
        return None


class Asking:
    """Asks on a client that it makes from these settings."""

    def __init__(
        self, settings: Mapping[str, Any], make: Callable[[dict[str, Any]], Any] = AdminClient
    ) -> None:
        self._settings = {**COMMON, **settings, "log_level": 0}
        self._make = make
        self._client: Any = None

    def has_ids(self, topic: str) -> bool:
        """Whether this cluster gives topics ids; `NoAnswerError` after `KIND_S`."""
        try:
            return has_ids(self._present().list_topics(topic, timeout=KIND_S))
        except KafkaException as error:
            raise NoAnswerError(reason_of(error)) from error

    def topics(self, names: Sequence[str], wait_s: float, now: float) -> Question[dict[str, TopicState]]:
        """The states of these topics; those without a valid answer are left out."""
        client = self._present()
        futures = client.describe_topics(
            TopicCollection([*names]), include_authorized_operations=True, request_timeout=wait_s
        )

        def read(outcomes: list[Any]) -> dict[str, TopicState]:
            found: dict[str, TopicState] = {}
            failure = ""
            for name, outcome in zip(names, outcomes, strict=True):
                try:
                    found[name] = topic_state(outcome)
                except NoAnswerError as error:
                    failure = str(error)  # kept itself, it would hold this frame, and so the client
            if failure and not found:
                raise NoAnswerError(failure)
            return found

        return Question(client, [futures.get(name) for name in names], read, now + wait_s + _LATE_S)

    def bounds(
        self, topic: str, partitions: Sequence[int], wait_s: float, now: float
    ) -> Question[dict[int, Bounds]]:
        """The present bounds of these partitions."""
        client = self._present()
        futures: list[Future[Any] | None] = []
        for spec in (OffsetSpec.earliest(), OffsetSpec.latest()):  # type: ignore[no-untyped-call]
            places = [TopicPartition(topic, number) for number in partitions]
            answers = client.list_offsets(dict.fromkeys(places, spec), request_timeout=wait_s)
            futures += [answers.get(place) for place in places]

        def read(outcomes: list[Any]) -> dict[int, Bounds]:
            offsets = [_offset(one) for one in outcomes]
            pairs = zip(partitions, offsets[: len(partitions)], offsets[len(partitions) :], strict=True)
            return {number: bounds(first, last) for number, first, last in pairs}

        return Question(client, futures, read, now + wait_s + _LATE_S)

    def doubt(self) -> None:
        """Ask the next question on a new client, after one without an answer."""
        self._client = None

    close = doubt

    def _present(self) -> Any:
        if self._client is None:
            try:
                self._client = self._make(self._settings)
            except KafkaException as error:  # no thread or no descriptor is left, for now
                raise NoAnswerError(reason_of(error)) from error
        return self._client


def reason_of(error: Exception) -> str:
    """The text of an error, for people."""
    if isinstance(error, KafkaException):
        return str(error.args[0].str())
    return str(error) or type(error).__name__


def _outcome(future: Future[Any]) -> Any:
    """The result of a future, or its error."""
    error = future.exception()
    return future.result() if error is None else error


def _offset(outcome: Any) -> Any:
    """The offset in an answer; `NoAnswerError` for an error in its place."""
    if isinstance(outcome, Exception):
        raise NoAnswerError(reason_of(outcome)) from outcome
    return getattr(outcome, "offset", None)
