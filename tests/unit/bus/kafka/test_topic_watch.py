"""Topics that are made anew, away, or not ours to read and to write."""

import gc
import weakref
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import KafkaError

from bus.routes import topics
from bus.transport.kafka.answers import NO_ID, ClearText
from bus.transport.kafka.asking import Asking
from bus.transport.kafka.topic_pins import TopicPins
from bus.transport.kafka.topic_watch import CHECK_EVERY_S, MadeAnew, TopicWatch
from tests.unit.bus.kafka.cluster import ALL, AWAY, BEATS, NEVER, ROLES, SETTINGS, Cluster, refused

AUDIT = "provbus.audit.v1"
DENIED = refused(KafkaError.TOPIC_AUTHORIZATION_FAILED)
READ, WRITE = ALL[:1], ALL[1:2]


class Watched:
    """A watch of a reader of logs and settings, which has written beats."""

    def __init__(self, directory: Path | None = None, *, known: dict[str, str] | None = None) -> None:
        self.cluster = Cluster()
        self.clear = ClearText({})
        self.written = [BEATS]
        self.pins = TopicPins(directory, [ROLES])
        for topic, name in (known or {}).items():
            self.pins.check(topic, name)
        self.watch = TopicWatch(
            Asking({}, self.cluster.client),
            [topic.name for topic in topics()],
            self.pins,
            read=[SETTINGS, ROLES],
            written=lambda: self.written,
            logs=[ROLES],
            clear=self.clear,
        )
        self.now = 0.0

    def turns(self, count: int = 2, every_s: float = CHECK_EVERY_S) -> list[MadeAnew]:
        """What these turns found: a question is asked in one, and answered in the next."""
        found = []
        for _ in range(count):
            self.now += every_s
            found += self.watch.turn(self.now)
        return found


@pytest.fixture
def watched() -> Watched:
    return Watched()


def test_a_leader_beyond_loopback_is_refused_in_clear_for_as_long_as_it_is_named(watched: Watched) -> None:
    watched.cluster.host = "192.0.2.1"
    watched.turns()
    assert [one.code for one in watched.clear.lacks()] == ["kafka-in-clear"]
    assert "192.0.2.1:9092" in watched.clear.refusal
    watched.cluster.host = "127.0.0.1"
    watched.turns()
    assert watched.clear.lacks() == []


def test_a_topic_is_seen_once_it_was_described(watched: Watched) -> None:
    assert watched.watch.identity(ROLES) is None
    assert watched.turns() == []
    assert watched.watch.identity(ROLES) == f"id-of-{ROLES}"
    assert watched.watch.troubles == []


@pytest.mark.parametrize("topic", [SETTINGS, BEATS, AUDIT])
def test_a_topic_made_anew_is_told_once_for_each_time(watched: Watched, topic: str) -> None:
    watched.turns()
    for name in ("second", "third"):
        watched.cluster.ids[topic] = name
        [found] = watched.turns(4)
        assert found.topic == topic
        assert f"{topic} was deleted and made anew: its id is {name}" in found.reason
        assert watched.watch.identity(topic) == name


def test_a_log_made_anew_is_never_believed(watched: Watched) -> None:
    watched.turns()
    watched.cluster.ids[ROLES] = "another"
    assert [one.topic for one in watched.turns(6)] == [ROLES]
    assert watched.watch.identity(ROLES) is None
    assert watched.turns(6) == []


def test_a_log_is_known_from_the_disk(tmp_path: Path) -> None:
    Watched(tmp_path).turns()
    watched = Watched(tmp_path)
    watched.cluster.ids[ROLES] = "another"
    [found] = watched.turns(4)
    assert f"remove {tmp_path / ROLES}.id" in found.reason
    assert [path.name for path in tmp_path.iterdir()] == [f"{ROLES}.id"], "an id of another class was kept"


def test_an_id_that_cannot_be_kept_is_a_trouble_and_tried_again(tmp_path: Path) -> None:
    directory = tmp_path / "state"
    watched = Watched(directory)
    directory.write_text("in the way")
    assert watched.turns(6) == []
    [trouble] = watched.watch.troubles
    assert trouble.startswith(f"the id of {ROLES}, which cannot be kept: ")
    assert watched.watch.identity(ROLES) is None
    assert watched.watch.identity(SETTINGS)
    directory.unlink()
    watched.turns(4)
    assert watched.watch.troubles == []
    assert watched.watch.identity(ROLES)


def test_without_ids_every_topic_is_seen_and_nothing_is_asked(watched: Watched) -> None:
    watched.cluster.id = "mockCluster1"
    assert watched.turns(4) == []
    assert watched.watch.identity(ROLES) == ""
    assert watched.cluster.asked == []


def test_where_an_id_is_known_a_cluster_without_ids_is_not_believed() -> None:
    watched = Watched(known={ROLES: "the id"})
    watched.cluster.id = "mockCluster1"
    watched.cluster.ids = dict.fromkeys(watched.cluster.ids, NEVER)
    assert watched.turns(8) == []
    assert watched.watch.identity(ROLES) is None


def test_brokers_that_gave_no_ids_are_believed_unless_one_is_known() -> None:
    for known, expected in (({}, ""), ({ROLES: "the id"}, None)):
        watched = Watched(known=known)
        watched.cluster.ids = dict.fromkeys(watched.cluster.ids, NO_ID)
        assert watched.turns(4) == []
        assert watched.watch.identity(ROLES) == expected
        assert watched.watch.identity(SETTINGS) == ""


