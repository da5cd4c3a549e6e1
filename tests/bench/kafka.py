"""Topics beside raw confluent-kafka and FastStream, on three real brokers: beats written, beats read.

Everybody writes the same headers and value, with the same settings of librdkafka where they may choose, and
counts a record when its brokers confirmed it. Each record has an id, a number and a time of its own: the raw
side writes its headers by hand, ours stamps an envelope and writes them down from that; that both write the
same is checked. The raw reader makes a dict of the headers and reads the JSON; ours makes an envelope, checks
it, and reads the JSON into a checked `Beat`. The clock of a reader starts with its first record: assignment
and the first fetch are not what is compared.
"""

import json
import time
from contextlib import closing
from datetime import UTC, datetime

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Message, Producer, TopicPartition

from bus.contract import decode, encode
from bus.envelope import Envelope, Stamp
from bus.messages import CaughtUp, Received
from bus.routes import ROUTES, Medium, Route, Topic
from bus.transport.kafka.admin.topics import create_topics
from bus.transport.kafka.client import Kafka
from bus.transport.kafka.client_settings import COMMON, CONSUMER, PRODUCER, QUEUED_MAX
from bus.transport.poller import Poller
from bus.wire.codec import to_headers
from heartbeat.liveness.beat import Beat, Load
from tests.bench.figure import Figure, alternate, ratios
from tests.bench.peers import Program, need

RAW = ("kafka_produce_vs_raw", "kafka_consume_vs_raw", "kafka_produce_per_s", "kafka_consume_per_s")
LATENCY = ("kafka_delivery_ms",)
FASTSTREAM = ("kafka_produce_vs_faststream", "kafka_consume_vs_faststream")
FIGURES = (*RAW, *LATENCY, *FASTSTREAM)
PRODUCED = 15_000  # fewer than a producer queues: it is not backpressure that is measured
BURSTS = 3
RAW_BATCH = 64  # the fastest of those tried
CONSUMED = 640 * RAW_BATCH
AWAITED = 300
HANDLED = 5_000
DELIVERIES = 20
ALTERNATIONS = 7
TIMEOUT_S = 30.0
KEY = "cfm-1"
ENDPOINTS = {"fileid": "tcp://127.0.0.11:5555", "tftp": "127.0.0.11:69"}
BEAT = encode(Beat(service="cfm", load=Load(in_flight=12, p99_ms=3.2), generation=7, endpoints=ENDPOINTS))

# Topics of the bench's own, and classes to speak of them with.
ROUTES["benchwrite"] = Route(Medium.KAFKA, 4096, Topic("provbus.bench-write.v1", 1))
ROUTES["benchread"] = Route(Medium.KAFKA, 4096, Topic("provbus.bench-read.v1", 1), from_start=True)


def raw_figures(bootstrap: str) -> list[Figure]:
    """Ours against the raw client, in alternation, and how long one record takes."""
    bench = _Bench(bootstrap)
    bench.fill()
    columns = alternate(
        bench.raw_produce, bench.produce, bench.raw_consume, bench.consume, bench.deliver, rounds=ALTERNATIONS
    )
    raw_written, written, raw_read, read, delivery_s = columns
    return [
        Figure(RAW[0], ratios(written, raw_written), "≥ 0.6", "confirmed records/s, ours / raw client"),
        Figure(
            RAW[1], ratios(read, raw_read), "≥ 0.5", "records/s to a checked beat / to dict and JSON, raw"
        ),
        Figure(RAW[2], written, "", "confirmed records per second"),
        Figure(RAW[3], read, "", "records read per second"),
        Figure(LATENCY[0], [one * 1e3 for one in delivery_s], "", "from publish to the reader's machine, ms"),
    ]


def faststream_figures(bootstrap: str) -> list[Figure]:
    """Ours against FastStream's awaited publish and its subscriber, in alternation."""
    need("faststream", FASTSTREAM)
    bench = _Bench(bootstrap)
    bench.fill()
    headers = {name: text.decode() for name, text in bench.by_hand("benchwrite", 1)}
    record = {"value": BEAT.decode(), "headers": headers}
    with closing(Program("faststream_peer.py", bootstrap)) as peer:
        written, awaited, read, handled = alternate(
            bench.produce,
            lambda: AWAITED / peer.ask(do="publish", count=AWAITED, topic=bench.write.name, **record),
            bench.consume,
            lambda: HANDLED / peer.ask(do="consume", count=HANDLED, topic=bench.read.name),
            rounds=ALTERNATIONS,
        )
    return [
        Figure(
            FASTSTREAM[0], ratios(written, awaited), "≥ 10", "confirmed records/s, ours / awaited one by one"
        ),
        Figure(FASTSTREAM[1], ratios(read, handled), "", "records/s, ours / its subscriber"),
    ]


def _topic(traffic: str) -> Topic:
    topic = ROUTES[traffic].topic
    assert topic is not None
    return topic


