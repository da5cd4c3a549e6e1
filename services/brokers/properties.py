"""The settings of one Kafka node: its properties file, its command line, its names and versions.

Theory of operation
-------------------
The lab's cluster is three *combined* nodes: each is a broker (clients talk to it) and a KRaft controller (it
votes on the cluster's metadata). A node is given by its number, its address and two ports.
`deploy/kafka/server.properties` is the template of its settings; this module fills in only the values that
differ between nodes and between runs. It does no I/O.
"""

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from string import Template
from typing import NamedTuple

from bus.errors import ConfigError

JAVA_MAJOR_MIN = 17
"""Kafka 4 brokers do not start on an older Java."""

JVM_OPTIONS = (
    "-Xms64m",
    "-Xmx384m",
    # One thread each for collector and compiler: three brokers share a laptop with all else the lab runs.
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:-UsePerfData",
    # A broker without memory must die visibly.
    "-XX:+ExitOnOutOfMemoryError",
)

NODES = 3
"""The least number that keeps a majority, and two copies in sync, when one is killed."""

_JAVA_VERSION = re.compile(r'version "(?:1\.)?(\d+)')


class BrokerNode(NamedTuple):
    """A combined broker and controller: its number from 1, its address, and two ports."""

    id: int
    address: str
    port: int
    controller_port: int


class Jvm(NamedTuple):
    """The Java of every Kafka process: the `java` program, its class path, environment and options."""

    java: str
    class_path: str
    environ: Mapping[str, str]
    options: tuple[str, ...] = JVM_OPTIONS

    def command(self, *arguments: str) -> list[str]:
        """The argument vector that runs `arguments`: further options, a main class, its arguments."""
        return [self.java, *self.options, "-cp", self.class_path, *arguments]


def render(template: str, node: BrokerNode, nodes: Sequence[BrokerNode], data_directory: Path) -> str:
    """The properties file of `node` in the cluster `nodes`.

    Raises `ConfigError` when the directory cannot be one entry of `log.dirs`, or the template asks for a name
    that is not known here.
    """
    if "," in str(data_directory):
        raise ConfigError(
            f"Kafka reads a comma as the end of a directory: choose another than {data_directory}"
        )
    voters = ",".join(f"{voter.id}@{voter.address}:{voter.controller_port}" for voter in nodes)
    values = {
        "node_id": node.id,
        "address": node.address,
        "port": node.port,
        "controller_port": node.controller_port,
        "voters": voters,
        "data_directory": escape(str(data_directory)),
        "node_directory": escape(str(data_directory.parent)),
    }
    try:
        return Template(template).substitute(values)
    except (KeyError, ValueError) as error:
        raise ConfigError(
            f"deploy/kafka/server.properties: unknown or malformed placeholder {error}"
        ) from None


def escape(value: str) -> str:
    """`value` as Java's `Properties.load` reads it back: ASCII with backslash escapes, UTF-16 beyond it."""
    escaped = []
    for character in value.replace("\\", "\\\\"):
        if character.isascii() and character.isprintable():
            escaped.append(character)
            continue
        units = character.encode("utf-16-be")
        escaped += [f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2)]
    return "".join(escaped)


def new_cluster_id(draw: Callable[[int], bytes]) -> str:
    """A 22-character cluster id from `draw(16)` random bytes, drawn again while it would begin with a dash.

    One in 64 would, and Kafka's own tools then take it for an option.
    """
    while True:
        cluster_id = base64.urlsafe_b64encode(draw(16)).decode().rstrip("=")
        if not cluster_id.startswith("-"):
            return cluster_id


def java_major(version_text: str) -> int | None:
    """The feature release in what `java -version` prints (8, 17, 21), None when it says no version."""
    found = _JAVA_VERSION.search(version_text)
    return int(found[1]) if found else None
