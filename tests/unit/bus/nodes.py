"""Nodes of a minter, opened from a configuration."""

from collections.abc import Sequence

from bus.config.model import NodeConfig
from bus.runtime.node import Node
from bus.transport.here import Patience
from bus.transport.zeromq.dealers import Dealers
from services.instance.metrics import METRICS


def open_node(config: NodeConfig, read: Sequence[str] = (), patience: Patience | None = None) -> Node:
    """A node that may be a DHCP sidecar. Close it."""
    return Node(
        config,
        ["dhcp"],
        read=read,
        metrics=METRICS,
        peers=("cfm",),
        link=lambda node: Dealers(node.context, node.poller, node.keys, node.fleet.keys("cfm")),
        patience=patience,
    )
