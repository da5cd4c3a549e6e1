"""Faults: the troubles of networks, hosts and logs in a world.

Theory of operation
-------------------
A fault is a value, so a storm is a list that can be read, printed and replayed. `Weather` applies to every
message: it is delayed, and sometimes lost, doubled or held up. Each copy draws its own delay, which reorders
messages. A `Cut` stops one direction between two nodes until it is mended, both directions make a partition;
`Slow` delays one direction. A crashed node forgets everything that is not on its disk, a wiped one that too.
A full disk takes no new record, and no process starts on it. A paused node gets all its messages when it goes
on, and its timers late.

A log has faults as well: it stalls, is slow, loses its beginning (retention) or its end (an unclean
election), and zombies write to it. A log that was truncated, or a reader that skipped a record, cannot be
mended.

`storm` draws such a list. Each fault that can be repaired is repaired by `until_s`, and `clear` repairs them
all again: from then on the plant must recover.
"""

from collections.abc import Callable, Sequence
from itertools import permutations
from random import Random
from typing import NamedTuple

from bus.routes import ROUTES

BROKER = "broker"
"""The name under which the topics' broker can be cut off."""
LOGS = tuple(traffic for traffic, entry in ROUTES.items() if entry.is_log)
"""The classes whose topic is a log."""
DRIFT_MAX = 0.001  # ten times that of a bad quartz


class Weather(NamedTuple):
    """The fate of messages. Probabilities from 0 to 1; a `slow` message takes up to `slow_s_max` longer.

    `refusal`: a send to a node that is down or cut off is refused, not lost. `lag_s_max`: the lag of timers.
    """

    delay_s_min: float = 0.0002
    delay_s_max: float = 0.002
    loss: float = 0.0
    duplication: float = 0.0
    slow: float = 0.0
    slow_s_max: float = 0.0
    refusal: float = 1.0
    lag_s_max: float = 0.0


CALM = Weather()


class Crash(NamedTuple):
    """The node's process dies. No effect on a node that is down."""

    node: str


class Stop(NamedTuple):
    """The node's process is asked to stop, and does. No effect on a node that is down."""

    node: str


class Restart(NamedTuple):
    """The node's process is started, as a new incarnation. No effect on a node that is up."""

    node: str


class Pause(NamedTuple):
    """The node gets no time for `pause_s` (a swapping host, SIGSTOP)."""

    node: str
    pause_s: float


class Cut(NamedTuple):
    """Nothing passes from `source` to `target`."""

    source: str
    target: str


class Mend(NamedTuple):
    """The end of a `Cut`."""

    source: str
    target: str


class Slow(NamedTuple):
    """Messages from `source` to `target` take `delay_s` longer from now on; 0 ends it."""

    source: str
    target: str
    delay_s: float


class SetClock(NamedTuple):
    """The node's wall clock is wrong by `error_s` from now on."""

    node: str
    error_s: float


class SetWeather(NamedTuple):
    """The weather from now on."""

    weather: Weather


class Drift(NamedTuple):
    """`rate` of the node's own seconds pass in one second from now on; 1 ends it."""

    node: str
    rate: float


class Wipe(NamedTuple):
    """The node crashes and its disk is lost; a node that is down only loses its disk."""

    node: str


class Full(NamedTuple):
    """The node's disk refuses every record until it is off again, and no process starts there. If it `lies`,
    a record that it refused is there all the same: the disk failed after the file was put in its place.
    """

    node: str
    is_on: bool
    lies: bool = False


class Stall(NamedTuple):
    """The log of this class takes and gives no record until the fault is off again."""

    traffic: str
    is_on: bool


class SlowLog(NamedTuple):
    """Every record is appended `delay_s` later from now on, in order; 0 ends it."""

    traffic: str
    delay_s: float


class Retain(NamedTuple):
    """Only the last `keep` records of the log are left. A reader of earlier ones gets `LogLost`."""

    traffic: str
    keep: int


class Truncate(NamedTuple):
    """The last `records` vanish, and their offsets are used again. A reader of them may not notice."""

    traffic: str
    records: int


class Recreate(NamedTuple):
    """The topic is deleted and made anew, empty. The readers of a log get `LogLost`, others `Recreated`."""

    traffic: str


class Skip(NamedTuple):
    """The node's reader misses the next record. No effect on a node that does not read."""

    node: str
    traffic: str


class Echo(NamedTuple):
    """A zombie writes: a copy of any earlier record (of this source) is appended now."""

    traffic: str
    source: str | None = None


