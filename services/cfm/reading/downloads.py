"""The files that are being sent, and what one leased address may have of them.

The leased address in the row pays, not the address that the read came from: a CMTS that proxies TFTP reads
for many. A modem has one download, and after restarts of its own a few that it left; it begins anew after
seconds.
"""

from bus.wire.buckets import Buckets
from fileid.reads import Serve
from services.cfm.reading.audit_events import Download

RUNNING_MAX = 8  # a modem that starts over every 5 s leaves seven behind: each is kept for 31 s
BUILDS_PER_S, BUILDS_BURST = 1.0, 16  # the lookups and downloads of a boot, several times over
PAYERS_MAX = (
    100_000  # more than a CFM serves in the 16 s that a device may owe: no honest one shares a bucket
)


class Downloads:
    """The downloads by the number of their read."""

    def __init__(self) -> None:
        self.refused: dict[str, int] = {}
        self._downloads: dict[int, Download] = {}
        self._running: dict[bytes, int] = {}  # by leased address
        self._builds = Buckets(BUILDS_PER_S, BUILDS_BURST, PAYERS_MAX)

    def __len__(self) -> int:
        return len(self._downloads)

    @property
    def crowded(self) -> int:
        """How often a new address that pays shared a bucket with all other new ones."""
        return self._builds.crowded

    def refusal(self, served: Serve, now: float) -> str:
        """Why no file may be built for this read now; empty if one may, and then that is charged."""
        address = served.fields.address
        reason = ""
        if served.read not in self._downloads and self._running.get(address, 0) >= RUNNING_MAX:
            reason = "share_running"
        elif not self._builds.take(address, now):
            reason = "share_builds"
        if reason:
            self.refused[reason] = self.refused.get(reason, 0) + 1
        return reason

    def served(self, read: int) -> Serve:
        """The decision by which this read is being served."""
        return self._downloads[read].served

    def begin(self, download: Download) -> None:
        """A file is being sent from now on, perhaps for a read that begins anew."""
        served = download.served
        self.end(served.read)
        self._downloads[served.read] = download
        address = served.fields.address
        self._running[address] = self._running.get(address, 0) + 1

    def end(self, read: int) -> Download | None:
        """The download of this read is over; None if there is none."""
        download = self._downloads.pop(read, None)
        if download is not None:
            address = download.served.fields.address
            if others := self._running.pop(address) - 1:
                self._running[address] = others
        return download
