"""`busy`: other processes use the CPU too; `trial`: steps that are repeated when the brokers got no CPU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from bus.errors import StateError, TransportError, UnavailableError
from services.lab.faults.busy import BusyProcesses, load_average
from services.lab.site.lab import ScenarioStep
from services.lab.steps.step import Word

if TYPE_CHECKING:
    from services.lab.script.step_table import StepItem
    from services.lab.site.lab import Lab
    from services.lab.site.scenario import Scenario


class Busy(Word):
    """Keep so many processes of normal priority busy from now on; 0 ends them. `load_average_max` is the
    greatest load average at these moments.
    """

    plain: ClassVar[str] = "processes"
    processes: int = Field(ge=0)

    def do(self, lab: Lab) -> None:
        """Begin, or end."""
        _note_load(lab)
        lab.part(BusyProcesses).have(self.processes)


class Trial(Word):
    """Do these steps, which begin with a fresh cluster. The lab's brokers lose their sessions when they get
    no CPU for a second; then the trial tested them and not the services, so it is counted (`trials_repeated`)
    and repeated.
    """

    plain: ClassVar[str] = "of"
    of: tuple[StepItem, ...]
    again_max: int = Field(10, ge=0)  # in the whole run

    def wrong(self, scenario: Scenario) -> str | None:
        """Embedded brokers have no sessions."""
        return None if scenario.broker == "kafka" else "the scenario needs broker: kafka"

    def inner(self) -> Sequence[ScenarioStep]:
        """The steps of the trial."""
        return [entry.step for entry in self.of]

    def alters_brokers(self) -> bool:
        """Yes: their logs must be of this run."""
        return True

    def do(self, lab: Lab) -> None:
        """Repeat the trial until the brokers keep their sessions."""
        while not self._is_done(lab):
            lab.count("trials_repeated")
            if lab.figures["trials_repeated"] > self.again_max:
                raise UnavailableError(f"a broker lost its session in {self.again_max + 1} trials")
        lab.count("trials")

    def _is_done(self, lab: Lab) -> bool:
        """Do one trial. Returns whether the brokers kept their sessions; if so, its error is raised."""
        failure: Exception | None = None
        try:
            lab.perform(self.of, of="trial")
        except (StateError, TransportError) as error:
            failure = error
        _note_load(lab)
        lab.part(BusyProcesses).have(0)
        events = lab.brokers.own().events()
        lab.count("leader_changes", events.leader_changes)
        if events.sessions_lost == 0:
            if failure is not None:
                raise failure
            return True
        lab.count("sessions_lost", events.sessions_lost)
        for host in lab.hosts.values():
            if host.exit_code() is not None:
                host.restart()
        return False


def _note_load(lab: Lab) -> None:
    lab.figures["load_average_max"] = max(lab.figures.get("load_average_max", 0.0), load_average())
