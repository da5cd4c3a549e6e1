"""A rolling upgrade: one after the other, and the report says who is on which release."""

from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bus.errors import StateError
from services.lab.release.mixed import MixedReleases
from services.lab.site.scenario import Baseline
from services.lab.steps.upgrade import Upgrade

TREE = Path("/tree")
FORMER = ("cfm-1", "dhcp-1")


class Lab:
    """A lab with three instances, of which two are on the baseline. `done` is what was done to them."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.figures: dict[str, Any] = {}
        self._running = {name: TREE if name in FORMER else None for name in ("cfm-1", "cfm-2", "dhcp-1")}
        all_ = {name: SimpleNamespace(tree=tree) for name, tree in self._running.items()}
        self.site = SimpleNamespace(instances=all_)
        self.instances = self

    def __getitem__(self, name: str) -> Any:
        return SimpleNamespace(tree=self._running[name])

    def up(self, names: Any = "all") -> list[str]:
        return sorted(self._running) if names == "all" else [*names]

    def stop(self, names: Sequence[str]) -> None:
        self.done.append(f"stop {' '.join(names)}")

    def start(self, names: Sequence[str]) -> None:
        self._running |= {name: self.site.instances[name].tree for name in names}
        self.done.append(f"start {' '.join(names)}")

    def wait_for(self, missing: Callable[[], str], within_s: float) -> float:
        self.done.append("wait")
        return within_s / 10

    def count(self, figure: str) -> None:
        self.figures[figure] = self.figures.get(figure, 0) + 1

    def longest(self, figure: str, took_s: float) -> None:
        self.figures[figure] = took_s


@pytest.mark.parametrize("names", ["all", FORMER])
def test_each_is_ready_again_before_the_next_one_is_stopped(names: Any) -> None:
    lab: Any = Lab()
    part = MixedReleases(Baseline(commit=Path("BASELINE"), of=FORMER))
    part.begin(lab)
    assert lab.figures == {"upgraded": 0}
    Upgrade(names=names, within_s=20).do(lab)
    assert lab.done == ["stop cfm-1", "start cfm-1", "wait", "stop dhcp-1", "start dhcp-1", "wait"]
    assert lab.figures == {"upgraded": 2, "upgrade_s_max": 2.0}
    assert part.report(lab, ()) == {"on_baseline": {"start": 2, "end": 0}}


def test_who_is_left_is_counted_and_nobody_is_upgraded_twice() -> None:
    lab: Any = Lab()
    part = MixedReleases(Baseline(commit=Path("BASELINE"), of=FORMER))
    part.begin(lab)
    Upgrade(names=("dhcp-1",)).do(lab)
    assert part.report(lab, ()) == {"on_baseline": {"start": 2, "end": 1}}
    with pytest.raises(StateError, match="dhcp-1 is upgraded already"):
        Upgrade(names=("cfm-1", "dhcp-1")).do(lab)
    assert lab.figures["upgraded"] == 1
