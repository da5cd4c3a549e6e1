"""The route table: every class has a way and a limit."""

import json

import pytest

from bus.errors import LocalError, OversizeError
from bus.routes import ROUTES, Medium, check_size, route, topics
from bus.telemetry.audit import AUDIT
from bus.wire.codec import KINDS
from heartbeat.liveness.beat import BEAT
from services.settings.record import CATALOGUE

OFFSET_MAX = (1 << 63) - 1
KAFKA_RECORD_BYTES_MAX = 1_000_000  # what our producer and a broker take, headers included


@pytest.mark.parametrize("traffic", sorted(ROUTES))
def test_a_class_has_a_topic_exactly_when_kafka_carries_it(traffic: str) -> None:
    entry = route(traffic)
    assert (entry.topic is not None) == (entry.medium is Medium.KAFKA)
    assert not entry.from_start or entry.topic is not None


@pytest.mark.parametrize("type_", [*KINDS.values(), AUDIT, BEAT, CATALOGUE])
def test_every_type_there_is_has_a_route(type_: str) -> None:
    expected = Medium.ZEROMQ if type_ in KINDS.values() else Medium.KAFKA
    assert route(type_.split(".")[1]).medium is expected


@pytest.mark.parametrize("traffic", sorted(ROUTES))
def test_the_limit_itself_is_allowed_and_one_byte_more_is_not(traffic: str) -> None:
    limit = route(traffic).payload_bytes_max
    check_size(traffic, 0)
    check_size(traffic, limit)
    with pytest.raises(OversizeError) as caught:
        check_size(traffic, limit + 1)
    assert (caught.value.size_bytes, caught.value.size_bytes_max) == (limit + 1, limit)


@pytest.mark.parametrize("traffic", ["", "Fileid", "roles", "provbus.audit.batch.v1"])
def test_an_unknown_class_is_our_mistake(traffic: str) -> None:
    with pytest.raises(LocalError, match="no route"):
        route(traffic)
    with pytest.raises(LocalError, match="no route"):
        check_size(traffic, 1)


def test_topics_are_declared_once_and_named_by_rule() -> None:
    names = [topic.name for topic in topics()]
    assert len(names) == len(set(names)) == sum(one.medium is Medium.KAFKA for one in ROUTES.values())
    assert all(name.startswith("provbus.") and name.endswith(".v1") for name in names)


def test_what_kafka_carries_fits_into_its_records() -> None:
    limits = [one.payload_bytes_max for one in ROUTES.values() if one.medium is Medium.KAFKA]
    assert max(limits) + 4_096 <= KAFKA_RECORD_BYTES_MAX


def test_settings_are_kept_whole_and_read_from_their_start() -> None:
    entry = route("config")
    assert entry.from_start
    assert entry.topic is not None
    assert entry.topic.settings["cleanup.policy"] == "compact"
    assert entry.topic.partitions == 1


def test_a_log_is_one_partition_that_forgets_nothing_but_its_oldest_days() -> None:
    logs = {name: entry for name, entry in ROUTES.items() if entry.is_log}
    assert sorted(logs) == ["failover"]
    entry = logs["failover"]
    assert entry.from_start
    assert entry.topic is not None
    assert (entry.topic.name, entry.topic.partitions) == ("provbus.roles.v1", 1)
    settings = entry.topic.settings
    assert settings["cleanup.policy"] == "delete"
    assert settings["unclean.leader.election.enable"] == "false"
    assert int(settings["segment.ms"]) < int(settings["retention.ms"]) == 7 * 24 * 3600 * 1000


@pytest.mark.parametrize(
    ("traffic", "flushed", "unclean"),
    [
        ("failover", "1", "false"),
        ("config", "1", "false"),
        ("heartbeat", None, "true"),
        ("audit", None, "true"),
    ],
)
def test_what_must_not_be_lost_is_on_disk_before_it_is_confirmed_and_the_rest_heals_itself(
    traffic: str, flushed: str | None, unclean: str
) -> None:
    topic = route(traffic).topic
    assert topic is not None
    assert topic.settings.get("flush.messages") == flushed
    assert topic.settings["unclean.leader.election.enable"] == unclean


def test_a_checkpoint_of_128_roles_fits_into_a_record_of_the_log() -> None:
    holding = {
        "last": OFFSET_MAX,
        "epoch": OFFSET_MAX,
        "claim_id": "f" * 16,
        "holder": "h" * 63,
        "incarnation": 1 << 63,
        "released": False,
    }
    roles = {f"dhcp/{number:063d}": holding for number in range(128)}
    checkpoint = {"as_of": OFFSET_MAX, "era": 0xFFFF, "floor": OFFSET_MAX, "roles": roles}
    check_size("failover", len(json.dumps(checkpoint, separators=(",", ":"))))
