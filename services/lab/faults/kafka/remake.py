"""A topic that is deleted and recreated under its users, after a change of leader.

On a fresh cluster every partition still has its first leader, and clients notice a recreated topic by
themselves. Where a leader ever changed they do not; so this module changes one first.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from bus.errors import UnavailableError
from bus.routes import Topic
from bus.transport.kafka.admin.topics import create_topics
from services.brokers.cluster import KafkaCluster

ASK_S = 1.0
MOVE_S_MAX = 30.0
DELETE_S_MAX = 15.0
_LOOK_AGAIN_S = 0.1


def move_leader(cluster: KafkaCluster, settings: Mapping[str, Any], topic: Topic) -> None:
    """Have another broker lead the first partition: its leader is suspended until it has lost the lead."""
    before = leader_of(settings, topic)
    if before is None:
        raise UnavailableError(f"nobody leads {topic.name}")
    with cluster.suspended([before]):
        deadline = time.monotonic() + MOVE_S_MAX
        while leader_of(settings, topic) in (None, before):
            if time.monotonic() > deadline:
                raise UnavailableError(f"broker {before} still leads {topic.name}, and stands still")
            time.sleep(_LOOK_AGAIN_S)
    create_topics(settings, [topic])  # which waits until all are in sync


def remake(settings: Mapping[str, Any], topic: Topic, gap_s: float) -> None:
    """Delete the topic, and create it again after a while."""

    def delete() -> None:
        with AdminClient(dict(settings)) as admin:
            admin.delete_topics([topic.name], operation_timeout=DELETE_S_MAX)[topic.name].result(DELETE_S_MAX)

    until_deleted(delete, topic.name)
    time.sleep(gap_s)
    create_topics(settings, [topic])


def until_deleted(delete: Callable[[], None], name: str) -> None:
    """Call `delete` until this topic is gone. A client may lose the answer to a deletion; then the next try
    finds no such topic. `UnavailableError` for a topic that was not there, or stays.
    """
    deadline, was_asked = time.monotonic() + DELETE_S_MAX, False
    while True:
        try:
            delete()
        except (KafkaException, TimeoutError) as error:
            reason = error.args[0] if error.args else None
            is_gone = isinstance(reason, KafkaError) and reason.code() == KafkaError.UNKNOWN_TOPIC_OR_PART
            if is_gone and was_asked:
                return
            if is_gone or time.monotonic() > deadline:
                raise UnavailableError(f"{name} cannot be deleted: {error}") from error
            was_asked = True
            time.sleep(_LOOK_AGAIN_S)
        else:
            return


def leader_of(settings: Mapping[str, Any], topic: Topic) -> int | None:
    """The leader as a new client sees it: an older one may go on asking the suspended broker."""
    with AdminClient(dict(settings)) as admin:
        try:
            leader = admin.list_topics(topic.name, timeout=ASK_S).topics[topic.name].partitions[0].leader
        except (KafkaException, KeyError):
            return None
    return leader if leader >= 0 else None
