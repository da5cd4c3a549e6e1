"""The report of a run."""

from collections.abc import Iterable, Mapping
from typing import Any

EARLY = ("parked", "pulled", "sealed")
HANDOFFS = ("acked", "unacked", "retried")


def build_report(
    *,
    scenario: str,
    mode: str,
    broker: str,
    processes: int,
    modems: int,
    mtas: int,
    totals: Mapping[str, Any],
    minters: list[dict[str, Any]],
    cfms: list[dict[str, Any]],
    cpu_s: Mapping[str, float],
    ledger: Mapping[str, Any],
    ended: Mapping[str, int],
    endpoints: Mapping[str, Any],
    more: Mapping[str, Any],
) -> dict[str, Any]:
    """One flat report. `minters` and `cfms` are their last `status` answers, `ended` the exit codes of those
    that ended by themselves, `more` the figures of steps and parts, such as an attack, a rotation of keys or
    an election.
    """
    plant = (
        "boots",
        "online",
        "failed",
        "files_valid",
        "duration_s",
        "boots_per_s",
        "boot_p50_s",
        "boot_p99_s",
        "second_tries",
        "restarts",
    )
    return {
        "scenario": scenario,
        "mode": mode,
        "broker": broker,
        "processes": processes,
        "endpoints": dict(endpoints),
        "modems": modems,
        "mtas": mtas,
        **{key: totals[key] for key in plant},
        "handoffs": {key: sum(one["handoffs"][key] for one in minters) for key in HANDOFFS},
        "early": {key: sum(one["reads"][key] for one in cfms) for key in EARLY},
        "cpu_s": {group: round(seconds, 3) for group, seconds in cpu_s.items()},
        "ledger": dict(ledger),
        "ended": dict(ended),
        **more,
    }


def highest_era(answers: Iterable[Mapping[str, Any]]) -> int:
    """The latest era in the `status` of any instance: the number of changes of authority."""
    eras = [0]
    for one in answers:
        failover = one["failover"]
        eras += [role["era"] for role in failover.get("roles", {}).values()] or [failover.get("era", 0)]
    return max(eras)


def is_good(report: Mapping[str, Any]) -> bool:
    """Whether no device failed, the ledger is clean, an attack got no bytes, every rotated key works, there
    were never two primaries, no service ended by itself, and the scenario's expectations are met.
    """
    ended, broken = report.get("ended"), report.get("expected")
    rotated = all(report.get("rotations", {}).values())
    held = not report.get("attack", {}).get("bytes", 0)
    one = not report.get("overlap_ms", 0) and not report.get("stale_effects", 0)
    kept = not ended and not broken
    return report["failed"] == 0 and bool(report["ledger"]["clean"]) and held and rotated and one and kept
