"""What one run is: how large its plant is, what is done to it, and how long it lasts.

A scenario is a value, so that a failing one can be made smaller deed by deed. Where a deed names `@0`, it
hits whoever acts for the role of DHCP when `@0` is named first, and the same one ever after; `h@0` is its
host.
"""

from typing import NamedTuple

from bus.routes import Column
from bus.switch.standing import Step
from bus.testing.faults import Fault
from tests.simulation.failover.scenario import Away as Away
from tests.simulation.failover.scenario import Boot as Boot
from tests.simulation.failover.scenario import Drain as Drain
from tests.simulation.failover.scenario import Promote as Promote


class Shape(NamedTuple):
    """How large a plant is, and which column it begins with. One that `is_quick` hears both columns from the
    first day, as after a switch that lingers. With `grants` the CFMs decide the role while the group leads,
    else the first sidecar is the appointed primary. With `hosts` a sidecar acts only while its host is
    attached. `checkpoint_at`: at how many records the holder writes a checkpoint, 0 as late as always.
    """

    begins: Column = Column.BUS
    is_quick: bool = False
    grants: bool = True
    dhcps: int = 2
    mps: bool = False
    hosts: bool = False
    devices: int = 1
    checkpoint_at: int = 0
    linger_s: float = 3600.0


class Order(NamedTuple):
    """An operator orders a switch to this mode at this sidecar; those that are down then he names as absent,
    if `without` them.
    """

    node: str
    to: str
    without: bool = False


class Reconfigure(NamedTuple):
    """Everybody is stopped, gets this mode in his configuration, and is started again."""

    to: Column


class Admit(NamedTuple):
    """A person lets a CFM vote whose disk was lost."""

    node: str


class BeginEra(NamedTuple):
    """A person begins an era at this sidecar, because retention left no beginning of the role log."""

    node: str


class Abort(NamedTuple):
    """An operator calls the switch off at this sidecar."""

    node: str


class Finish(NamedTuple):
    """An operator has the old column closed, by this sidecar's word."""

    node: str


class CrashAt(NamedTuple):
    """This node crashes when it takes this step the next time: `kept` says whether its disk has it. It starts
    again soon.
    """

    node: str
    step: Step
    kept: bool


class Refuse(NamedTuple):
    """This column cannot be opened at this node; or can again."""

    node: str
    column: Column
    on: bool


Operation = (
    Order | Reconfigure | Abort | Finish | CrashAt | Refuse | Admit | BeginEra | Away | Drain | Promote | Boot
)
OPERATIONS: tuple[type, ...] = (
    Order,
    Reconfigure,
    Abort,
    Finish,
    CrashAt,
    Refuse,
    Admit,
    BeginEra,
    Away,
    Drain,
    Promote,
    Boot,
)
Deed = Fault | Operation
Timed = tuple[float, Deed]
"""When, in the world's seconds, and what is done."""


class Scenario(NamedTuple):
    """One run. At `calm_at` the `repairs` are made, from then on nothing is done to the plant, and it must be
    well in time. `switches_min` is the number of eras that must have begun, `replaced_max` bounds the changes
    of a holder, and `leads` is the column that must lead at the end, if it is known.
    """

    name: str
    shape: Shape
    faults: tuple[Timed, ...]
    calm_at: float
    repairs: tuple[Deed, ...] = ()
    switches_min: int = 0
    replaced_max: int = 1_000
    leads: Column | None = None