@pytest.mark.parametrize("brokers", [{}, None])
def test_a_cluster_that_names_no_brokers_is_asked_again(watched: Watched, brokers: Any) -> None:
    watched.cluster.brokers = brokers
    watched.turns(4)
    assert watched.watch.identity(ROLES) is None
    watched.cluster.brokers = {1: None}
    watched.turns()
    assert watched.watch.identity(ROLES)


@pytest.mark.parametrize("answer", [AWAY, NEVER, None], ids=str)
def test_what_is_no_answer_changes_nothing_and_is_asked_again(watched: Watched, answer: Any) -> None:
    watched.turns()
    known = watched.cluster.ids
    watched.cluster.ids = dict.fromkeys(known, answer)
    assert watched.turns(9) == []
    assert watched.watch.identity(ROLES) == f"id-of-{ROLES}"
    asked = len(watched.cluster.asked)
    watched.cluster.ids = known
    assert watched.turns(3) == []
    assert len(watched.cluster.asked) > asked


def test_a_client_that_has_trouble_hurries_the_question_but_not_often(watched: Watched) -> None:
    watched.turns(2)
    asked = len(watched.cluster.asked)
    watched.turns(4, every_s=0.1)
    assert len(watched.cluster.asked) == asked
    for _ in range(40):
        watched.watch.hurry()
        watched.turns(1, every_s=0.1)
    assert asked + 2 <= len(watched.cluster.asked) <= asked + 5


def test_a_topic_that_is_away_is_said_and_looked_for_often(
    watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    del watched.cluster.ids[SETTINGS]
    watched.turns()
    asked = len(watched.cluster.asked)
    watched.turns(20, every_s=1.0)
    assert len(watched.cluster.asked) >= asked + 6
    assert watched.watch.troubles == [f"the topic {SETTINGS}, which is not there"]
    watched.cluster.ids[SETTINGS] = "here now"
    assert watched.turns(4) == [], "what comes for the first time is not made anew"
    assert watched.watch.troubles == []
    assert [one.getMessage() for one in caplog.records if one.name == "provbus.kafka"] == [
        f"missing: the topic {SETTINGS}, which is not there",
        f"no longer missing: the topic {SETTINGS}, which is not there",
    ]


def test_a_topic_that_was_deleted_is_away_until_it_is_another_one(watched: Watched) -> None:
    watched.turns()
    del watched.cluster.ids[SETTINGS]
    assert watched.turns(4) == []
    assert watched.watch.troubles == [f"the topic {SETTINGS}, which is not there"]
    watched.cluster.ids[SETTINGS] = "another"
    assert [one.topic for one in watched.turns(4)] == [SETTINGS]


def test_a_topic_without_a_leader_is_said_until_it_has_one(watched: Watched) -> None:
    watched.cluster.leaderless = {ROLES, SETTINGS}
    watched.turns(4)
    assert sorted(watched.watch.troubles) == [
        f"a leader of {ROLES}: see provbus topics leaders",
        f"a leader of {SETTINGS}: see provbus topics leaders",
    ]
    watched.cluster.leaderless = set()
    watched.turns(4)
    assert watched.watch.troubles == []


def test_rights_matter_where_they_are_used(watched: Watched, caplog: pytest.LogCaptureFixture) -> None:
    watched.cluster.rights = {SETTINGS: WRITE, ROLES: READ, BEATS: READ, AUDIT: []}
    watched.turns(4)
    assert sorted(watched.watch.troubles) == [f"the right to read {SETTINGS}", f"the right to write {BEATS}"]
    watched.written = [BEATS, ROLES]
    watched.turns(4)
    assert f"the right to write {ROLES}" in watched.watch.troubles
    watched.cluster.rights = {}
    watched.turns(4)
    assert watched.watch.troubles == []
    said = [one.getMessage() for one in caplog.records if BEATS in one.getMessage()]
    assert said == [f"missing: the right to write {BEATS}", f"no longer missing: the right to write {BEATS}"]


def test_a_topic_that_may_not_be_seen_is_a_trouble_to_who_uses_it(watched: Watched) -> None:
    watched.cluster.ids |= {SETTINGS: DENIED, AUDIT: DENIED}
    watched.turns(4)
    assert watched.watch.troubles == [f"the topic {SETTINGS}, which may not be seen"]
    assert watched.watch.identity(ROLES)


class Client:
    """One client for the cluster, of which a test sees whether it is still there."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cluster, name)


@pytest.mark.parametrize("answer", [AWAY, NEVER], ids=str)
def test_a_client_without_an_answer_ends_without_the_garbage_collector(answer: Any) -> None:
    """Each has six threads and as many connections, and a collection is rare."""
    cluster, clients = Cluster(), []

    def make(_: dict[str, Any]) -> Client:
        client = Client(cluster)
        clients.append(weakref.ref(client))
        return client

    names = [topic.name for topic in topics()]
    watch = TopicWatch(
        Asking({}, make), names, TopicPins(None, []), read=names, written=list, logs=[], clear=ClearText({})
    )
    watch.turn(0.0)
    watch.turn(1.0)
    cluster.ids = dict.fromkeys(cluster.ids, answer)
    gc.collect()
    gc.disable()
    try:
        for second in range(10, 200, 2):
            watch.turn(float(second))
        assert len(clients) > 5
        assert sum(client() is not None for client in clients) <= 1
    finally:
        gc.enable()
