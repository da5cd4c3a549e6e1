"""Batches of leases by age: each batch is as old as its oldest lease."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import attrgetter
from typing import Any

from fileid.lease import Lease, Leased

ALIKE_S = 5


def by_age(leases: Iterable[Lease]) -> Iterator[list[Lease]]:
    """Leases granted in the same five seconds, the oldest first."""
    ordered = sorted(leases, key=attrgetter("granted_s"))
    for _, alike in groupby(ordered, key=lambda lease: lease.granted_s // ALIKE_S):
        yield [*alike]


def batches(leases: Iterable[Lease], position: Any, now: float, wall_s: float) -> Iterator[Leased]:
    """A batch for each age, all with one position; `now` on the runner's clock is `wall_s` in Unix time."""
    for alike in by_age(leases):
        yield Leased(alike, position, min(now, now - (wall_s - alike[0].granted_s)))
