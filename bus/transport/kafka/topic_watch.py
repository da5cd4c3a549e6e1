"""The watch over topics: each must exist, be the one that we knew, have a leader, and be ours to read and
write.

Theory of operation
-------------------
All topics are described with one question, again every `CHECK_EVERY_S`, and soon after a client reported
trouble with one (`hurry`). A topic that is deleted and made anew under running clients mostly leaves them in
silence. If the old topic ever had another leader, a producer's records time out and a consumer gets no event,
for ever (librdkafka issue 4898); and if the topic was filled again quickly, a consumer goes on behind its
first records. Only the topic's id tells. One with another id is reported (`MadeAnew`), and its users begin
with a new client.

librdkafka's embedded cluster and brokers before Kafka 2.8 know no topic ids. Then there is nothing to
compare, unless an id was seen before: then we wait for the answer.
"""

import logging
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import NamedTuple

from bus.errors import UnavailableError
from bus.reason import Reason
from bus.transport.kafka.answers import ClearText, NoAnswerError, TopicState
from bus.transport.kafka.asking import Asking, Question, Retries
from bus.transport.kafka.topic_pins import TopicPins

CHECK_EVERY_S = 4.0  # an operator sees within 5 s that a log is another one
HURRY_APART_S = 1.0  # a client with trouble reports it often
_log = logging.getLogger("provbus.kafka")


class MadeAnew(NamedTuple):
    """A topic was made anew. `reason` is for people."""

    topic: str
    reason: str


class TopicWatch:
    """Watches the topics that are `read` and those that were `written`, and compares the ids of `topics`."""

    def __init__(
        self,
        asking: Asking,
        topics: Sequence[str],
        pins: TopicPins,
        *,
        read: Collection[str],
        written: Callable[[], Collection[str]],
        logs: Collection[str],
        clear: ClearText,
    ) -> None:
        """`pins` are the ids known before. Another id of one of the `logs` is never accepted. `clear` is told
        of the leaders.
        """
        self.troubles: list[Reason] = []
        """The faults of the topics that we use, in words for people."""
        self._asking = asking
        self._topics = topics
        self._pins = pins
        self._read = read
        self._written = written
        self._logs = logs
        self._clear = clear
        self._states: dict[str, TopicState] = {}
        self._seen: set[str] = set()
        self._given_up: set[str] = set()
        self._unkept: dict[str, Reason] = {}
        self._has_ids: bool | None = None
        self._question: Question[dict[str, TopicState]] | None = None
        self._retries = Retries("no broker describes the topics")
        self._absence = Retries("a topic is not there")
        self._due = self._asked_at = 0.0
        self._is_hurried = False

    def hurry(self) -> None:
        """Ask soon: a client has trouble with one of the topics. From any thread."""
        self._is_hurried = True

    def identity(self, topic: str) -> str | None:
        """The id of a topic that is there and is the one we knew (empty where there are none), else None."""
        return self._pins.identity(topic) if topic in self._seen else None

    def turn(self, now: float) -> list[MadeAnew]:
        """Do what is due at `now` (seconds of a clock that does not jump); the topics that were made anew."""
        if self._is_hurried and now >= self._asked_at + HURRY_APART_S:
            self._is_hurried = False
            self._due = min(self._due, now)
        try:
            if self._question is not None:
                found = self._question.answer(now)
                return [] if found is None else self._take(found, now)
            if now >= max(self._due, self._retries.due):
                self._ask(now)
        except NoAnswerError as error:
            self._question = None
            self._asking.doubt()
            self._retries.failed(error, now)
        return []

    def close(self) -> None:
        """Leave an open question unanswered: its client ends with it."""
        self._question = None

    def _ask(self, now: float) -> None:
        self._asked_at = now
        if self._has_ids is None:
            has_ids = self._asking.has_ids(self._topics[0])
            self._has_ids = has_ids or any(topic in self._pins for topic in self._topics)
        if self._has_ids:
            self._question = self._asking.topics(self._topics, self._retries.wait_s, now)
            return
        self._seen.update(self._topics)
        self._due = float("inf")

    def _take(self, found: dict[str, TopicState], now: float) -> list[MadeAnew]:
        self._question = None
        self._retries.answered()
        self._clear.note(sorted({stray for state in found.values() for stray in state.beyond}))
        made_anew = [one for topic, state in found.items() if (one := self._note(topic, state))]
        used = {*self._read, *self._written()}
        if used <= self._seen | self._given_up:
            self._absence.answered()
            self._due = now + CHECK_EVERY_S
        else:
            self._absence.failed(UnavailableError(", ".join(sorted(used - self._seen))), now)
            self._due = self._absence.due
        self._tell([*self._troubles(used)])
        return made_anew

    def _note(self, topic: str, state: TopicState) -> MadeAnew | None:
        self._states[topic] = state
        if state.trouble:
            self._seen.discard(topic)
            return None
        if topic in self._given_up:
            return None
        if not state.id:
            if topic not in self._pins:
                self._seen.add(topic)
            return None
        try:
            reason = self._pins.check(topic, state.id)
        except OSError as error:
            self._unkept[topic] = Reason(
                "disk-topic-id", f"the id of {topic}, which cannot be kept: {error.strerror or error}"
            )
            return None
        self._unkept.pop(topic, None)
        self._seen.add(topic)
        if not reason:
            return None
        if topic in self._logs:
            self._given_up.add(topic)
            self._seen.discard(topic)
        else:
            self._pins.use(topic, state.id)
        return MadeAnew(topic, reason)

    def _troubles(self, used: Collection[str]) -> Iterator[Reason]:
        yield from self._unkept.values()
        for topic, state in self._states.items():
            if topic not in used:
                continue
            if state.trouble:
                yield Reason("topic-missing", f"the topic {topic}, which {state.trouble}")
            elif not state.is_led:
                yield Reason("topic-leaderless", f"a leader of {topic}: see provbus topics leaders")
            elif topic in self._read and not state.may_read:
                yield Reason("topic-unreadable", f"the right to read {topic}")
            elif topic in self._written() and not state.may_write:
                yield Reason("topic-unwritable", f"the right to write {topic}")

    def _tell(self, troubles: list[Reason]) -> None:
        for one in troubles:
            if one not in self.troubles:
                _log.warning("missing: %s", one)
        for one in self.troubles:
            if one not in troubles:
                _log.warning("no longer missing: %s", one)
        self.troubles = troubles
