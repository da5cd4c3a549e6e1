"""A topic that is deleted and made anew under everybody who uses it, after it had another leader.

On a fresh cluster every partition still has its first leader, and clients notice a topic that is made anew by
themselves. Where a leader ever changed they do not; so here one is changed first.
"""

import time
from collections.abc import Mapping
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from bus.errors import UnavailableError
from bus.routes import Topic
from bus.transport.kafka.topics import create_topics
from services.lab.kafka import KafkaCluster

ASK_S = 1.0
MOVE_S_MAX = 30.0
DELETE_S_MAX = 15.0
_LOOK_AGAIN_S = 0.1


def move_leader(cluster: KafkaCluster, settings: Mapping[str, Any], topic: Topic) -> None:
    """Have another broker lead the first partition: its leader stands still until it is no more."""
    before = _leader(settings, topic)
    if before is None:
        raise UnavailableError(f"nobody leads {topic.name}")
    with cluster.suspended([before]):
        deadline = time.monotonic() + MOVE_S_MAX
        while _leader(settings, topic) in (None, before):
            if time.monotonic() > deadline:
                raise UnavailableError(f"broker {before} still leads {topic.name}, and stands still")
            time.sleep(_LOOK_AGAIN_S)
    create_topics(settings, [topic])  # which waits until all are in sync


def remake(settings: Mapping[str, Any], topic: Topic, gap_s: float) -> None:
    """Delete the topic, and create it again after a while."""
    with AdminClient(dict(settings)) as admin:
        try:
            admin.delete_topics([topic.name], operation_timeout=DELETE_S_MAX)[topic.name].result(DELETE_S_MAX)
        except (KafkaException, TimeoutError) as error:
            raise UnavailableError(f"{topic.name} cannot be deleted: {error}") from error
    time.sleep(gap_s)
    create_topics(settings, [topic])


def _leader(settings: Mapping[str, Any], topic: Topic) -> int | None:
    """Whom a new client is told of: an older one may go on asking the broker that stands still."""
    with AdminClient(dict(settings)) as admin:
        try:
            leader = admin.list_topics(topic.name, timeout=ASK_S).topics[topic.name].partitions[0].leader
        except (KafkaException, KeyError):
            return None
    return leader if leader >= 0 else None
