"""The books of a run in which hosts were killed: the takeovers, their times, and any time with two primaries.

Theory of operation
-------------------
Each host notes in its journal when its authority changed, and every effect before it leaves, with the era and
epoch under which it was allowed. The lab notes its kills, and every other fault that costs the role: all are
*kills* below. All times are of one clock. Epochs are counted within an era, and anew when the lab began with
another cluster; below, an epoch means all three.

takeover            a kill, after which another host was allowed to act, under a new epoch and before the next
                    kill; its time is from the kill to that moment.
overlap             the time during which effects of two epochs left: those of an epoch last from its first to
                    its last.
stale effect        one under an epoch older than one under which another host had acted before.
epoch change        an epoch under which a host was allowed to act or acted, after the first.
spurious failover   an epoch change without a kill of the host that had the epoch before, or of its sidecar,
                    since it had it. A host that goes on in a later era, as in a switch of the transport, has
                    lost nothing.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any, NamedTuple

from services.lab.plant.population import percentile
from services.lab.site.journal import TakenDown

Event = Mapping[str, Any]
NEVER_S = 1e9


@dataclass(frozen=True, slots=True)
class Takeovers:
    """The figures that the module text defines, under the report's names."""

    takeovers: int
    takeover_p50_s: float
    takeover_p99_s: float
    overlap_ms: float
    stale_effects: int
    epoch_changes: int
    spurious_failovers: int


class _Epoch(NamedTuple):
    """One holding of the role; a later one is greater."""

    cluster: int
    era: int
    number: int


class _Seen(NamedTuple):
    """An event: a host was allowed to act, or acted, under an epoch."""

    at: float
    host: str
    epoch: _Epoch
    acted: bool


def account_takeovers(
    kills: Sequence[TakenDown],
    journals: Mapping[str, Iterable[Event]],
    downs: Sequence[TakenDown] = (),
    fresh_at: Sequence[float] = (),
) -> Takeovers:
    """The figures of a run from its kills, in their order, and the journal of each host by its name. `downs`
    are the sidecars that were taken down on purpose, which explains a change of epoch like a kill. At each
    of `fresh_at` the lab began with another cluster.
    """
    seen = sorted(one for host, journal in journals.items() for one in _seen(host, journal, fresh_at))
    took_s = sorted(_takeover_times(kills, seen))
    first: dict[_Epoch, _Seen] = {}
    for one in seen:
        first.setdefault(one.epoch, one)
    changes = list(pairwise(first.values()))
    return Takeovers(
        takeovers=len(took_s),
        takeover_p50_s=percentile(took_s, 0.50),
        takeover_p99_s=percentile(took_s, 0.99),
        overlap_ms=round(_overlap_s(seen) * 1000, 3),
        stale_effects=_stale_effects(seen),
        epoch_changes=len(changes),
        spurious_failovers=sum(
            not _is_explained(before, after, [*kills, *downs]) for before, after in changes
        ),
    )


def fenced_after_s(journal: Iterable[Event], woke_at: float) -> float:
    """How long after it woke a host took itself for one that may act, by its own journal, in s: until its
    next word that it may not; 0 if that was its last one before.
    """
    may_act = False
    for event in journal:
        if event["event"] != "authority":
            continue
        if event["at"] > woke_at:
            stops = may_act and not event["may_act"]
            return float(event["at"]) - woke_at if stops else NEVER_S * may_act
        may_act = event["may_act"]
    return NEVER_S * may_act


def _seen(host: str, journal: Iterable[Event], fresh_at: Sequence[float]) -> Iterator[_Seen]:
    for event in journal:
        acted = event["event"] == "effect"
        if acted or (event["event"] == "authority" and event["may_act"]):
            cluster = bisect_right(fresh_at, event["at"])
            yield _Seen(event["at"], host, _Epoch(cluster, event["era"], event["epoch"]), acted)


def _takeover_times(kills: Sequence[TakenDown], seen: Sequence[_Seen]) -> Iterator[float]:
    ends = [*(kill.at for kill in kills[1:]), float("inf")]
    for kill, end in zip(kills, ends[: len(kills)], strict=True):
        known = {one.epoch for one in seen if one.at <= kill.at}
        for one in seen:
            if kill.at < one.at < end and one.host != kill.host and one.epoch not in known:
                yield one.at - kill.at
                break


def _overlap_s(seen: Sequence[_Seen]) -> float:
    effects = [one for one in seen if one.acted]
    first = {one.epoch: one.at for one in reversed(effects)}
    last = {one.epoch: one.at for one in effects}
    return sum(
        max(0.0, min(last[one], last[other]) - max(first[one], first[other]))
        for one, other in combinations(first, 2)
    )


def _stale_effects(seen: Sequence[_Seen]) -> int:
    newest: dict[str, _Epoch] = {}
    stale = 0
    for one in (one for one in seen if one.acted):
        stale += any(epoch > one.epoch for host, epoch in newest.items() if host != one.host)
        newest[one.host] = max(one.epoch, newest.get(one.host, one.epoch))
    return stale


def _is_explained(before: _Seen, after: _Seen, kills: Sequence[TakenDown]) -> bool:
    goes_on = before.host == after.host and after.epoch.era > before.epoch.era
    return goes_on or any(kill.host == before.host and before.at < kill.at < after.at for kill in kills)
