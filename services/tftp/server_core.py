"""The TFTP server without its sockets: many reads at once (RFC 1350), each with its window (RFC 7440).

Theory of operation
-------------------
A request is a question to the host, and it leaves no state until the host opens the read: a flood of them
leaves only a counter. An open read is WAITING until the host hands over its file, then RUNNING with a window
of packets outstanding (one, unless more were asked for; an OACK counts as block 0), then gone:

    state     event                                next      effect
    -         RRQ                                  -         ReadRequested
    any       RRQ in netascii                      same      NetasciiAsked
    -         open                                 WAITING   nothing
    WAITING   RRQ, same address and name           WAITING   ReadRepeated
    WAITING   serve                                RUNNING   OACK, or DATA 1 when no option was asked
    WAITING   waiting_s_max passed                 gone      Abandoned
    RUNNING   ACK of a block outstanding           RUNNING   the window behind it
    RUNNING   ACK of the last block                gone      Completed
    RUNNING   any other ACK                        RUNNING   nothing (the sorcerer's apprentice)
    RUNNING   the same RRQ again                   RUNNING   the window outstanding
    RUNNING   RRQ from a new port, with other      RUNNING   ReadRestarted
              options, or after a vain resend
    RUNNING   serve, after ReadRestarted           RUNNING   from block 1, with the new request's options
    RUNNING   timer                                RUNNING   the window outstanding, then twice the patience
    RUNNING   such a restart once too often        same      nothing
    RUNNING   timer after retransmits_max, ERROR   gone      Abandoned
    any       120 s after its request              gone      Abandoned
    any       given up, and another needs the room gone      Abandoned
    any       another read is served at its port   gone      Abandoned
    any       drop                                 gone      nothing

A read that is repeated after a vain resend comes from a client that lost its data; one that still has them
acknowledges the old blocks again and catches up. An ACK moves the window forward or does nothing: it sends at
most one window, and a duplicate none. So a window whose first block was lost waits for the timer. Only an
acknowledgement renews the retransmission budget, so repeating a request does not keep a session, and the file
built for it, alive for ever. All other packets are counted and not answered, because an error makes a modem
start over. There are two exceptions: `session.Sessions.is_foreign`, and a person's client that asks in
netascii, as DOCSIS modems never do: its ERROR says what to ask for.

At `sessions_max` the read without progress for the longest makes room, whether it waits or runs, if it had
none for as long as no modem is silent; else the new one is refused.

Each session has one deadline and one valid entry in a heap of timers. Progress moves only the deadline; an
entry that comes up early is put back. So a block costs no heap operation, and the entry of a session that has
ended is skipped when it comes up, 8 s later at most. No entry is later than the end of its session's life,
so that end costs a block nothing.
"""

from collections.abc import Iterable
from heapq import heappop, heappush
from zlib import crc32

from services.tftp import packets
from services.tftp.effects import (
    Abandoned,
    Completed,
    Counters,
    Datagram,
    Effect,
    NetasciiAsked,
    Peer,
    ReadRepeated,
    ReadRequested,
    ReadRestarted,
)
from services.tftp.packets import ACK, DATA, HEAD, HEAD_BYTES, NUMBER_HALF, NUMBER_MASK, WRQ, Request
from services.tftp.session import Session, Sessions

LISTENING_SOCKET = 0
BLKSIZE_BYTES_MAX = 1448  # fits an Ethernet frame with the headers of IPv6, UDP and TFTP
BACKOFF_S_MAX = 8.0  # with the defaults a lost client is given up after 31 s, its own ladder being 30 s

NO_FILE = "no file"
EXHAUSTED = "retransmits exhausted"
REPLACED = "replaced by another read"
SHED = "shed"
OVERDUE = "took too long"

_pack_head, _unpack_head = HEAD.pack, HEAD.unpack_from
_NO_HEAD = (0, 0)
# Code 0: with any other a client may print a sentence of its own instead of this one.
_NOT_TEXT = packets.format_error(packets.ERROR_UNDEFINED, "not a text file: get it in octet (binary) mode")
_UNKNOWN_TID = packets.format_error(packets.ERROR_UNKNOWN_TID, "unknown transfer")


