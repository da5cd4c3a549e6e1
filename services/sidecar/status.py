"""What a minter says of itself: to its operator, to Prometheus, and to whoever asks whether it can work.

It reads the parts of the minter and changes none of them, so it may be asked at any time.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bus.audit import Audit
from bus.dedup import Dedup
from bus.envelope import Stamp
from bus.keeping import Keeping
from bus.metrics import Histogram, Sample, labelled
from fileid.handoff import Handoff
from fileid.minted import Minted
from heartbeat.balance import Balancer
from heartbeat.namesake import Namesake
from heartbeat.pulse import Pulse
from heartbeat.roster import SKEW_S_MAX, Roster
from services.settings.catalogue import without_acceptance, without_copy
from services.sidecar.announced import Announced
from services.sidecar.authority import Authority
from services.sidecar.leasing import Leasing
from services.sidecar.offering import Offering


@dataclass(frozen=True, slots=True, kw_only=True)
class MinterStatus:
    """A look at the parts of one minter. `unreachable` are the CFMs to which nothing could be sent lately."""

    service: str
    stamp: Stamp
    roster: Roster
    balancer: Balancer
    handoff: Handoff
    handoff_s: Histogram
    leasing: Leasing
    minted: Minted
    audit: Audit
    pulse: Pulse
    namesake: Namesake
    dedup: Dedup
    offering: Offering
    authority: Authority
    keeping: Keeping
    unreachable: Collection[str]
    announced: Announced
    default_next_server: str | None
    counts: Mapping[str, int]

    def answer(self, request_id: Any, now: float) -> dict[str, Any]:
        """The answer to the request `status` of the local socket."""
        return {
            "id": request_id,
            "instance": self.stamp.instance,
            "service": self.service,
            "incarnation": self.stamp.incarnation,
            "generation": self.offering.generation,
            "draining": self.pulse.is_draining,
            "missing": self.missing(),
            "degraded": self.degraded(),
            "peers": self.roster.describe(now),
            "cfms": self._able(),
            "unusable": self._unusable(),
            "failover": self.authority.describe(now),
            "handoffs": self.handoff.counts,
            "counts": self.counts,
            "leases": self.leasing.counts,
            "audit": {"pending": len(self.audit), "dropped": self.audit.dropped},
        }

    def missing(self) -> list[str]:
        """What is not there and without which no FileID can be answered."""
        missing = ["it drains, to stop"] if self.pulse.is_draining else []
        missing += self.namesake.missing()
        if not self.offering:
            missing.append("settings")
        missing += self.authority.missing()
        return missing if self.default_next_server else missing + self._without_cfm()

    def degraded(self) -> list[str]:
        """Names go out, but nobody confirmed their rows."""
        skewed = [name for name, skew_s in self.roster.skewed().items() if abs(skew_s) > SKEW_S_MAX]
        clocks = [f"the clock of {name} is more than {SKEW_S_MAX:g} s off ours" for name in skewed]
        places = [f"the place of {name} is of no use: {reason}" for name, reason in self._unusable().items()]
        disk = [*self.authority.degraded(), *without_copy(self.keeping)]
        cfms = self._without_cfm() if self.default_next_server else []
        rejected = without_acceptance(self.offering.faults)
        return [*self.namesake.degraded(), *clocks, *places, *disk, *rejected, *cfms]

    def samples(self, now: float) -> Iterator[Sample]:
        """Everything that a minter counts and sees."""
        counts, handoffs = self.counts, self.handoff.counts
        outcomes = {name: counts[name] for name in ("created", "refused")}
        outcomes |= {name: handoffs[name] for name in ("acked", "unacked")}
        yield from labelled("provbus_fileids_total", "outcome", outcomes)
        events = {name: handoffs[name] for name in ("retried", "refused", "late_acks")}
        yield from labelled("provbus_handoff_events_total", "event", events)
        yield from labelled("provbus_leases_total", "outcome", self.leasing.counts)
        yield Sample("provbus_handoff_seconds", self.handoff_s)
        yield Sample("provbus_undecodable_total", counts["undecodable"])
        yield Sample("provbus_places_ignored_total", self.announced.ignored)
        yield Sample("provbus_unknown_pulls_total", counts["unknown_pulls"])
        yield Sample("provbus_duplicates_total", self.dedup.duplicates)
        yield Sample("provbus_settings_generation", self.offering.generation)
        yield Sample("provbus_settings_faults", len(self.offering.faults))
        yield Sample("provbus_draining", self.pulse.is_draining)
        yield from self.authority.samples()
        yield from self.namesake.samples()
        yield from self.keeping.samples()
        waiting = {
            "handoff": len(self.handoff) + len(self.leasing),
            "minted": len(self.minted),
            "audit": len(self.audit),
        }
        yield from labelled("provbus_queue_depth", "queue", waiting)
        shed = {"handoff": self.handoff.shed, "minted": self.minted.forgotten, "audit": self.audit.dropped}
        yield from labelled("provbus_sheds_total", "queue", shed)
        yield from self._peers(now)

    def _peers(self, now: float) -> Iterator[Sample]:
        known = self.roster.describe(now)
        states = Counter((one["service"], one["state"] or "forgotten") for one in known.values())
        for (service, state), count in states.items():
            yield Sample("provbus_peers", count, {"service": service, "state": state})
        ages = {name: one["beat_age_s"] for name, one in known.items() if one["beat_age_s"] is not None}
        yield from labelled("provbus_beat_age_seconds", "peer", ages)
        yield from labelled("provbus_clock_skew_seconds", "peer", self.roster.skewed())
        yield Sample("provbus_detector_stretch", self.roster.stretch)

    def _unusable(self) -> dict[str, str]:
        return {
            name: reason for name, reason in self.announced.unusable.items() if self.roster.is_alive(name)
        }

    def _able(self) -> list[str]:
        able = self.balancer.able([*self.unreachable, *self.announced.unusable], self.offering.generation)
        return [peer.name for peer in able]

    def _without_cfm(self) -> list[str]:
        if self._able():
            return []
        return ["no CFM that is alive can take rows" if self.roster.alive("cfm") else "no CFM is alive"]
