"""A CFM's events in the audit stream: one per download, and more only for failures.

A refusal is told when its read named a FileID of ours, so that somebody who looks for the device finds the
reason. Reads that match no row and open no seal are a stranger's: of those a few a second are told, enough to
see what is going on. Both are rate-limited, because repeated reads must not fill the stream; events that are
not told are counted. The limits apply to events only: they delay no read.

Each FileID's device has a bucket of its own, and another for what others ask in its name; each stranger's
address has one (`fileid.shares`). Over those there is one for all, for a flood that comes from many. So one
device tells at most 0.1 events a second for ever: 1.5 MB a day.
"""

from collections.abc import Callable
from ipaddress import ip_address
from typing import Any, NamedTuple

from bus.device import device_text
from bus.telemetry.audit import Audit
from bus.wire.buckets import Buckets
from fileid.reads import Serve
from fileid.row import Fields
from fileid.shares import Shares

STRANGERS_PER_S, STRANGERS_BURST = 5.0, 50  # enough to see where they come from
REFUSALS_PER_S, REFUSALS_BURST = 200.0, 2_000  # a storm's late reads; a modem repeats every 2 s and slower
EACH_PER_S, EACH_BURST = 0.1, 5  # the first ones say why


class Download(NamedTuple):
    """A file that is being sent: its read, and the moment when sending began."""

    served: Serve
    at: float


class DownloadCompleted(NamedTuple):
    """Outcome: the modem has its file. Facts that another TFTP server does not tell are JSON's null."""

    download: Download
    bytes: int
    blocks: int | str = "null"
    retransmits: int | str = "null"
    port: int | str = "null"


class DownloadAbandoned(NamedTuple):
    """Outcome: the modem did not take its file to the end."""

    download: Download
    reason: str


class ReadRefused(NamedTuple):
    """Outcome: a read got no file. `fields` are those of the row that it asked for; where they are not known,
    `key` may find them. `address` (packed) is where it came from; empty if that is no part of the reason.
    """

    reason: str
    fields: Fields | None
    address: bytes = b""
    key: bytes = b""


Outcome = DownloadCompleted | DownloadAbandoned | ReadRefused
"""The end of a read."""


class Journal:
    """Writes a CFM's events into its audit stream. `find` returns the fields of a key's row, and is called
    only for a read that will be told; `shares` are those of strangers; `wall_s` is the Unix time of a moment.
    """

    def __init__(
        self,
        audit: Audit,
        find: Callable[[bytes], Fields | None],
        shares: Shares,
        wall_s: Callable[[float], float],
    ) -> None:
        self.audit = audit
        self._wall_s = wall_s
        self.untold = dict.fromkeys(("refusals", "strangers"), 0)
        self._find = find
        self._shares = shares
        self._each = Buckets(EACH_PER_S, EACH_BURST)
        self._refusals = Buckets(REFUSALS_PER_S, REFUSALS_BURST)
        self._strangers = Buckets(STRANGERS_PER_S, STRANGERS_BURST)
        self._tells: dict[type, Callable[[Any, float], None]] = {
            DownloadCompleted: self._completed,
            DownloadAbandoned: self._abandoned,
            ReadRefused: self._refused,
        }

    @property
    def crowded(self) -> int:
        """How often a new device that is told of shared a bucket with all other new ones."""
        return self._each.crowded

    def tell(self, outcome: Outcome, now: float) -> None:
        """Record an outcome, unless too many reads ended like that."""
        self._tells[type(outcome)](outcome, now)

    def expired(self, fields: Fields, now: float) -> None:
        """Record that no read came for this row."""
        self._record("fileid.expired", fields, now, {})

    def _completed(self, outcome: DownloadCompleted, now: float) -> None:
        """`took_ms` counts from the read, `waited_ms` of it for the row."""
        (served, at), size_bytes, blocks, retransmits, port = outcome
        _, _, fields, how, waited_s = served
        self.audit.record(
            f'{{"event":"download.completed","device":"{device_text(fields.device)}",'
            f'"fileid":"{fields.serial.hex()}","at":{self._wall_s(now):.3f},"how":"{how}",'
            f'"took_ms":{(now - at + waited_s) * 1000:.1f},"waited_ms":{waited_s * 1000:.1f},'
            f'"bytes":{size_bytes},"blocks":{blocks},"retransmits":{retransmits},"port":{port}}}',
            now,
        )

    def _abandoned(self, outcome: DownloadAbandoned, now: float) -> None:
        served, at = outcome.download
        took_ms = round((now - at + served.waited_s) * 1000, 1)
        more = {"reason": outcome.reason, "how": served.how, "took_ms": took_ms}
        self._record("download.abandoned", served.fields, now, more)

    def _refused(self, outcome: ReadRefused, now: float) -> None:
        reason, fields, address, key = outcome
        if fields is None:
            if not (self._shares.may_tell(address, now) and self._strangers.take("", now)):
                self.untold["strangers"] += 1
                return
            fields = self._find(key)  # of a spent name, say
        if fields is None:
            self._stranger(reason, address, now)
        elif self._each.take(_payer(fields, address), now) and self._refusals.take("", now):
            self._record("read.refused", fields, now, {"reason": reason} | _address(address))
        else:
            self.untold["refusals"] += 1

    def _stranger(self, reason: str, address: bytes, now: float) -> None:
        """Record a read that names no FileID of ours. The name is not told: it might be somebody's."""
        at = round(self._wall_s(now), 3)
        event = {"event": "read.refused", "device": "", "fileid": "", "at": at, "reason": reason}
        self.audit.record(event | _address(address), now)

    def _record(self, event: str, fields: Fields, now: float, more: dict[str, Any]) -> None:
        facts = {
            "event": event,
            "device": device_text(fields.device),
            "fileid": fields.serial.hex(),
            "at": round(self._wall_s(now), 3),
        }
        self.audit.record(facts | more, now)


def _payer(fields: Fields, address: bytes) -> tuple[bytes, bool]:
    """The device and whether it asked itself: its neighbours do not use up what it may tell."""
    return fields.address, address in (b"", fields.address)


def _address(address: bytes) -> dict[str, str]:
    return {"address": str(ip_address(address))} if address else {}
