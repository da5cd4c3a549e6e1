"""The local sockets: one door for the host service, one for operators.

Unix stream sockets with one JSON object per line each way. Requests may be pipelined; answers carry the
request's `id` and may come in any order. The host's door has mode 0660, and by the kernel's word on the peer
only root, our own user and one group may enter; the operators' has mode 0600, for root and our own user. A
request carries its user and its door, so a name in its body is never believed, and the machine knows what may
be asked there. Everything a client can make us hold is bounded, for each door by itself: sessions, the length
of a line, the answers it does not read.
"""

import logging
import os
import socket
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

from pydantic_core import from_json, to_json

from bus.config.paths import admin_socket_of
from bus.effects import Reply
from bus.errors import BusyError
from bus.messages import LocalDoor, LocalRequest, SessionClosed, User
from bus.runtime.accepting import Acceptor
from bus.telemetry.log import Sparing
from bus.telemetry.metrics import Sample
from bus.transport.peer import may_enter, peer_of, user_of
from bus.transport.poller import Poller
from bus.transport.unix_socket import listen_at

SESSIONS_MAX = 64
ADMIN_SESSIONS_MAX = 16  # people, and their tools
LINE_BYTES_MAX = 1024 * 1024  # `settings.apply` carries as much as class `config`
UNREAD_BYTES_MAX = 4 * 1024 * 1024
WARN_EVERY_S = 60.0
_CHUNK_BYTES = 256 * 1024
_log = logging.getLogger("provbus.local")


class _Entrance(NamedTuple):
    """Of one door: its mode, its sessions, and its names in the metrics."""

    mode: int
    sessions_max: int
    queue: str
    listener: str


_ENTRANCES = {
    LocalDoor.HOST: _Entrance(0o660, SESSIONS_MAX, "local_sessions", "local"),
    LocalDoor.ADMIN: _Entrance(0o600, ADMIN_SESSIONS_MAX, "local_admin_sessions", "local_admin"),
}


class _Session:
    def __init__(self, connection: socket.socket, user: User, door: LocalDoor) -> None:
        self.connection = connection
        self.user = user
        self.door = door
        self.is_blocked = False
        self.unparsed = b""
        self.unsent = bytearray()


class LocalServer:
    """Listens on both sockets; a line is a `LocalRequest`, the end of a session a `SessionClosed`."""

    def __init__(self, poller: Poller, path: Path, group: int) -> None:
        """Listen at `path`, for members of this group, and for operators beside it; `BusyError` if a path
        cannot be had or another process listens there.
        """
        self.refused = 0
        self.malformed = 0
        self._poller = poller
        self._group = group
        self._warnings = Sparing(_log, WARN_EVERY_S)
        self._numbers = count(1)  # not the descriptor: the next client gets that, and a late answer with it
        self._sessions: dict[int, _Session] = {}
        self._unflushed: dict[int, _Session] = {}
        self._closed: list[SessionClosed] = []
        self._open: dict[Path, Acceptor] = {}
        try:
            for door, at in ((LocalDoor.HOST, path), (LocalDoor.ADMIN, admin_socket_of(path))):
                self._open[at] = self._listen(door, at)
        except BusyError:
            self._shut()
            raise
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
        return None if opened is None else peer_of(opened.connection).pid or None

    def samples(self) -> list[Sample]:
        """Sessions, refusals, malformed lines."""
        return [
            *self._depths(),
            Sample("provbus_local_refused_total", self.refused),
            *(acceptor.sample() for acceptor in self._open.values()),
            Sample("provbus_local_malformed_total", self.malformed),
        ]

    def close(self) -> None:
        """Send the queued answers, stop listening, disconnect everybody, remove the sockets."""
        self._flush_all()
        self._shut()
        for number in list(self._sessions):
            self._drop(number)

    def _listen(self, door: LocalDoor, path: Path) -> Acceptor:
        entrance = _ENTRANCES[door]
        group = self._group if door is LocalDoor.HOST else None
        listener = listen_at(path, entrance.mode, entrance.sessions_max, group)
        return Acceptor(
            self._poller, listener, entrance.listener, lambda connection: self._take(connection, door)
        )

    def _shut(self) -> None:
        while self._open:
            path, acceptor = self._open.popitem()
            acceptor.close()
            path.unlink(missing_ok=True)

    def _depths(self) -> Iterator[Sample]:
        for door, entrance in _ENTRANCES.items():
            yield Sample("provbus_queue_depth", self._held(door), {"queue": entrance.queue})

    def _held(self, door: LocalDoor) -> int:
        return sum(session.door is door for session in self._sessions.values())

    def _take(self, connection: socket.socket, door: LocalDoor) -> None:
        peer = peer_of(connection)
        user, sessions_max = user_of(peer.uid), _ENTRANCES[door].sessions_max
        if not may_enter(peer, door, os.geteuid(), self._group):
            self._refuse(connection, f"{door} stranger", f"{user.name} may not use the {door} socket")
        elif self._held(door) >= sessions_max:
            self._refuse(connection, f"{door} full", f"the {door} socket has {sessions_max} clients already")
        else:
            number = next(self._numbers)
            self._poller.add(connection.fileno(), lambda: self._read(number))
            self._sessions[number] = _Session(connection, user, door)

    def _refuse(self, connection: socket.socket, kind: str, why: str) -> None:
        self.refused += 1
        self._warnings.warn(kind, f"turned a client away: {why}")
        connection.close()

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
        requests = [request for line in lines if (request := self._parse(number, line, session)) is not None]
        if len(session.unparsed) > LINE_BYTES_MAX:
            self.malformed += 1
            self._drop(number)
        return requests

    def _parse(self, number: int, line: bytes, session: _Session) -> LocalRequest | None:
        try:
            body = from_json(line)
        except ValueError:
            body = None
        if isinstance(body, dict) and len(line) <= LINE_BYTES_MAX:
            return LocalRequest(number, body, session.user, session.door)
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
