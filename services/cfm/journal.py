"""What a CFM tells the audit stream: one event per download, and more only for what went wrong.

A refusal is told when its read named a FileID of ours, so that somebody who looks for the device finds the
reason. Reads that match no row and open no seal are a stranger's: of those only so many a second are told as
say what is going on. Both are metered, because whoever repeats a read must not fill the stream; what is not
told is counted. The meters decide about words only: no read is ever slower or later for them.
"""

from ipaddress import ip_address
from typing import Any, NamedTuple

from bus.audit import Audit
from bus.datagram import TokenBuckets
from bus.envelope import Stamp
from fileid.reads import Serve
from fileid.row import Fields

STRANGERS_PER_S, STRANGERS_BURST = 5.0, 50  # enough to see who it is
REFUSALS_PER_S, REFUSALS_BURST = 200.0, 2_000  # a storm's late reads; a modem repeats every 2 s and slower


class Download(NamedTuple):
    """A file on its way: for which read, and since when it is being sent."""

    served: Serve
    at: float


class Transfer(NamedTuple):
    """How a download went; what somebody else's TFTP server does not tell is JSON's null."""

    bytes: int
    blocks: int | str = "null"
    retransmits: int | str = "null"
    port: int | str = "null"


class Journal:
    """Writes a CFM's events into its audit stream. Unix time is `now + wall_offset_s`."""

    def __init__(self, stamp: Stamp) -> None:
        self.audit = Audit(stamp)
        self.wall_offset_s = 0.0
        self.untold = dict.fromkeys(("refusals", "strangers"), 0)
        self._refusals = TokenBuckets(REFUSALS_PER_S, REFUSALS_BURST)
        self._strangers = TokenBuckets(STRANGERS_PER_S, STRANGERS_BURST)

    def completed(self, download: Download, transfer: Transfer, now: float) -> None:
        """The modem has its file. `took_ms` counts from the read, `waited_ms` of it for the row."""
        served, at = download
        _, _, fields, how, waited_s = served
        size_bytes, blocks, retransmits, port = transfer
        self.audit.record(
            f'{{"event":"download.completed","device":"{fields.device.hex(":")}",'
            f'"fileid":"{fields.serial.hex()}","at":{now + self.wall_offset_s:.3f},"how":"{how}",'
            f'"took_ms":{(now - at + waited_s) * 1000:.1f},"waited_ms":{waited_s * 1000:.1f},'
            f'"bytes":{size_bytes},"blocks":{blocks},"retransmits":{retransmits},"port":{port}}}',
            now,
        )

    def abandoned(self, download: Download, reason: str, now: float) -> None:
        """The modem did not take its file to the end."""
        served = download.served
        took_ms = round((now - download.at + served.waited_s) * 1000, 1)
        more = {"reason": reason, "how": served.how, "took_ms": took_ms}
        self._record("download.abandoned", served.fields, now, more)

    def expired(self, fields: Fields, now: float) -> None:
        """Nobody read this row."""
        self._record("fileid.expired", fields, now, {})

    def refused(self, fields: Fields, reason: str, now: float, address: bytes = b"") -> None:
        """A read of this FileID, from this address if it is known, got no answer."""
        if self._refusals.take("", now):
            self._record("read.refused", fields, now, {"reason": reason} | _address(address))
        else:
            self.untold["refusals"] += 1

    def wants_stranger(self, now: float) -> bool:
        """Whether one more read that names no FileID of ours is to be told; counted if it is not."""
        wanted = self._strangers.take("", now)
        self.untold["strangers"] += not wanted
        return wanted

    def stranger(self, reason: str, address: bytes, now: float) -> None:
        """A read that names no FileID of ours. The name is not told: it might be somebody's."""
        at = round(now + self.wall_offset_s, 3)
        event = {"event": "read.refused", "device": "", "fileid": "", "at": at, "reason": reason}
        self.audit.record(event | _address(address), now)

    def _record(self, event: str, fields: Fields, now: float, more: dict[str, Any]) -> None:
        facts = {
            "event": event,
            "device": fields.device.hex(":"),
            "fileid": fields.serial.hex(),
            "at": round(now + self.wall_offset_s, 3),
        }
        self.audit.record(facts | more, now)


def _address(address: bytes) -> dict[str, str]:
    return {"address": str(ip_address(address))} if address else {}