class _Bench:
    """The same work done twice; every measure is in records per second unless it says otherwise."""

    def __init__(self, bootstrap: str) -> None:
        self.settings = {"bootstrap.servers": bootstrap}
        self.write, self.read = _topic("benchwrite"), _topic("benchread")
        self._incarnation = time.time_ns() // 1_000_000
        self._stamp = Stamp(KEY, "bench", self._incarnation)
        create_topics(self.settings, [self.write, self.read])

    def by_hand(self, traffic: str, seq: int) -> list[tuple[str, bytes]]:
        """The headers of a beat, as one writes them who has nothing but the client."""
        at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return [
            ("ce_specversion", b"1.0"),
            ("ce_id", f"{traffic}-{self._incarnation:x}-{seq}".encode()),
            ("ce_source", b"/bench/cfm-1"),
            ("ce_type", f"provbus.{traffic}.beat.v1".encode()),
            ("ce_time", at.encode()),
            ("ce_incarnation", str(self._incarnation).encode()),
            ("ce_seq", str(seq).encode()),
            ("ce_era", b"0"),
            ("ce_epoch", b"0"),
            ("content-type", b"application/json"),
        ]

    def fill(self) -> None:
        """See that there is enough to read, and that both sides write the same."""
        ours, theirs = dict(to_headers(self._beat("benchread"))), dict(self.by_hand("benchread", 1))
        assert {**ours, "ce_time": b""} == {**theirs, "ce_time": b""}, f"{ours} is not {theirs}"
        self._raw_produce(self.read.name, "benchread", CONSUMED + HANDLED)

    def raw_produce(self) -> float:
        """One after the other, as many as `produce`."""
        took = sum(self._raw_produce(self.write.name, "benchwrite", PRODUCED) for _ in range(BURSTS))
        return BURSTS * PRODUCED / took

    def _raw_produce(self, topic: str, traffic: str, count: int) -> float:
        """Seconds until so many records were confirmed."""
        producer = Producer({**COMMON, **self.settings, **PRODUCER, "message.timeout.ms": TIMEOUT_S * 1000})
        confirmed = 0

        def report(error: KafkaError | None, _: Message) -> None:
            nonlocal confirmed
            assert error is None, error
            confirmed += 1

        def write(seq: int) -> None:
            producer.produce(topic, BEAT, KEY, 0, report, headers=[*self.by_hand(traffic, seq)])

        write(1)  # connects
        producer.flush(TIMEOUT_S)
        start, before = time.perf_counter(), confirmed
        for seq in range(count):
            while len(producer) >= QUEUED_MAX:
                producer.poll(0.01)
            write(seq)
            producer.poll(0)
        producer.flush(TIMEOUT_S)
        took = time.perf_counter() - start
        assert confirmed - before == count, f"{confirmed - before} of {count} confirmed"
        producer.close()
        return took

    def produce(self) -> float:
        poller = Poller()
        with closing(poller), closing(Kafka(poller, self.settings, message_timeout_s=TIMEOUT_S)) as kafka:
            kafka.publish(self._beat("benchwrite"), KEY)  # connects
            kafka.flush(TIMEOUT_S)
            took = 0.0
            for _ in range(BURSTS):
                start = time.perf_counter()
                for _ in range(PRODUCED):
                    kafka.publish(self._beat("benchwrite"), KEY)
                unconfirmed = kafka.flush(TIMEOUT_S)
                took += time.perf_counter() - start
                assert unconfirmed == 0, f"{unconfirmed} records were not confirmed"
            assert poller.poll(0) == [], "records were refused"
        return BURSTS * PRODUCED / took

    def raw_consume(self) -> float:
        consumer = Consumer({**COMMON, **self.settings, **CONSUMER, "fetch.wait.max.ms": 50})
        consumer.assign([TopicPartition(self.read.name, 0, OFFSET_BEGINNING)])
        count, start = 0, 0.0
        with closing(consumer):
            while count < CONSUMED:
                for message in consumer.consume(RAW_BATCH, TIMEOUT_S):
                    start = start or time.perf_counter()
                    if message.error() is None:
                        headers, beat = dict(message.headers() or ()), json.loads(message.value() or b"")
                        count += "ce_id" in headers and beat["service"] == "cfm"
            return count / (time.perf_counter() - start)

    def consume(self) -> float:
        poller = Poller()
        count, start = 0, 0.0
        with closing(poller), closing(Kafka(poller, self.settings, read=["benchread"])):
            while count < CONSUMED:
                for message in poller.poll(TIMEOUT_S):
                    start = start or time.perf_counter()
                    if type(message) is Received:
                        count += decode(Beat, message.envelope.data).service == "cfm"
            return count / (time.perf_counter() - start)

    def deliver(self) -> float:
        """Seconds from one publish to its `Received`; the mean of some, one after the other."""
        poller = Poller()
        with closing(poller), closing(Kafka(poller, self.settings, read=["heartbeat"])) as kafka:
            _wait(poller, CaughtUp)
            start = time.perf_counter()
            for _ in range(DELIVERIES):
                kafka.publish(self._beat("heartbeat"), KEY)
                _wait(poller, Received)
            return (time.perf_counter() - start) / DELIVERIES

    def _beat(self, traffic: str) -> Envelope:
        return self._stamp.envelope(f"provbus.{traffic}.beat.v1", BEAT, time_ms=time.time_ns() // 1_000_000)


def _wait(poller: Poller, event: type) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while not any(isinstance(message, event) for message in poller.poll(1.0)):
        assert time.monotonic() < deadline, f"no {event.__name__} within {TIMEOUT_S:g} s"
