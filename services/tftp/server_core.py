"""The TFTP server without its sockets: many reads at once, each in lock-step (RFC 1350).

Theory of operation
-------------------
A read is WAITING until the host hands over its file, then RUNNING with exactly one packet outstanding (an
OACK counts as block 0), then gone:

    state     event                                next      effect
    -         RRQ                                  WAITING   ReadRequested
    WAITING   RRQ, same address and name           WAITING   ReadRepeated
    WAITING   serve                                RUNNING   OACK, or DATA 1 when no option was asked
    WAITING   waiting_s_max passed                 gone      Abandoned
    RUNNING   ACK of the packet outstanding        RUNNING   the next DATA
    RUNNING   ACK of the last block                gone      Completed
    RUNNING   any other ACK                        RUNNING   nothing (the sorcerer's apprentice)
    RUNNING   the same RRQ again                   RUNNING   the packet outstanding
    RUNNING   RRQ from a new port, with other      RUNNING   from block 1, with the new request's options
              options, or after a vain resend
    RUNNING   timer                                RUNNING   the packet outstanding, then twice the patience
    RUNNING   timer after retransmits_max, ERROR   gone      Abandoned
    any       RRQ from its port, another name      gone      Abandoned, and the new read is WAITING
    any       drop                                 gone      nothing

A read that is repeated after a vain resend comes from a client that lost what it had; one that still has it
acknowledges the old blocks again and catches up. Only an acknowledgement renews the retransmission budget, so
repeating a request keeps no session, nor the file built for it, alive for ever. Everything else is met with
silence and counted, because an error makes a modem start over (`session.Sessions.is_foreign` is the
exception).

Each session has one deadline and one valid entry in a heap of timers. Progress moves only the deadline; an
entry that comes up early is put back. So a block costs no heap operation, and the entry of a session that has
ended is skipped when it comes up, 8 s later at most.
"""

from dataclasses import dataclass
from heapq import heappop, heappush
from zlib import crc32

from services.tftp import packets
from services.tftp.effects import Abandoned, Completed, Datagram, Effect, Peer, ReadRepeated, ReadRequested
from services.tftp.packets import ACK, HEAD, NUMBER_HALF, NUMBER_MASK, WRQ, Request
from services.tftp.session import Session, Sessions

__all__ = [
    "Abandoned", "Completed", "Counters", "Datagram", "Effect", "Peer", "ReadRepeated", "ReadRequested",
    "TftpServer",
]  # fmt: skip

LISTENING_SOCKET = 0
BACKOFF_S_MAX = 8.0  # with the defaults a lost client is given up after 31 s, its own ladder being 30 s

NO_FILE = "no file"
EXHAUSTED = "retransmits exhausted"
REPLACED = "replaced by another read"

_UNKNOWN_TID = packets.format_error(packets.ERROR_UNKNOWN_TID, "unknown transfer")


@dataclass(slots=True)
class Counters:
    """What happened since the start; each ignored packet is in exactly one of the last five."""

    completed: int = 0
    abandoned: int = 0
    restarts: int = 0
    retransmits: int = 0
    errors_sent: int = 0
    duplicate_acks: int = 0
    malformed: int = 0
    refused_write: int = 0
    refused_full: int = 0
    unknown_tid: int = 0


