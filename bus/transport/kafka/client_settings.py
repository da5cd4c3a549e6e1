"""librdkafka's settings: ours, those of a configuration, and the errors when it refuses them.

Every default of librdkafka that is unsafe or too slow for us is set by name.
"""

import os
from pathlib import Path
from typing import Any

from confluent_kafka import KafkaError, KafkaException

from bus.config.model import KafkaSection
from bus.config.paths import client_files
from bus.config.secret_file import credential, read_secret
from bus.config.unreadable import cannot_read
from bus.errors import ConfigError, UnavailableError

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


def client_settings(section: KafkaSection) -> dict[str, Any]:
    """librdkafka's settings for the connection; the password comes from its file. `UnavailableError` if a
    file is not there: librdkafka would call it a wrong setting.
    """
    settings: dict[str, Any] = {"bootstrap.servers": section.bootstrap, **section.client}
    for name, path in client_files(section.client):
        place = credential(path)
        try:
            os.close(os.open(place, os.O_RDONLY | os.O_CLOEXEC))  # or a directory of certificates
        except OSError as error:
            raise cannot_read(f"kafka.client.{name} {place}", error) from error
        settings[name] = str(place)
    if section.password_file is not None:
        settings["sasl.password"] = _password(section.password_file)
    return settings


def _password(path: Path) -> str:
    try:
        return read_secret(path).decode()
    except UnicodeDecodeError as error:
        raise ConfigError(f"the password in {path} is not text in UTF-8") from error


def refused(error: KafkaException) -> ConfigError | UnavailableError:
    """The error to raise when a client cannot be made: a wrong setting, or a lack of threads or memory."""
    reason: KafkaError = error.args[0]
    kind = ConfigError if reason.code() == KafkaError._INVALID_ARG else UnavailableError
    return kind(f"Kafka client settings: {reason.str()}")
