"""Scenarios written by hand. Seed 0 is the first of them.

Each is small, and its name says what it was written for. In a plant in which nothing happens `dhcp-1` holds
the role a few seconds after the start, or another one if the CFMs grant it; `@0` is whoever does. A switch
that has to prove parity takes fifteen seconds, and one between columns that are heard by all less than one.
"""

from itertools import product

from bus.routes import Column
from bus.switch.standing import Step
from bus.testing.faults import BROKER, Crash, Cut, Full, Mend, Pause, Restart, SlowLog, Stall, Stop, Wipe
from tests.simulation.failover.scenario import Away, Boot, Drain
from tests.simulation.switch.carriers import in_group
from tests.simulation.switch.parts import CFMS
from tests.simulation.switch.scenario import (
    Abort,
    CrashAt,
    Finish,
    Order,
    Refuse,
    Scenario,
    Shape,
    Timed,
)

BUS, GROUP = Column.BUS, Column.MULTICAST
GRANTED, APPOINTED = Shape(), Shape(grants=False)
QUICK = Shape(is_quick=True)
FROM_GROUP = Shape(begins=GROUP, is_quick=True)
HOSTED = Shape(is_quick=True, hosts=True)
AT = 6.0
LOG = "failover"
EVERYBODY = ("dhcp-1", "dhcp-2", *CFMS)
BOOTS = tuple((float(at), Boot("device-0")) for at in range(4, 50, 3))


def _there_and_back(shape: Shape) -> tuple[Timed, ...]:
    there = "multicast" if shape.begins is BUS else "bus"
    return (
        *BOOTS,
        (AT, Order("dhcp-1", there)),
        (26.0, Order("dhcp-2", str(shape.begins))),
        (30.0, Finish("dhcp-1")),
    )


def _both_ways(node: str, *others: str) -> list[tuple[str, str]]:
    return [way for other in others for way in ((node, other), (other, node))]


def _for_a_while(since_s: float, end_s: float, ways: list[tuple[str, str]]) -> tuple[Timed, ...]:
    return (*((since_s, Cut(*way)) for way in ways), *((end_s, Mend(*way)) for way in ways))


def _slow_era(delay_s: float) -> tuple[Timed, ...]:
    """The era of an order is in the log so much later than it is written."""
    return (AT - 1.0, SlowLog(LOG, delay_s)), (AT + delay_s + 0.3, SlowLog(LOG, 0.0))


def _calm(name: str, shape: Shape, *deeds: Timed, until_s: float, **wanted: int | Column) -> Scenario:
    """A scenario in which nobody has a reason to be replaced."""
    return Scenario(name, shape, deeds, until_s, replaced_max=0, **wanted)  # type: ignore[arg-type]


def _crash_at(step: Step, *, kept: bool, node: str, shape: Shape) -> Scenario:
    when = "after" if kept else "before"
    to = "multicast" if shape.begins is BUS else "bus"
    return Scenario(
        f"{node} dies {when} its {step.name} is kept, on the way to {to}",
        shape,
        ((AT - 1.0, CrashAt(node, step, kept)), (AT, Order("dhcp-2", to)), (AT + 4.0, Finish("dhcp-2"))),
        12.0,
    )


_QUICK_STEPS = (Step.HEAR, Step.FREEZE, Step.BEGIN, Step.MOVE, Step.FINISH)

