"""Whether Kea is there: its process, found through its control socket.

The kernel names the process that listens there, and a pidfd tells when it ends. So Kea is connected to once
in its life, not polled, and its death is noticed at the next look. Where the kernel cannot name it (a
container with process numbers of its own) Kea is connected to every `ASK_EVERY_S`.
"""

import os
import select
import socket
from pathlib import Path

from services.dhcp.kea.daemon.control import pid_behind

ASK_EVERY_S = 5.0
FIND_EVERY_S = 0.5
CONNECT_S = 1.0


class Presence:
    """Looks for the Kea behind one control socket. Not thread-safe."""

    def __init__(self, control_socket: Path) -> None:
        self.is_there = False
        self.why_not = ""
        """The error of the last attempt to connect that failed."""
        self._path = control_socket
        self._pidfd = -1
        self._pid = 0
        self._due_s = 0.0

    @property
    def pid(self) -> int:
        """The id of Kea's process; 0 if it is not known."""
        return self._pid if self.is_there else 0

    def look(self, now: float) -> bool:
        """Whether Kea came, or went, since the last look."""
        was_there = self.is_there
        if self._pidfd >= 0:
            if self._has_ended():
                self.close()
                self.is_there, self._due_s = False, now
        elif now >= self._due_s:
            self.is_there = self._find()
            self._due_s = now + (ASK_EVERY_S if self.is_there else FIND_EVERY_S)
        return self.is_there is not was_there

    def _has_ended(self) -> bool:
        poll = select.poll()  # `select` knows no descriptor above 1023
        poll.register(self._pidfd, select.POLLIN)
        return bool(poll.poll(0))

    def close(self) -> None:
        """Stop watching."""
        if self._pidfd >= 0:
            os.close(self._pidfd)
            self._pidfd = -1

    def _find(self) -> bool:
        """Connect, and watch the process that listens, if possible. Returns whether one listens; without a
        free descriptor nothing changes.
        """
        try:
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        except OSError:
            return self.is_there
        with connection:
            connection.settimeout(CONNECT_S)
            try:
                connection.connect(str(self._path))
                self._pid = pid_behind(connection)
            except OSError as error:
                self.why_not = error.strerror or str(error)
                return False
            return self._watch(self._pid)

    def _watch(self, pid: int) -> bool:
        """Watch this process, if its id is known. Returns whether it is there."""
        try:
            self._pidfd = os.pidfd_open(pid) if pid > 0 else -1
        except ProcessLookupError:
            return False
        except OSError:  # no descriptor: we connect again later, as if the kernel could not name it
            self._pidfd = -1
        return True
