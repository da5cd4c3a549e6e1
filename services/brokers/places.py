"""The places of a cluster's nodes: addresses and ports, and how a process and a client get there."""

import contextlib
import random
import socket
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from bus.errors import UnavailableError
from services.brokers.properties import NODES, BrokerNode

LOOPBACK = "127.0.0.1"
PORTS = range(16_000, 32_000)
"""Below the kernel's ephemeral ports (32,768 up): no outgoing connection takes one before its broker does."""


class BrokerPlaces(Protocol):
    """Where the nodes of a cluster run."""

    @property
    def client(self) -> Mapping[str, str]:
        """The settings of a client that reaches them there, beside `bootstrap.servers`."""

    def draw(self) -> list[BrokerNode]:
        """A place for each node, free at this moment. `UnavailableError` if there is none."""

    def furnish(self, node: BrokerNode, directory: Path) -> None:
        """Write the files which the settings of this node name into its directory."""

    def enter(self, node: int) -> Sequence[str]:
        """The words before the command of a node, which have it run at its place; the first is a path."""


class OnLoopback:
    """So many nodes on 127.0.0.1, at ports of `draw_ports(n)`."""

    client: Mapping[str, str] = {}

    def __init__(self, draw_ports: Callable[[int], list[int]] | None = None, nodes: int = NODES) -> None:
        self._draw_ports = draw_ports or free_ports
        self._nodes = nodes

    def draw(self) -> list[BrokerNode]:
        """Two ports for each node."""
        return nodes_on([LOOPBACK] * self._nodes, self._draw_ports(2 * self._nodes))

    def furnish(self, node: BrokerNode, directory: Path) -> None:
        """None: its settings name no file."""

    def enter(self, node: int) -> Sequence[str]:
        """None: it runs where we do."""
        return ()


def nodes_on(addresses: Sequence[str], ports: Sequence[int]) -> list[BrokerNode]:
    """A node on each of these addresses, with two of the ports."""
    pairs = zip(ports[::2], ports[1::2], strict=True)
    numbered = enumerate(zip(addresses, pairs, strict=True), start=1)
    return [BrokerNode(number, address, *pair) for number, (address, pair) in numbered]


def free_ports(count: int) -> list[int]:
    """`count` distinct TCP ports of 127.0.0.1 that are free now."""
    ports: list[int] = []
    for port in random.sample(PORTS, k=len(PORTS)):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((LOOPBACK, port))
            ports.append(port)
        if len(ports) == count:
            return ports
    raise UnavailableError(f"fewer than {count} free TCP ports between {PORTS.start} and {PORTS.stop}")
