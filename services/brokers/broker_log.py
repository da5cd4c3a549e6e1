"""Events in the logs of Kafka brokers: lost sessions, and changes of leaders."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from bus.transport.kafka.admin.topics import PREFIX

# The active controller writes the first, each new leader the second.
_LOST = re.compile(r"Fencing broker \d+ at epoch \d+ because its session has timed out")
_LED = re.compile(rf"Leader {re.escape(PREFIX)}\S+ with topic id \S+ starts at leader epoch [1-9]")


class BrokerEvents(NamedTuple):
    """The numbers of sessions that brokers lost, and of changes of leader of our partitions."""

    sessions_lost: int
    leader_changes: int


def broker_events(logs: Iterable[str]) -> BrokerEvents:
    """The events in the logs of all brokers of a cluster, since its start."""
    texts = [*logs]
    return BrokerEvents(*(sum(len(pattern.findall(text)) for text in texts) for pattern in (_LOST, _LED)))
