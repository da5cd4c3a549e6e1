"""A crowd that is there (`services.lab.steps.crowd`): its process, and what was so when it came."""

from dataclasses import dataclass, field
from typing import Any

from services.lab.processes import Process


@dataclass(slots=True)
class CrowdRun:
    """`connections` are those that minters had, `cpu_s` what the CFM had spent, `since` when that was."""

    process: Process
    connections: set[str]
    cpu_s: float
    since: float
    totals: dict[str, Any] = field(default_factory=dict)

    def has_totals(self) -> bool:
        """Whether it said what it saw, which then is in `totals`."""
        for line in self.process.lines(0.0):
            if "done" in line:
                self.totals = {key: value for key, value in line.items() if key != "done"}
        return bool(self.totals)
