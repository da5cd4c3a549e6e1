"""A trial is done again when the brokers were starved; otherwise it counts, or has failed."""

from types import SimpleNamespace
from typing import Any

import pytest

from bus.errors import UnavailableError
from services.brokers.broker_log import BrokerEvents
from services.lab.faults.busy import BusyProcesses
from services.lab.script.step_table import StepItem
from services.lab.script.trials import Busy

CALM, STARVED = BrokerEvents(0, 1), BrokerEvents(2, 3)
FAILED = UnavailableError("nobody took over")


class Host:
    """A host that was killed, and not brought back."""

    def __init__(self) -> None:
        self.restarts = 0

    def exit_code(self) -> int | None:
        return None if self.restarts else -9

    def restart(self) -> None:
        self.restarts += 1


class Lab:
    """A lab whose trials come to these ends, with these events in the brokers' logs."""

    def __init__(self, *ends: tuple[Exception | None, BrokerEvents]) -> None:
        self.figures: dict[str, Any] = {}
        self.hosts = {"dhcp-1": Host()}
        self.wanted: list[int] = []
        self.busy: Any = SimpleNamespace(have=self.wanted.append)
        self._ends = [*ends]
        self._events = CALM
        self.brokers = SimpleNamespace(own=lambda: SimpleNamespace(events=lambda: self._events))

    def perform(self, steps: Any, of: str) -> None:
        error, self._events = self._ends.pop(0)
        if error is not None:
            raise error

    def part(self, kind: type) -> Any:
        assert kind is BusyProcesses
        return self.busy

    def count(self, figure: str, number: int = 1) -> None:
        self.figures[figure] = self.figures.get(figure, 0) + number


def tried(lab: Any, again_max: int = 2) -> dict[str, Any]:
    """What a trial counted."""
    StepItem.model_validate({"trial": {"of": [], "again_max": again_max}}).step.do(lab)
    return {name: figure for name, figure in lab.figures.items() if name != "load_average_max"}


def test_a_trial_whose_brokers_kept_their_sessions_counts() -> None:
    lab = Lab((None, CALM))
    assert tried(lab) == {"trials": 1, "leader_changes": 1}
    assert lab.wanted == [0]


@pytest.mark.parametrize("error", [None, FAILED])
def test_one_whose_brokers_were_starved_is_done_again(error: Exception | None) -> None:
    lab = Lab((error, STARVED), (None, CALM))
    assert tried(lab) == {"trials": 1, "trials_repeated": 1, "sessions_lost": 2, "leader_changes": 4}
    assert lab.hosts["dhcp-1"].restarts == 1


def test_one_that_fails_by_itself_has_failed() -> None:
    lab = Lab((FAILED, CALM))
    with pytest.raises(UnavailableError, match="nobody took over"):
        tried(lab)
    assert lab.wanted == [0]


def test_brokers_that_are_always_starved_end_the_run() -> None:
    lab = Lab(*[(None, STARVED)] * 3)
    with pytest.raises(UnavailableError, match="in 3 trials"):
        tried(lab)


def test_busy_processes_are_as_many_as_are_wanted_and_the_load_is_noted() -> None:
    processes = BusyProcesses()
    lab: Any = Lab()
    lab.busy = processes
    try:
        for count in (2, 1):
            Busy(processes=count).do(lab)
            assert len(processes) == count
    finally:
        processes.have(0)
    assert len(processes) == 0
    assert lab.figures["load_average_max"] >= 0.0
