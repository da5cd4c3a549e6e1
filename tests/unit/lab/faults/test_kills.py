"""Instances that a scenario kills at a share of its modems, and their return."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from services.lab.faults.kills import RESTART_AFTER_S, Kills
from services.lab.site.scenario import CfmKill, Scenario

PLANNED = (CfmKill(cfm=2, at_online=0.5), CfmKill(cfm=1, at_online=0.25))


class Bench:
    """Kills of a plant of 100, on a clock that stands until it is moved."""

    def __init__(self, *kills: CfmKill) -> None:
        self.now = 100.0
        self.killed: list[str] = []
        self.started: list[str] = []
        instances = SimpleNamespace(kill=self.killed.extend, start=self.started.extend, listen=lambda: None)
        self.lab: Any = SimpleNamespace(instances=instances)
        scenario = Scenario(name="one", modems=100, settings=Path("lab.yaml"), kills=kills)
        self.part = Kills(scenario, lambda: self.now)


def test_each_is_killed_once_when_its_share_is_online() -> None:
    bench = Bench(*PLANNED)
    for online in (24, 25, 26, 49, 100, 100):
        bench.part.reached(bench.lab, online)
    assert bench.killed == ["cfm-1", "cfm-2"]


def test_what_was_killed_comes_back_after_its_time_and_once() -> None:
    bench = Bench(*PLANNED)
    bench.part.reached(bench.lab, 25)
    bench.part.tick(bench.lab)
    assert bench.started == []
    bench.now += RESTART_AFTER_S
    bench.part.tick(bench.lab)
    bench.part.tick(bench.lab)
    assert bench.started == ["cfm-1"]


def test_at_the_end_of_a_run_it_comes_back_too() -> None:
    bench = Bench(PLANNED[0])
    bench.part.reached(bench.lab, 50)
    bench.now += RESTART_AFTER_S
    bench.part.finish(bench.lab, [])
    assert bench.started == ["cfm-2"]
