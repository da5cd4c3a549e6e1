"""The consumer and its feeds: it can be replaced while its readers read on.

A consumer that failed, or under which a topic was made anew, is closed, and another one takes its place; each
feed then goes on by the rules of `feeds`.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from threading import Event
from typing import Any

from confluent_kafka import Consumer, KafkaError, Message

from bus.errors import LocalError
from bus.reason import Reason
from bus.routes import route
from bus.telemetry.metrics import Sample
from bus.transport.kafka.asking import Asking
from bus.transport.kafka.feeds import Feed
from bus.transport.kafka.replaceable import Replaceable
from bus.transport.kafka.topic_watch import MadeAnew, TopicWatch

CONSUMED_MAX = 256  # at once: the threads take turns, and a turn costs as much as a few records
TURN_S = 0.02  # the wait of the fetching thread for a record, if a question is open or a log is read
POLL_S = 0.5  # the delay with which a thread may notice that it should stop


class Consuming:
    """Reads some classes on a consumer that `make` makes (`KafkaException`). `put` takes the items for the
    machine's side: records, events of the client, news of the feeds.
    """

    def __init__(
        self,
        read: Sequence[str],
        make: Callable[[], Consumer],
        asking: Asking,
        topics: TopicWatch,
        put: Callable[[list[Any]], None],
        stop: Event,
    ) -> None:
        self._topics = topics
        self._put = put
        self._stop = stop
        self._wanted: deque[Feed] = deque()
        self._feeds = {traffic: Feed(traffic, asking) for traffic in read}
        self._by_topic = {feed.topic: feed for feed in self._feeds.values()}
        self._has_log = any(route(traffic).is_log for traffic in read)
        self._consumer: Replaceable[Consumer] = Replaceable("consumer", make, lambda one: one.close())

    def catch_up(self, traffic: str) -> None:
        """Capture the end of this class's topic soon; from any thread. `LocalError` if it is not read."""
        feed = self._feeds.get(traffic)
        if feed is None:
            raise LocalError(f"{traffic} is not read here: nobody can catch up with it")
        self._wanted.append(feed)

    def made_anew(self, one: MadeAnew) -> None:
        """Handle a topic that was made anew."""
        feed = self._by_topic.get(one.topic)
        if feed is not None:
            feed.made_anew(one.reason)
            if not route(feed.traffic).is_log:
                self._consumer.renew(one.reason)

    def turn(self, now: float) -> None:
        """Do what is due at `now`, and fetch; waits a moment for the first record."""
        if self._consumer.turn(now):
            for feed in self._feeds.values():
                feed.restart()
        consumer = self._consumer.client
        if consumer is None:
            self._stop.wait(TURN_S)
            return
        while self._wanted:
            self._wanted.popleft().want_end()
        try:
            for feed in self._feeds.values():
                identity = self._topics.identity(feed.topic)
                if identity is not None:
                    feed.seen(identity)
                feed.turn(now, consumer)
            self._tell()
            self._fetch(consumer)
        except Exception as error:  # fatal, or SystemError out of a callback
            self._consumer.fail(error, now)

    def close(self) -> None:
        """Stop reading."""
        for feed in self._feeds.values():
            feed.close()
        self._consumer.close()

    def troubles(self) -> Iterator[Reason]:
        """Faults of reading, in words."""
        yield from self._consumer.troubles()
        yield from (
            Reason("topic-bounds-unknown", feed.trouble) for feed in self._feeds.values() if feed.trouble
        )

    def samples(self) -> Iterator[Sample]:
        """Replacements of the consumer."""
        return self._consumer.samples()

    def _fetch(self, consumer: Consumer) -> None:
        is_busy = self._has_log or any(feed.is_busy for feed in self._feeds.values())
        # `consume` alone would hold a lone record back until its time is over.
        first = consumer.poll(TURN_S if is_busy else POLL_S)
        if first is not None:
            fetched = [first, *consumer.consume(CONSUMED_MAX, 0)]
            self._put([event for event in fetched if self._passes(event)])
            self._tell()

    def _passes(self, event: Message) -> bool:
        error = event.error()
        if error is not None and error.code() != KafkaError._PARTITION_EOF:
            self._topics.hurry()
        feed = self._by_topic.get(event.topic() or "")
        return feed is None or feed.passes(event)

    def _tell(self) -> None:
        news = [*chain.from_iterable(feed.take() for feed in self._feeds.values())]
        if news:
            self._put(news)
