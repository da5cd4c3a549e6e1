"""The counters of an instance since its start; `docs/reference/metrics.md` explains most of them."""

from services.instance.contracts.field import Count, Told


class Counts(Told):
    """How often each of these happened since the start."""


class Untold(Counts):
    """Refused reads that the audit stream was not told of."""

    refusals: Count
    strangers: Count


class HandoffCounts(Counts):
    """Rows, by what became of their hand-off; `late_acks` and `unasked_acks` count frames."""

    acked: Count
    unacked: Count
    retried: Count
    refused: Count
    late_acks: Count
    unasked_acks: Count


class SidecarCounts(Counts):
    """`fileid.create` requests, and messages and pulls of no use."""

    created: Count
    refused: Count
    undecodable: Count
    unknown_pulls: Count
    disowned: Count


class LeaseCounts(Counts):
    """Leases of a Kea that is followed, by what became of their rows."""

    seen: Count
    moved: Count
    acked: Count
    late: Count
    unacked: Count
    ignored: Count
    no_settings: Count
    bad_settings: Count
    stale: Count
    shed: Count


class RowCounts(Counts):
    """Rows, by the answer to them, and by their end."""

    stored: Count
    duplicate: Count
    full: Count
    bad: Count
    stale_epoch: Count
    unverified_epoch: Count
    taken: Count
    expired: Count
    completed: Count


class ReadCounts(Counts):
    """Reads, by what served them."""

    row: Count
    parked: Count
    pulled: Count
    sealed: Count


class TftpCounts(Counts):
    """Events of the TFTP server."""

    completed: Count
    abandoned: Count
    restarts: Count
    retransmits: Count
    errors_sent: Count
    shed: Count
    overdue: Count
    duplicate_acks: Count
    netascii: Count
    malformed: Count
    restarts_refused: Count
    refused_write: Count
    refused_full: Count
    unknown_tid: Count


class LookupCounts(Counts):
    """Lookups, by what became of them."""

    asked: Count
    joined: Count
    refused: Count
    done: Count
    shed: Count


class CfmCounts(Counts):
    """Messages of no use, downloads by their end, and files that could not be built."""

    undecodable: Count
    bad_row: Count
    completed: Count
    abandoned: Count
    no_template: Count
    bad_values: Count
