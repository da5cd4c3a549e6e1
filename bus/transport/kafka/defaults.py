"""Our settings of librdkafka: every default that is unsafe or too slow for us is set by name."""

from typing import Any

QUEUED_MAX = 20_000  # records waiting for their broker: two minutes of a busy sidecar

COMMON: dict[str, Any] = {
    "socket.keepalive.enable": True,
    "reconnect.backoff.ms": 100,
    "reconnect.backoff.max.ms": 1000,
    "topic.metadata.refresh.fast.interval.ms": 100,
    "log.connection.close": False,
    "allow.auto.create.topics": False,
}
PRODUCER: dict[str, Any] = {
    "enable.idempotence": True,
    "acks": "all",
    "partitioner": "murmur2_random",
    "compression.type": "lz4",
    "linger.ms": 20,
    "queue.buffering.max.messages": QUEUED_MAX,
    "message.max.bytes": 1_000_000,
}
CONSUMER: dict[str, Any] = {
    "group.id": "provbus-unused",  # the client insists on one; nothing is ever committed under it
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "enable.partition.eof": True,
    "auto.offset.reset": "error",  # `feeds` handles a position that is gone
    "check.crcs": True,
    "fetch.min.bytes": 1,
    "queued.max.messages.kbytes": 16_384,
}
