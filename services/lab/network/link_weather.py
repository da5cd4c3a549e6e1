"""The frames that are under way on a slow link, in one direction."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from random import Random
from typing import NamedTuple

FRAMES_MAX = 20_000  # under way at once; a frame more is lost, as in a full buffer
NEVER = float("inf")


class LinkWeather(NamedTuple):
    """What a link does to every frame: it arrives `delay_s` later, or with a probability of `loss` not at
    all.
    """

    delay_s: float = 0.0
    loss: float = 0.0


class FramesUnderWay:
    """Frames that come out later, in their order. Those of a peer that is held back wait until it is let go.
    `lost` counts those that never come out.
    """

    def __init__(self, weather: LinkWeather, random: Random) -> None:
        self.lost = 0
        self._weather = weather
        self._random = random
        self._due: deque[tuple[float, bytes]] = deque()
        self._held: deque[bytes] = deque()
        self._peers: frozenset[bytes] = frozenset()

    def hold(self, peers: Collection[bytes]) -> None:
        """From now on hold back the frames of these peers, by link address; none lets all of them go."""
        self._peers = frozenset(peers)

    def take(self, frame: bytes, peer: bytes, now: float) -> None:
        """Take a frame that came in, to or from this peer."""
        is_lost = self._weather.loss > 0.0 and self._random.random() < self._weather.loss
        if is_lost or len(self._due) + len(self._held) >= FRAMES_MAX:
            self.lost += 1
        elif peer in self._peers:
            self._held.append(frame)
        else:
            self._due.append((now + self._weather.delay_s, frame))

    def come_out(self, now: float) -> list[bytes]:
        """The frames that arrive now."""
        out: list[bytes] = []
        if not self._peers:
            out += self._held
            self._held.clear()
        while self._due and self._due[0][0] <= now:
            out.append(self._due.popleft()[1])
        return out

    def due_at(self) -> float:
        """When the next one arrives."""
        return self._due[0][0] if self._due else NEVER
