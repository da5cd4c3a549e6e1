"""`provbus topics leaders` and `provbus topics elect`, on a cluster whose partitions all have a leader."""

import json
import re
from pathlib import Path

import yaml

from bus.routes import topics
from tests.unit.cli.conftest import Config, Provbus


def save(directory: Path, config: Config) -> Path:
    path = directory / "instance.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


def test_leaders_are_shown_for_every_topic_of_ours(
    configs: dict[str, Config], bootstrap: str, tmp_path: Path, provbus: Provbus
) -> None:
    configs["dhcp-1"]["kafka"]["bootstrap"] = bootstrap
    path = save(tmp_path, configs["dhcp-1"])
    shown = provbus("topics", "leaders", "--config", path)
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.split("\n")[0].split() == ["topic", "partition", "leader", "in_sync", "replicas"]
    document = json.loads(provbus("topics", "leaders", "--config", path, "-o", "json").stdout)
    assert {one["topic"] for one in document} == {topic.name for topic in topics()}
    assert all(one["leader"] > 0 and one["leader"] in one["in_sync"] for one in document)


def test_no_election_is_held_where_none_is_needed(
    configs: dict[str, Config], bootstrap: str, tmp_path: Path, provbus: Provbus
) -> None:
    configs["dhcp-1"]["kafka"]["bootstrap"] = bootstrap
    path = save(tmp_path, configs["dhcp-1"])
    elected = provbus("topics", "elect", "--unclean", "--config", path)
    assert (elected.returncode, elected.stdout) == (0, "every partition has a leader\n")
    assert provbus("topics", "elect", "--config", path).returncode == 2


def test_without_a_broker_nobody_says_who_leads(
    configs: dict[str, Config], tmp_path: Path, provbus: Provbus
) -> None:
    configs["dhcp-1"]["kafka"]["bootstrap"] = "127.0.0.1:1"
    shown = provbus("topics", "leaders", "--config", save(tmp_path, configs["dhcp-1"]))
    assert shown.returncode == 69
    refused = r"provbus: no Kafka broker answers: 127.0.0.1:1: Connect to .*: Connection refused\n"
    assert re.fullmatch(refused, shown.stderr)
