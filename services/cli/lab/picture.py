"""The picture of a run on a terminal: what it is at, its boots and its instances. No I/O.

booting
[###########-------------------]  222/600   96 boots/s
online 222  failed 0
dhcp-1  ready                             active
cfm-1   ready
"""

from collections import deque
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from services.lab.site.readiness import Sight

BAR_CHARS = 30
RATE_S = 3.0  # a rate that follows what happens, and does not jump with each look


class Boots(NamedTuple):
    """The present boot: its devices that are online, that failed, and all; and how fast they come."""

    online: int
    failed: int
    devices: int
    per_s: float

    @property
    def finished(self) -> int:
        """Those that are online or failed."""
        return self.online + self.failed


class Rate:
    """How many devices finish in a second, over the last `RATE_S`."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()

    def note(self, finished: int, now: float) -> float:
        """The rate when so many have finished at `now`, in seconds. A smaller number is that of another boot.

        >>> rate = Rate()
        >>> [rate.note(finished, now) for finished, now in ((0, 0.0), (50, 1.0), (150, 2.0), (10, 9.0))]
        [0.0, 50.0, 75.0, 0.0]
        """
        if self._seen and finished < self._seen[-1][1]:
            self._seen.clear()
        self._seen.append((now, finished))
        while self._seen[0][0] < now - RATE_S:
            self._seen.popleft()
        began_at, before = self._seen[0]
        return (finished - before) / (now - began_at) if now > began_at else 0.0


def picture(doing: str, boots: Boots | None, sights: Sequence[Sight], width: int) -> list[str]:
    """The lines, none longer than `width` characters; without boots and sights as far as there are any."""
    return [line[:width] for line in _lines(doing, boots, sights)]


def _lines(doing: str, boots: Boots | None, sights: Sequence[Sight]) -> Iterator[str]:
    yield doing
    if boots is not None:
        done = BAR_CHARS * boots.finished // max(1, boots.devices)
        bar = "#" * done + "-" * (BAR_CHARS - done)
        yield f"[{bar}]  {boots.finished}/{boots.devices}  {boots.per_s:3.0f} boots/s"
        yield f"online {boots.online}  failed {boots.failed}"
    names = max((len(one.name) for one in sights), default=0)
    verdicts = max((len(one.verdict) for one in sights if one.role), default=0)
    for one in sights:
        yield f"{one.name:<{names}}  {one.verdict:<{verdicts}}  {one.role}".rstrip()
