"""Stalls: the longest time in which a class of traffic did nothing although there was something to do.

    fileid      from when a request waited, or the last ack if that came later, to the next ack
    failover    no host of a role might act, although the one that might was not taken down
    heartbeat   the gap between two beats at a receiver, less the time between two beats
    config      from an operator's apply to its answer, which may be that it has to wait

The first two are from the journals of the hosts, the third is what each instance has seen itself.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate, pairwise
from typing import Any

from heartbeat.liveness.detector import BEAT_EVERY_S
from services.lab.site.journal import TakenDown

Event = Mapping[str, Any]
_BEFORE_S = 4.0  # a host that is killed may act until its lease is over


def fileid_stall_s(journals: Iterable[Iterable[Event]], kills: Sequence[TakenDown] = ()) -> float:
    """The longest stall of one service's hosts, whose journals these are, but for those in which the holder
    of the role was taken down. A device that was refused waits on until it has its row.
    """
    events = [one for journal in journals for one in journal if "asked_at" in one]
    since: dict[str, float] = {}
    waits: list[tuple[float, float]] = []
    acks: list[float] = []
    for one in sorted(events, key=lambda event: float(event["at"])):
        device, at = str(one["device"]), float(one["at"])
        begun = since.setdefault(device, float(one["asked_at"]))
        if one.get("acked"):
            waits.append((begun, at))
            acks.append(at)
            del since[device]
    waits.sort()
    begins = [begun for begun, _ in waits]
    until = list(accumulate((end for _, end in waits), max))
    longest = 0.0
    for before, after in pairwise(acks):
        number = bisect_right(begins, before)
        if number and until[number - 1] > before:
            begun = before
        else:
            begun = begins[number] if number < len(begins) else after
        if not _any_within(kills, before - _BEFORE_S, after):
            longest = max(longest, after - min(begun, after))
    return longest


def failover_stall_s(journals: Mapping[str, Iterable[Event]], kills: Sequence[TakenDown]) -> float:
    """The longest time between two moments at which a host of the role might act, unless it was taken down
    in between.
    """
    acting: set[str] = set()
    since: float | None = None
    longest = 0.0
    events = [
        (float(one["at"]), host, bool(one["may_act"]))
        for host, journal in journals.items()
        for one in journal
        if one["event"] == "authority"
    ]
    for at, host, may_act in sorted(events):
        was = bool(acting)
        acting = acting | {host} if may_act else acting - {host}
        if was and not acting:
            since = at
        elif acting and since is not None:
            if not _any_within(kills, since - _BEFORE_S, at):
                longest = max(longest, at - since)
            since = None
    return longest


def heartbeat_stall_s(answers: Iterable[Event]) -> float:
    """The longest gap that any of these instances has seen between two beats of one process, less the time
    between two beats.
    """
    gaps = (
        peer["longest_gap_s"]
        for answer in answers
        for name, peer in answer["peers"].items()
        if name != answer["instance"]  # over multicast nobody hears himself
    )
    return max(0.0, max(gaps, default=0.0) - BEAT_EVERY_S)


def _any_within(kills: Iterable[TakenDown], since: float, until: float) -> bool:
    return any(since <= kill.at <= until for kill in kills)
