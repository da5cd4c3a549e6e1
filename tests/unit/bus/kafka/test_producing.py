"""Records that leave, come back, or meet a producer that can do no more."""

from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from bus.envelope import Envelope
from bus.errors import BackpressureError, ConfigError, UnavailableError
from bus.messages import Undelivered
from bus.routes import ROUTES
from bus.telemetry.metrics import Tally
from bus.transport.kafka.answers import ClearText
from bus.transport.kafka.producing import Producing
from tests.unit.bus.kafka.cluster import AWAY, FATAL, refused

BEAT = Envelope("provbus.heartbeat.beat.v1", "dhcp-1", 7, 1, 0, b"{}")
PURGED = KafkaError(KafkaError._PURGE_QUEUE)
DENIED = KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED)


class Producer:
    """A producer whose `errors` are raised by the next call of the method of that name."""

    def __init__(self) -> None:
        self.errors: dict[str, Exception] = {}
        self.held: list[Any] = []
        self.calls: list[str] = []
        self.host = "127.0.0.1"

    def __len__(self) -> int:
        return len(self.held)

    def produce(self, *arguments: Any, headers: Any) -> None:
        self._call("produce")
        self.held.append(arguments[-1])

    def poll(self, timeout_s: float) -> int:
        self._call("poll")
        return 0

    def flush(self, timeout_s: float) -> int:
        self._call("flush")
        return len(self.held)

    def purge(self) -> None:
        self.report(PURGED)
        self._call("purge")

    def close(self) -> None:
        self._call("close")

    def list_topics(self, timeout: float) -> Any:
        self._call("list_topics")
        node = SimpleNamespace(id=1, host=self.host, port=9092)
        return SimpleNamespace(brokers={1: node}, cluster_id="MkU3OEVBNTcwNTJENDM2Qk")

    def report(self, error: KafkaError | None) -> None:
        """What became of everything that it holds."""
        held, self.held = self.held, []
        for tell in held:
            tell(error, None)

    def _call(self, name: str) -> None:
        self.calls.append(name)
        if name in self.errors:
            raise self.errors.pop(name)


class Published:
    """Producing on producers of which each is kept; `told` is what came back."""

    def __init__(self) -> None:
        self.made: list[Producer] = []
        self.told: list[Any] = []
        self.hurries = 0
        self.stop = Event()
        self.stop.set()  # so that no turn waits
        self.tally = Tally("kafka", [name for name, one in ROUTES.items() if one.topic])
        make: Any = self._make
        self.clear = ClearText({})
        self.producing = Producing(make, self.tally, self.told.extend, self._hurry, self.stop, self.clear)

    @property
    def producer(self) -> Producer:
        return self.made[-1]

    def _make(self) -> Producer:
        self.made.append(Producer())
        return self.made[-1]

    def _hurry(self) -> None:
        self.hurries += 1

    def publish(self) -> None:
        self.producing.publish(BEAT, "key")


@pytest.fixture
def published() -> Published:
    return Published()


def test_what_is_confirmed_is_not_told(published: Published) -> None:
    published.publish()
    published.producer.report(None)
    assert (published.told, published.producing.answers, published.hurries) == ([], True, 0)


def test_what_is_not_comes_back_and_its_topic_is_looked_at(published: Published) -> None:
    published.publish()
    published.producer.report(DENIED)
    assert published.told == [Undelivered(BEAT, "", DENIED.str())]
    assert (published.producing.answers, published.hurries) == (False, 1)
    assert published.tally.undelivered["heartbeat"] == 1


def test_one_topic_that_confirms_nothing_does_not_mean_that_kafka_is_away(published: Published) -> None:
    published.publish()
    published.publish()
    unled, led = published.producer.held
    led(None, None)
    unled(DENIED, None)
    assert published.producing.answers
    published.producer.held = [led]
    published.publish()
    published.producer.held.pop()(DENIED, None)
    assert not published.producing.answers
    published.producer.report(None)
    assert published.producing.answers


