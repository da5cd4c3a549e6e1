"""The client that administers topics, and what it says of brokers that do not answer.

Its lines are shown to nobody: a command that fails says their cause in its one sentence.
"""

from collections.abc import Callable, Mapping
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from bus.errors import UnavailableError
from bus.transport.kafka.answers import ClearText, NoAnswerError, beyond, has_ids
from bus.transport.kafka.causes import Causes
from bus.transport.kafka.client_settings import refused

REQUEST_S = 15.0

Make = Callable[[dict[str, Any]], AdminClient]


class Administrator:
    """A `client` for the brokers of these settings, librdkafka's for the connection; `ConfigError` or
    `UnavailableError` if it cannot be made.
    """

    def __init__(self, settings: Mapping[str, Any], make: Make = AdminClient) -> None:
        self._causes = Causes()
        self._clear = ClearText(settings)
        try:
            self.client = make({**settings, "logger": self._causes})
        except KafkaException as error:
            raise refused(error) from error

    def metadata(self, wait_s: float = REQUEST_S) -> Any:
        """The brokers' metadata of all topics; `UnavailableError`, and its cause, if none answers,
        `ConfigError` if they name brokers that may not be spoken to in clear.
        """
        try:
            metadata = self.client.list_topics(timeout=wait_s)
            has_ids(metadata)  # else it is no answer
        except (KafkaException, NoAnswerError) as error:
            raise UnavailableError(f"no Kafka broker answers: {self.cause_of(error)}") from error
        self._clear.note(beyond(metadata.brokers.values()))
        self._clear.check()
        return metadata

    def cause_of(self, error: Exception) -> str:
        """The cause of an error, in words for people."""
        self.client.poll(0)  # else the client keeps its lines
        return self._causes.of(error)