Fault = (
    Crash
    | Stop
    | Restart
    | Pause
    | Cut
    | Mend
    | Slow
    | SetClock
    | SetWeather
    | Drift
    | Wipe
    | Full
    | Stall
    | SlowLog
    | Retain
    | Truncate
    | Recreate
    | Skip
    | Echo
)
Timed = tuple[float, Fault]
"""A time, in the world's seconds, and its fault."""


def draw_weather(random: Random) -> Weather:
    """Bad weather: every trouble is possible, none is certain."""
    return Weather(
        delay_s_max=random.choice((0.002, 0.02, 0.08)),
        loss=random.choice((0.0, 0.02, 0.15)),
        duplication=random.choice((0.0, 0.02, 0.15)),
        slow=random.choice((0.0, 0.02, 0.2)),
        slow_s_max=random.choice((0.1, 0.7, 5.0)),
        refusal=random.choice((0.0, 0.5, 1.0)),
        lag_s_max=random.choice((0.0, 0.001)),
    )


Trouble = Callable[[Random, Sequence[str], float, float], list[Timed]]
"""Draws faults for some of these nodes between two times, in seconds."""


def _crash(random: Random, nodes: Sequence[str], since_s: float, end_s: float) -> list[Timed]:
    node = random.choice(nodes)
    return [(since_s, random.choice((Crash, Crash, Stop))(node)), (end_s, Restart(node))]


def _pause(random: Random, nodes: Sequence[str], since_s: float, end_s: float) -> list[Timed]:
    return [(since_s, Pause(random.choice(nodes), end_s - since_s))]


def _cut(random: Random, nodes: Sequence[str], since_s: float, end_s: float) -> list[Timed]:
    source, target = random.sample([*nodes, BROKER], 2)
    return [(since_s, Cut(source, target)), (end_s, Mend(source, target))]


def _partition(random: Random, nodes: Sequence[str], since_s: float, end_s: float) -> list[Timed]:
    one, other = random.sample([*nodes, BROKER], 2)
    return [
        *((since_s, Cut(*way)) for way in ((one, other), (other, one))),
        *((end_s, Mend(*way)) for way in ((one, other), (other, one))),
    ]


def _slow(random: Random, nodes: Sequence[str], since_s: float, end_s: float) -> list[Timed]:
    source, target = random.sample(nodes, 2)
    delay_s = random.choice((0.06, 0.3, 1.0, 4.0))
    return [(since_s, Slow(source, target, delay_s)), (end_s, Slow(source, target, 0.0))]


def _clock(random: Random, nodes: Sequence[str], since_s: float, end_s: float) -> list[Timed]:
    node = random.choice(nodes)
    error_s = random.choice((0.5, 4.0, 90.0)) * random.uniform(-1.0, 1.0)
    return [(since_s, SetClock(node, error_s)), (end_s, SetClock(node, 0.0))]


def _weather(random: Random, _: Sequence[str], since_s: float, __: float) -> list[Timed]:
    return [(since_s, SetWeather(draw_weather(random)))]


TROUBLES: tuple[Trouble, ...] = (_crash, _pause, _cut, _partition, _slow, _clock, _weather)


def storm(
    random: Random,
    nodes: Sequence[str],
    *,
    until_s: float,
    count: int,
    troubles: Sequence[Trouble] = TROUBLES,
) -> list[Timed]:
    """`count` troubles for these nodes between 0 and `until_s`, each with its repair, in order of time."""
    plan: list[Timed] = [(0.0, SetWeather(draw_weather(random)))]
    for _ in range(count):
        since_s = random.uniform(0.0, until_s)
        end_s = min(until_s, since_s + random.choice((0.05, 0.5, 2.0, 8.0)) * random.uniform(0.5, 1.5))
        plan += random.choice(troubles)(random, nodes, since_s, end_s)
    return sorted(plan, key=lambda timed: timed[0])


def clear(nodes: Sequence[str], at_s: float) -> list[Timed]:
    """The faults that restore calm weather, connections, clocks, disks, logs and nodes."""
    names = [*nodes, BROKER]
    plan: list[Timed] = [(at_s, SetWeather(CALM))]
    for source, target in permutations(names, 2):
        plan += [(at_s, Mend(source, target)), (at_s, Slow(source, target, 0.0))]
    for node in nodes:
        plan += [(at_s, SetClock(node, 0.0)), (at_s, Drift(node, 1.0)), (at_s, Full(node, is_on=False))]
        plan.append((at_s, Restart(node)))
    for traffic in LOGS:
        plan += [(at_s, Stall(traffic, is_on=False)), (at_s, SlowLog(traffic, 0.0))]
    return plan
