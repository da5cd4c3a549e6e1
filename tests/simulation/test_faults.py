"""The weather and the storms."""

from collections.abc import Callable
from hashlib import sha256
from random import Random

import pytest

from bus.testing.faults import (
    BROKER,
    CALM,
    TROUBLES,
    Crash,
    Cut,
    Drift,
    Echo,
    Fault,
    Mend,
    Pause,
    Restart,
    Retain,
    SetClock,
    SetWeather,
    Skip,
    Slow,
    SlowLog,
    Stall,
    Stop,
    Truncate,
    Wipe,
    clear,
    draw_weather,
    storm,
)
from bus.testing.log_troubles import LOG_TROUBLES
from bus.testing.network import Network
from bus.testing.timeline import Timeline

NODES = ("dhcp-1", "cfm-1", "cfm-2")
UNTIL_S = 20.0


@pytest.fixture
def network() -> Network:
    return Network(Random(1), Timeline())


def fates(network: Network, count: int = 2_000) -> list[list[float]]:
    return [network.copies("a", "b") for _ in range(count)]


def test_calm_weather_delivers_once_within_the_delay(network: Network) -> None:
    copies = fates(network)
    assert {len(delays) for delays in copies} == {1}
    delays = [delay_s for (delay_s,) in copies]
    assert CALM.delay_s_min <= min(delays) < max(delays) <= CALM.delay_s_max
    assert network.is_refused()
    assert network.lag_s() == 0.0


def test_loss_and_duplication_are_as_frequent_as_they_are_probable(network: Network) -> None:
    network.change(CALM._replace(loss=0.25, duplication=0.5))
    counts = [len(delays) for delays in fates(network)]
    assert counts.count(0) == pytest.approx(500, abs=75)
    assert counts.count(2) == pytest.approx(750, abs=75)


def test_a_slow_message_takes_longer_but_not_too_long(network: Network) -> None:
    network.change(CALM._replace(slow=0.5, slow_s_max=3.0))
    delays = [delays[0] for delays in fates(network)]
    assert sum(delay_s > CALM.delay_s_max for delay_s in delays) == pytest.approx(1_000, abs=100)
    assert 2.5 < max(delays) <= 3.0 + CALM.delay_s_max


def test_a_slow_way_slows_one_direction_only(network: Network) -> None:
    network.slow("a", "b", 2.0)
    assert min(delays[0] for delays in fates(network)) > 2.0
    assert network.copies("b", "a")[0] < 2.0
    network.slow("a", "b", 0.0)
    assert network.copies("a", "b")[0] < 2.0


def test_a_cut_is_one_direction_too(network: Network) -> None:
    network.cut("a", "b")
    assert (network.copies("a", "b"), len(network.copies("b", "a"))) == ([], 1)
    assert (network.is_cut("a", "b"), network.is_cut("b", "a")) == (True, False)
    network.mend("a", "b")
    network.mend("a", "b")
    assert len(network.copies("a", "b")) == 1


def test_refusal_and_lag_follow_the_weather(network: Network) -> None:
    network.change(CALM._replace(refusal=0.0, lag_s_max=0.5))
    assert not any(network.is_refused() for _ in range(100))
    assert 0.4 < max(network.lag_s() for _ in range(100)) <= 0.5


def test_weather_is_drawn_from_all_there_is() -> None:
    drawn = [draw_weather(Random(seed)) for seed in range(200)]
    for values in zip(*drawn, strict=True):
        assert len(set(values)) > 1 or values[0] == CALM.delay_s_min


def test_a_storm_is_in_order_and_in_time_and_knows_every_trouble() -> None:
    kinds: set[type] = set()
    for seed in range(50):
        plan = storm(Random(seed), NODES, until_s=UNTIL_S, count=5)
        times = [at for at, _ in plan]
        assert times == sorted(times)
        assert 0.0 <= times[0] <= times[-1] <= UNTIL_S
        assert plan == storm(Random(seed), NODES, until_s=UNTIL_S, count=5)
        kinds |= {type(fault) for _, fault in plan}
    assert kinds == {Crash, Stop, Restart, Pause, Cut, Mend, Slow, SetClock, SetWeather}


