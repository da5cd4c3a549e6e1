"""The network between the nodes of a world: it decides the fate of each message."""

from collections import Counter
from random import Random

from bus.testing.faults import BROKER, CALM, Weather
from bus.testing.timeline import Timeline

Way = tuple[str, str]
"""A source and a target."""


class Network:
    """Decides the delay and the copies of each message. `injected` counts the faults of the weather."""

    def __init__(self, random: Random, timeline: Timeline, weather: Weather = CALM) -> None:
        self.weather = weather
        self.injected: Counter[str] = Counter()
        self._random = random
        self._timeline = timeline
        self._cuts: set[Way] = set()
        self._extra_s: dict[Way, float] = {}
        self._latest: dict[Way, float] = {}

    def change(self, weather: Weather) -> bool:
        """Set the weather; True if that is a change."""
        changed = weather != self.weather
        self.weather = weather
        return changed

    def cut(self, source: str, target: str) -> bool:
        """Let no message pass from source to target; True if that is a change."""
        changed = (source, target) not in self._cuts
        self._cuts.add((source, target))
        return changed

    def mend(self, source: str, target: str) -> bool:
        """Let messages pass again; True if that is a change."""
        changed = (source, target) in self._cuts
        self._cuts.discard((source, target))
        return changed

    def slow(self, source: str, target: str, delay_s: float) -> bool:
        """Let messages from source to target take `delay_s` longer; True if that is a change."""
        changed = self._extra_s.get((source, target), 0.0) != delay_s
        self._extra_s[source, target] = delay_s
        return changed

    def is_cut(self, source: str, target: str) -> bool:
        """Whether the way from source to target is cut."""
        return (source, target) in self._cuts

    def copies(self, source: str, target: str) -> list[float]:
        """The delay in seconds of each copy that will arrive; none for a lost message."""
        way = (source, target)
        if way in self._cuts or self._is_lost():
            return []
        extra_s = self._extra_s.get(way, 0.0)
        if self._random.random() < self.weather.duplication:
            self.injected["duplication"] += 1
            delays = [extra_s + self.delay_s(), extra_s + self.delay_s()]
        else:
            delays = [extra_s + self.delay_s()]
        for delay_s in delays:
            at = self._timeline.now + delay_s
            if at < self._latest.get(way, 0.0):
                self.injected["reorder"] += 1
            else:
                self._latest[way] = at
        return delays

    def is_confirmed(self, target: str) -> bool:
        """Whether the broker's confirmation reaches a writer."""
        if (BROKER, target) in self._cuts or self._is_lost():
            return False
        # The same numbers are drawn as for every message, so that older seeds stay the same runs.
        random = self._random.random
        for _ in range(1 + (random() < self.weather.duplication)):
            random()
            if random() < self.weather.slow:
                random()
        return True

    def delay_s(self) -> float:
        """The delay of one message, in s."""
        weather, random = self.weather, self._random.random
        delay_s = weather.delay_s_min + (weather.delay_s_max - weather.delay_s_min) * random()
        if random() < weather.slow:
            self.injected["slow"] += 1
            delay_s += weather.slow_s_max * random()
        return delay_s

    def is_refused(self) -> bool:
        """Whether a send that cannot arrive is refused; otherwise it vanishes."""
        return self._random.random() < self.weather.refusal

    def lag_s(self) -> float:
        """The lag of a timer, in s."""
        lag_s_max = self.weather.lag_s_max
        return self._random.uniform(0.0, lag_s_max) if lag_s_max else 0.0

    def _is_lost(self) -> bool:
        if self._random.random() >= self.weather.loss:
            return False
        self.injected["loss"] += 1
        return True
