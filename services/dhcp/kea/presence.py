"""Whether Kea is there: its process, found through its control socket.

The kernel says whose process listens there, and a pidfd says when that has ended. So Kea is connected to once
in its life, not asked again and again, and its death is noticed at the next look. Where the kernel cannot say
it (a container with process numbers of its own) Kea is connected to every `ASK_EVERY_S`.
"""

import os
import select
import socket
import struct
from pathlib import Path

ASK_EVERY_S = 5.0
FIND_EVERY_S = 0.5
CONNECT_S = 1.0
_PEER = struct.Struct("3i")


class Presence:
    """Looks for the Kea behind one control socket. Not thread-safe: it belongs to who looks."""

    def __init__(self, control_socket: Path) -> None:
        self.is_there = False
        self._path = control_socket
        self._pidfd = -1
        self._due_s = 0.0

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
        """Watch nobody any more."""
        if self._pidfd >= 0:
            os.close(self._pidfd)
            self._pidfd = -1

    def _find(self) -> bool:
        """Connect; whether somebody listens. From now on its process is watched, if there is a way to. That
        we have no descriptor says nothing of Kea.
        """
        try:
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        except OSError:
            return self.is_there
        with connection:
            connection.settimeout(CONNECT_S)
            try:
                connection.connect(str(self._path))
                credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
            except OSError:
                return False
            pid, _, _ = _PEER.unpack(credentials)
            return self._watch(pid)

    def _watch(self, pid: int) -> bool:
        """Watch this process, if we can name it; whether it is there."""
        try:
            self._pidfd = os.pidfd_open(pid) if pid > 0 else -1
        except ProcessLookupError:
            return False
        except OSError:  # no descriptor: it is asked again, as if the kernel could not say who it is
            self._pidfd = -1
        return True
