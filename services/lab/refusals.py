"""Whether a sidecar calls itself ready while every CFM stands by another claim than its own.

A CFM needs a moment to learn of a claim, and a sidecar to hear that it did; what lasts longer than `GRACE_S`
is a sidecar that hands out names in vain and says that all is well.
"""

from collections.abc import Iterable, Mapping
from typing import Any

GRACE_S = 4.0  # a claim is read within a second, a question is asked four times a second, an answer holds 2 s
LOOK_EVERY_S = 0.25

Answer = Mapping[str, Any]


class Refusals:
    """Follows what sidecars and CFMs say of themselves. `found` counts the times it lasted too long."""

    def __init__(self) -> None:
        self.found = 0
        self._since: dict[str, float] = {}
        self._due = 0.0

    def is_due(self, now: float) -> bool:
        """Whether it is time for another look."""
        if now < self._due:
            return False
        self._due = now + LOOK_EVERY_S
        return True

    def see(
        self, sidecars: Iterable[Mapping[str, Any]], cfms: Iterable[Mapping[str, Any]], now: float
    ) -> None:
        """The `status` answers of those that run, at this moment."""
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
