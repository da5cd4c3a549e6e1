"""Start the nodes of a Kafka cluster, wait until they are ready, take them down.

Theory of operation
-------------------
`launch` writes the settings, formats the nodes in parallel, spawns them and writes `cluster.json` before it
waits, so that even a killed launch leaves processes that the next `up` or `down` knows. Ready means: every
broker, asked at its own address, answers with our cluster id and the numbers of all. The answers of the
others are not enough: a broker joins the cluster *before* it listens to clients, and dies when it cannot. A
launch that fails takes everything down again and quotes the log of a missing broker.

Stopping: SIGTERM to all at once, since the last one alone would wait for a controller quorum that is gone. A
node that has written `.kafka_cleanshutdown` has closed its logs; then it waits up to 5 s for votes, which
SIGKILL cuts short.
"""

import contextlib
import re
import secrets
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from bus.errors import UnavailableError
from services.brokers.detached import boot_id, is_alive, spawn, stop
from services.brokers.jars import deployed, kafka_version
from services.brokers.places import BrokerPlaces
from services.brokers.properties import BrokerNode, Jvm, new_cluster_id, render
from services.brokers.state import (
    Broker,
    ClusterInfo,
    data_path,
    erase_cluster,
    log_path,
    settings_path,
    write_cluster,
)

FORMAT_S_MAX = 60.0
"""Measured 2 to 3 s on two idle cores."""

FEATURES = ("--feature", "eligible.leader.replicas.version=1")
"""The default of Kafka 4.3, and our decision: see `deploy/kafka/README.md`."""

ASK_S_MAX = 1.0
"""The timeout of one question, after which we check whether the processes still live."""

POLL_S = 0.05
CLEAN_SHUTDOWN = ".kafka_cleanshutdown"
"""A node writes it when its logs are closed, and removes it when it starts."""

SERVER = "server.properties"
PORT_TAKEN = "Address already in use"
LOG_LINES_QUOTED = 12
_ROUTINE = re.compile(r"\S+ (INFO|DEBUG|TRACE) ")


class PortTakenError(UnavailableError):
    """Another program took a port first; with other ports the same start may succeed."""


def launch(
    jvm: Jvm,
    directory: Path,
    places: BrokerPlaces,
    ready_s_max: float,
    report: Callable[[str], None],
    broker_options: Sequence[str] = (),
    templates: Sequence[str] = (SERVER,),
) -> ClusterInfo:
    """Start an empty cluster at these places and return it ready, or leave nothing of it.
    A node's settings are those of `templates` (`deploy/kafka`), a later one's before an earlier one's.

    Raises `UnavailableError`, quoting a log, when a node ends or not all are ready after `ready_s_max`.
    """
    nodes = places.draw()
    cluster_id = new_cluster_id(secrets.token_bytes)
    brokers: list[Broker] = []
    (directory / "logs").mkdir(exist_ok=True)
    for node in nodes:
        log_path(directory, node.id).unlink(missing_ok=True)
    try:
        report(f"formatting {len(nodes)} Kafka nodes")
        settings = [_write_settings(directory, node, nodes, templates) for node in nodes]
        for node, properties in zip(nodes, settings, strict=True):
            places.furnish(node, properties.parent)
        _format(jvm, cluster_id, settings)
        report(f"starting {len(nodes)} Kafka brokers")
        brokers += [_spawn(jvm, directory, node, places, broker_options) for node in nodes]
        info = ClusterInfo(
            version=kafka_version(deployed("pom.xml").read_text()),
            cluster_id=cluster_id,
            boot_id=boot_id(),
            directory=directory,
            client={**places.client},
            brokers=tuple(brokers),
        )
        write_cluster(info)
        if missing := missing_brokers(info, ready_s_max):
            raise _failure(info, missing[0])
    except BaseException:
        take_down(directory, brokers)
        raise
    return info


def missing_brokers(info: ClusterInfo, wait_s_max: float) -> list[int]:
    """Empty when all brokers live and answer as one cluster; else the dead, or the first silent one.

    Waits up to `wait_s_max` for answers, and ends at once when a process has died.
    """
    deadline = time.monotonic() + wait_s_max
    for broker in info.brokers:
        with _client(info, broker) as client:
            while not (dead := _dead(info)) and _known(client, info.cluster_id) != _numbers(info.brokers):
                if time.monotonic() >= deadline:
                    return [broker.id]
                time.sleep(POLL_S)
        if dead:
            return sorted(dead)
    return sorted(_dead(info))


def relaunch(jvm: Jvm, info: ClusterInfo, numbers: Sequence[int], places: BrokerPlaces) -> ClusterInfo:
    """Start nodes that have ended again, with their data; they may not be ready yet."""
    brokers = [
        _spawn(
            jvm,
            info.directory,
            BrokerNode(broker.id, broker.address, broker.port, broker.controller_port),
            places,
        )
        if broker.id in numbers
        else broker
        for broker in info.brokers
    ]
    again = info.model_copy(update={"brokers": tuple(brokers)})
    write_cluster(again)
    return again


