"""Telling systemd how we are: the datagrams of sd_notify(3), without its library.

`$NOTIFY_SOCKET` names a Unix datagram socket, a leading `@` an abstract one; each datagram holds assignments,
one per line. Without the variable nobody wants to know and nothing is sent. That systemd does not listen is
never a reason to stop working, so failures are ignored, as the manual advises.

The watchdog is fed from the main loop, so it bites when the loop hangs, and not when a thread of a library
does. The loop does it once a second whatever `$WATCHDOG_USEC` says: with the `WatchdogSec=` of our units that
is well within half of it, the rate that sd_watchdog_enabled(3) asks for.
"""

import os
import socket
from collections.abc import Mapping


class Notifier:
    """What the service manager is told. `environment` is the process's own."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """The socket is opened now: later there may be no descriptor for it, and silence is a reason to be
        killed.
        """
        name = environment.get("NOTIFY_SOCKET", "")
        self._address = "\0" + name[1:] if name.startswith("@") else name
        watched = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        self._is_watched = watched and "WATCHDOG_USEC" in environment
        self._manager: socket.socket | None = None
        if self._address:
            self._manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
            self._manager.setblocking(False)  # a manager that does not read must not stop the loop

    def ready(self, status: str) -> None:
        """Start-up is over. `status` is the line that `systemctl status` shows."""
        self._send(f"READY=1\nSTATUS={status}")

    def stopping(self, status: str) -> None:
        """We have begun to stop."""
        self._send(f"STOPPING=1\nSTATUS={status}")

    def alive(self) -> None:
        """The main loop turns; silent unless a watchdog waits for it."""
        if self._is_watched:
            self._send("WATCHDOG=1")

    def _send(self, text: str) -> None:
        if self._manager is None:
            return
        try:
            self._manager.sendto(text.encode(), self._address)
        except OSError:
            pass

    def close(self) -> None:
        """Tell nothing more."""
        if self._manager is not None:
            self._manager.close()
            self._manager = None
