"""A launch that fails leaves nothing; a cluster is believed only when its processes live and answer as ours.

The Java here is a shell script and the cluster librdkafka's own, so these tests need neither Java nor Kafka.
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Producer

from bus.errors import StateError, UnavailableError
from services.brokers.archive import archive_path, with_archive
from services.brokers.cluster import KafkaCluster
from services.brokers.detached import ProcessIdentity, boot_id, identify, is_alive, spawn, stop
from services.brokers.jars import Java
from services.brokers.launch import PortTakenError, launch, missing_brokers, quote
from services.brokers.places import LOOPBACK, PORTS, OnLoopback, free_ports
from services.brokers.properties import Jvm
from services.brokers.state import Broker, ClusterInfo, read_cluster, write_cluster

BUSY = "echo starting; echo 'failed to bind: Address already in use'; exit 1"
SLEEPING = 'echo "listening soon"; exec sleep 60'
ALL_STARTED = 'while [ "$(wc -l < "$PIDS")" -lt 3 ]; do sleep 0.01; done'
RECORD = 'case "$*" in *kafka.Kafka*) echo "$$" >> "$PIDS";; *) exit 0;; esac\n'


def pretended_jvm(directory: Path, script: str) -> Jvm:
    java = directory / "java"
    java.write_text(f"#!/bin/sh\n{script}\n")
    java.chmod(0o700)
    return Jvm(str(java), "some.jar", {"PATH": "/usr/bin:/bin", "PIDS": str(directory / "pids")})


def started(directory: Path) -> list[int]:
    return [int(pid) for pid in (directory / "pids").read_text().split()]


def assert_nothing_left(directory: Path, state: Path) -> None:
    assert not any(identify(pid) for pid in started(directory))
    assert not (state / "brokers").exists()
    assert read_cluster(state) is None


@pytest.fixture
def state(tmp_path: Path) -> Path:
    directory = tmp_path / "state"
    directory.mkdir()
    return directory


def test_a_node_that_ends_is_quoted_and_the_others_are_stopped(tmp_path: Path, state: Path) -> None:
    script = f'{RECORD}case "$*" in *brokers/2/*) {ALL_STARTED}; echo "no memory"; exit 1;; esac\n{SLEEPING}'
    with pytest.raises(UnavailableError, match="broker 2 ended while starting") as failure:
        launch(pretended_jvm(tmp_path, script), state, OnLoopback(), 60.0, print)
    assert "no memory" in str(failure.value)
    assert len(started(tmp_path)) == 3
    assert_nothing_left(tmp_path, state)


def test_nodes_that_never_answer_are_quoted_and_stopped(tmp_path: Path, state: Path) -> None:
    with pytest.raises(UnavailableError, match="broker 1 is not ready") as failure:
        launch(pretended_jvm(tmp_path, RECORD + SLEEPING), state, OnLoopback(), 1.0, print)
    assert "listening soon" in str(failure.value)
    assert len(started(tmp_path)) == 3
    assert_nothing_left(tmp_path, state)


def test_an_interrupted_launch_leaves_nothing(tmp_path: Path, state: Path) -> None:
    def interrupt(text: str) -> None:
        if text.startswith("starting"):
            raise KeyboardInterrupt

    (tmp_path / "pids").touch()
    with pytest.raises(KeyboardInterrupt):
        launch(pretended_jvm(tmp_path, RECORD + SLEEPING), state, OnLoopback(), 60.0, interrupt)
    assert_nothing_left(tmp_path, state)


def test_a_failed_format_is_quoted(tmp_path: Path, state: Path) -> None:
    with pytest.raises(UnavailableError, match="could not format a node:\ndisk full"):
        launch(pretended_jvm(tmp_path, "echo disk full; exit 1"), state, OnLoopback(), 60.0, print)
    assert not (state / "brokers").exists()


def test_an_archive_that_cannot_be_made_is_not_tried_again(tmp_path: Path) -> None:
    jvm = pretended_jvm(tmp_path, RECORD + "echo unknown option; exit 1")
    archive = archive_path(tmp_path / "libs", Java(jvm.java, "17"))
    reports: list[str] = []
    assert with_archive(jvm, archive, reports.append) == jvm
    assert with_archive(jvm, archive, reports.append) == jvm
    assert len(reports) == len(started(tmp_path)) == 1


def test_an_archive_that_exists_is_used(tmp_path: Path) -> None:
    archive = tmp_path / "broker.jsa"
    archive.write_bytes(b"classes")
    jvm = pretended_jvm(tmp_path, "exit 1")
    assert f"-XX:SharedArchiveFile={archive}" in with_archive(jvm, archive, print).command()


def test_every_java_has_its_own_archive(tmp_path: Path) -> None:
    versions = ["17.0.15", "17.0.16", "21"]
    paths = {archive_path(tmp_path / "libs-1", Java("/bin/java", version)) for version in versions}
    assert len(paths) == 3
    assert {path.parent for path in paths} == {tmp_path}


def test_free_ports_are_distinct_and_below_the_ephemeral_ones() -> None:
    ports = free_ports(50)
    ephemeral = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert len(set(ports)) == 50
    assert all(port in PORTS for port in ports)
    assert max(PORTS) < ephemeral or ephemeral < min(PORTS)


class LostRace:
    """Somebody always has the port: draws, counted, and a machine on which every broker fails to bind."""

    def __init__(self, directory: Path) -> None:
        self.drawn: list[list[int]] = []
        self.directory = directory
        jvm = pretended_jvm(
            directory, f'case "$*" in -version) echo \'version "21"\'; exit;; esac\n{RECORD}{BUSY}'
        )
        maven = directory / "mvn"
        maven.write_text(
            f"#!{sys.executable}\nimport sys, os, zipfile\n"
            'target = next(a.partition("=")[2] for a in sys.argv if a.startswith("-DoutputDirectory="))\n'
            "os.mkdir(target)\n"
            'zipfile.ZipFile(os.path.join(target, "kafka_2.13-4.3.0.jar"), "w").close()\n'
        )
        maven.chmod(0o700)
        self.environ = {
            **jvm.environ,
            "PATH": f"{directory}:/usr/bin:/bin",
            "XDG_CACHE_HOME": str(directory / "cache"),
        }

    def draw(self, count: int) -> list[int]:
        self.drawn.append(free_ports(count))
        return self.drawn[-1]


FRAMES = "\tat a.B(C.java:1)\n\t... 18 more\n"
ROUTINE = "2026-01-01T00:00:00,000 INFO shutting down (BrokerServer)\n"
COMPLAINT = "2026-01-01T00:00:00,000 ERROR no space (LogManager)\n"


@pytest.mark.parametrize(
    ("log", "quoted"),
    [
        ("", ""),
        (ROUTINE + FRAMES, ROUTINE),
        (ROUTINE + COMPLAINT + FRAMES + ROUTINE, COMPLAINT),
        ("Error: could not find or load main class\n\n", "Error: could not find or load main class\n"),
        ("".join(f"line {number}\n" for number in range(99)), "".join(f"line {n}\n" for n in range(87, 99))),
    ],
)
def test_a_log_is_quoted_by_what_it_complains_of(log: str, quoted: str) -> None:
    assert quote(log) == quoted.rstrip("\n")


def test_a_lost_port_is_tried_once_more_with_others(tmp_path: Path) -> None:
    race = LostRace(tmp_path)
    cluster = KafkaCluster(tmp_path / "state", environ=race.environ, places=OnLoopback(race.draw))
    with pytest.raises(PortTakenError):
        cluster.up()
    assert len(race.drawn) == 2
    assert race.drawn[0] != race.drawn[1]
    assert list((tmp_path / "cache").rglob("*.jsa")) == []
    assert_nothing_left(tmp_path, tmp_path / "state")


class Standing:
    """Three living processes and librdkafka's own cluster answering on the ports written down for them."""

    def __init__(self, directory: Path) -> None:
        self._mock = Producer({"test.mock.num.brokers": 3, "bootstrap.servers": "replaced", "log_level": 0})
        metadata = self._mock.list_topics(timeout=10.0)
        here = [spawn(["/bin/sleep", "60"], os.environ, directory / "sleep.log") for _ in metadata.brokers]
        self.processes: list[ProcessIdentity] = here
        self.info = ClusterInfo(
            version="4.3.0",
            cluster_id=str(metadata.cluster_id),
            boot_id=boot_id(),
            directory=directory,
            brokers=tuple(
                Broker(
                    id=broker.id, address=LOOPBACK, port=broker.port, controller_port=1, **process._asdict()
                )
                for broker, process in zip(metadata.brokers.values(), here, strict=True)
            ),
        )
        write_cluster(self.info)

    def kill(self, number: int) -> None:
        stop([self.processes[number]], finished=lambda: True)

    def close(self) -> None:
        stop(self.processes, finished=lambda: True)
        self._mock.close()


