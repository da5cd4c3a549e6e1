"""Kills of the primary: at a random moment, one at a time, and only when somebody could take over."""

from __future__ import annotations

from random import Random
from typing import Any

from services.lab.faults.primary_kills import PrimaryKiller
from services.lab.site.journal import TakenDown
from services.lab.site.scenario import PrimaryKills

A, B = "dhcp-1", "dhcp-2"
START_S = 0.5


class Host:
    """A process of which the lab knows what it says."""

    def __init__(self) -> None:
        self.is_up = True
        self.said: list[dict[str, Any]] = []

    def is_ready(self) -> bool:
        assert self.is_up, "nobody can be listened to"
        said, self.said = self.said, []
        return {"ready": True} in said

    def kill(self) -> None:
        assert self.is_up, "killed twice"
        self.is_up = False

    def restart(self) -> None:
        assert not self.is_up
        self.is_up = True


class Bench:
    """Two hosts whose time goes by in steps of 0.1 s; the survivor is primary at once."""

    def __init__(self, count: int = 3, seed: int = 1) -> None:
        self.now = 100.0
        self.hosts = {A: Host(), B: Host()}
        self.primary: str | None = A
        plan = PrimaryKills(count=count, every_s=(2.0, 4.0), back_after_s=1.0)
        self.killer = PrimaryKiller(
            plan, Random(seed), self.hosts, lambda: self.primary, clock=lambda: self.now
        )

    def go(self, steps: int) -> None:
        for _ in range(steps):
            self.now += 0.1
            self.killer.tick()

    def until_kill(self) -> TakenDown:
        """Until the next kill is made."""
        count = len(self.killer.kills)
        for _ in range(100):
            self.go(1)
            if len(self.killer.kills) > count:
                return self.killer.kills[-1]
        raise AssertionError("nobody was killed in 10 s")

    def come_back(self) -> None:
        """The killed host is started again and says so; the other one has taken over."""
        killed = self.killer.kills[-1].host
        self.primary = B if killed == A else A
        for _ in range(100):
            self.go(1)
            if self.hosts[killed].is_up:
                self.hosts[killed].said.append({"ready": True})
                return
        raise AssertionError("it did not come back in 10 s")


def test_the_primary_is_killed_within_the_bounds() -> None:
    bench = Bench()
    kill = bench.until_kill()
    assert kill.host == A
    assert 102.0 <= kill.at <= 104.3
    assert (bench.hosts[A].is_up, bench.hosts[B].is_up) == (False, True)


def test_the_moments_are_the_seeds() -> None:
    first, again, other = (Bench(seed=seed).until_kill().at for seed in (1, 1, 2))
    assert first == again != other


def test_the_deadline_is_that_of_the_next_kill_or_start() -> None:
    bench = Bench()
    assert bench.killer.deadline() == float("inf")
    bench.go(1)
    assert 102.0 <= bench.killer.deadline() <= 104.1
    kill = bench.until_kill()
    assert bench.killer.deadline() == kill.at + 1.0


def test_nobody_is_killed_before_the_former_one_is_ready() -> None:
    bench = Bench()
    bench.until_kill()
    bench.primary = B
    bench.go(100)
    assert bench.hosts[A].is_up
    assert len(bench.killer.kills) == 1
    bench.hosts[A].said.append({"ready": True})
    assert bench.until_kill().host == B


def test_nobody_is_killed_while_nobody_is_primary() -> None:
    bench = Bench()
    bench.primary = None
    bench.go(100)
    assert bench.killer.kills == []
    bench.primary = B
    assert bench.until_kill().host == B


def test_it_is_over_when_every_kill_was_made_and_taken_over() -> None:
    bench = Bench(count=2)
    for _ in range(2):
        assert not bench.killer.is_over
        bench.until_kill()
        bench.primary = None
        assert not bench.killer.is_over
        bench.come_back()
    bench.primary = None
    bench.go(10)
    assert not bench.killer.is_over
    bench.primary = A
    bench.go(1)
    assert bench.killer.is_over
    bench.go(200)
    assert [kill.host for kill in bench.killer.kills] == [A, B]


def test_the_patience_shrinks_with_every_kill() -> None:
    bench = Bench()
    before = bench.killer.patience_s()
    bench.until_kill()
    assert bench.killer.patience_s() == before * 3 / 4
