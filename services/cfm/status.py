"""The status of a CFM: for its operator, for Prometheus, and for the readiness check.

It reads the parts of the CFM and changes none of them, so it may be asked at any time.
"""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from bus.effects import Effect
from bus.fleet.fleet import MINTERS
from bus.messages import LocalRequest
from bus.reason import Reason
from bus.telemetry.metrics import Sample, labelled
from fileid.doubts import OFF_S_MAX
from fileid.table import RowStatus
from heartbeat.roles.granted.grants import StorePromises
from heartbeat.roles.log.fence import StoreFence
from services.cfm.parts import Parts
from services.instance.fellows import fellow_facts, fellow_reasons
from services.instance.local_api import answer
from services.instance.reasons import reason_samples
from services.settings.catalogue import settings_fact, without_acceptance, without_any, without_copy

_STATUSES = [status.name.lower() for status in RowStatus]


class CfmStatus:
    """The status of one CFM, read from its parts."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def answer(self, request: LocalRequest, now: float) -> list[Effect]:
        """`status`."""
        return [answer(request, **self.describe(now))]

    def describe(self, now: float) -> dict[str, Any]:
        """The whole status, for an operator."""
        parts, audit = self._parts, self._parts.journal.audit
        voting = {} if parts.voting is None else parts.voting.describe()
        return {
            **parts.frame.describe(),
            "generation": parts.builder.generation,
            "sealed": parts.builder.held.needs(),
            "missing": [one.document() for one in self.missing()],
            "degraded": [one.document() for one in self.degraded()],
            "peers": parts.roster.describe(now),
            "connected": parts.taking.connected,
            "rows": len(parts.table),
            "failover": {**parts.fence.describe(), **voting},
            "table": parts.table.counts,
            "reads": parts.reads.counts,
            "silent": {**parts.reads.silent, **parts.serving.downloads.refused},
            "tftp": asdict(parts.tftp.counters),
            "receive_buffer_bytes": parts.receive_buffer_bytes,
            "lookups": parts.serving.lookups.counts,
            "counts": {**parts.frame.counts, **parts.serving.counts, **parts.builder.unbuilt},
            "audit": {"pending": len(audit), "dropped": audit.dropped, "untold": parts.journal.untold},
        }

    def facts(self, now: float) -> dict[str, str]:
        """Its state by kind, in words."""
        parts = self._parts
        roles = {
            f"role {role}": f"role {role}: {one['holder'] or 'nobody'}, era {one['era']} epoch {one['epoch']}"
            for role, one in parts.fence.describe()["roles"].items()
        }
        return {
            **parts.frame.facts(),
            **settings_fact(parts.builder.record),
            **roles,
            **fellow_facts(parts.roster, parts.taking.unconnected()),
        }

    def missing(self) -> list[Reason]:
        """The things that are missing and without which no file can be built, or not for long."""
        parts = self._parts
        has_any = parts.builder.generation > 0
        lacks = [] if has_any else parts.builder.held.lacks()
        return [*parts.frame.missing(), *without_any(has_any=has_any), *lacks]

    def degraded(self) -> list[Reason]:
        """The degradations: files are built; rows of known primaries are taken, those of later ones not."""
        return [
            *self._parts.frame.namesake.degraded(),
            *self._parts.frame.lacks,
            *self._parts.frame.switching.degraded(),
            *self._lacks_authority(),
            *self._lacks_disk(),
            *self._lacks_keys(),
            *self._lacks_time(),
            *self._lacks_minters(),
            *fellow_reasons(self._parts.roster, "cfm", self._parts.frame.about.keys()),
            *(self._parts.builder.held.lacks() if self._parts.builder.generation else ()),
            *without_acceptance(self._parts.builder.faults),
        ]

    def _lacks_time(self) -> Iterator[Reason]:
        doubts, minters = self._parts.doubts, self._parts.taking.minters
        if jumped_s := doubts.jumped_s:
            yield Reason("clock-jumped", f"a clock to trust: it jumped by {jumped_s:+.0f} s")
        for name in (minters[number] for number in doubts.off if number in minters):
            yield Reason(
                "minter-clock-off", f"the time of {name}: its clock is more than {OFF_S_MAX:g} s off"
            )

    def _lacks_minters(self) -> list[Reason]:
        if not any(self._parts.roster.alive(service) for service in MINTERS):
            return [Reason("no-minter", "no minter is alive")]
        return [
            Reason("minter-unconnected", f"{name}, which is alive, is not connected to the hand-off port")
            for name in self._parts.taking.unconnected()
        ]

    def _lacks_keys(self) -> list[Reason]:
        known = self._parts.opener.minters
        return [
            Reason(
                "seal-key-missing",
                f"the seal key of {name}, without which a read before its row gets nothing: "
                "see cfm.seal_keys",
            )
            for number, name in self._parts.taking.minters.items()
            if number not in known
        ]

    def _lacks_authority(self) -> list[Reason]:
        fence, voting = self._parts.fence, self._parts.voting
        if voting is not None and not voting.votes:
            text = "its vote, without which a role may find no majority: see provbus failover admit"
            return [Reason("no-vote", text)]
        if fence.is_on and (fence.is_from_disk or fence.reason):
            text = f"the role log, so later primaries are refused ({fence.reason or 'not read yet'})"
            return [Reason("fence-stale", text)]
        behind = fence.behind()
        if not behind:
            return []
        return [Reason("era-behind", f"an era of the role log above another authority's: {behind}")]

    def _lacks_disk(self) -> list[Reason]:
        found = without_copy(self._parts.frame.keeping)
        if why := self._parts.frame.keeping.why(StoreFence):
            text = f"a disk for its fence, so the rows of later primaries are refused ({why})"
            found.append(Reason("disk-fence", text))
        if why := self._parts.frame.keeping.why(StorePromises):
            text = f"a disk for its promises, so it may abstain from a vote ({why})"
            found.append(Reason("disk-promises", text))
        return found

    def samples(self, now: float) -> Iterator[Sample]:
        """All metrics of a CFM."""
        parts = self._parts
        yield from reason_samples(self, "cfm")
        rows, silent, load = (
            parts.table.counts,
            parts.reads.silent,
            parts.serving.load(now, parts.capacity),
        )
        outcomes = {name: rows[name] for name in ("completed", "expired")}
        yield from labelled("provbus_fileids_total", "outcome", outcomes)
        statuses = {name: rows[name] for name in _STATUSES}
        yield from labelled("provbus_rows_total", "status", statuses)
        yield from labelled("provbus_bad_rows_total", "objection", parts.table.bad)
        yield Sample("provbus_table_rows", len(parts.table))
        yield Sample("provbus_disowned_names_total", parts.reads.disowned)
        yield Sample("provbus_parked_reads", len(parts.reads))
        yield from labelled("provbus_reads_total", "how", parts.reads.counts)
        reasons = {reason: count for reason, count in silent.items() if reason != "pulls_full"}
        reasons |= parts.serving.downloads.refused
        yield from labelled("provbus_silent_reads_total", "reason", reasons)
        yield from labelled("provbus_unbuilt_files_total", "reason", parts.builder.unbuilt)
        yield from labelled("provbus_lookups_total", "outcome", parts.serving.lookups.counts)
        yield from labelled("provbus_audit_untold_total", "what", parts.journal.untold)
        yield Sample("provbus_downloads_in_flight", load.in_flight)
        yield Sample("provbus_download_p99_seconds", load.p99_ms / 1000)
        yield from labelled("provbus_tftp_events_total", "event", asdict(parts.tftp.counters))
        undecodable = parts.frame.counts["undecodable"] + parts.serving.counts["bad_row"]
        yield Sample("provbus_undecodable_total", undecodable)
        yield Sample("provbus_settings_generation", parts.builder.generation)
        yield Sample("provbus_settings_faults", len(parts.builder.faults))
        yield from parts.builder.held.samples()
        if parts.fence.is_on:
            yield Sample("provbus_role_log_position", parts.fence.reader.position)
        yield from parts.frame.samples()
        yield from self._queues()

    def _queues(self) -> Iterator[Sample]:
        parts = self._parts
        silent = parts.reads.silent
        waiting = {"pulls": parts.reads.pulls, "sessions": len(parts.tftp)}
        waiting |= {"audit": len(parts.journal.audit), "lookups": len(parts.serving.lookups)}
        yield from labelled("provbus_queue_depth", "queue", waiting)
        shed = {
            "table": parts.table.counts["full"] - parts.table.over_share,
            "table_share": parts.table.over_share,
            "parked": silent.get("parked_full", 0),
            "pulls": silent.get("pulls_full", 0),
            "sessions": parts.tftp.counters.refused_full + parts.tftp.counters.shed,
            "audit": parts.journal.audit.dropped,
            "lookups": parts.serving.lookups.counts["shed"],
            "askers": parts.reads.shares.crowded,
            "relays": parts.reads.shares.relays_forgotten,
            "payers": parts.serving.downloads.crowded,
            "told": parts.journal.crowded,
        }
        yield from labelled("provbus_sheds_total", "queue", shed)
