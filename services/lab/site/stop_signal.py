"""SIGTERM and SIGINT as a readable descriptor: a poll loop ends between two events, not inside one."""

from __future__ import annotations

import os
import signal


def stop_descriptor() -> int:
    """A descriptor that SIGTERM and SIGINT make readable; call once per process, from its main thread."""
    readable, writable = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(writable, warn_on_full_buffer=False)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: None)  # the wake-up byte is the message
    return readable
