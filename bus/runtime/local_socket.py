"""The local socket between a host service and its sidecar.

A Unix stream socket with one JSON object per line each way. Requests may be pipelined; answers carry the
request's `id` and may come in any order. The socket's mode is 0660, and by the kernel's word on the peer only
root, our own user and our own group may connect. A request carries that user, so a name in its body is never
believed. Everything a client can make us hold is bounded: sessions, the length of a line, the answers it does
not read.
"""

import os
import pwd
import socket
import struct
from functools import lru_cache
from itertools import count
from pathlib import Path
from typing import Any

from pydantic_core import from_json, to_json

from bus.effects import Reply
from bus.errors import BusyError
from bus.messages import LocalRequest, SessionClosed, User
from bus.runtime.accepting import Acceptor
from bus.telemetry.metrics import Sample
from bus.transport.poller import Poller

SESSIONS_MAX = 64
LINE_BYTES_MAX = 1024 * 1024  # `settings.apply` carries as much as class `config`
UNREAD_BYTES_MAX = 4 * 1024 * 1024
USER_NAME_MAX = 64
"""Characters of a user's name: those of a host have 32, those of a directory service may have more."""
_CHUNK_BYTES = 256 * 1024
_PEER = struct.Struct("3i")


class _Session:
    def __init__(self, connection: socket.socket, user: User) -> None:
        self.connection = connection
        self.user = user
        self.is_blocked = False
        self.unparsed = b""
        self.unsent = bytearray()


class LocalServer:
    """Listens on the socket; a line is a `LocalRequest`, the end of a session a `SessionClosed`."""

    def __init__(self, poller: Poller, path: Path) -> None:
        """Listen; `BusyError` if the path cannot be had or another process listens there."""
        self.refused = 0
        self.malformed = 0
        self._poller = poller
        self._path = path
        self._numbers = count(1)  # not the descriptor: the next client gets that, and a late answer with it
        self._sessions: dict[int, _Session] = {}
        self._unflushed: dict[int, _Session] = {}
        self._closed: list[SessionClosed] = []
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            _remove_stale(path)
            path.parent.mkdir(parents=True, exist_ok=True)
            listener.bind(str(path))
            path.chmod(0o660)
            listener.listen(SESSIONS_MAX)
        except OSError as error:
            listener.close()
            raise BusyError(f"cannot listen on {path}: {error.strerror or error}") from error
        self._acceptor = Acceptor(poller, listener, "local", self._take)
        poller.before_wait(self._flush_all)

    def reply(self, reply: Reply) -> None:
        """Send an answer, with others before the next wait; disconnect a client that does not read."""
        session = self._sessions.get(reply.session)
        if session is None:
            return
        session.unsent += to_json(reply.body) + b"\n"
        self._unflushed[reply.session] = session

    def peer_pid(self, session: int) -> int | None:
        """The process that opened this session; None if the session is closed, or the process is not of our
        PID namespace.
        """
        opened = self._sessions.get(session)
        return None if opened is None else _peer(opened.connection)[0] or None

    def samples(self) -> list[Sample]:
        """Sessions, refusals, malformed lines."""
        return [
            Sample("provbus_queue_depth", len(self._sessions), {"queue": "local_sessions"}),
            Sample("provbus_local_refused_total", self.refused),
            self._acceptor.sample(),
            Sample("provbus_local_malformed_total", self.malformed),
        ]

    def close(self) -> None:
        """Send the queued answers, stop listening, disconnect everybody, remove the socket."""
        self._flush_all()
        self._acceptor.close()
        for number in list(self._sessions):
            self._drop(number)
        self._path.unlink(missing_ok=True)

    def _take(self, connection: socket.socket) -> None:
        if len(self._sessions) >= SESSIONS_MAX or not _may_connect(connection):
            self.refused += 1
            connection.close()
            return
        number = next(self._numbers)
        self._poller.add(connection.fileno(), lambda: self._read(number))
        self._sessions[number] = _Session(connection, user_of(_peer(connection)[1]))

    def _read(self, number: int) -> list[Any]:
        session = self._sessions[number]
        self._flush(number, session)
        requests: list[Any] = []
        if number in self._sessions:
            requests = self._receive(number, session)
        closed, self._closed = self._closed, []
        return requests + closed if closed else requests

    def _receive(self, number: int, session: _Session) -> list[Any]:
        try:
            chunk = session.connection.recv(_CHUNK_BYTES)
        except BlockingIOError:
            return []
        except OSError:
            chunk = b""
        if not chunk:
            self._drop(number)
            return []
        *lines, session.unparsed = (session.unparsed + chunk).split(b"\n")
        user = session.user
        requests = [request for line in lines if (request := self._parse(number, line, user)) is not None]
        if len(session.unparsed) > LINE_BYTES_MAX:
            self.malformed += 1
            self._drop(number)
        return requests

    def _parse(self, number: int, line: bytes, user: User) -> LocalRequest | None:
        try:
            body = from_json(line)
        except ValueError:
            body = None
        if isinstance(body, dict) and len(line) <= LINE_BYTES_MAX:
            return LocalRequest(number, body, user)
        self.malformed += 1
        self.reply(
            Reply(number, {"error": "bad_request", "detail": "a request is one JSON object in a line"})
        )
        return None

    def _flush_all(self) -> None:
        while self._unflushed:
            self._flush(*self._unflushed.popitem())

    def _flush(self, number: int, session: _Session) -> None:
        if not session.unsent and not session.is_blocked:
            return
        try:
            sent = session.connection.send(session.unsent)
            del session.unsent[:sent]
        except BlockingIOError:
            pass
        except OSError:
            self._drop(number)
            return
        if len(session.unsent) > UNREAD_BYTES_MAX:
            self.refused += 1
            self._drop(number)
        elif session.is_blocked != bool(session.unsent):
            session.is_blocked = not session.is_blocked
            self._poller.watch_write(session.connection.fileno(), session.is_blocked)

    def _drop(self, number: int) -> None:
        session = self._sessions.pop(number, None)
        if session is not None:
            self._unflushed.pop(number, None)
            self._closed.append(SessionClosed(number))  # told with what is read next
            self._poller.remove(session.connection.fileno())
            session.connection.close()


def user_of(uid: int) -> User:
    """The user of this number. A name that would not fit into a record on one line counts as none."""
    try:
        name = _name_of(uid)
    except KeyError:
        name = ""
    is_usable = name.isprintable() and 0 < len(name) <= USER_NAME_MAX
    return User(uid, name if is_usable else f"uid {uid}")


@lru_cache(maxsize=64)
def _name_of(uid: int) -> str:
    """Known names are not asked for again: a directory service may be slow, and the loop waits for it."""
    return pwd.getpwuid(uid).pw_name


def _may_connect(connection: socket.socket) -> bool:
    _, user, group = _peer(connection)
    return user in (0, os.geteuid()) or group == os.getegid()


def _peer(connection: socket.socket) -> tuple[int, int, int]:
    """Process, user and group of the client at the time it connected."""
    process, user, group = _PEER.unpack(
        connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
    )
    return process, user, group


def _remove_stale(path: Path) -> None:
    """Remove the socket that a killed process left; one that answers belongs to somebody."""
    if not path.is_socket():
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
        except BlockingIOError:
            pass  # somebody listens and is too busy to accept
    raise OSError("another process listens there")
