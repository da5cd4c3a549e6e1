"""What can happen to a node or an acceptor of the model."""

from typing import NamedTuple

from bus.errors import LocalError

ROLE = "dhcp/lab"
TRAFFIC = "failover"
TICK_S = 0.5  # what all times of the election that matter here are multiples of


class ViolationError(LocalError):
    """What must never be, is."""


class Begin(NamedTuple):
    """The log is reached, and has these bounds."""

    start: int
    end: int


class Read(NamedTuple):
    """The record of this number is read at this offset."""

    offset: int
    record: int


class Lose(NamedTuple):
    """The log is not what it was."""


class Wake(NamedTuple):
    """What is due is done."""


class Older(NamedTuple):
    """So many ticks of the node's clock pass."""

    ticks: int


class Yield(NamedTuple):
    """An operator, or the host service's end, has the role given back."""


class Promote(NamedTuple):
    """An operator wants this node to be the primary."""


Step = Begin | Read | Lose | Wake | Older | Yield | Promote


def instance(name: int) -> str:
    """The instance of the node with this number."""
    return f"dhcp-{name + 1}"
