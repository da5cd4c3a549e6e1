"""Kills of the primary's host while modems boot, each at a random moment and only when a rival is ready.

Theory of operation
-------------------
    all ready ─(random wait)─> who is primary? ─> kill -9 ─(back_after_s)─> restart ─> all ready ...

A host is ready when its sidecar took it, which it says by a line of its own. While nobody is primary, nobody
is killed.
"""

from collections.abc import Callable, Iterable, Mapping
from random import Random
from typing import Any, Protocol

from services.lab.journal import boottime_s
from services.lab.processes import ask
from services.lab.scenario import HostKills
from services.lab.site import Instance
from services.lab.takeovers import HostKill

LOOK_AGAIN_S = 0.02
TAKEOVER_S_MAX = 10.0  # with the start of a host: what is slower is not waited for after the plant is done
_NEVER = float("inf")


class Victim(Protocol):
    """What is done to the process of a host."""

    def lines(self, wait_s: float) -> list[dict[str, Any]]:
        """What it said since the last look."""

    def kill(self) -> None:
        """Kill -9."""

    def restart(self) -> None:
        """Start it again."""


class HostKiller:
    """Kills as the plan says. `hosts` are all ready at first, by the names of their sidecars; `primary` names
    the one that may act. `kills` are those so far, in their order.
    """

    def __init__(
        self,
        plan: HostKills,
        random: Random,
        hosts: Mapping[str, Victim],
        primary: Callable[[], str | None],
        clock: Callable[[], float] = boottime_s,
    ) -> None:
        self.kills: list[HostKill] = []
        self._plan = plan
        self._random = random
        self._hosts = hosts
        self._primary = primary
        self._clock = clock
        self._down = ""
        self._back_at = _NEVER
        self._kill_at = _NEVER
        self._is_calm = False

    @property
    def is_over(self) -> bool:
        """Every kill was made, and what came after the last one is over too."""
        return len(self.kills) == self._plan.count and self._is_calm

    def deadline(self) -> float:
        """When `tick` is due at the latest; a host that starts is looked at whenever it comes."""
        return min(self._kill_at, self._back_at)

    def patience_s(self) -> float:
        """How long the rest takes at most, if all goes well."""
        cycle_s = self._plan.every_s[1] + self._plan.back_after_s + TAKEOVER_S_MAX
        return (self._plan.count - len(self.kills) + 1) * cycle_s

    def tick(self) -> None:
        """Do what is due."""
        now = self._clock()
        if now >= self._back_at:
            self._back_at = _NEVER
            self._hosts[self._down].restart()
        elif self._down and self._back_at == _NEVER and self._is_ready(self._down):
            self._down = ""
        if self._down or self._is_calm:
            return
        if len(self.kills) == self._plan.count:
            self._is_calm = self._primary() is not None
        elif self._kill_at == _NEVER:
            self._kill_at = now + self._random.uniform(*self._plan.every_s)
        elif now >= self._kill_at:
            self._kill_primary(now)

    def _is_ready(self, name: str) -> bool:
        return any("ready" in line for line in self._hosts[name].lines(0.0))

    def _kill_primary(self, now: float) -> None:
        name = self._primary()
        if name is None:
            self._kill_at = now + LOOK_AGAIN_S
            return
        self.kills.append(HostKill(self._clock(), name))
        self._hosts[name].kill()
        self._down, self._kill_at = name, _NEVER
        self._back_at = self._clock() + self._plan.back_after_s


def primary_of(sidecars: Iterable[Instance]) -> str | None:
    """The one of these sidecars that may act, by name; None if nobody may, or none answers."""
    for one in sidecars:
        answer = ask(one.socket, {"op": "authority"})
        if answer is not None and answer.get("may_act"):
            return one.name
    return None