def silent_brokers(info: ClusterInfo, wait_s_max: float) -> list[int]:
    """The first broker that lives and does not answer as a member of the cluster within `wait_s_max`."""
    deadline = time.monotonic() + wait_s_max
    for broker in info.living():
        with _client(info, broker) as client:
            while broker.id not in _known(client, info.cluster_id):
                if time.monotonic() >= deadline or not is_alive(broker.process):
                    return [broker.id]
                time.sleep(POLL_S)
    return []


def take_down(directory: Path, brokers: Sequence[Broker]) -> None:
    """Stop those of `brokers` that live, and remove the data in `directory`; the logs stay."""
    processes = [broker.process for broker in brokers]
    marks = [data_path(directory, broker.id) / CLEAN_SHUTDOWN for broker in brokers]
    stop(processes, lambda: all(mark.exists() for mark in marks))
    shutil.rmtree(directory / "brokers", ignore_errors=True)
    erase_cluster(directory)


def _write_settings(
    directory: Path, node: BrokerNode, nodes: Sequence[BrokerNode], templates: Sequence[str]
) -> Path:
    data = data_path(directory, node.id)
    data.mkdir(parents=True, exist_ok=True)  # where a disk was mounted the empty directory is left
    properties = settings_path(directory, node.id)
    template = "".join(deployed(name).read_text() for name in templates)
    properties.write_text(render(template, node, nodes, data))
    return properties


def _format(jvm: Jvm, cluster_id: str, settings: Sequence[Path]) -> None:
    """Write every node's empty metadata log, in parallel: it is mostly the start of a JVM."""
    deadline = time.monotonic() + FORMAT_S_MAX
    with contextlib.ExitStack() as stack:
        formatters: list[subprocess.Popen[str]] = []
        for properties in settings:
            command = jvm.command(
                "kafka.tools.StorageTool", "format", "-t", cluster_id, "-c", str(properties), *FEATURES
            )
            formatter = subprocess.Popen(
                command,
                env=jvm.environ,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
            )
            stack.enter_context(formatter)
            stack.callback(formatter.kill)
            formatters.append(formatter)
        for formatter in formatters:
            try:
                output, _ = formatter.communicate(timeout=max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                raise UnavailableError(f"Kafka did not format its nodes in {FORMAT_S_MAX:.0f} s") from None
            if formatter.returncode != 0:
                raise UnavailableError(f"Kafka could not format a node:\n{quote(output)}")


def _spawn(
    jvm: Jvm, directory: Path, node: BrokerNode, places: BrokerPlaces, options: Sequence[str] = ()
) -> Broker:
    command = jvm.command(
        f"-Dlog4j2.configurationFile={deployed('log4j2.properties').as_uri()}",
        f"-XX:ErrorFile={directory}/logs/crash-%p.log",
        *options,
        "kafka.Kafka",
        str(settings_path(directory, node.id)),
    )
    process = spawn([*places.enter(node.id), *command], jvm.environ, log_path(directory, node.id))
    return Broker(**node._asdict(), **process._asdict())


def _numbers(brokers: Sequence[Broker]) -> set[int]:
    return {broker.id for broker in brokers}


def _dead(info: ClusterInfo) -> set[int]:
    return _numbers(info.brokers) - _numbers(info.living())


def _client(info: ClusterInfo, broker: Broker) -> AdminClient:
    """A client that knows this broker's address and no other."""
    settings: dict[str, str | int | float | bool] = {
        **info.client,
        "bootstrap.servers": f"{broker.address}:{broker.port}",
        "reconnect.backoff.ms": 50,
        "reconnect.backoff.max.ms": 200,
        "log_level": 0,
    }
    return AdminClient(settings)


def _known(client: AdminClient, cluster_id: str) -> set[int]:
    """The brokers that `client` is told of; none without an answer, or by one of another cluster."""
    try:
        metadata = client.list_topics(timeout=ASK_S_MAX)
    except KafkaException:
        return set()
    return set(metadata.brokers) if metadata.cluster_id == cluster_id else set()


def _failure(info: ClusterInfo, number: int) -> UnavailableError:
    logs = {
        broker.id: log_path(info.directory, broker.id).read_text(errors="replace") for broker in info.brokers
    }
    if any(PORT_TAKEN in log for log in logs.values()):
        return PortTakenError("another program took a port between its choice and the start of the brokers")
    how = "ended while starting" if number in _dead(info) else "is not ready"
    path = log_path(info.directory, number)
    return UnavailableError(f"Kafka broker {number} {how}; from the end of {path}:\n{quote(logs[number])}")


def quote(log: str) -> str:
    """The last relevant lines of a broker's log: warnings and errors if there are any, never stack frames."""
    lines = [line for line in log.splitlines() if line.strip() and not line.startswith("\t")]
    complaints = [line for line in lines if not _ROUTINE.match(line)]
    return "\n".join((complaints or lines)[-LOG_LINES_QUOTED:])
