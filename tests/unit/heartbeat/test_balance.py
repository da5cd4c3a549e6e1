"""Load balancing: who may be chosen, and how a storm is spread."""

from collections import Counter
from collections.abc import Callable
from random import Random

import pytest

from bus.envelope import Envelope
from heartbeat.liveness.balance import P99_MS_FULL, Balancer
from heartbeat.liveness.beat import Load
from heartbeat.liveness.roster import Roster

MakeBeat = Callable[..., Envelope]


@pytest.fixture
def balancer(roster: Roster) -> Balancer:
    return Balancer(roster, Random(1))


def chosen(balancer: Balancer, times: int, give: int = 0) -> Counter[str | None]:
    """Who is chosen how often, when each choice is given so many rows."""
    counts: Counter[str | None] = Counter()
    for _ in range(times):
        name = balancer.choose((), 0)
        counts[name] += 1
        if name is not None and give:
            balancer.gave(name, give)
    return counts


def able(balancer: Balancer, generation: int = 0, exclude: tuple[str, ...] = ()) -> list[str]:
    return [peer.name for peer in balancer.able(exclude, generation)]


def test_with_nobody_there_nobody_is_chosen(balancer: Balancer) -> None:
    assert balancer.choose((), 0) is None
    assert able(balancer) == []


def test_only_who_can_serve_is_considered(roster: Roster, balancer: Balancer, beat: MakeBeat) -> None:
    roster.receive(beat("cfm-1", generation=4), 0.0)  # silent since
    roster.receive(beat("cfm-2", generation=4, draining=True), 10.0)
    roster.receive(beat("cfm-3", generation=3), 10.0)
    roster.receive(beat("dhcp-1", service="dhcp", generation=4), 10.0)
    roster.tick(10.0)
    assert balancer.choose((), 4) is None
    assert able(balancer, 3) == ["cfm-3"]
    roster.receive(beat("cfm-4", generation=5), 10.0)
    assert able(balancer, 4) == ["cfm-4"]
    assert {balancer.choose((), 4) for _ in range(20)} == {"cfm-4"}
    assert balancer.choose(["cfm-4"], 4) is None


def test_who_is_excluded_is_not_chosen(roster: Roster, balancer: Balancer, beat: MakeBeat) -> None:
    for number in range(1, 5):
        roster.receive(beat(f"cfm-{number}"), 0.0)
    excluded = ("cfm-1", "cfm-3")
    assert able(balancer, exclude=excluded) == ["cfm-2", "cfm-4"]
    assert {balancer.choose(excluded, 0) for _ in range(50)} == {"cfm-2", "cfm-4"}
    assert balancer.choose([f"cfm-{number}" for number in range(1, 5)], 0) is None


def test_of_equals_each_gets_its_share(roster: Roster, balancer: Balancer, beat: MakeBeat) -> None:
    for number in range(1, 5):
        roster.receive(beat(f"cfm-{number}", load=Load(capacity=1000)), 0.0)
    counts = chosen(balancer, 400)
    assert len(counts) == 4
    assert min(counts.values()) > 50


@pytest.mark.parametrize(
    ("busy", "idle"),
    [
        (Load(in_flight=50, capacity=100), Load(in_flight=60, capacity=1000)),
        (Load(in_flight=0, p99_ms=P99_MS_FULL, capacity=100), Load(in_flight=90, capacity=100)),
        (Load(in_flight=5, p99_ms=20, capacity=100), Load(in_flight=5, p99_ms=10, capacity=100)),
    ],
    ids=["share of its capacity", "slow counts as full", "slower"],
)
def test_of_two_the_less_loaded_is_chosen(
    roster: Roster, balancer: Balancer, beat: MakeBeat, busy: Load, idle: Load
) -> None:
    roster.receive(beat("cfm-1", load=busy), 0.0)
    roster.receive(beat("cfm-2", load=idle), 0.0)
    assert set(chosen(balancer, 20)) == {"cfm-2"}


def test_the_most_loaded_of_many_is_never_chosen_and_the_least_not_always(
    roster: Roster, balancer: Balancer, beat: MakeBeat
) -> None:
    for number in range(1, 5):
        roster.receive(beat(f"cfm-{number}", load=Load(in_flight=number, capacity=100)), 0.0)
    counts = chosen(balancer, 300)
    assert counts["cfm-4"] == 0
    assert counts["cfm-1"] > counts["cfm-2"] > counts["cfm-3"] > 0


def test_a_storm_between_two_beats_is_spread_by_capacity(
    roster: Roster, balancer: Balancer, beat: MakeBeat
) -> None:
    for number, capacity in enumerate((1000, 1000, 2000), 1):
        roster.receive(beat(f"cfm-{number}", load=Load(capacity=capacity)), 0.0)
    counts = chosen(balancer, 600, give=10)
    assert counts["cfm-1"] == pytest.approx(counts["cfm-2"], rel=0.2)
    assert counts["cfm-3"] == pytest.approx(2 * counts["cfm-1"], rel=0.2)


def test_what_was_given_counts_until_the_next_beat_knows(
    roster: Roster, balancer: Balancer, beat: MakeBeat
) -> None:
    roster.receive(beat("cfm-1", load=Load(capacity=100)), 0.0)
    roster.receive(beat("cfm-2", load=Load(in_flight=20, capacity=100)), 0.0)
    balancer.gave("cfm-1", 15)
    assert balancer.choose((), 0) == "cfm-1"
    balancer.gave("cfm-1", 15)
    assert balancer.choose((), 0) == "cfm-2"
    roster.receive(beat("cfm-1", load=Load(in_flight=10, capacity=100)), 0.5)
    assert balancer.choose((), 0) == "cfm-1"
    balancer.gave("cfm-1", 5)
    assert balancer.choose((), 0) == "cfm-1"
    balancer.gave("cfm-1", 10)
    assert balancer.choose((), 0) == "cfm-2"


def test_giving_to_somebody_unknown_does_nothing(balancer: Balancer) -> None:
    balancer.gave("cfm-1", 5)
    assert balancer.choose((), 0) is None