DIRECTED: tuple[Scenario, ...] = (
    *(
        _calm(
            f"there and back from {shape.begins}, {'granted' if shape.grants else 'appointed'}"
            f"{', with hosts' if shape.hosts else ''}",
            shape,
            *_there_and_back(shape),
            until_s=32.0,
            switches_min=2,
            leads=shape.begins,
        )
        for shape in (
            GRANTED,
            APPOINTED._replace(mps=True),
            GRANTED._replace(begins=GROUP, hosts=True, mps=True),
            APPOINTED._replace(begins=GROUP, hosts=True),
        )
    ),
    _calm(
        "to dual, and from there to the other column",
        GRANTED,
        *BOOTS,
        (AT, Order("dhcp-1", "dual")),
        (24.0, Order("dhcp-2", "multicast")),
        until_s=42.0,
        switches_min=1,
        leads=GROUP,
    ),
    _calm(
        "parity once more after the other column was closed",
        QUICK,
        *BOOTS,
        (AT, Order("dhcp-1", "multicast")),
        (10.0, Finish("dhcp-1")),
        (12.0, Order("dhcp-2", "bus")),
        (30.0, Finish("dhcp-2")),
        (32.0, Order("dhcp-1", "multicast")),
        until_s=50.0,
        switches_min=3,
        leads=GROUP,
    ),
    _calm(
        "two operators at once",
        QUICK,
        (AT, Order("dhcp-1", "multicast")),
        (AT, Order("dhcp-2", "multicast")),
        until_s=12.0,
        switches_min=1,
        leads=GROUP,
    ),
    _calm(
        "two operators who want different things",
        GRANTED,
        (AT, Order("dhcp-2", "multicast")),
        (AT, Order("dhcp-1", "dual")),
        (30.0, Order("dhcp-2", "multicast")),
        until_s=48.0,
        leads=GROUP,
    ),
    *(
        _calm(
            f"called off after {after_s:g} s",
            GRANTED,
            (AT, Order("dhcp-1", "multicast")),
            (AT + after_s, Abort("dhcp-2")),
            until_s=AT + after_s + 2.0,
        )
        for after_s in (0.01, 1.0, 9.0, 13.0)
    ),
    Scenario(
        "called off while they stand still",
        QUICK,
        (
            (AT, Stall(LOG, True)),
            (AT + 0.1, Order("dhcp-1", "multicast")),
            (AT + 0.5, Abort("dhcp-2")),
            (AT + 1.0, Stall(LOG, False)),
        ),
        12.0,
        leads=BUS,
    ),
    Scenario(
        "a CFM that sleeps while they stand still, so the switch is taken back",
        FROM_GROUP,
        ((AT, Order("dhcp-1", "bus")), (AT + 0.004, Pause("cfm-2", 6.0))),
        14.0,
        leads=GROUP,
    ),
    Scenario(
        "the era comes late, after the one that takes it back was written",
        QUICK,
        ((AT, SlowLog(LOG, 1.7)), (AT + 0.5, Order("dhcp-1", "multicast")), (AT + 12.0, SlowLog(LOG, 0.0))),
        20.0,
    ),
    Scenario(
        "the holder hears no broker when its era begins, and its lease was not that old",
        FROM_GROUP,
        (
            *_slow_era(0.4),
            (AT, Order("dhcp-2", "bus")),
            *_for_a_while(AT + 0.2, AT + 9.0, _both_ways("@0", BROKER)),
        ),
        18.0,
    ),
    Scenario(
        "the appointed primary hears no broker when its era begins, and the CFMs answer it",
        FROM_GROUP._replace(grants=False),
        (
            *_slow_era(0.4),
            (AT - 0.1, Drain("dhcp-1", True)),
            (AT, Order("dhcp-2", "bus")),
            *_for_a_while(AT + 0.2, AT + 12.0, _both_ways("dhcp-1", BROKER)),
            (AT + 0.5, Drain("dhcp-1", False)),
        ),
        20.0,
    ),
    Scenario(
        "the holder is cut off from everything as its era begins",
        HOSTED,
        (
            *_slow_era(0.4),
            (AT, Order("dhcp-2", "multicast")),
            *_for_a_while(
                AT + 0.2,
                AT + 9.0,
                [
                    *_both_ways("@0", BROKER, *(name for name in EVERYBODY if name != "dhcp-1")),
                    *_both_ways(in_group("@0"), *(in_group(name) for name in EVERYBODY if name != "dhcp-1")),
                ],
            ),
        ),
        18.0,
    ),
    Scenario(
        "the holder sleeps as its era begins",
        HOSTED,
        (*_slow_era(0.4), (AT, Order("dhcp-2", "multicast")), (AT + 0.2, Pause("@0", 8.0))),
        18.0,
    ),
    Scenario(
        "the voters do not hear the holder, and stand still until its era comes",
        FROM_GROUP,
        (
            *_slow_era(2.8),
            *_for_a_while(AT - 1.3, AT + 6.0, [(in_group("@0"), in_group(name)) for name in CFMS]),
            *_for_a_while(AT + 2.6, AT + 5.0, [(BROKER, "dhcp-1")]),  # the standby reads the era later
            (AT, Order("dhcp-1", "bus")),
        ),
        14.0,
    ),
    Scenario(
        "the holder reads its era when the lease from its freeze is over, and hears no broker then",
        FROM_GROUP,
        (
            *_slow_era(0.5),
            (AT, Order("dhcp-1", "bus")),
            (AT + 0.3, Pause("@0", 3.3)),
            *_for_a_while(AT + 2.0, AT + 12.0, _both_ways("@0", BROKER)),
        ),
        20.0,
    ),
    Scenario(
        "a power cut while they stand still",
        QUICK,
        (
            (AT, Stall(LOG, True)),
            (AT + 0.1, Order("dhcp-1", "multicast")),
            *((AT + 1.0, Crash(name)) for name in EVERYBODY),
            *((AT + 3.0, Restart(name)) for name in EVERYBODY),
            (AT + 5.0, Stall(LOG, False)),
        ),
        16.0,
    ),
    Scenario(
        "a power cut after the move",
        FROM_GROUP,
        (
            (AT, Order("dhcp-1", "bus")),
            *((AT + 2.0, Stop(name)) for name in EVERYBODY),
            *((AT + 4.0, Restart(name)) for name in EVERYBODY),
        ),
        14.0,
        switches_min=1,
        leads=BUS,
    ),
    Scenario(
        "a CFM and a sidecar lose their disks after a switch",
        QUICK,
        (
            (AT, Order("dhcp-1", "multicast")),
            (AT + 3.0, Wipe("cfm-1")),
            (AT + 3.0, Wipe("dhcp-2")),
            (AT + 4.0, Restart("cfm-1")),
            (AT + 4.0, Restart("dhcp-2")),
            (AT + 12.0, Order("dhcp-1", "bus")),
        ),
        22.0,
        leads=BUS,
    ),
    Scenario(
        "a disk that takes no step, and then one that lies",
        QUICK,
        (
            (AT - 1.0, Full("cfm-2", True, False)),
            (AT, Order("dhcp-1", "multicast")),
            (AT + 4.0, Full("cfm-2", True, True)),
            (AT + 8.0, Full("cfm-2", False)),
        ),
        18.0,
    ),
    Scenario(
        "a column that cannot be opened for a while",
        GRANTED,
        (
            (AT - 1.0, Refuse("cfm-3", GROUP, True)),
            (AT, Order("dhcp-1", "multicast")),
            (AT + 5.0, Refuse("cfm-3", GROUP, False)),
        ),
        28.0,
        switches_min=1,
        leads=GROUP,
    ),
    Scenario(
        "without brokers nobody is switched, and afterwards they are",
        GRANTED,
        (
            (AT, Order("dhcp-1", "multicast")),
            (AT + 5.0, Away(True, len(CFMS))),
            (AT + 12.0, Away(False, len(CFMS))),
        ),
        36.0,
        leads=GROUP,
    ),
    *(
        _crash_at(step, kept=kept, node=node, shape=shape)
        for (step, kept), (node, shape) in product(
            product(_QUICK_STEPS, (False, True)),
            (("@0", QUICK), ("cfm-2", FROM_GROUP), ("dhcp-1", FROM_GROUP._replace(grants=False))),
        )
    ),
)
