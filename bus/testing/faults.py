"""Faults: what the network and the machine room do to the nodes of a world.

Theory of operation
-------------------
A fault is a value, so a storm is a list that can be read, printed and replayed. `Weather` says how every
message fares: it is delayed, and sometimes lost, doubled or held up. Each copy draws its own delay, which is
what reorders. A `Cut` stops one direction between two nodes until it is mended, both directions make a
partition; `Slow` delays one direction. A crashed node forgets everything that is not on its disk, a wiped one
that too. A full disk takes nothing new, and nobody starts on it. A paused node finds all its mail waiting
when it goes on, and its timers late.

A log suffers as well: it stalls, is slow, loses its beginning (retention) or its end (an unclean election),
and is written to by zombies. A log that was truncated, or a reader that skipped a record, cannot be mended.

`storm` draws such a list. Whatever can be repaired is repaired before `until_s`, and `clear` repairs
everything anew: from then on the plant has no excuse.
"""

from collections.abc import Callable, Sequence
from itertools import permutations
from random import Random
from typing import NamedTuple

from bus.routes import ROUTES

BROKER = "broker"
"""The name under which the topics' broker can be cut off."""
LOGS = tuple(traffic for traffic, entry in ROUTES.items() if entry.is_log)
"""The classes whose offsets mean something."""
DRIFT_MAX = 0.001  # ten times what a bad quartz does


class Weather(NamedTuple):
    """How messages fare. Probabilities from 0 to 1; a `slow` message takes up to `slow_s_max` longer.

    `refusal`: a send to a node that is down or cut off is refused, not lost. `lag_s_max`: how late a timer.
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
    """The node's process dies. It is nothing to a node that is down."""

    node: str


class Stop(NamedTuple):
    """The node's process is asked to stop, and does. It is nothing to a node that is down."""

    node: str


class Restart(NamedTuple):
    """The node's process is started, as a new incarnation. It is nothing to a node that is up."""

    node: str


class Pause(NamedTuple):
    """The node gets no time for so long (a swapping host, SIGSTOP)."""

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
    """Everything from `source` to `target` takes so much longer from now on; 0 ends it."""

    source: str
    target: str
    delay_s: float


class SetClock(NamedTuple):
    """The node's wall clock is wrong by this much from now on."""

    node: str
    error_s: float


class SetWeather(NamedTuple):
    """The weather from now on."""

    weather: Weather


class Drift(NamedTuple):
    """So many of the node's own seconds pass in one second from now on; 1 ends it."""

    node: str
    rate: float


class Wipe(NamedTuple):
    """The node crashes, and its disk is lost; of a node that is down, only the disk."""

    node: str


class Full(NamedTuple):
    """The node's disk refuses every record until it is off again, and no process starts there. If it `lies`,
    a record that it refused is there all the same: the disk failed after the file was put in its place.
    """

    node: str
    is_on: bool
    lies: bool = False


class Stall(NamedTuple):
    """The log of this class takes and gives nothing until it is off again."""

    traffic: str
    is_on: bool


class SlowLog(NamedTuple):
    """Every record is appended so much later from now on, in order; 0 ends it."""

    traffic: str
    delay_s: float


class Retain(NamedTuple):
    """Only the last `keep` records of the log are left. Who has still to read others is told `LogLost`."""

    traffic: str
    keep: int


class Truncate(NamedTuple):
    """The last `records` vanish, and their offsets are used again. Who had read them may not notice."""

    traffic: str
    records: int


class Recreate(NamedTuple):
    """The topic is deleted and made anew, with nothing in it. The readers of a log are told `LogLost`, those
    of any other `Recreated`.
    """

    traffic: str


class Skip(NamedTuple):
    """The node's reader misses the next record. It is nothing to a node that does not read."""

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
    | Skip
    | Echo
)
Timed = tuple[float, Fault]
"""When, in the world's seconds, and what."""


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
"""Draws what happens to some of these nodes from one second to another."""


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
    """Calm weather, no cuts, right clocks, logs that take and give, everybody up."""
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
