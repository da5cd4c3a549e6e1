"""What a host service knows of its right to act: asked of its sidecar, and good until the lease is over.

Theory of operation
-------------------
A host under election attaches to its sidecar and asks `authority` every `ASK_EVERY_S`. The answer names an
epoch and the moment (CLOCK_BOOTTIME) up to which an effect is allowed. Before every effect the host compares
that moment with its clock, so one that was paused, or whose sidecar fell silent, has none when it comes back
to itself. A host that lost its sidecar stops at once.

When the right ends the host says `host.yielded`: then nothing of it is on its way any more, and its sidecar
may give the role back without waiting for the lease's end.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from services.lab.dhcp_server import Ask, Effect, Noted

ASK_EVERY_S = 0.2
_ATTACH, _AUTHORITY, _YIELDED = "host.attach", "authority", "host.yielded"


class Authority:
    """The right of one host: `connected`, then `tick` when its `deadline` comes and `answer` for what the
    sidecar says.
    """

    def __init__(self) -> None:
        self.is_attached = False
        self._role = ""
        self._era, self._epoch = 0, -1
        self._until = 0.0
        self._may_act = False
        self._ask_at = float("inf")

    def connected(self, now: float) -> list[Effect]:
        """The sidecar can be asked."""
        self._ask_at = now
        return self.tick(now)

    def lost(self, now: float) -> list[Effect]:
        """The sidecar is gone, and with it the right to act."""
        self.is_attached = False
        self._ask_at = float("inf")
        return self._change(False, self._era, self._epoch, now)

    def deadline(self) -> float:
        """When `tick` is due; infinite while the sidecar is gone."""
        return self._ask_at

    def tick(self, now: float) -> list[Effect]:
        """Ask, if it is time: to be attached, until that was granted, then how far the right goes."""
        if now < self._ask_at:
            return []
        self._ask_at = now + ASK_EVERY_S
        return [_ask(_AUTHORITY if self.is_attached else _ATTACH)]

    def answer(self, body: Mapping[str, Any], now: float) -> list[Effect] | None:
        """What an answer of the sidecar changes; None if it does not answer us. KeyError for one that is not
        as agreed.
        """
        if body.get("id") not in (_ATTACH, _AUTHORITY, _YIELDED):
            return None
        if body["id"] == _YIELDED or "error" in body:
            return []  # asked to be attached, and refused, we ask again
        role, era, epoch = body["role"], body["era"], body["epoch"]
        may_act, until = body["may_act"], body["lease_until_s"]
        self.is_attached, self._role, self._until = True, role, until
        acted = self._may_act
        effects = self._change(may_act, era, epoch, now)
        if acted and not self._may_act:
            effects.append(_ask(_YIELDED))
        return effects

    def may_act(self, now: float) -> bool:
        """Whether an effect is allowed at this moment."""
        return self._may_act and now < self._until

    def effect(self, now: float) -> dict[str, object]:
        """The journal's line of an effect at this moment."""
        return {"event": "effect", "at": now, **self._token()}

    def _change(self, may_act: bool, era: int, epoch: int, now: float) -> list[Effect]:
        changed = (may_act, era, epoch) != (self._may_act, self._era, self._epoch)
        self._may_act, self._era, self._epoch = may_act, era, epoch
        return (
            [Noted({"event": "authority", "at": now, **self._token(), "may_act": may_act})] if changed else []
        )

    def _token(self) -> dict[str, object]:
        return {"role": self._role, "era": self._era, "epoch": self._epoch}


def _ask(operation: str) -> Ask:
    return Ask(json.dumps({"op": operation, "id": operation}).encode() + b"\n")
