"""Kafka for the contract: one client that publishes, one that reads, and brokers between them."""

from typing import Any

from confluent_kafka import Producer

from bus.envelope import Envelope
from bus.routes import Topic, route
from bus.telemetry.audit import AUDIT
from bus.transport.kafka.client import Kafka
from bus.wire.codec import Headers, to_headers
from heartbeat.liveness.beat import BEAT
from services.settings.record import CATALOGUE
from tests.contract.brokers import Brokers
from tests.contract.harness import DEADLINE_S, Harness

FETCH_WAIT_S = 0.01


class KafkaHarness(Harness):
    """From a publisher to a reader, whatever the brokers are. Records have their source as their key."""

    attests_source = False
    confirms = True

    def __init__(self, brokers: Brokers) -> None:
        super().__init__()
        self.brokers = brokers

    def start(self) -> None:
        classes = [name.split(".")[1] for name in self.types]
        self.publisher = Kafka(self.near, self.brokers.settings, message_timeout_s=self.delivery_s)
        self.parts.callback(self.publisher.close)
        self.reader = Kafka(self.far, self.brokers.settings, read=classes, fetch_wait_s=FETCH_WAIT_S)
        self.parts.callback(self.reader.close)
        self.until(lambda: sorted(self.caught_up) == sorted(classes), "the reader to be at every end")
        self.renew()

    def send(self, envelope: Envelope) -> None:
        self.publisher.publish(envelope, self.source)

    def stall(self) -> None:
        """What takes a record from its sender is the broker: a reader that does not read stalls nobody."""
        self.brokers.suspend()

    def resume(self) -> None:
        self.brokers.resume()

    def break_peer(self) -> None:
        """Until `resume`, which every test ends with."""
        self.brokers.suspend()

    def topic(self, traffic: str) -> Topic:
        """The topic of a class."""
        topic = route(traffic).topic
        assert topic is not None
        return topic

    def inject_garbage(self) -> int:
        """Records that only somebody else's program would write."""
        good = self.some(1)[0]
        topic = self.topic(good.traffic)
        place: dict[str, Any] = {"partition": 0} if topic.partitions == 1 else {}
        other = good._replace(type=next(one for one in (CATALOGUE, BEAT) if one != good.type))
        too_large = bytes(route(good.traffic).payload_bytes_max + 1)
        records: list[tuple[Headers, bytes | None]] = [
            ([], b"{}"),
            ([], None),
            (_without("ce_source", good), b"{}"),
            (_without("ce_time", good), b"{}"),
            ([*_without("ce_seq", good), ("ce_seq", b"-1")], b"{}"),
            ([*_without("ce_type", good), ("ce_type", b"provbus.fileid.rows.v1")], b"{}"),  # not by topic
            ([*_without("ce_type", good), ("ce_type", b"provbus.weather.storm.v1")], b"{}"),
            (to_headers(other), b"{}"),  # not by this topic
            (to_headers(good), too_large),
        ]
        producer = Producer({**self.brokers.settings, "partitioner": "murmur2_random"})
        for headers, value in records:
            producer.produce(topic.name, value, self.source, headers=headers, **place)
        assert producer.flush(DEADLINE_S) == 0
        producer.close()
        return len(records)

    @property
    def undecodable(self) -> int:
        return self.reader.undecodable


class EmbeddedKafkaHarness(KafkaHarness):
    """librdkafka's own cluster. Its topics have four partitions, whatever is declared, so only the classes of
    one partition can be told that they have caught up.
    """

    name = "kafka-embedded"
    needs = ("embedded_cluster",)
    types = (BEAT, CATALOGUE)


class RealKafkaHarness(KafkaHarness):
    """Three Apache Kafka brokers."""

    name = "kafka"
    needs = ("real_cluster",)
    types = (AUDIT, BEAT, CATALOGUE)


def _without(name: str, envelope: Envelope) -> Headers:
    return [(key, text) for key, text in to_headers(envelope) if key != name]
