"""Settings, ids and versions of a Kafka node on paper."""

import re
from pathlib import Path

import pytest

from bus.errors import ConfigError
from services.brokers.jars import deployed
from services.brokers.places import LOOPBACK, nodes_on
from services.brokers.properties import BrokerNode, Jvm, escape, java_major, new_cluster_id, render

NODES = nodes_on([LOOPBACK] * 3, range(16001, 16007))


def properties(node: BrokerNode, directory: Path = Path("/state/data")) -> dict[str, str]:
    text = render(deployed("server.properties").read_text(), node, NODES, directory)
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    pairs = [(key, value) for key, _, value in (line.partition("=") for line in lines)]
    assert len({key for key, _ in pairs}) == len(pairs), "a setting is given twice"
    return dict(pairs)


@pytest.mark.parametrize("node", NODES)
def test_each_node_has_its_own_number_and_ports(node: BrokerNode) -> None:
    settings = properties(node)
    assert settings["node.id"] == str(node.id)
    assert (
        settings["listeners"]
        == f"PLAIN://127.0.0.1:{node.port},CONTROLLER://127.0.0.1:{node.controller_port}"
    )
    assert settings["advertised.listeners"] == f"PLAIN://127.0.0.1:{node.port}"


def test_nodes_differ_in_nothing_else() -> None:
    first, second = properties(NODES[0]), properties(NODES[1])
    assert {key for key in first if first[key] != second[key]} == {
        "node.id",
        "listeners",
        "advertised.listeners",
    }
    assert first["controller.quorum.voters"] == "1@127.0.0.1:16002,2@127.0.0.1:16004,3@127.0.0.1:16006"


def test_what_the_bus_relies_on_is_set() -> None:
    settings = properties(NODES[0])
    expected = {
        "default.replication.factor": "3",
        "min.insync.replicas": "2",
        "auto.create.topics.enable": "false",
        "broker.session.timeout.ms": "1000",
        "controller.quorum.fetch.timeout.ms": "1000",
    }
    assert {key: settings.get(key) for key in expected} == expected


@pytest.mark.parametrize(("template", "count"), [("server.properties", 6), ("authorizer.properties", 5)])
def test_nothing_listens_beyond_loopback(template: str, count: int) -> None:
    text = render(deployed(template).read_text(), NODES[0], NODES, Path("/state/data"))
    addresses = re.findall(r"(?://|@)([^:,\s]+):\d+", text)
    assert len(addresses) == count
    assert set(addresses) == {"127.0.0.1"}


def test_an_authorizer_asks_clients_and_not_the_brokers_themselves() -> None:
    text = deployed("authorizer.properties").read_text()
    assert "super.users=User:broker\n" in text
    assert re.search(r"listener.security.protocol.map=.*PLAIN:PLAINTEXT", text)
    assert not re.search(r"listener.name.plain", text), "clients would need a password"


def test_the_data_directory_is_escaped() -> None:
    assert properties(NODES[0], Path("/st\\ä te"))["log.dirs"] == "/st\\\\\\u00e4 te"


@pytest.mark.parametrize(
    ("value", "escaped"),
    [
        ("/plain/path-1_2", "/plain/path-1_2"),
        ("back\\slash", "back\\\\slash"),
        ("zwölf", "zw\\u00f6lf"),
        ("new\nline", "new\\u000aline"),
        ("\U0001f600", "\\ud83d\\ude00"),
    ],
)
def test_escape(value: str, escaped: str) -> None:
    assert escape(value) == escaped


def test_a_comma_in_the_directory_is_refused() -> None:
    with pytest.raises(ConfigError, match="comma"):
        render("", NODES[0], NODES, Path("/a,b"))


@pytest.mark.parametrize("template", ["x=${unknown}", "x=${}", "x=$ "])
def test_a_template_that_asks_for_more_is_refused(template: str) -> None:
    with pytest.raises(ConfigError, match=r"server\.properties"):
        render(template, NODES[0], NODES, Path("/data"))


def test_cluster_id_never_begins_with_a_dash() -> None:
    dashed, good = b"\xf8" + bytes(15), b"\xff" * 16
    draws = iter([dashed, dashed, good])
    assert new_cluster_id(lambda size: next(draws)[:size]) == "_" * 21 + "w"
    assert next(draws, None) is None


@pytest.mark.parametrize("first", range(256))
def test_cluster_id_is_a_uuid_in_base64(first: int) -> None:
    draws = iter([bytes([first]) * 16, bytes(16)])
    assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_-]{21}", new_cluster_id(lambda size: next(draws)))


@pytest.mark.parametrize(
    ("text", "major"),
    [
        ('openjdk version "17.0.15" 2025-04-15\nOpenJDK Runtime Environment', 17),
        ('Picked up JAVA_TOOL_OPTIONS: -Xmx1g\nopenjdk version "21.0.2" 2024-01-16', 21),
        ('java version "1.8.0_392"', 8),
        ('openjdk version "25" 2025-09-16', 25),
        ('openjdk version "22-ea" 2024-03-19', 22),
        ("bash: java: command not found", None),
        ("", None),
    ],
)
def test_java_major(text: str, major: int | None) -> None:
    assert java_major(text) == major


def test_a_command_names_the_class_path_before_the_main_class() -> None:
    command = Jvm("/bin/java", "a.jar:b.jar", {}, ("-Xmx1g",)).command("-Dx=y", "Main", "argument")
    assert command == ["/bin/java", "-Xmx1g", "-cp", "a.jar:b.jar", "-Dx=y", "Main", "argument"]
