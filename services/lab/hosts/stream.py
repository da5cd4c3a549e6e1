"""A host's stream to its sidecar: one JSON object per line each way, over a Unix socket."""

from __future__ import annotations

import select
import socket
from pathlib import Path

RECONNECT_S = (0.1, 1.0)
LINE_BYTES_MAX = 64 << 10  # an answer has a few hundred; a peer that sends more is not a sidecar
UNSENT_BYTES_MAX = 4 << 20  # a sidecar that stopped reading is treated as gone


class Sidecar:
    """The line-wise stream to a sidecar; never blocks, never raises, reports when it is down."""

    def __init__(self, path: Path, epoll: select.epoll) -> None:
        self._path = path
        self._epoll = epoll
        self._socket: socket.socket | None = None
        self._back_off_s = RECONNECT_S[0]
        self._received = b""
        self._unsent = b""
        self.retry_at = 0.0

    @property
    def up(self) -> bool:
        """Whether it can be asked now."""
        return self._socket is not None

    def fileno(self) -> int:
        """Its descriptor, -1 while it is down."""
        return -1 if self._socket is None else self._socket.fileno()

    def connect(self, now: float) -> None:
        """Try once; on refusal the next try is due at `retry_at`."""
        attempt = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            attempt.connect(str(self._path))
        except OSError:
            attempt.close()
            self.retry_at = now + self._back_off_s
            self._back_off_s = min(2 * self._back_off_s, RECONNECT_S[1])
            return
        self._socket = attempt
        self._back_off_s = RECONNECT_S[0]
        self._epoll.register(attempt, select.EPOLLIN)

    def send(self, lines: bytes) -> bool:
        """Send, or keep for later, up to a limit; False if the sidecar is gone."""
        if self._socket is None:
            return False
        waiting = bool(self._unsent)
        self._unsent += lines
        try:
            if self._unsent:
                self._unsent = self._unsent[self._socket.send(self._unsent) :]
        except BlockingIOError:
            pass
        except OSError:
            return False
        if bool(self._unsent) is not waiting:
            events = select.EPOLLIN | select.EPOLLOUT if self._unsent else select.EPOLLIN
            self._epoll.modify(self._socket, events)
        return len(self._unsent) <= UNSENT_BYTES_MAX

    def receive(self) -> list[bytes] | None:
        """The complete lines that came; None when the sidecar is gone."""
        if self._socket is None:
            return None
        try:
            data = self._socket.recv(256 << 10)
        except BlockingIOError:
            return []
        except OSError:
            return None
        *lines, self._received = (self._received + data).split(b"\n")
        return lines if data and len(self._received) <= LINE_BYTES_MAX else None

    def close(self, now: float) -> None:
        """Forget the connection; the next try is due at `retry_at`."""
        if self._socket is not None:
            self._socket.close()
        self._socket, self._received, self._unsent = None, b"", b""
        self.retry_at = now + self._back_off_s
