"""What one run is: how large its plant is, what is done to it, and how long it lasts.

A scenario is a value, so that a failing one can be made smaller fault by fault. Where a fault names `@0`, it
hits whoever is the primary of DHCP when `@0` is named first, and the same one ever after; `h@0` is the host
beside it.
"""

from typing import NamedTuple

from bus.testing.faults import Fault
from heartbeat.roles.states import Cause, State


class Shape(NamedTuple):
    """How large a plant is. With `hosts` a sidecar stands for its role only while its host is attached, with
    `parents` each has one, which gives its role back. An `insider` forges beats and records. `checkpoint_at`:
    at how many records the holder writes a checkpoint, 0 as late as always.
    """

    dhcps: int = 2
    cfms: int = 2
    mps: bool = False
    hosts: bool = False
    parents: bool = False
    devices: int = 0
    insider: bool = False
    checkpoint_at: int = 0
    revive_s: float = 6.0  # after so long a process in HALT is restarted, as an operator would


class Drain(NamedTuple):
    """An operator has the sidecar give its role back, or lets it stand again."""

    node: str
    on: bool


class Lock(NamedTuple):
    """An operator forbids the sidecar to stand for its role, or allows it again."""

    node: str
    on: bool


class Promote(NamedTuple):
    """An operator wants this sidecar to be the primary now."""

    node: str


class BeginEra(NamedTuple):
    """An operator begins an era, because nobody can know who holds a role."""

    number: int


class Away(NamedTuple):
    """The brokers, or the way to them, are gone for all sidecars and for this many CFMs; or are back."""

    on: bool
    cfms: int


class Elsewhere(NamedTuple):
    """This CFM ends, and comes back with a disk on which an appointed primary holds every role, in an era
    that is so much later than that of the log: it took rows over multicast meanwhile.
    """

    node: str
    eras: int


class Perish(NamedTuple):
    """This sidecar and its parent die at once."""

    node: str


class Boot(NamedTuple):
    """This device has power, perhaps again."""

    node: str


Operation = Drain | Lock | Promote | BeginEra | Away | Elsewhere | Perish | Boot
OPERATIONS: tuple[type, ...] = (Drain, Lock, Promote, BeginEra, Away, Elsewhere, Perish, Boot)
Deed = Fault | Operation
Timed = tuple[float, Deed]
"""When, in the world's seconds, and what is done."""

Aim = tuple[State, Cause]


class Scenario(NamedTuple):
    """One run. `aims` are the transitions that it was written for; `online_at` (0: never) is when every
    device that was ever booted must have its file.
    """

    name: str
    shape: Shape
    faults: tuple[Timed, ...]
    until_s: float
    aims: tuple[Aim, ...] = ()
    online_at: float = 0.0
    takeovers_max: int = 1_000
