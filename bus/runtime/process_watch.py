"""The watch over the process behind a session of the local socket, and over all that it started.

Theory of operation
-------------------
A `pidfd` becomes readable when its process ends. That is not enough: its children may live on and act in its
place. So its process group, noted when the watch began, must be empty too. No descriptor tells that, so a
timer makes us look: every `LOOK_S` at first, every `LOOK_LATER_S` after `HURRY_S`, until the group is empty,
because a group must not be called gone before it is. Nothing polls while the process lives.

A process that has ended and was not yet waited for by its parent still counts as one of its group.

If there is no descriptor for a pidfd, the watch begins later: the timer tries it again. Until then the death
goes unnoticed; the lease that the host was given bounds the cost.

If the group is our own (a host service that started its sidecar), only the process counts.
"""

import ctypes
import logging
import os
from collections import deque
from collections.abc import Callable
from typing import Any

from bus.messages import HostGone
from bus.runtime.local_socket import SESSIONS_MAX
from bus.telemetry.log import Sparing
from bus.telemetry.metrics import Sample
from bus.transport.poller import Poller

LOOK_S = 0.01
LOOK_LATER_S = 0.5
HURRY_S = 1.0
WARN_EVERY_S = 60.0

_CLOCK_MONOTONIC = 1
_TFD_FLAGS = os.O_NONBLOCK | os.O_CLOEXEC
_log = logging.getLogger("provbus.processes")


class _Watch:
    """One process. `descriptor` is its pidfd, -1 once it has ended; `group` is 0 if it does not count."""

    def __init__(self, pid: int, group: int, descriptor: int) -> None:
        self.pid = pid
        self.group = group
        self.descriptor = descriptor
        # A process has no more sessions at a time; beyond that only the newest are told.
        self.sessions: deque[int] = deque(maxlen=SESSIONS_MAX)
        self.looks = 0

    def is_gone(self) -> bool:
        """Whether process and group are gone."""
        if self.descriptor >= 0:
            return False
        self.looks += 1
        return not self.group or _is_empty(self.group)

    def is_new(self) -> bool:
        """Whether to look every `LOOK_S`."""
        return self.looks * LOOK_S < HURRY_S


class ProcessWatch:
    """Returns `HostGone` through the poller for every session whose process, and its group, is gone."""

    def __init__(self, poller: Poller) -> None:
        self.failed = 0
        self._poller = poller
        self._watches: list[_Watch] = []
        self._unwatched: dict[int, int] = {}  # session: the process that we could not watch yet
        self._warnings = Sparing(_log, WARN_EVERY_S)
        self._timer = _Timer()
        poller.add(self._timer.descriptor, self._look)

    def watch(self, session: int, pid: int) -> None:
        """Watch the process that opened this session (`LocalServer.peer_pid`) from now on."""
        for watch in self._watches:
            if watch.pid == pid and watch.descriptor >= 0:
                watch.sessions.append(session)
                return
        try:
            watch = self._begin(pid)
        except OSError as error:
            self._fail(session, pid, error)
            return
        watch.sessions.append(session)
        self._watches.append(watch)
        if watch.descriptor < 0:
            self._timer.set(LOOK_S)

    def samples(self) -> list[Sample]:
        """The number of failures to watch a process."""
        return [Sample("provbus_host_watches_failed_total", self.failed)]

    def close(self) -> None:
        """Stop all watches."""
        for watch in self._watches:
            self._ended(watch)
        self._watches.clear()
        self._unwatched.clear()
        self._poller.remove(self._timer.descriptor)
        self._timer.close()

    def _begin(self, pid: int) -> _Watch:
        try:
            descriptor = os.pidfd_open(pid)
        except ProcessLookupError:  # it is gone already: a leader's group has its number, and may outlive it
            return _Watch(pid, pid, -1)
        try:
            group = os.getpgid(pid)
        except ProcessLookupError:
            group = pid
        watch = _Watch(pid, 0 if group == os.getpgrp() else group, descriptor)
        try:
            self._poller.add(descriptor, self._ender(watch))
        except OSError:
            os.close(descriptor)
            raise
        return watch

    def _fail(self, session: int, pid: int, error: OSError) -> None:
        self.failed += 1
        if len(self._unwatched) < SESSIONS_MAX:
            self._unwatched[session] = pid
        self._warnings.warn("pidfd", f"cannot watch process {pid}: {error.strerror}; tried again")
        self._timer.set(LOOK_LATER_S)

    def _try_again(self) -> None:
        waiting, self._unwatched = self._unwatched, {}
        for session, pid in waiting.items():
            self.watch(session, pid)

    def _ender(self, watch: _Watch) -> Callable[[], list[Any]]:
        def read() -> list[Any]:
            self._ended(watch)
            return self._look()

        return read

    def _ended(self, watch: _Watch) -> None:
        if watch.descriptor >= 0:
            self._poller.remove(watch.descriptor)
            os.close(watch.descriptor)
            watch.descriptor = -1

    def _look(self) -> list[Any]:
        """`HostGone` for sessions whose process and group are gone; look again later for others."""
        self._try_again()
        gone = [watch for watch in self._watches if watch.is_gone()]
        self._watches = [watch for watch in self._watches if watch not in gone]
        left = [watch for watch in self._watches if watch.descriptor < 0]
        is_near = any(one.is_new() for one in left)
        self._timer.set((LOOK_S if is_near else LOOK_LATER_S) if left or self._unwatched else 0.0)
        return [HostGone(session) for watch in gone for session in watch.sessions]


class _Timer:
    """A timerfd, by libc: Python has it from 3.13 on."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self.descriptor = self._libc.timerfd_create(_CLOCK_MONOTONIC, _TFD_FLAGS)
        if self.descriptor < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")

    def set(self, after_s: float) -> None:
        """Become readable once, `after_s` from now; 0 is never. An earlier expiry is forgotten."""
        seconds, rest = divmod(after_s, 1.0)
        # struct itimerspec: interval and first expiry, each in seconds and nanoseconds
        when = (ctypes.c_long * 4)(0, 0, int(seconds), int(rest * 1e9))
        if self._libc.timerfd_settime(self.descriptor, 0, when, None):
            raise OSError(ctypes.get_errno(), "timerfd_settime")

    def close(self) -> None:
        """Close the descriptor."""
        os.close(self.descriptor)


def _is_empty(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    except PermissionError:  # somebody is there, of another user
        return False
    return False
