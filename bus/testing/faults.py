"""Faults: what the network and the machine room do to the nodes of a world.

Theory of operation
-------------------
A fault is a value, so a storm is a list that can be read, printed and replayed. `Weather` says how every
message fares: it is delayed, and sometimes lost, doubled or held up. Each copy draws its own delay, which is
what reorders. A `Cut` stops one direction between two nodes until it is mended, both directions make a
partition; `Slow` delays one direction. A crashed node forgets everything that is not on its disk. A paused
one finds all its mail waiting when it goes on, and its timers late.

`storm` draws such a list. Whatever it breaks it repairs before `until_s`, and `clear` repairs everything
anew: from then on the plant has no excuse.
"""

from collections.abc import Callable, Sequence
from itertools import permutations
from random import Random
from typing import NamedTuple

BROKER = "broker"
"""The name under which the topics' broker can be cut off."""


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


Fault = Crash | Stop | Restart | Pause | Cut | Mend | Slow | SetClock | SetWeather
Timed = tuple[float, Fault]
"""When, in the world's seconds, and what."""


class Network:
    """Decides the fate of each message."""

    def __init__(self, random: Random, weather: Weather = CALM) -> None:
        self.weather = weather
        self._random = random
        self._cuts: set[tuple[str, str]] = set()
        self._extra_s: dict[tuple[str, str], float] = {}

    def change(self, weather: Weather) -> None:
        """Have this weather from now on."""
        self.weather = weather

    def cut(self, source: str, target: str) -> None:
        """Let nothing pass from source to target."""
        self._cuts.add((source, target))

    def mend(self, source: str, target: str) -> None:
        """Let messages pass again."""
        self._cuts.discard((source, target))

    def slow(self, source: str, target: str, delay_s: float) -> None:
        """Let everything from source to target take so much longer."""
        self._extra_s[source, target] = delay_s

    def is_cut(self, source: str, target: str) -> bool:
        """Whether nothing passes from source to target."""
        return (source, target) in self._cuts

    def copies(self, source: str, target: str) -> list[float]:
        """The delay in seconds of each copy that will arrive; none for a lost message."""
        weather = self.weather
        if self.is_cut(source, target) or self._random.random() < weather.loss:
            return []
        doubled = self._random.random() < weather.duplication
        extra_s = self._extra_s.get((source, target), 0.0)
        return [extra_s + self.delay_s() for _ in range(1 + doubled)]

    def delay_s(self) -> float:
        """How long one message takes."""
        weather = self.weather
        delay_s = self._random.uniform(weather.delay_s_min, weather.delay_s_max)
        if self._random.random() < weather.slow:
            delay_s += self._random.uniform(0.0, weather.slow_s_max)
        return delay_s

    def is_refused(self) -> bool:
        """Whether a send that cannot arrive is refused; otherwise it vanishes."""
        return self._random.random() < self.weather.refusal

    def lag_s(self) -> float:
        """How late a timer fires."""
        lag_s_max = self.weather.lag_s_max
        return self._random.uniform(0.0, lag_s_max) if lag_s_max else 0.0


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


def storm(random: Random, nodes: Sequence[str], *, until_s: float, count: int) -> list[Timed]:
    """`count` troubles for these nodes between 0 and `until_s`, each with its repair, in order of time."""
    plan: list[Timed] = [(0.0, SetWeather(draw_weather(random)))]
    for _ in range(count):
        since_s = random.uniform(0.0, until_s)
        end_s = min(until_s, since_s + random.choice((0.05, 0.5, 2.0, 8.0)) * random.uniform(0.5, 1.5))
        plan += random.choice(_TROUBLES)(random, nodes, since_s, end_s)
    return sorted(plan, key=lambda timed: timed[0])


def clear(nodes: Sequence[str], at_s: float) -> list[Timed]:
    """Calm weather, no cuts, right clocks, everybody up."""
    names = [*nodes, BROKER]
    plan: list[Timed] = [(at_s, SetWeather(CALM))]
    for source, target in permutations(names, 2):
        plan += [(at_s, Mend(source, target)), (at_s, Slow(source, target, 0.0))]
    for node in nodes:
        plan += [(at_s, SetClock(node, 0.0)), (at_s, Restart(node))]
    return plan


Trouble = Callable[[Random, Sequence[str], float, float], list[Timed]]


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


_TROUBLES: tuple[Trouble, ...] = (_crash, _pause, _cut, _partition, _slow, _clock, _weather)