@pytest.fixture
def standing(state: Path) -> Iterator[Standing]:
    cluster = Standing(state)
    yield cluster
    cluster.close()


NO_PROGRAMS = {"PATH": "/nowhere"}


def test_a_standing_cluster_is_found_and_not_started_again(standing: Standing) -> None:
    cluster = KafkaCluster(standing.info.directory, environ=NO_PROGRAMS)
    assert cluster.find() == standing.info
    assert cluster.up() == standing.info
    status = cluster.status()
    assert (status.state, status.bootstrap, status.version) == ("up", standing.info.bootstrap, "4.3.0")
    assert [broker.pid for broker in status.brokers] == [process.pid for process in standing.processes]
    assert all(broker.rss_mib is not None for broker in status.brokers)


def test_down_stops_the_processes_and_removes_the_data(standing: Standing) -> None:
    directory = standing.info.directory
    (directory / "brokers" / "1" / "data").mkdir(parents=True)
    (directory / "logs").mkdir()
    cluster = KafkaCluster(directory, environ=NO_PROGRAMS)
    assert cluster.down()
    assert not any(map(is_alive, standing.processes))
    assert sorted(path.name for path in directory.iterdir()) == [".lock", "logs", "sleep.log"]
    assert not cluster.down()
    assert cluster.status().state == "down"


def test_half_a_cluster_is_not_found_nor_replaced(standing: Standing) -> None:
    standing.kill(1)
    cluster = KafkaCluster(standing.info.directory, environ=NO_PROGRAMS)
    assert cluster.find() is None
    with pytest.raises(StateError, match=r"brokers \[2\] .* take it down first"):
        cluster.up()
    status = cluster.status()
    assert status.state == "down"
    assert [broker.pid is None for broker in status.brokers] == [False, True, False]
    assert [is_alive(process) for process in standing.processes] == [True, False, True]


def test_a_dead_cluster_is_forgotten_and_started_anew(standing: Standing) -> None:
    for number in range(3):
        standing.kill(number)
    cluster = KafkaCluster(standing.info.directory, environ=NO_PROGRAMS)
    assert cluster.find() is None
    with pytest.raises(UnavailableError, match="needs Java"):
        cluster.up()
    assert read_cluster(standing.info.directory) is None


def test_a_stranger_on_our_ports_is_not_taken_for_ours(standing: Standing) -> None:
    assert missing_brokers(standing.info, 5.0) == []
    ours = standing.info.model_copy(update={"cluster_id": "A" * 22})
    assert missing_brokers(ours, 0.0) == [1]
