"""What a CFM says of itself: to its operator, to Prometheus, and to whoever asks whether it can work.

It reads the parts of the CFM and changes none of them, so it may be asked at any time.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from bus.dedup import Dedup
from bus.envelope import Stamp
from bus.keeping import Keeping
from bus.messages import Beat
from bus.metrics import Sample, labelled
from fileid.reads import Reads
from fileid.seal import Opener
from fileid.table import Status, Table
from heartbeat.fence import Fence, StoreFence
from heartbeat.grants import StorePromises
from heartbeat.namesake import Namesake
from heartbeat.pulse import Pulse
from services.cfm.building import Builder
from services.cfm.journal import Journal
from services.cfm.serving import Serving
from services.cfm.voting import Voting
from services.settings.catalogue import without_acceptance, without_copy
from services.tftp.server_core import TftpServer

_STATUSES = [status.name.lower() for status in Status]


@dataclass(frozen=True, slots=True, kw_only=True)
class CfmStatus:
    """A look at the parts of one CFM. `beat` makes its next beat, `connected` names the minters that are,
    `minters` every one by its number.
    """

    stamp: Stamp
    beat: Callable[[float], Beat]
    table: Table
    reads: Reads
    tftp: TftpServer
    journal: Journal
    pulse: Pulse
    namesake: Namesake
    dedup: Dedup
    connected: Iterable[str]
    minters: Mapping[int, str]
    opener: Opener
    builder: Builder
    serving: Serving
    fence: Fence
    voting: Voting | None
    keeping: Keeping
    counts: Mapping[str, int]
    receive_buffer_bytes: int

    def answer(self, request_id: Any) -> dict[str, Any]:
        """The answer to the request `status` of the local socket."""
        return {
            "id": request_id,
            "instance": self.stamp.instance,
            "service": "cfm",
            "incarnation": self.stamp.incarnation,
            "generation": self.builder.generation,
            "draining": self.pulse.is_draining,
            "missing": self.missing(),
            "degraded": self.degraded(),
            "peers": {name: {"state": "connected"} for name in self.connected},
            "rows": len(self.table),
            "failover": {**self.fence.describe(), **(self.voting.describe() if self.voting else {})},
            "table": self.table.counts,
            "reads": self.reads.counts,
            "silent": self.reads.silent,
            "tftp": asdict(self.tftp.counters),
            "receive_buffer_bytes": self.receive_buffer_bytes,
            "lookups": self.serving.lookups.counts,
            "counts": {**self.counts, **self.serving.counts, **self.builder.unbuilt},
            "audit": {
                "pending": len(self.journal.audit),
                "dropped": self.journal.audit.dropped,
                "untold": self.journal.untold,
            },
        }

    def missing(self) -> list[str]:
        """What is not there and without which no file can be built, or not for long."""
        missing = ["it drains, to stop"] if self.pulse.is_draining else []
        missing += self.namesake.missing()
        return missing if self.builder.generation else [*missing, "settings"]

    def degraded(self) -> list[str]:
        """Rows of the primaries that we knew are taken, those of later ones are not; files are built."""
        return [
            *self.namesake.degraded(),
            *self._lacks_authority(),
            *self._lacks_disk(),
            *self._lacks_keys(),
            *without_acceptance(self.builder.faults),
        ]

    def _lacks_keys(self) -> list[str]:
        known = self.opener.minters
        return [
            f"the seal key of {name}, without which a read before its row gets nothing: see cfm.seal_keys"
            for number, name in self.minters.items()
            if number not in known
        ]

    def _lacks_authority(self) -> list[str]:
        if self.voting is not None and not self.voting.votes:
            return ["its vote, without which a role may find no majority: see provbus failover admit"]
        if self.fence.is_on and (self.fence.is_from_disk or self.fence.reason):
            return [f"the role log, so later primaries are refused ({self.fence.reason or 'not read yet'})"]
        behind = self.fence.behind()
        return [f"an era of the role log above another authority's: {behind}"] if behind else []

    def _lacks_disk(self) -> list[str]:
        found = without_copy(self.keeping)
        if why := self.keeping.why(StoreFence):
            found.append(f"a disk for its fence, so the rows of later primaries are refused ({why})")
        if why := self.keeping.why(StorePromises):
            found.append(f"a disk for its promises, so it may abstain from a vote ({why})")
        return found

    def samples(self, now: float) -> Iterator[Sample]:
        """Everything that a CFM counts."""
        rows, silent, load = self.table.counts, self.reads.silent, self.beat(now).load
        outcomes = {name: rows[name] for name in ("completed", "expired")}
        yield from labelled("provbus_fileids_total", "outcome", outcomes)
        statuses = {name: rows[name] for name in _STATUSES}
        yield from labelled("provbus_rows_total", "status", statuses)
        yield Sample("provbus_table_rows", len(self.table))
        yield Sample("provbus_parked_reads", len(self.reads))
        yield from labelled("provbus_reads_total", "how", self.reads.counts)
        reasons = {reason: count for reason, count in silent.items() if reason != "pulls_full"}
        yield from labelled("provbus_silent_reads_total", "reason", reasons)
        yield from labelled("provbus_unbuilt_files_total", "reason", self.builder.unbuilt)
        yield from self.keeping.samples()
        yield from labelled("provbus_lookups_total", "outcome", self.serving.lookups.counts)
        yield from labelled("provbus_audit_untold_total", "what", self.journal.untold)
        yield Sample("provbus_downloads_in_flight", load.in_flight)
        yield Sample("provbus_download_p99_seconds", load.p99_ms / 1000)
        yield from labelled("provbus_tftp_events_total", "event", asdict(self.tftp.counters))
        undecodable = self.counts["undecodable"] + self.serving.counts["bad_row"]
        yield Sample("provbus_undecodable_total", undecodable)
        yield Sample("provbus_duplicates_total", self.dedup.duplicates)
        yield Sample("provbus_settings_generation", self.builder.generation)
        yield Sample("provbus_settings_faults", len(self.builder.faults))
        yield Sample("provbus_draining", self.pulse.is_draining)
        if self.fence.is_on:
            yield Sample("provbus_role_log_position", self.fence.reader.position)
        yield from self.namesake.samples()
        yield from self._queues()

    def _queues(self) -> Iterator[Sample]:
        silent = self.reads.silent
        waiting = {"pulls": self.reads.pulls, "sessions": len(self.tftp)}
        waiting |= {"audit": len(self.journal.audit), "lookups": len(self.serving.lookups)}
        yield from labelled("provbus_queue_depth", "queue", waiting)
        shed = {
            "table": self.table.counts["full"],
            "parked": silent.get("parked_full", 0),
            "pulls": silent.get("pulls_full", 0),
            "sessions": self.tftp.counters.refused_full + self.tftp.counters.shed,
            "audit": self.journal.audit.dropped,
            "lookups": self.serving.lookups.counts["shed"],
        }
        yield from labelled("provbus_sheds_total", "queue", shed)
