"""The status of a minter: for its operator, for Prometheus, and for the readiness check.

Each part reports its own; reading changes none of them, so the status may be asked for at any time.
"""

from collections.abc import Iterator
from typing import Any

from bus.effects import Effect
from bus.messages import LocalRequest
from bus.telemetry.metrics import Sample, labelled
from services.instance.local_api import answer
from services.settings.catalogue import without_acceptance, without_copy
from services.sidecar.parts import Parts


class MinterStatus:
    """The status of one minter, read from its parts."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def answer(self, request: LocalRequest, now: float) -> list[Effect]:
        """`status`."""
        return [answer(request, **self.describe(now))]

    def describe(self, now: float) -> dict[str, Any]:
        """The whole status, for an operator."""
        parts, audit = self._parts, self._parts.frame.audit
        return {
            **parts.frame.describe(),
            "generation": parts.offering.generation,
            "missing": self.missing(),
            "degraded": self.degraded(),
            **parts.peers.describe(now),
            "failover": parts.authority.describe(now),
            "handoffs": parts.creating.handoff.counts,
            "counts": parts.frame.counts,
            "leases": parts.leasing.counts,
            "audit": {"pending": len(audit), "dropped": audit.dropped},
        }

    def missing(self) -> list[str]:
        """The things that are missing and without which no FileID can be answered."""
        parts = self._parts
        missing = [*parts.frame.missing(), *([] if parts.offering else ["settings"])]
        missing += parts.authority.missing()
        if parts.leasing.is_behind:
            missing.append("rows for what Kea granted in the last minute: its journal is being read")
        return missing if parts.default_next_server else missing + parts.peers.missing()

    def degraded(self) -> list[str]:
        """The degradations: requests are answered with names all the same."""
        parts = self._parts
        return [
            *parts.frame.namesake.degraded(),
            *parts.peers.degraded(),
            *parts.authority.degraded(),
            *without_copy(parts.frame.keeping),
            *without_acceptance(parts.offering.faults),
            *(parts.peers.missing() if parts.default_next_server else ()),
        ]

    def samples(self, now: float) -> Iterator[Sample]:
        """All metrics of a minter."""
        parts = self._parts
        audit, handoff, minted = parts.frame.audit, parts.creating.handoff, parts.creating.minted
        yield from parts.frame.samples()
        yield from parts.creating.samples()
        yield from labelled("provbus_leases_total", "outcome", parts.leasing.counts)
        yield Sample("provbus_undecodable_total", parts.frame.counts["undecodable"])
        yield Sample("provbus_settings_generation", parts.offering.generation)
        yield Sample("provbus_settings_faults", len(parts.offering.faults))
        yield from parts.authority.samples()
        waiting = {
            "handoff": len(handoff) + len(parts.leasing),
            "minted": len(minted),
            "audit": len(audit),
        }
        yield from labelled("provbus_queue_depth", "queue", waiting)
        shed = {"handoff": handoff.shed, "minted": minted.forgotten, "audit": audit.dropped}
        yield from labelled("provbus_sheds_total", "queue", shed)
        yield from parts.peers.samples(now)
