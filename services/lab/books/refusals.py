"""A check: no sidecar calls itself ready while every CFM stands by another claim than its own.

A CFM needs a moment to learn of a claim, and a sidecar to hear of it; a sidecar in this state for longer than
`GRACE_S` hands out names in vain and reports that all is well.
"""

import time
from collections.abc import Iterable, Mapping
from typing import Any

from services.lab.site.lab import Answers, Lab, Part

GRACE_S = 4.0  # a claim is read within a second, a question is asked four times a second, an answer holds 2 s
LOOK_EVERY_S = 0.25

Answer = Mapping[str, Any]


class Refusals(Part):
    """Follows the status of sidecars and CFMs, once it is told to. `found` counts the times that the state
    lasted too long.
    """

    def __init__(self) -> None:
        self.found = 0
        self._is_watching = False
        self._since: dict[str, float] = {}
        self._due = 0.0

    def watch(self) -> None:
        """Begin to look."""
        self._is_watching = True

    def tick(self, lab: Lab) -> None:
        """Look, if it is due."""
        now = time.monotonic()
        if self._is_watching and self.is_due(now):
            answers = lab.instances.answers(earlier=False)
            cfms = [one for one in answers if one["service"] == "cfm"]
            self.see([one for one in answers if one not in cfms], cfms, now)

    def report(self, lab: Lab, answers: Answers) -> Mapping[str, Any]:
        """The number found, if it was told to look."""
        return {"ready_while_refused": self.found} if self._is_watching else {}

    def is_due(self, now: float) -> bool:
        """Whether another look is due; if so, the next is planned."""
        if now < self._due:
            return False
        self._due = now + LOOK_EVERY_S
        return True

    def see(
        self, sidecars: Iterable[Mapping[str, Any]], cfms: Iterable[Mapping[str, Any]], now: float
    ) -> None:
        """Take the `status` answers of running sidecars and CFMs at this moment."""
        known = [one["failover"]["roles"] for one in cfms]
        for one in sidecars:
            name, mine = one["instance"], one["failover"]
            claims = [roles[mine["role"]]["claim_id"] for roles in known if mine.get("role") in roles]
            holds = mine["state"] in ("active", "autonomous")
            is_refused = holds and not one["missing"] and bool(claims) and mine["claim_id"] not in claims
            since = self._since.get(name)
            if not is_refused:
                self._since.pop(name, None)
            elif since is None:
                self._since[name] = now
            elif now >= since + GRACE_S:
                self.found += 1
                self._since[name] = now
