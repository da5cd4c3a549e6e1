"""The leases of a journal that get a row: recent ones, of a device that is identified.

`counts` counts lines and entries by outcome: `lease`, told to the runner; `old`, granted over `AGE_S_MAX`
ago, so no modem waits for its file; `late`, granted in the minute before a resync and told by Kea when it was
too old; `other`, released, declined, or of no device; `unidentified`, without a remote id that identifies the
device; `malformed`. What makes us raise is a fault of ours, in none of them.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from bus.device import device_text
from bus.errors import DecodeError
from bus.telemetry.own_faults import OwnFaults
from fileid.lease import Lease, LeaseFile, choose_file, named_device
from services.dhcp.kea.journal.entries import Header, granted_at, parse_entry, parse_fields, split_line

AGE_S_MAX = 60.0  # the life of a row
COUNTED = ("lease", "old", "late", "other", "unidentified", "malformed")

Warn = Callable[[str, str], None]
"""Logs a warning of a kind, seldom."""


class Sieve:
    """Keeps recent leases of identified devices. Kea gives out `files`; `faults` has the place "kea"."""

    def __init__(self, files: Sequence[LeaseFile], warn: Warn, faults: OwnFaults) -> None:
        self.counts = dict.fromkeys(COUNTED, 0)
        self._files = files
        self._warn = warn
        self._faults = faults

    def lines(self, lines: Iterable[bytes], columns: Header, wall_s: float) -> list[Lease]:
        """The leases in these lines of the journal, at this Unix time."""
        found: list[Lease] = []
        oldest_s = wall_s - AGE_S_MAX
        for line in lines:
            try:
                fields = split_line(line, columns)
                granted_s = granted_at(fields, columns)
                if granted_s is not None and granted_s < oldest_s:
                    self.counts["old"] += 1
                    continue
                lease = None if granted_s is None else parse_fields(fields, columns, granted_s)
            except DecodeError as error:
                self.counts["malformed"] += 1
                self._warn("line", f"skipped a line of the journal that Kea did not write: {error}")
            except Exception as error:
                self._faults.note("kea", "line of the journal", error)
            else:
                self._keep(lease, found)
        return found

    def entries(self, entries: Iterable[Any], begun_s: float, wall_s: float) -> list[Lease]:
        """The leases of a page at the Unix time `wall_s`, in a resync that began at `begun_s`."""
        found: list[Lease] = []
        for entry in entries:
            try:
                lease = parse_entry(entry)
            except DecodeError as error:
                self.counts["malformed"] += 1
                self._warn("entry", f"skipped a lease that Kea told of: {error}")
                continue
            except Exception as error:
                self._faults.note("kea", "lease that Kea told of", error)
                continue
            if lease is None or lease.granted_s >= wall_s - AGE_S_MAX:
                self._keep(lease, found)
            elif lease.granted_s < begun_s - AGE_S_MAX:
                self.counts["old"] += 1
            else:
                self.counts["late"] += 1
                self._warn(
                    "late",
                    "Kea took so long to tell all its leases that some of the last minute are too old now: "
                    "those modems get their files when they boot again",
                )
        return found

    def overlong(self, lines: int) -> None:
        """Count so many lines that were too long to be read."""
        self.counts["malformed"] += lines

    def _keep(self, lease: Lease | None, found: list[Lease]) -> None:
        if lease is None:
            self.counts["other"] += 1
        elif self._is_unidentified(lease):
            self.counts["unidentified"] += 1
            said = f"remote id {lease.remote_id.hex()}" if lease.remote_id else "no remote id (option 82)"
            other = "" if lease.remote_id else ", or say remote_id: none for that subnet in minter.kea.files"
            self._warn(
                "remote_id",
                f"{device_text(lease.device)} has a lease in subnet {lease.subnet_id} with {said}: "
                "nothing says whether it is a modem or behind one, so it gets no row; "
                f"have the CMTS write the modem's address{other}",
            )
        else:
            self.counts["lease"] += 1
            found.append(lease)

    def _is_unidentified(self, lease: Lease) -> bool:
        """Whether the device is unknown. A remote id of another device is that of the modem before it."""
        if lease.remote_id == lease.device or named_device(lease.remote_id) is not None:
            return False
        return choose_file(lease, self._files) is None
