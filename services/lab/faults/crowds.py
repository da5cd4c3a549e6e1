"""A crowd that is there (`services.lab.steps.crowd`): its process, and the state when it came."""

from dataclasses import dataclass, field
from typing import Any

from services.lab.site.lab import Part
from services.lab.site.processes import Process


@dataclass(slots=True)
class CrowdRun:
    """A crowd's process; at `since` minters had `connections`, and the CFM had used `cpu_s`."""

    process: Process
    connections: set[str]
    cpu_s: float
    since: float
    totals: dict[str, Any] = field(default_factory=dict)

    def has_totals(self) -> bool:
        """Whether it has printed its totals; they are then in `totals`."""
        for line in self.process.lines(0.0):
            if "done" in line:
                self.totals = {key: value for key, value in line.items() if key != "done"}
        return bool(self.totals)


class Crowds(Part):
    """The crowds of a run, by CFM."""

    def __init__(self) -> None:
        self.at: dict[str, CrowdRun] = {}
