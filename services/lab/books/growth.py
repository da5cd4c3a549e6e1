"""What every process of a long run holds, and whether that grows: memory, descriptors, threads.

Theory of operation
-------------------
A process that was started again begins anew, so each start is a series of its own, without its first minute:
caches fill then. The slope of a name is that of least squares within its series, each about its own mean, so
a series that is long weighs more, and a restart is no fall.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from services.lab.site.journal import boottime_s
from services.lab.site.lab import Answers, Lab, Part
from services.lab.site.processes import rss_mib

EVERY_S = 5.0
WARM_UP_S = 60.0
HOUR_S = 3600.0


class ProcessSize(NamedTuple):
    """What a process holds at a moment (s)."""

    at: float
    rss_mib: float
    descriptors: float
    threads: float


class ProcessGrowth(Part):
    """The growth of the instances, the host services and the brokers of a run."""

    def __init__(self) -> None:
        self._due_at = 0.0
        self._series: dict[tuple[str, int], list[ProcessSize]] = {}
        self._began_at: dict[tuple[str, int], float] = {}

    def due_at(self) -> float:
        """The next look."""
        return self._due_at

    def tick(self, lab: Lab) -> None:
        """Look at every process, if it is time."""
        now = boottime_s()
        if now < self._due_at:
            return
        self._due_at = now + EVERY_S
        for name, pid in _processes(lab):
            held = held_by(pid, now)
            if held is None:
                continue
            began_at = self._began_at.setdefault((name, pid), now)
            if now >= began_at + WARM_UP_S:
                self._series.setdefault((name, pid), []).append(held)

    def report(self, lab: Lab, answers: Answers) -> Mapping[str, Any]:
        """The slopes of each name in an hour, the greatest of each kind, and the most that a name held."""
        names = sorted({name for name, _ in self._series})
        growth = {name: self._of(name) for name in names}
        greatest = {
            f"{key}_max": max((one[key] for one in growth.values()), default=0.0)
            for key in ("rss_mib_per_h", "descriptors_per_h", "threads_per_h")
        }
        return {"growth": growth, **greatest}

    def _of(self, name: str) -> dict[str, float]:
        series = [held for (whose, _), held in self._series.items() if whose == name]
        found: dict[str, float] = {}
        for field in ("rss_mib", "descriptors", "threads"):
            values = [[(one.at, getattr(one, field)) for one in run] for run in series]
            found[f"{field}_per_h"] = round(slope(values), 3)
        return found | {"rss_mib_max": round(max(one.rss_mib for run in series for one in run), 1)}


def slope(series: Iterable[Sequence[tuple[float, float]]]) -> float:
    """The common slope of series of (time in s, value), each about its own mean, per hour; 0 without any.

    >>> slope([[(0.0, 1.0), (3600.0, 2.0)], [(9000.0, 50.0), (12600.0, 51.0)]])
    1.0
    """
    over = under = 0.0
    for one in series:
        mean_at = sum(at for at, _ in one) / len(one)
        mean = sum(value for _, value in one) / len(one)
        over += sum((at - mean_at) * (value - mean) for at, value in one)
        under += sum((at - mean_at) ** 2 for at, _ in one)
    return HOUR_S * over / under if under else 0.0


def held_by(pid: int, at: float) -> ProcessSize | None:
    """What this process holds now; None if it has ended."""
    process = Path(f"/proc/{pid}")
    try:
        memory_mib = rss_mib(pid)
        descriptors = len(os.listdir(process / "fd"))
        threads = len(os.listdir(process / "task"))
    except (FileNotFoundError, ProcessLookupError):
        return None
    return ProcessSize(at, memory_mib, descriptors, threads)


def _processes(lab: Lab) -> Iterable[tuple[str, int]]:
    for name in lab.instances.up():
        if lab.instances[name].exit_code() is None:
            yield name, lab.instances[name].worker
    for name, host in lab.hosts.items():
        if host.exit_code() is None:
            yield f"host-{name}", host.pid
    yield from lab.brokers.processes()
