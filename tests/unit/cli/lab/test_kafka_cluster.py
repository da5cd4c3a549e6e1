"""What `provbus lab kafka` prints and with which code it ends, as far as that needs no broker."""

import json
import os
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from bus.errors import ConfigError, ProvbusError, StateError, UnavailableError
from services.brokers.cluster import BrokerStatus, ClusterStatus
from services.brokers.detached import boot_id, spawn, stop
from services.brokers.launch import PortTakenError
from services.brokers.places import LOOPBACK
from services.brokers.state import Broker, ClusterInfo, write_cluster
from services.cli.lab.kafka_cluster import exit_code, kafka, render_status

UP = ClusterStatus(
    state="up",
    bootstrap="127.0.0.1:1,127.0.0.1:2,127.0.0.1:3",
    brokers=[
        BrokerStatus(id=1, pid=4711, port=1, rss_mib=270),
        BrokerStatus(id=2, pid=None, port=2, rss_mib=None),
    ],
    version="4.3.0",
    directory=Path("/state/kafka"),
)


def invoke(state_home: Path, *arguments: str) -> Result:
    environ = {"XDG_STATE_HOME": str(state_home), "PATH": "/nowhere", "JAVA_HOME": None}
    return CliRunner().invoke(kafka, list(arguments), env=environ)


@pytest.mark.parametrize(("output", "parse"), [("json", json.loads), ("yaml", yaml.safe_load)])
def test_status_for_programs(output: str, parse: object) -> None:
    assert callable(parse)
    assert parse(render_status(UP, output)) == {
        "state": "up",
        "bootstrap": "127.0.0.1:1,127.0.0.1:2,127.0.0.1:3",
        "brokers": [
            {"id": 1, "pid": 4711, "port": 1, "rss_mib": 270},
            {"id": 2, "pid": None, "port": 2, "rss_mib": None},
        ],
        "version": "4.3.0",
        "directory": "/state/kafka",
    }


def test_status_for_people() -> None:
    assert render_status(UP, "table").splitlines() == [
        "state      up",
        "bootstrap  127.0.0.1:1,127.0.0.1:2,127.0.0.1:3",
        "version    4.3.0",
        "directory  /state/kafka",
        "",
        "broker      pid   port  rss_mib",
        "     1     4711      1      270",
        "     2     dead      2     dead",
    ]


@pytest.mark.parametrize("output", ["table", "json", "yaml"])
def test_status_without_a_cluster_ends_with_1(tmp_path: Path, output: str) -> None:
    result = invoke(tmp_path, "status", "-o", output)
    assert result.exit_code == 1
    assert "down" in result.stdout
    assert str(tmp_path / "provbus" / "kafka") in result.stdout


def test_up_without_java_ends_with_69_and_says_what_to_install(tmp_path: Path) -> None:
    result = invoke(tmp_path, "up")
    assert result.exit_code == 69
    assert result.stdout == ""
    assert result.stderr.startswith("Error: Kafka needs Java")


def test_down_without_a_cluster_is_fine(tmp_path: Path) -> None:
    result = invoke(tmp_path, "down")
    assert (result.exit_code, result.stdout) == (0, "already down\n")


def test_up_beside_half_a_cluster_ends_with_73(tmp_path: Path) -> None:
    directory = tmp_path / "provbus" / "kafka"
    directory.mkdir(parents=True)
    living = spawn(["/bin/sleep", "60"], os.environ, tmp_path / "log")
    processes = [living, living._replace(start_ticks=living.start_ticks + 1)]
    brokers = [
        Broker(id=at + 1, address=LOOPBACK, port=1, controller_port=1, **who._asdict())
        for at, who in enumerate(processes)
    ]
    info = ClusterInfo(
        version="4.3.0", cluster_id="x", boot_id=boot_id(), directory=directory, brokers=tuple(brokers)
    )
    write_cluster(info)
    try:
        result = invoke(tmp_path, "up")
    finally:
        stop([living], finished=lambda: True)
    assert result.exit_code == 73
    assert "take it down first" in result.stderr


@pytest.mark.parametrize(
    ("error", "code"),
    [(PortTakenError(), 69), (UnavailableError(), 69), (StateError(), 73), (ConfigError(), 78)],
)
def test_exit_codes(error: ProvbusError, code: int) -> None:
    assert exit_code(error) == code


@pytest.mark.parametrize("arguments", [["status", "-o", "xml"], ["sideways"], ["up", "extra"]])
def test_wrong_usage_ends_with_2(tmp_path: Path, arguments: list[str]) -> None:
    assert invoke(tmp_path, *arguments).exit_code == 2
