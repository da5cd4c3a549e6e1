"""librdkafka's settings: ours, those of a configuration, and the errors when it refuses them.

Every default of librdkafka that is unsafe or too slow for us is set by name.
"""

import logging
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
    "socket.connection.setup.timeout.ms": 10_000,  # of 30: one that began in an outage waits for nothing
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
UNPROVEN = {
    "enable.ssl.certificate.verification": ("false", "f", "0", "off", "no"),
    "ssl.endpoint.identification.algorithm": ("none",),
}
"""Settings with which TLS does not prove who the broker is, and the words that do that."""
_log = logging.getLogger("provbus.kafka")


def client_settings(section: KafkaSection) -> dict[str, Any]:
    """librdkafka's settings for the connection; secrets come from their files. `UnavailableError` if a file
    is not there: librdkafka would call it a wrong setting. A setting that takes away what TLS is for is
    warned of.
    """
    settings: dict[str, Any] = {"bootstrap.servers": section.bootstrap, **section.client}
    for name, path in client_files(section.client):
        place = credential(path)
        try:
            os.close(os.open(place, os.O_RDONLY | os.O_CLOEXEC))  # or a directory of certificates
        except OSError as error:
            raise cannot_read(f"kafka.client.{name} {place}", error) from error
        settings[name] = str(place)
    secrets = dict(section.secret_files)
    if section.password_file is not None:
        secrets["sasl.password"] = section.password_file
    settings |= {name: _secret(path) for name, path in secrets.items()}
    for name, words in UNPROVEN.items():
        if str(settings.get(name, "")).lower() in words:
            _log.warning("kafka.client.%s: %s, so whoever is in between can pose as a broker", name, words[0])
    return settings


def _secret(path: Path) -> str:
    try:
        return read_secret(path).decode()
    except UnicodeDecodeError as error:
        raise ConfigError(f"the secret in {path} is not text in UTF-8") from error


def refused(error: KafkaException) -> ConfigError | UnavailableError:
    """The error to raise when a client cannot be made: a wrong setting, or a lack of threads or memory."""
    reason: KafkaError = error.args[0]
    kind = ConfigError if reason.code() == KafkaError._INVALID_ARG else UnavailableError
    return kind(f"Kafka client settings: {reason.str()}")
