"""Telling systemd our state: the datagrams of sd_notify(3), without its library.

`$NOTIFY_SOCKET` names a Unix datagram socket, a leading `@` an abstract one; each datagram holds assignments,
one per line. Without the variable nothing is sent. Work goes on when systemd does not listen, so failures are
ignored, as the manual advises.

The main loop feeds the watchdog, which therefore fires when the loop hangs, and not when a thread of a
library does. The loop feeds it once a second whatever `$WATCHDOG_USEC` says: with the `WatchdogSec=` of our
units that is well within half of it, the rate that sd_watchdog_enabled(3) asks for.
"""

import os
import socket
from collections.abc import Mapping


class Notifier:
    """Sends our state to the service manager. `environment` is the process's own."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Open the socket now: later there may be no descriptor, and systemd kills a silent process."""
        name = environment.get("NOTIFY_SOCKET", "")
        self._address = "\0" + name[1:] if name.startswith("@") else name
        watched = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        self._is_watched = watched and "WATCHDOG_USEC" in environment
        self._manager: socket.socket | None = None
        if self._address:
            self._manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
            self._manager.setblocking(False)  # a manager that does not read must not stop the loop

    def ready(self, status: str) -> None:
        """Say that start-up is over. `status` is the line that `systemctl status` shows."""
        self._send(f"READY=1\nSTATUS={status}")

    def stopping(self, status: str) -> None:
        """Say that we have begun to stop."""
        self._send(f"STOPPING=1\nSTATUS={status}")

    def alive(self) -> None:
        """Feed the watchdog, if there is one."""
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
        """Send nothing more."""
        if self._manager is not None:
            self._manager.close()
            self._manager = None
