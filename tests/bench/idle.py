"""What a sidecar costs while nothing boots: CPU and memory of `dhcp-1` among five instances on real brokers.

The brokers must stand already: a lab that starts its own would leave nothing for the next figure.
"""

import time
from pathlib import Path

from services.lab.orchestrator import Watcher
from services.lab.run import running
from services.lab.script.script import Script
from services.lab.site.processes import Process, wait_until
from tests.bench.figure import Figure

FIGURES = ("sidecar_idle_cpu", "sidecar_rss_mib")
SETTINGS = Path(__file__).parents[2] / "deploy/settings/lab.yaml"
WINDOW_S = 10.0
WINDOWS = 5
WARM_UP_S = 5.0  # the first beats, the settings, the first statistics


def idle_figures(_bootstrap: str) -> list[Figure]:
    """Windows one after the other of a lab whose plant never starts."""
    cpu, rss_mib = [], []
    with running(Script(name="idle", modems=1, cfms=3, settings=SETTINGS), "bus", "kafka", Watcher()) as lab:
        sidecar = lab.instances["dhcp-1"]
        _watch(sidecar, WARM_UP_S)
        for _ in range(WINDOWS):
            used_s, start = sidecar.cpu_s(), time.monotonic()
            _watch(sidecar, WINDOW_S)
            cpu.append((sidecar.cpu_s() - used_s) / (time.monotonic() - start))
            rss_mib.append(sidecar.rss_mib())
    return [
        Figure(FIGURES[0], cpu, "≤ 0.02", f"share of a core of an idle sidecar, over {WINDOW_S:g} s"),
        Figure(FIGURES[1], rss_mib, "≤ 90", "resident memory of an idle sidecar, MiB"),
    ]


def _watch(sidecar: Process, span_s: float) -> None:
    """Let time pass, as long as the sidecar lives."""
    end = time.monotonic() + span_s
    wait_until(lambda: time.monotonic() >= end, 2 * span_s, "the window to end", [sidecar])