class TftpServer:
    """Turns datagrams and the passage of time into datagrams and events.

    >>> server = TftpServer(transfer_sockets=1)
    >>> server.receive(0, packets.format_request(Request(b"cm.bin")), ("10.0.0.7", 2000), now=0.0)
    [ReadRequested(read=1, name=b'cm.bin', peer=('10.0.0.7', 2000))]
    >>> server.serve(1, b"settings", now=0.1)
    [Datagram(socket=1, data=b'\\x00\\x03\\x00\\x01settings', peer=('10.0.0.7', 2000))]
    >>> server.receive(1, HEAD.pack(ACK, 1), ("10.0.0.7", 2000), now=0.2)
    [Completed(read=1, name=b'cm.bin', peer=('10.0.0.7', 2000), bytes=8, blocks=1, retransmits=0)]
    """

    def __init__(
        self,
        *,
        transfer_sockets: int,
        sessions_max: int = 20000,
        retransmit_s: float = 1.0,
        retransmits_max: int = 5,
        waiting_s_max: float = 4.5,
    ) -> None:
        self._transfer_sockets = transfer_sockets
        self._retransmit_s = retransmit_s
        self._retransmits_max = retransmits_max
        self._waiting_s_max = waiting_s_max
        self._sessions = Sessions(sessions_max)
        self._timers: list[tuple[float, int]] = []
        self.counters = Counters()

    def __len__(self) -> int:
        return len(self._sessions.by_read)

    def receive(self, socket: int, data: bytes, peer: Peer, now: float) -> list[Effect]:
        """A datagram came in on the socket of this index; 0 is the listening one."""
        if socket == LISTENING_SOCKET:
            return self._requested(data, peer, now)
        session = self._sessions.by_peer.get(peer)
        if session is None or session.socket != socket or session.file is None:
            return self._stray(socket, data, peer, now)
        if len(data) >= HEAD.size:
            opcode, number = HEAD.unpack_from(data)
            if opcode == ACK and number == session.block & NUMBER_MASK:
                return self._acknowledged(session, now)
            if opcode == ACK and (session.block - number) & NUMBER_MASK < NUMBER_HALF:
                self.counters.duplicate_acks += 1
                return []
        refusal = packets.parse_error(data)
        if refusal is not None:
            return [self._abandon(session, f"peer sent error {refusal.code}: {refusal.text}", now)]
        self.counters.malformed += 1
        return []

    def serve(self, read: int, file: bytes, now: float) -> list[Effect]:
        """Start to send the file of a waiting read; nothing when the read is gone or already running."""
        session = self._sessions.by_read.get(read)
        if session is None or session.file is not None:
            return []
        self._sessions.begin(session, file, self._retransmit_s)
        self._set_deadline(session, now + session.interval_s)
        return [_outstanding(session)]

    def drop(self, read: int) -> None:
        """Forget a read; not one byte is sent."""
        session = self._sessions.by_read.get(read)
        if session is not None:
            self._sessions.remove(session, session.deadline)

    def tick(self, now: float) -> list[Effect]:
        """Retransmit or abandon every read whose deadline is at or before `now`."""
        effects: list[Effect] = []
        timers = self._timers
        while timers and timers[0][0] <= now:
            at, read = heappop(timers)
            session = self._sessions.by_read.get(read)
            if session is None or session.armed != at:
                continue
            if session.deadline > now:
                self._arm(session, min(session.deadline, now + BACKOFF_S_MAX))
            else:
                effects.append(self._expired(session, now))
        return effects

    def deadline(self) -> float | None:
        """When to call `tick`: never after the next timer, sometimes before; None when no read lives."""
        timers = self._timers
        while timers and timers[0][1] not in self._sessions.by_read:
            heappop(timers)
        return timers[0][0] if timers else None

    def _requested(self, data: bytes, peer: Peer, now: float) -> list[Effect]:
        request = packets.parse_request(data)
        if request is None:
            if packets.parse_opcode(data) == WRQ:
                self.counters.refused_write += 1
            else:
                self.counters.malformed += 1
            return []
        effects: list[Effect] = []
        key = (peer[0], request.name)
        former = self._sessions.by_peer.get(peer)
        if former is not None and former.key != key:
            effects.append(self._abandon(former, REPLACED, now))
        session = self._sessions.by_key.get(key)
        if session is not None:
            effects.append(self._repeated(session, request, peer, now))
            return effects
        session = self._sessions.open(request, peer, self._socket_of(peer))
        if session is None:
            self.counters.refused_full += 1
            return effects
        session.deadline = now + self._waiting_s_max
        # Early on purpose: a read that is served at once needs no second entry for its retransmission.
        self._arm(session, now + min(self._retransmit_s, self._waiting_s_max))
        effects.append(ReadRequested(session.read, request.name, peer))
        return effects

    def _repeated(
        self, session: Session, request: Request, peer: Peer, now: float
    ) -> Datagram | ReadRepeated:
        moved = session.peer != peer
        if moved:
            self._sessions.move(session, peer, self._socket_of(peer), now)
        if session.file is None:
            session.request = request
            return ReadRepeated(session.read, request.name, peer)
        if not moved and not session.resent and request == session.request:
            return self._resend(session)
        session.request = request
        session.begin(session.file, self._retransmit_s)
        self._set_deadline(session, min(session.deadline, now + session.interval_s))
        self.counters.restarts += 1
        return _outstanding(session)

    def _acknowledged(self, session: Session, now: float) -> list[Effect]:
        if session.block == session.blocks:
            return [self._complete(session, now)]
        session.block += 1
        session.retries = 0
        session.resent = False
        session.deadline = now + session.interval_s
        if session.deadline < session.armed:
            self._arm(session, session.deadline)
        return [Datagram(session.socket, session.packet(), session.peer)]

    def _complete(self, session: Session, now: float) -> Completed:
        self._sessions.remove(session, now)
        self.counters.completed += 1
        size_bytes = len(session.file or b"")
        name = session.request.name
        return Completed(session.read, name, session.peer, size_bytes, session.blocks, session.retransmits)

    def _abandon(self, session: Session, reason: str, now: float) -> Abandoned:
        self._sessions.remove(session, now)
        self.counters.abandoned += 1
        return Abandoned(session.read, session.request.name, session.peer, reason)

    def _expired(self, session: Session, now: float) -> Datagram | Abandoned:
        if session.file is None:
            return self._abandon(session, NO_FILE, now)
        if session.retries >= self._retransmits_max:
            return self._abandon(session, EXHAUSTED, now)
        session.retries += 1
        interval_s = session.interval_s
        session.deadline = now + min(interval_s * 2**session.retries, max(interval_s, BACKOFF_S_MAX))
        self._arm(session, min(session.deadline, now + BACKOFF_S_MAX))
        return self._resend(session)

    def _resend(self, session: Session) -> Datagram:
        session.resent = True
        session.retransmits += 1
        self.counters.retransmits += 1
        return _outstanding(session)

    def _stray(self, socket: int, data: bytes, peer: Peer, now: float) -> list[Effect]:
        self.counters.unknown_tid += 1
        if packets.parse_opcode(data) != ACK or not self._sessions.is_foreign(peer, now):
            return []
        self.counters.errors_sent += 1
        return [Datagram(socket, _UNKNOWN_TID, peer)]

    def _set_deadline(self, session: Session, deadline: float) -> None:
        session.deadline = deadline
        if deadline < session.armed:
            self._arm(session, deadline)

    def _arm(self, session: Session, at: float) -> None:
        session.armed = at
        heappush(self._timers, (at, session.read))

    def _socket_of(self, peer: Peer) -> int:
        return 1 + (crc32(peer[0].encode()) + peer[1]) % self._transfer_sockets


def _outstanding(session: Session) -> Datagram:
    return Datagram(session.socket, session.packet(), session.peer)
