"""Instants that outlast a process: how long ago something was, by a clock that nobody sets.

The time of a file says nothing here: to copy, restore or touch it changes that time, and it comes from a
clock that may be set. An `Instant` is written into a file instead, by both clocks of the host. Within one
boot CLOCK_BOOTTIME counts, which never jumps. After another boot, or on another host, only Unix time is left,
and if that went back nobody knows how long it was.
"""

import time
from pathlib import Path

from bus.contract import Contract

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Instant(Contract):
    """A moment: the boot of its host, the seconds since then, and Unix time in seconds."""

    boot: str
    up_s: float
    unix_s: float


def this_instant() -> Instant:
    """This moment."""
    try:
        boot = _BOOT_ID.read_text().strip()
    except OSError:
        boot = ""  # then only Unix time is left
    return Instant(boot=boot, up_s=time.clock_gettime(time.CLOCK_BOOTTIME), unix_s=time.time())


def passed_s(since: Instant, now: Instant) -> float | None:
    """The seconds between two moments; None if the clock that could tell went back.

    >>> passed_s(Instant(boot="a", up_s=5, unix_s=100), Instant(boot="a", up_s=65, unix_s=3))
    60.0
    """
    is_one_boot = bool(since.boot) and since.boot == now.boot
    passed = now.up_s - since.up_s if is_one_boot else now.unix_s - since.unix_s
    return passed if passed >= 0 else None