@pytest.mark.parametrize("code", [KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT])
def test_what_we_purge_ourselves_does_not_say_whether_kafka_answers(published: Published, code: int) -> None:
    for answers in (True, False):
        published.publish()
        published.producer.report(None if answers else DENIED)
        published.publish()
        published.producer.report(KafkaError(code))
        assert published.producing.answers == answers


def test_a_full_queue_is_said_to_the_sender(published: Published) -> None:
    published.producer.errors["produce"] = BufferError()
    with pytest.raises(BackpressureError):
        published.publish()


def test_a_refusal_is_said_to_the_sender_and_the_topic_is_looked_at(published: Published) -> None:
    published.producer.errors["produce"] = KafkaException(DENIED)
    with pytest.raises(UnavailableError, match=r"^provbus\.heartbeat\.v1: "):
        published.publish()
    assert published.hurries == 1
    assert len(published.made) == 1, "a right that is missing for one topic cost all of them their producer"


@pytest.mark.parametrize("error", [FATAL, SystemError("returned a result with an exception set")], ids=str)
def test_a_producer_that_fails_is_replaced_and_gives_back_what_it_held(
    published: Published, error: Exception
) -> None:
    published.publish()
    published.producer.errors["poll"] = error
    published.producing.turn(1.0)
    assert published.producing.trouble.startswith("the Kafka producer, which is replaced: ")
    published.producing.turn(1.0)
    assert published.told == [Undelivered(BEAT, "", PURGED.str())]
    assert published.producing.trouble == ""
    assert published.made[0].calls[-3:] == ["purge", "flush", "close"]
    published.publish()
    published.producer.report(None)
    assert len(published.told) == 1
    assert published.producing.answers


def test_while_there_is_no_producer_its_senders_are_told(published: Published) -> None:
    for _ in range(3):  # the third time it takes a while
        published.producer.errors["poll"] = FATAL
        published.producing.turn(1.0)
        published.producing.turn(1.0)
        published.producing.turn(2.0)
    with pytest.raises(UnavailableError, match="which is replaced"):
        published.publish()
    assert published.producing.flush(1.0) == 0
    with pytest.raises(UnavailableError):
        published.producing.check(1.0)
    published.producing.turn(10.0)
    published.publish()


def test_a_topic_made_anew_replaces_the_producer(published: Published) -> None:
    published.publish()
    published.producing.renew("the topic is another one")
    published.producing.turn(1.0)
    assert len(published.made) == 2
    assert published.told == [Undelivered(BEAT, "", PURGED.str())]


@pytest.mark.parametrize("call", ["flush", "purge", "close"])
@pytest.mark.parametrize("error", [FATAL, SystemError("returned NULL without an exception")], ids=str)
def test_a_fatal_producer_is_flushed_and_closed_all_the_same(
    published: Published, call: str, error: Exception
) -> None:
    published.publish()
    published.producer.errors[call] = error
    assert published.producing.flush(0.0) == 1
    published.producing.close()
    published.producing.close()
    with pytest.raises(UnavailableError):
        published.publish()


@pytest.mark.parametrize("error", [AWAY, refused(KafkaError._ALL_BROKERS_DOWN)], ids=str)
def test_brokers_that_do_not_answer_are_said(published: Published, error: Exception) -> None:
    published.producer.errors["list_topics"] = error
    with pytest.raises(UnavailableError):
        published.producing.check(1.0)
    assert not published.producing.answers


def test_a_broker_beyond_loopback_is_no_broker_in_clear(published: Published) -> None:
    published.producing.check(1.0)
    published.producer.host = "192.0.2.1"
    with pytest.raises(ConfigError, match=r"192\.0\.2\.1:9092\), and PLAINTEXT would send in clear"):
        published.producing.check(1.0)
    with pytest.raises(UnavailableError, match="beyond loopback"):
        published.producing.publish(BEAT, "dhcp-1")
    assert (published.producer.held, published.clear.refused) == ([], 1)
    published.clear.note([])
    published.producing.publish(BEAT, "dhcp-1")
    assert len(published.producer.held) == 1


def test_replacements_are_counted(published: Published) -> None:
    published.producing.renew("the topic is another one")
    counts = {one.labels.get("cause"): one.value for one in published.producing.samples()}
    assert (counts["topic"], counts["failure"]) == (1, 0)
