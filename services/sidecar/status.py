"""The status of a minter: for its operator, for Prometheus, and for the readiness check.

Each part reports its own; reading changes none of them, so the status may be asked for at any time.
"""

from collections.abc import Iterator
from typing import Any

from bus.effects import Effect
from bus.messages import LocalRequest
from bus.reason import Reason
from bus.telemetry.metrics import Sample, labelled
from services.instance.fellows import fellow_reasons
from services.instance.local_api import answer
from services.instance.reasons import reason_samples
from services.settings.catalogue import settings_fact, without_acceptance, without_any, without_copy
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
            "sealed": parts.offering.held.needs(),
            "missing": [one.document() for one in self.missing()],
            "degraded": [one.document() for one in self.degraded()],
            **parts.peers.describe(now),
            "failover": parts.authority.describe(now),
            "handoffs": parts.creating.handoff.counts,
            "counts": parts.frame.counts,
            "leases": parts.leasing.counts,
            "audit": {"pending": len(audit), "dropped": audit.dropped},
        }

    def facts(self, now: float) -> dict[str, str]:
        """Its state by kind, in words."""
        parts = self._parts
        return {
            **parts.frame.facts(),
            **settings_fact(parts.offering.record),
            **parts.authority.facts(),
            **parts.peers.facts(),
        }

    def missing(self) -> list[Reason]:
        """The things that are missing and without which no FileID can be answered."""
        parts = self._parts
        missing = [*parts.frame.missing(), *without_any(has_any=bool(parts.offering))]
        missing += [] if parts.offering else parts.offering.lacks()
        missing += parts.authority.missing()
        if parts.leasing.is_behind:
            text = "rows for what Kea granted in the last minute: its journal is being read"
            missing.append(Reason("kea-behind", text))
        return missing if parts.default_next_server else missing + parts.peers.missing()

    def degraded(self) -> list[Reason]:
        """The degradations: requests are answered with names all the same."""
        parts = self._parts
        return [
            *parts.frame.namesake.degraded(),
            *parts.frame.switching.degraded(),
            *parts.frame.lacks,  # what is out of order outside explains what is within
            *parts.peers.degraded(),
            *fellow_reasons(parts.peers.roster, parts.frame.service, parts.frame.about.keys()),
            *parts.authority.degraded(),
            *without_copy(parts.frame.keeping),
            *(parts.offering.lacks() if parts.offering else ()),
            *without_acceptance(parts.offering.faults),
            *(parts.peers.missing() if parts.default_next_server else ()),
        ]

    def samples(self, now: float) -> Iterator[Sample]:
        """All metrics of a minter."""
        parts = self._parts
        audit, handoff, minted = parts.frame.audit, parts.creating.handoff, parts.creating.minted
        yield from parts.frame.samples()
        yield from reason_samples(self, parts.frame.service)
        yield from parts.creating.samples()
        yield from labelled("provbus_leases_total", "outcome", parts.leasing.counts)
        yield Sample("provbus_undecodable_total", parts.frame.counts["undecodable"])
        yield Sample("provbus_settings_generation", parts.offering.generation)
        yield Sample("provbus_settings_faults", len(parts.offering.faults))
        yield from parts.offering.held.samples()
        yield from parts.authority.samples()
        waiting = {
            "handoff": len(handoff) + len(parts.leasing),
            "minted": len(minted),
            "audit": len(audit),
        }
        yield from labelled("provbus_queue_depth", "queue", waiting)
        shed = {
            "handoff": handoff.shed,
            "minted": minted.forgotten,
            "audit": audit.dropped,
            "whereabouts": parts.leasing.whereabouts.forgotten,
        }
        yield from labelled("provbus_sheds_total", "queue", shed)
        yield from parts.peers.samples(now)
