"""A host service's right to act: asked of its sidecar, and valid until the lease is over.

Theory of operation
-------------------
A host under election attaches to its sidecar and asks `authority` every `ASK_EVERY_S`. The answer names an
epoch and the moment (CLOCK_BOOTTIME) up to which an effect is allowed. Before every effect the host compares
that moment with its clock, so one that was paused, or whose sidecar fell silent, has no right when it
resumes. A host that lost its sidecar stops at once.

When the right ends the host sends `host.yielded`: then none of its effects is under way any more, and its
sidecar may give the role back without waiting for the lease's end.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from services.lab.hosts.dhcp_server import AskSidecar, Effect
from services.lab.site.journal import Journaled

ASK_EVERY_S = 0.2
_ATTACH, _AUTHORITY, _YIELDED = "host.attach", "authority", "host.yielded"


class HostAuthority:
    """The right of one host: call `connected`, then `tick` when its `deadline` comes and `answer` for each
    answer of the sidecar.
    """

    def __init__(self) -> None:
        self.is_attached = False
        self._role = ""
        self._era, self._epoch = 0, -1
        self._until = 0.0
        self._may_act = False
        self._progress = 0
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

    def worked(self) -> None:
        """The part that answers devices was at work, or found nothing to do."""
        self._progress += 1

    def tick(self, now: float) -> list[Effect]:
        """Ask, if it is due: to be attached, until that was granted, then for the end of the right."""
        lapsed = self._change(False, self._era, self._epoch, now) if now >= self._until else []
        if now < self._ask_at:
            return lapsed
        self._ask_at = now + ASK_EVERY_S
        asks = _ask(_AUTHORITY, progress=self._progress) if self.is_attached else _ask(_ATTACH)
        return [*lapsed, asks]

    def answer(self, body: Mapping[str, Any], now: float) -> list[Effect] | None:
        """The effects of the sidecar's answer; None if it is not for us. KeyError for one that breaks the
        contract.
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
            [Journaled({"event": "authority", "at": now, **self._token(), "may_act": may_act})]
            if changed
            else []
        )

    def _token(self) -> dict[str, object]:
        return {"role": self._role, "era": self._era, "epoch": self._epoch}


def _ask(operation: str, **fields: int) -> AskSidecar:
    return AskSidecar(json.dumps({"op": operation, "id": operation, **fields}).encode() + b"\n")
