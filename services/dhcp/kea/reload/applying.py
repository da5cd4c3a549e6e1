"""The rules for a reload of Kea's configuration, and its cost.

Theory of operation
-------------------
Kea's free edition takes no reservation at run time: it must reload its configuration. A reload drops all
leases and reads them from Kea's files; meanwhile Kea answers no modem. So changes are collected, and Kea
reloads at most once an interval.

Kea's clean-up makes two more rules. While one is under way a reload fails and leaves Kea without any leases.
And each reload restarts the time to the next clean-up, so reloads that come more often than `lfc-interval`
let the journal grow for ever, and each reload costs more than the one before: when the journal has outgrown
the result of the last clean-up, a reload must wait for the next.
"""

from typing import NamedTuple

LEASE_S = 20e-6
"""The cost of a line of the files, one for each lease and renewal; 10 to 20 us were measured with Kea 2.2."""

RESERVATION_S = 10e-6
GROWN_BYTES = 16 * 1024 * 1024
"""The size that a journal may always have: 100,000 lines, 2 s."""

EXCUSE_TIMES = 2.0
EXCUSE_S_MIN = 10.0
"""The follower ignores a shorter silence than this anyway."""


class KeaMoment(NamedTuple):
    """The state of a Kea: seconds since it read its configuration last, whether a clean-up is under way, and
    the sizes of its journal and of the last clean-up's result, in bytes; `line_bytes` is the size of a line.
    """

    read_s_ago: float
    is_cleaning_up: bool
    journal_bytes: int
    condensed_bytes: int
    line_bytes: int


def obstacle(moment: KeaMoment, interval_s: float) -> str:
    """The reason why Kea may not reload now; empty if it may."""
    if moment.is_cleaning_up:
        return "Kea cleans its journal up: a reload now would leave it without leases"
    if moment.read_s_ago < interval_s:
        return f"Kea read its configuration {moment.read_s_ago:.0f} s ago; the interval is {interval_s:g} s"
    if moment.journal_bytes > max(GROWN_BYTES, moment.condensed_bytes):
        return (
            f"Kea's journal has grown to {moment.journal_bytes / 1e6:.0f} MB since its last clean-up, and a "
            "reload would put the next one off; without a clean-up (lfc-interval 0) none comes"
        )
    return ""


def price_s(moment: KeaMoment, reservations: int) -> float:
    """The time for which Kea will answer no modem, in seconds, by the amount that it has to read."""
    lines = (moment.journal_bytes + moment.condensed_bytes) / moment.line_bytes
    return lines * LEASE_S + reservations * RESERVATION_S


def excuse_s(price: float) -> float:
    """The time for which the silence of a reload is excused, in seconds."""
    return max(EXCUSE_S_MIN, EXCUSE_TIMES * price)
