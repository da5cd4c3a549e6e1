"""A schedule of faults: each at a random moment, one at a time, and only when all is well again."""

from __future__ import annotations

from random import Random

from services.lab.faults.schedule.schedule import Injected, Kind, Schedule
from services.lab.site.scenario import FaultPlan, SchedulePlan

A, B = "dhcp-1", "dhcp-2"
LASTS_S = 1.0


class Fault:
    """A fault of which the test says whom it hits and what is missing behind it."""

    costs_role = True

    def __init__(self) -> None:
        self.hits: str | None = A
        self.is_done = False
        self.misses = ""

    def victim(self) -> str | None:
        return self.hits

    def begin(self, victim: str) -> None:
        assert not self.is_done, "done twice"
        assert victim == self.hits
        self.is_done, self.misses = True, "it is not back"

    def end(self, victim: str) -> None:
        assert self.is_done
        self.is_done = False

    def lacks(self, victim: str) -> str:
        assert not self.is_done, "nobody can be asked"
        misses, self.misses = self.misses, self.misses or "it has said so before"
        return misses


class Bench:
    """A schedule whose time goes by in steps of 0.1 s."""

    def __init__(self, count: int = 3, seed: int = 1, kinds: int = 1) -> None:
        self.now = 100.0
        self.faults = [Fault() for _ in range(kinds)]
        self.primary: str | None = A
        plan = SchedulePlan(
            of=(FaultPlan(kind="kill-host", lasts_s=LASTS_S),), count=count, every_s=(2.0, 4.0)
        )
        self.schedule = Schedule(
            plan,
            Random(seed),
            [Kind(f"kind-{number}", LASTS_S, fault) for number, fault in enumerate(self.faults)],
            lambda: self.primary,
            clock=lambda: self.now,
        )

    @property
    def fault(self) -> Fault:
        return self.faults[0]

    def go(self, steps: int) -> None:
        for _ in range(steps):
            self.now += 0.1
            self.schedule.tick()

    def until_fault(self) -> Injected:
        """Until the next fault is done."""
        count = len(self.schedule.done)
        for _ in range(100):
            self.go(1)
            if len(self.schedule.done) > count:
                return self.schedule.done[-1]
        raise AssertionError("nothing was done in 10 s")

    def recover(self) -> None:
        """The fault ends, and all is well again."""
        self.go(12)
        for fault in self.faults:
            fault.misses = ""
        self.go(1)


def test_the_victim_is_hit_within_the_bounds() -> None:
    bench = Bench()
    done = bench.until_fault()
    assert (done.kind.name, done.victim, bench.fault.is_done) == ("kind-0", A, True)
    assert 102.0 <= done.at <= 104.3


def test_the_moments_and_kinds_are_the_seeds() -> None:
    def run(seed: int) -> list[tuple[str, float]]:
        bench = Bench(count=12, seed=seed, kinds=3)
        for _ in range(12):
            bench.until_fault()
            bench.recover()
        return [(one.kind.name, one.at) for one in bench.schedule.done]

    first, again, other = (run(seed) for seed in (1, 1, 2))
    assert first == again != other
    for begin in range(0, 12, 3):  # each comes once before one comes again
        assert {kind for kind, _ in first[begin : begin + 3]} == {"kind-0", "kind-1", "kind-2"}


def test_the_deadline_is_that_of_the_next_fault_or_of_its_end() -> None:
    bench = Bench()
    assert bench.schedule.deadline() == float("inf")
    bench.go(1)
    assert 102.0 <= bench.schedule.deadline() <= 104.1
    done = bench.until_fault()
    assert bench.schedule.deadline() == done.at + LASTS_S
    assert bench.schedule.missing() == "kind-0 is under way"


def test_nothing_is_done_before_all_is_well_again() -> None:
    bench = Bench()
    done = bench.until_fault()
    bench.go(100)
    assert (bench.fault.is_done, len(bench.schedule.done)) == (False, 1)
    assert (bench.schedule.missing(), done.recovered_s) == ("it is not back", None)
    bench.fault.misses, bench.primary = "", None  # it says so, while nobody may act
    bench.go(10)
    assert (bench.schedule.missing(), done.recovered_s) == ("nobody may act", None)
    bench.primary = B
    bench.go(1)
    assert done.recovered_s == round(bench.now - done.at, 3)
    bench.fault.hits = B
    assert bench.until_fault().victim == B


def test_nothing_is_done_while_nobody_can_be_hit() -> None:
    bench = Bench()
    bench.fault.hits = None
    bench.go(100)
    assert bench.schedule.done == []
    bench.fault.hits = B
    assert bench.until_fault().victim == B


def test_it_is_over_when_every_fault_was_done_and_all_is_well() -> None:
    bench = Bench(count=2)
    for _ in range(2):
        assert not bench.schedule.is_over
        bench.until_fault()
        assert not bench.schedule.is_over
        bench.recover()
    assert bench.schedule.is_over
    bench.go(200)
    assert len(bench.schedule.done) == 2


def test_the_patience_shrinks_with_every_fault() -> None:
    bench = Bench()
    before = bench.schedule.patience_s()
    bench.until_fault()
    assert bench.schedule.patience_s() == before * 3 / 4