class TftpServer:
    """Turns datagrams and the passage of time into datagrams and events.

    >>> server = TftpServer(transfer_sockets=1)
    >>> request = packets.format_request(Request(b"cm.bin"))
    >>> (asked,) = server.receive(0, request, ("10.0.0.7", 2000), now=0.0)
    >>> server.answer(asked, b"settings", now=0.1)
    [Datagram(socket=1, data=b'\\x00\\x03\\x00\\x01settings', peer=('10.0.0.7', 2000))]
    >>> server.receive(1, HEAD.pack(ACK, 1), ("10.0.0.7", 2000), now=0.2)
    [Completed(read=1, name=b'cm.bin', peer=('10.0.0.7', 2000), bytes=8, blocks=1, retransmits=0)]
    """

    def __init__(
        self,
        *,
        transfer_sockets: int,
        sessions_max: int = 20000,
        blksize_max: int = BLKSIZE_BYTES_MAX,
        retransmit_s: float = 1.0,
        retransmits_max: int = 5,
        waiting_s_max: float = 4.5,
    ) -> None:
        """`blksize_max` is the largest block that a client is granted, in bytes."""
        self._transfer_sockets = transfer_sockets
        self._blksize_max = blksize_max
        self._retransmit_s = retransmit_s
        self._retransmits_max = retransmits_max
        self._waiting_s_max = waiting_s_max
        self._sessions_max = sessions_max
        self._sessions = Sessions(sessions_max)
        self._asked = 0
        self._timers: list[tuple[float, int]] = []
        self.counters = Counters()

    def __len__(self) -> int:
        return len(self._sessions.by_read)

    def receive(self, socket: int, data: bytes, peer: Peer, now: float) -> list[Effect]:
        """A datagram came in on the socket of this index; 0 is the listening one."""
        if socket == LISTENING_SOCKET:
            return self._requested(data, peer, now)
        answers, ended = self.transfer(socket, ((data, peer),), now)
        return [*answers, *ended]

    def transfer(
        self, socket: int, datagrams: Iterable[tuple[bytes, Peer]], now: float
    ) -> tuple[list[Datagram], list[Completed | Abandoned]]:
        """Take datagrams of running reads from the transfer socket of this index. Returns the datagrams to
        send, and the ends of reads.
        """
        answers: list[Datagram] = []
        ended: list[Completed | Abandoned] = []
        find = self._sessions.by_peer.get
        progressed = self._sessions.by_progress.move_to_end
        deadline = now + self._retransmit_s
        for data, peer in datagrams:
            session = find(peer)
            if session is None or session.socket != socket or session.file is None:
                answers += self._stray(socket, data, peer, now)
                continue
            opcode, number = _unpack_head(data) if len(data) >= HEAD_BYTES else _NO_HEAD
            behind = (session.block - number) & NUMBER_MASK
            position = session.block - behind + 1  # the block that the client waits for
            if opcode != ACK or behind >= NUMBER_HALF:
                ended += self._refused(session, data, now)
            elif position <= session.base:
                self.counters.duplicate_acks += 1
            elif position > session.blocks:
                ended.append(self._complete(session, now))
            else:
                session.base = session.block = position
                session.retries = 0
                session.resent = False
                session.progress = now
                progressed(session.read)
                session.deadline = deadline
                if deadline < session.armed:
                    self._arm(session, deadline)
                if session.window == 1:
                    answers.append(Datagram(socket, _cut(session, position), peer))
                else:
                    session.block = min(position + session.window - 1, session.blocks)
                    answers += _outstanding(session)
        return answers, ended

    def open(self, asked: ReadRequested, now: float) -> None:
        """The host vouches for the peer: the read waits for its file. Call it before the next `receive`, or
        the room for it may be taken.
        """
        read, request, peer = asked
        session = self._sessions.open(read, request, peer, self._socket_of(peer), now)
        session.deadline = now + self._waiting_s_max
        # Early on purpose: a read that is served at once needs no second entry for its retransmission.
        self._arm(session, now + min(self._retransmit_s, self._waiting_s_max))

    def serve(self, read: int, file: bytes, now: float) -> list[Effect]:
        """Start to send the file of a read that waits or was restarted; no effect if it is gone or runs."""
        session = self._sessions.by_read.get(read)
        if session is None or (session.file is not None and not session.restarted):
            return []
        former = None
        if session.restarted:
            session.begin(file, self._blksize_max)
            self._set_deadline(session, min(session.deadline, now + self._retransmit_s))
        else:
            former = self._sessions.begin(session, file, self._blksize_max, now)
            self._set_deadline(session, now + self._retransmit_s)
        effects: list[Effect] = [Datagram(session.socket, _cut(session, session.base), session.peer)]
        return [*effects, *self._displaced(former, now)]

    def answer(self, asked: ReadRequested, file: bytes, now: float) -> list[Effect]:
        """`open` a read and `serve` it at once."""
        self.open(asked, now)
        return self.serve(asked.read, file, now)

    def refuse_netascii(self, asked: NetasciiAsked) -> list[Datagram]:
        """The host vouches for the peer: tell it to ask in octet mode, unless it has a read at this port."""
        if asked.peer in self._sessions.by_peer:
            return []
        self.counters.errors_sent += 1
        return [Datagram(self._socket_of(asked.peer), _NOT_TEXT, asked.peer)]

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
            if session.ends <= now:
                self.counters.overdue += 1
                effects.append(self._abandon(session, OVERDUE, now))
            elif session.deadline > now:
                self._arm(session, session.deadline)
            else:
                effects += self._expired(session, now)
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
        if request.is_netascii:
            self.counters.netascii += 1
            return [NetasciiAsked(request.name, peer)]
        session = self._sessions.by_key.get((peer[0], request.name))
        if session is not None:
            return self._repeated(session, request, peer, now)
        effects: list[Effect] = []
        if len(self._sessions.by_read) >= self._sessions_max:
            given_up = self._sessions.given_up(now)
            if given_up is None:
                self.counters.refused_full += 1
                return []
            self.counters.shed += 1
            effects.append(self._abandon(given_up, SHED, now))
        self._asked += 1
        effects.append(ReadRequested(self._asked, request, peer))
        return effects

    def _repeated(self, session: Session, request: Request, peer: Peer, now: float) -> list[Effect]:
        moved = session.peer != peer
        is_anew = session.file is not None and (moved or session.resent or request != session.request)
        if is_anew and not session.may_begin_anew(now):
            self.counters.restarts_refused += 1
            return []
        former = self._sessions.move(session, peer, self._socket_of(peer), now) if moved else None
        if session.file is None:
            session.request = request
            return [ReadRepeated(session.read, request.name, peer)]
        if not is_anew:
            return self._resend(session)
        session.request = request
        session.restarted = True
        self.counters.restarts += 1
        return [ReadRestarted(session.read, request.name, peer, session.since), *self._displaced(former, now)]

    def _displaced(self, former: Session | None, now: float) -> list[Effect]:
        """The end of the read that ran at the port of another one."""
        return [] if former is None else [self._abandon(former, REPLACED, now)]

    def _refused(self, session: Session, data: bytes, now: float) -> list[Abandoned]:
        """The client ended its read with an ERROR, or sent a packet that does not belong to a read."""
        refusal = packets.parse_error(data)
        if refusal is not None:
            return [self._abandon(session, f"peer sent error {refusal.code}: {refusal.text}", now)]
        self.counters.malformed += 1
        return []

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

    def _expired(self, session: Session, now: float) -> list[Effect]:
        if session.file is None:
            return [self._abandon(session, NO_FILE, now)]
        if session.retries >= self._retransmits_max:
            return [self._abandon(session, EXHAUSTED, now)]
        session.retries += 1
        session.deadline = now + min(self._retransmit_s * 2**session.retries, BACKOFF_S_MAX)
        self._arm(session, session.deadline)
        return self._resend(session)

    def _resend(self, session: Session) -> list[Effect]:
        session.resent = True
        window: list[Effect] = [*_outstanding(session)]
        session.retransmits += len(window)
        self.counters.retransmits += len(window)
        return window

    def _stray(self, socket: int, data: bytes, peer: Peer, now: float) -> list[Datagram]:
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
        session.armed = at = min(at, session.ends)
        heappush(self._timers, (at, session.read))

    def _socket_of(self, peer: Peer) -> int:
        return 1 + (crc32(peer[0].encode()) + peer[1]) % self._transfer_sockets


def _outstanding(session: Session) -> list[Datagram]:
    socket, peer = session.socket, session.peer
    return [Datagram(socket, _cut(session, at), peer) for at in range(session.base, session.block + 1)]


def _cut(session: Session, position: int) -> bytes:
    """The packet at this position."""
    if not position:
        return session.oack
    assert session.file is not None
    start = (position - 1) * session.blksize
    return _pack_head(DATA, position & NUMBER_MASK) + session.file[start : start + session.blksize]
