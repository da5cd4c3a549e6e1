"""What the log of a Kafka broker tells of its cluster: sessions that were lost, and leaders that changed."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from bus.transport.kafka.topics import PREFIX

# The active controller writes the one, each new leader the other.
_LOST = re.compile(r"Fencing broker \d+ at epoch \d+ because its session has timed out")
_LED = re.compile(rf"Leader {re.escape(PREFIX)}\S+ with topic id \S+ starts at leader epoch [1-9]")


class BrokerEvents(NamedTuple):
    """How often a broker lost its session, and a partition of ours got another leader."""

    sessions_lost: int
    leader_changes: int


def broker_events(logs: Iterable[str]) -> BrokerEvents:
    """What the logs of all brokers of a cluster tell, since its start."""
    texts = [*logs]
    return BrokerEvents(*(sum(len(pattern.findall(text)) for text in texts) for pattern in (_LOST, _LED)))