def test_storms_of_earlier_days_are_drawn_as_they_were() -> None:
    plan = storm(Random(1), NODES, until_s=UNTIL_S, count=200)
    drawn = sha256(repr(plan).encode()).hexdigest()
    assert drawn.startswith("b20a35b2753d5902")


def test_the_troubles_of_logs_are_all_there_is_of_them() -> None:
    kinds: set[type] = set()
    for seed in range(20):
        plan = storm(Random(seed), NODES, until_s=UNTIL_S, count=20, troubles=LOG_TROUBLES)
        assert all(0.0 <= at <= UNTIL_S for at, _ in plan)
        kinds |= {type(fault) for _, fault in plan}
    assert kinds == {Stall, SlowLog, Retain, Truncate, Skip, Echo, Drift, Wipe, Restart, SetWeather}


def test_the_weather_counts_what_it_did(network: Network) -> None:
    fates(network)
    assert network.injected.keys() <= {"reorder"}
    network.change(CALM._replace(loss=0.25, duplication=0.5, slow=0.5, slow_s_max=3.0))
    counts = [len(delays) for delays in fates(network)]
    assert network.injected["loss"] == counts.count(0)
    assert network.injected["duplication"] == counts.count(2)
    assert network.injected["slow"] == pytest.approx(sum(counts) / 2, abs=150)


def test_what_arrives_before_an_earlier_message_is_counted_as_reordered(network: Network) -> None:
    network.slow("a", "b", 1.0)
    network.copies("a", "b")
    network.slow("a", "b", 0.0)
    network.copies("b", "a")
    assert network.injected["reorder"] == 0
    network.copies("a", "b")
    assert network.injected["reorder"] == 1


def test_a_confirmation_draws_the_fate_of_a_message() -> None:
    bad = CALM._replace(loss=0.3, duplication=0.5, slow=0.5, slow_s_max=3.0)
    one, other = (Network(Random(1), Timeline(), bad) for _ in range(2))
    for _ in range(100):
        assert one.is_confirmed("a") == bool(other.copies(BROKER, "a"))
    assert one.delay_s() == other.delay_s()
    assert one.injected["loss"] == other.injected["loss"]


def test_pauses_end_with_the_storm() -> None:
    for seed in range(50):
        for at, fault in storm(Random(seed), NODES, until_s=UNTIL_S, count=5):
            if isinstance(fault, Pause):
                assert 0.0 < fault.pause_s <= UNTIL_S - at + 1e-9


REPAIRS: dict[type, Callable[..., Fault]] = {
    Crash: lambda fault: Restart(fault.node),
    Stop: lambda fault: Restart(fault.node),
    Cut: lambda fault: Mend(*fault),
    Slow: lambda fault: fault._replace(delay_s=0.0),
    SetClock: lambda fault: fault._replace(error_s=0.0),
    SetWeather: lambda _: SetWeather(CALM),
    Drift: lambda fault: fault._replace(rate=1.0),
    Wipe: lambda fault: Restart(fault.node),
    Stall: lambda fault: fault._replace(is_on=False),
    SlowLog: lambda fault: fault._replace(delay_s=0.0),
}


@pytest.mark.parametrize("seed", range(20))
def test_what_breaks_is_repaired(seed: int) -> None:
    plan = storm(Random(seed), NODES, until_s=UNTIL_S, count=20, troubles=(*TROUBLES, *LOG_TROUBLES))
    cleared = {fault for _, fault in clear(NODES, UNTIL_S)}
    assert {at for at, _ in clear(NODES, UNTIL_S)} == {UNTIL_S}
    for at, fault in plan:
        if type(fault) not in REPAIRS:
            continue
        repair = REPAIRS[type(fault)](fault)
        assert repair in cleared
        if not isinstance(fault, SetWeather):
            assert any(other == repair and later >= at for later, other in plan)


def test_the_broker_can_be_cut_off_but_not_crashed() -> None:
    touched: set[str] = set()
    for seed in range(50):
        for _, fault in storm(Random(seed), NODES, until_s=UNTIL_S, count=10):
            if isinstance(fault, Cut):
                touched |= {fault.source, fault.target}
            elif isinstance(fault, Crash | Stop | Pause | SetClock):
                assert fault.node in NODES
    assert touched == {*NODES, BROKER}
