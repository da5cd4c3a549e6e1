"""Kea's control socket: one JSON command over a UNIX socket, one JSON answer, then Kea hangs up.

Kea answers between two packets, and not at all while it reads its leases. `command` waits for the answer; a
`PendingCommand` is polled by a caller that has other work.
"""

import json
import select
import socket
import struct
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bus.errors import RemoteError, UnavailableError

WAIT_S = 5.0
"""Kea answers between two packets; in a storm that takes a moment."""

ANSWER_BYTES_MAX = 64 * 1024 * 1024
"""A configuration with a reservation for each of a hundred thousand modems has some 20 MB."""

ONE_LEASE = {"from": "start", "limit": 1}
"""The arguments of `lease4-get-page` that test whether Kea has its leases at all."""

DONE, EMPTY = 0, 3
_CHUNK_BYTES = 256 * 1024
_PEER = struct.Struct("3i")
_BUSY = "it is busy (it reads its leases after a start or a reload), or it stands still"
_BEGINNINGS = (b"", b"{", b"[")
_WITHOUT_LEASES = "no current lease manager"


class MuteError(RemoteError):
    """This Kea answers its control socket and no modem: it has no leases, or no sockets, because a reload
    failed; the next one that succeeds mends it.
    """


class SilentError(UnavailableError):
    """This Kea listens but does not answer now: it reads its leases, or its machine is busy."""


def command(
    path: Path, name: str, arguments: Mapping[str, Any] | None = None, wait_s: float = WAIT_S
) -> dict[str, Any]:
    """Kea's whole answer to a command: `result` is 0, or 3 if Kea found nothing.

    `UnavailableError` if Kea does not answer in time, or hangs up; `RemoteError` if it refuses, or if its
    answer is malformed.
    """
    question = PendingCommand(path, name, arguments)
    deadline_s = time.monotonic() + wait_s
    try:
        while (answer := question.look(deadline_s - time.monotonic())) is None:
            if time.monotonic() >= deadline_s:
                raise SilentError(
                    f"Kea listens at {path}, but did not answer {name} within {wait_s:g} s: {_BUSY}"
                )
    finally:
        question.close()
    return answer


def peer_pid(path: Path) -> int:
    """The process that listens there; 0 if the kernel cannot say, `UnavailableError` if there is none."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        try:
            connection.connect(str(path))
        except OSError as error:
            raise away(path, error) from error
        return pid_behind(connection)


def pid_behind(connection: socket.socket) -> int:
    """The process that listens at the other end; 0 if the kernel cannot say. `OSError`."""
    pid, _, _ = _PEER.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size))
    return int(pid)


class PendingCommand:
    """One command that is under way. The caller must close it."""

    def __init__(self, path: Path, name: str, arguments: Mapping[str, Any] | None = None) -> None:
        """Send it. `UnavailableError` if no process listens there, if Kea's backlog is full, or if we have no
        descriptor left.
        """
        self._path = path
        self._name = name
        self._chunks: list[bytes] = []
        self._size_bytes = 0
        request = {"command": name} if arguments is None else {"command": name, "arguments": arguments}
        self._unsent = json.dumps(request).encode()
        try:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        except OSError as error:  # we have no descriptor
            raise UnavailableError(f"Kea cannot be asked {name}: {error.strerror}") from error
        self._socket.setblocking(False)
        try:
            self._socket.connect(str(path))
            self._send()
        except OSError as error:
            self._socket.close()
            raise self._away(error) from error

    def look(self, wait_s: float = 0.0) -> dict[str, Any] | None:
        """The answer, or None if it did not come within `wait_s`; errors as of `command`."""
        poll = select.poll()  # `select` knows no descriptor above 1023
        poll.register(self._socket, select.POLLIN | (select.POLLOUT if self._unsent else 0))
        if not poll.poll(max(0.0, wait_s) * 1000):
            return None
        try:
            self._send()
            return unpack(b"".join(self._chunks), self._name, self._path) if self._receive() else None
        except OSError as error:
            raise self._away(error) from error

    def close(self) -> None:
        """Give up the answer."""
        self._socket.close()

    def _send(self) -> None:
        while self._unsent:
            try:
                self._unsent = self._unsent[self._socket.send(self._unsent) :]
            except BlockingIOError:
                return

    def _receive(self) -> bool:
        """Whether the other side has hung up."""
        while self._size_bytes <= ANSWER_BYTES_MAX:
            try:
                chunk = self._socket.recv(_CHUNK_BYTES)
            except BlockingIOError:
                return False
            if not chunk:
                return True
            self._chunks.append(chunk)
            self._size_bytes += len(chunk)
        raise RemoteError(f"Kea's answer has more than {ANSWER_BYTES_MAX} bytes")

    def _away(self, error: OSError) -> UnavailableError:
        return away(self._path, error)


def away(path: Path, error: OSError) -> UnavailableError:
    """The error for a failure to talk to this socket."""
    if isinstance(error, BlockingIOError):
        return SilentError(f"Kea listens at {path}, but takes no more questions: {_BUSY}")
    if isinstance(error, PermissionError):
        return UnavailableError(
            f"no right to speak to Kea at {path} ({error.strerror}): join the group of the socket, which "
            "may write to it with UMask=0007 in kea-dhcp4's unit"
        )
    return UnavailableError(
        f"nobody answers at {path} ({error.strerror or error}): start kea-dhcp4, or give it this "
        "control-socket"
    )


def unpack(text: bytes, name: str, path: Path) -> dict[str, Any]:
    """The answer to a command; `RemoteError` if Kea refuses or it is no answer of Kea's, `UnavailableError`
    if it is cut, because Kea died.
    """
    try:
        answer = json.loads(text)
        answer = answer[0] if isinstance(answer, list) else answer
        result = answer["result"]
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        if isinstance(error, json.JSONDecodeError) and text.lstrip()[:1] in _BEGINNINGS:
            raise UnavailableError(f"Kea at {path} hung up before it had answered {name}") from error
        raise RemoteError(f"what answers at {path} is not Kea: {text[:80]!r}") from error
    if result not in (DONE, EMPTY):
        said = str(answer.get("text", result))
        kind = MuteError if _WITHOUT_LEASES in said else RemoteError
        raise kind(f"Kea refuses {name}: {said}")
    return dict(answer)
