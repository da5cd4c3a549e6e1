"""The page of faults: each one of the simulated world beside what was seen when it was done for real.

What was seen comes from reports of `provbus lab run -o json`; this adds some to `docs/reference/faults.json`:

    .venv/bin/python -m tests.docs_pages.faults REPORT.json...
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, get_args

from bus.testing import faults
from services.lab.site.scenario import FaultKind
from tests.docs_pages.markdown import cell, table, wrapped

RESULTS = Path(__file__).parents[2] / "docs/reference/faults.json"
FIGURES = (
    "failed",
    "takeovers",
    "takeover_p50_s",
    "takeover_p99_s",
    "spurious_failovers",
    "overlap_ms",
    "stale_effects",
    "fenced_s_max",
    "role_silence_s_max",
    "leader_back_s_max",
    "role_records_lost",
    "claims_late",
    "renewals_late",
    "frames_lost",
    "brokers_ended_for_room",
)
HEAD = (
    "The election, the hand-off and the settings are proven in a simulated world (`bus/testing`), whose"
    " faults are values. This page has each of them beside its twin of the lab, which does it to real"
    " processes, machines and brokers, or the reason why there is none. What was seen is of the runs below;"
    " `docs/reference/faults.json` has it from their reports."
)
NO_CLOCK = (
    "none: all namespaces of a machine have one wall clock, and libfaketime 0.9.10, told to leave the"
    " monotonic clock alone, has every `time.sleep` of Python 3.11 fail with EINVAL; beats of a wrong clock"
    " are planted by `tests/integration/test_planted_states.py`"
)


class Twin(NamedTuple):
    """What stands for a simulated fault: kinds of a schedule, or a scenario; or why nothing does."""

    kinds: tuple[FaultKind, ...] = ()
    scenarios: tuple[str, ...] = ()
    why: str = ""


TWINS: Mapping[str, Twin] = {
    "Crash": Twin(("kill-host", "kill-sidecar", "kill-instance", "kill-both", "kill-cfm", "machine-dies")),
    "Stop": Twin(scenarios=("there-and-back.yaml",)),
    "Restart": Twin(why="the end of every kill: the process is started again"),
    "Pause": Twin(("suspend-host", "suspend-sidecar", "suspend-machine", "host-spins")),
    "Cut": Twin(("cut-from-brokers", "cut-to-brokers", "machine-dies")),
    "Mend": Twin(why="the end of every cut"),
    "Slow": Twin(("slow-machine", "renew-held-back", "claim-held-back"), ("lossy.yaml",)),
    "SetClock": Twin(why=NO_CLOCK),
    "SetWeather": Twin(("slow-machine",), ("lossy.yaml", "storm-lossy.yaml")),
    "Drift": Twin(why="none: a machine has one quartz"),
    "Wipe": Twin(scenarios=("first-start.yaml",)),
    "Full": Twin(("fill-disk",), ("disk-full.yaml",)),
    "Stall": Twin(("kill-two-brokers", "kill-all-brokers"), ("brokers-away.yaml",)),
    "SlowLog": Twin(("kill-leader", "kill-follower", "suspend-leader")),
    "Retain": Twin(scenarios=("log-cut.yaml",)),
    "Truncate": Twin(scenarios=("power-cut.yaml",)),
    "Recreate": Twin(scenarios=("topic-recreated.yaml",)),
    "Skip": Twin(why="none: a reader that skips a record is a bug of its client"),
    "Echo": Twin(scenarios=("insider.yaml",)),
}
"""By the name of the class in `bus/testing/faults.py`."""


def simulated() -> list[str]:
    """The names of all faults of the simulated world."""
    return [one.__name__ for one in get_args(faults.Fault)]


def page() -> str:
    """The whole page."""
    results = json.loads(RESULTS.read_text())
    rows = [(f"`{name}`", said_of(name), _twin(TWINS[name], results)) for name in simulated()]
    head = ("fault", "what it does", "its twin, and what was seen")
    parts = ["# Faults, simulated and real\n", wrapped(HEAD), "", table(head, rows)]
    parts.append("\n## The runs\n")
    for scenario, run in sorted(results.items()):
        figures = ", ".join(f"`{key}` {value:.4g}" for key, value in run["figures"].items())
        done = sum(one["done"] for one in run["kinds"].values())
        booted = f"{run['online']} modems online in {run['boots_took_s']} s"
        parts.append(wrapped(f"- `{scenario}`: {booted}, {done} faults, {figures}."))
    return "\n".join(parts) + "\n"


def said_of(name: str) -> str:
    """The first sentence of a fault's docstring."""
    text = " ".join((getattr(faults, name).__doc__ or "").split())
    return cell(text.partition(". ")[0].rstrip("."))


def _twin(twin: Twin, results: Mapping[str, Any]) -> str:
    said = [f"`{kind}`: {_seen(kind, results)}" for kind in twin.kinds]
    said += [f"`{scenario}`" for scenario in twin.scenarios]
    return cell("; ".join([*said, *([twin.why] if twin.why else [])]))


def _seen(kind: str, results: Mapping[str, Any]) -> str:
    """How often this kind was done, and how long it took until all was well."""
    runs = [run["kinds"][kind] for run in results.values() if kind in run["kinds"]]
    if not runs:
        return "not yet"
    done, recovered = (sum(run[key] for run in runs) for key in ("done", "recovered"))
    most = max(run["recovered_s_max"] for run in runs)
    return f"{recovered} of {done} times well again, after {most:g} s at most"


def reduced(report: Mapping[str, Any]) -> dict[str, Any]:
    """What the page keeps of a report."""
    kinds: dict[str, list[float | None]] = {}
    for one in report["faults"]:
        kinds.setdefault(one["kind"], []).append(one["recovered_s"])
    return {
        "online": report["online"],
        "boots_took_s": round(report["duration_s"]),
        "figures": {key: report[key] for key in FIGURES if key in report},
        "kinds": {kind: _summed(took) for kind, took in sorted(kinds.items())},
    }


def _summed(took: Sequence[float | None]) -> dict[str, float]:
    well = [one for one in took if one is not None]
    return {
        "done": len(took),
        "recovered": len(well),
        "recovered_s_p50": round(statistics.median(well), 3) if well else 0.0,
        "recovered_s_max": round(max(well, default=0.0), 3),
    }


def main(paths: Iterable[str]) -> None:
    """Add these reports."""
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for path in paths:
        report = json.loads(Path(path).read_text())
        results[f"{report['scenario']}.yaml"] = reduced(report)
    RESULTS.write_text(json.dumps(results, indent=2, sort_keys=True) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
