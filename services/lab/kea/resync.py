"""The figures of a resync: a sidecar starts beside a busy Kea without a position.

Theory of operation
-------------------
A row lives for a minute, so the sidecar owes one for every lease of the minute before it called itself ready.
Kea's journal has these leases, and the audit stream the CFM that acked the row of each; a row's serial is
made from its lease, so they compare one by one. Leases of the second in which the sidecar became ready are
not counted, since Kea's journal has whole seconds; nor is a lease whose row would expire within the time in
which it has to come (`ROWS_S`).
"""

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from fileid.lease import lease_serial
from fileid.row import LIFE_S
from services.lab.kea.lease_journal import GrantedLease
from services.lab.kea.perfdhcp import LoadFigures

ROWS_S = 2.0

Event = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SidecarStart:
    """A start of a sidecar: when it was started and when it was ready, in Unix time; how long the load had
    run before the start; its peak memory.
    """

    started_at: float
    ready_at: float
    load_s: float
    rss_mib: float

    def owed(self) -> tuple[int, int]:
        """The first second whose leases must have rows, and the one after the last."""
        return math.ceil(self.ready_at + ROWS_S - LIFE_S), math.floor(self.ready_at)


def resync_figures(
    start: SidecarStart,
    leases: Collection[GrantedLease],
    events: Iterable[Event],
    cfms: Iterable[str],
    loads: tuple[LoadFigures, LoadFigures],
) -> dict[str, Any]:
    """The report's figures. `leases` are those that must have a row at each of `cfms`, `loads` the figures of
    Kea alone and in this run.
    """
    acked_at = _acked(leases, events, frozenset(cfms))
    rows_s = max((at - start.ready_at for at in acked_at.values()), default=0.0)
    took_s = start.ready_at - start.started_at
    return {
        "ready_s": round(took_s, 3),
        "rows_s": round(max(0.0, rows_s), 3),
        "leases": len(leases),
        "missing_rows": len(leases) - len(acked_at),
        "rate_vs_alone": _rate_vs_alone(start.load_s, took_s + max(0.0, rows_s), *loads),
        "rss_mib": round(start.rss_mib, 1),
    }


def _acked(leases: Iterable[GrantedLease], events: Iterable[Event], cfms: frozenset[str]) -> dict[str, float]:
    """The moments when the last CFM acked a row, by serial, of the rows that all CFMs acked."""
    wanted = {lease_serial(one.packed_device(), one.packed_address(), one.granted_s).hex() for one in leases}
    acks: dict[str, dict[str, float]] = {}
    for event in events:
        if event["event"] == "lease.acked" and event["fileid"] in wanted and event["cfm"] in cfms:
            acks.setdefault(event["fileid"], {}).setdefault(event["cfm"], event["at"])
    return {serial: max(ats.values()) for serial, ats in acks.items() if ats.keys() == cfms}


def _rate_vs_alone(load_s: float, took_s: float, alone: LoadFigures, beside: LoadFigures) -> float | None:
    """Kea's rate from the start until the last row was there, by whole seconds, as a share of its rate alone;
    None if one of the loads is too short for that.
    """
    begin_s = math.floor(load_s)
    length_s = min(math.ceil(load_s + took_s) - begin_s, len(alone.acks_by))
    found, base = beside.per_s_between(begin_s, begin_s + length_s), alone.per_s_between(0, length_s)
    return round(found / base, 3) if found is not None and base else None
