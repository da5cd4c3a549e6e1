"""The totals of several boots of one plant, as one."""

from collections.abc import Mapping, Sequence
from typing import Any

SUMMED = ("online", "failed", "files_valid", "second_tries", "restarts", "duration_s")
WORST = ("boot_p50_s", "boot_p99_s")


def merged(boots: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The totals of all boots: counts and durations are summed; of a percentile the worst boot's counts."""
    summed = {key: sum(boot[key] for boot in boots) for key in SUMMED}
    worst = {key: max((boot[key] for boot in boots), default=0.0) for key in WORST}
    rate = summed["online"] / summed["duration_s"] if summed["duration_s"] else 0.0
    return {"boots": len(boots), **summed, "boots_per_s": rate, **worst}
