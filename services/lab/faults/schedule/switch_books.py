"""The part of a run in which the transport is switched: its switches, and how long each class stood still."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.lab.books.closing import TakeoverBooks
from services.lab.books.stalls import failover_stall_s, fileid_stall_s, heartbeat_stall_s
from services.lab.faults.schedule.of_switches import Switches
from services.lab.site.journal import read_journal
from services.lab.site.lab import Answers, Lab, Part


class SwitchBooks(Part):
    """Has the switches of a run, and reports the longest stalls."""

    def __init__(self) -> None:
        self._switches: Switches | None = None

    def switches(self, lab: Lab) -> Switches:
        """Those of this run."""
        self._switches = self._switches or Switches(lab)
        return self._switches

    def report(self, lab: Lab, answers: Answers) -> Mapping[str, Any]:
        """The longest stall of each class, in s."""
        downs = [*lab.part(TakeoverBooks).kills, *lab.instances.downs]
        hosts = lab.site.hosts()
        services = {one.service for one in hosts}
        journals = {one.name: [*read_journal(lab.site.journal(f"host-{one.name}"))] for one in hosts}
        by_service = [
            [journals[one.name] for one in hosts if one.service == service] for service in sorted(services)
        ]
        rivals = {one.name: journals[one.name] for one in lab.site.rivals()}
        stalls = {
            "fileid": max(fileid_stall_s(some, downs) for some in by_service),
            "heartbeat": heartbeat_stall_s(answers),
            "failover": failover_stall_s(rivals, downs),
            "config": float(lab.figures.get("apply_s_max", 0.0)),
        }
        found: dict[str, Any] = {"max_stall_s": {name: round(stall, 3) for name, stall in stalls.items()}}
        kills = lab.figures.get("kills_in_switches", 0)
        if kills:
            halted = lab.figures.get("switches_halted", 0)
            found["switches_by_themselves"] = round(1.0 - halted / kills, 3)
        return found
