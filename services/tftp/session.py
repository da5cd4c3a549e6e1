"""The live reads of a TFTP server, and the check whether a peer may be told that its transfer is unknown.

Theory of operation
-------------------
A session is one read. It is found by its number (the host's handle), by its peer (every packet of the
transfer) and by address and file name (a read that was restarted from another port). It has a file from the
moment it is served; before that it waits. The position of a block counts from 1 and grows without limit; only
its number on the wire wraps (`packets.NUMBER_MASK`). Position 0 is the OACK. The positions from `base` to
`block` are outstanding: the window of RFC 7440, and one position where no window was asked for.

A port belongs to the read that runs there. A waiting read takes it only if it is free: a request for another
name can be forged, so it ends the running read of its port not when it comes but when it is served.

ERROR 5 tells a client that its transfer is unknown (RFC 1350, section 4). It makes a modem start over. So it
goes only to an address that is being served, and never to a port with a read of its own or one that was
served a moment ago, which may still send late acknowledgements. Those ports are kept in two generations: when
the younger is full, the older is dropped.

A read ends `LIFE_S_MAX` after it was asked for, whatever its client does: one that acknowledges all blocks
but the last, or begins anew for ever, keeps neither room nor file. Progress is the beginning and each
acknowledgement, not a repeated request. A packet is cut from the file when it is sent, so a session holds its
file and nothing that grows as its blocks get smaller.
"""

from collections import OrderedDict

from services.tftp import packets
from services.tftp.effects import Peer
from services.tftp.packets import Request

WINDOW_BLOCKS_MAX = 16  # the most that one ACK sends, and that one forged request sends to its victim
GIVEN_UP_S = 4.0  # a modem asks again after 2 s and later; one that is silent for so long has left
LIFE_S_MAX = 120.0  # four times what a link that loses one datagram in ten was seen to need
RESTARTS_PER_S, RESTARTS_BURST = 1.0, 4  # a modem begins anew after 2 s and later
REMEMBERED_S = 5.0  # a duplicate of a last ACK is not under way for longer


class Session:
    """One read. Outstanding are the packets at the positions `base` to `block`, at most `window` of them."""

    __slots__ = (
        "anew_at", "armed", "base", "blksize", "block", "blocks", "deadline", "ends", "file", "key", "oack",
        "peer", "progress", "read", "request", "resent", "restarted", "retransmits", "retries", "since",
        "socket", "window",
    )  # fmt: skip

    # Set by `begin`:
    oack: bytes
    blksize: int
    base: int
    block: int
    blocks: int
    window: int
    resent: bool  # a packet outstanding was sent more than once

    def __init__(self, read: int, request: Request, peer: Peer, socket: int, now: float) -> None:
        self.read = read
        self.request = request
        self.peer = peer
        self.socket = socket
        self.key = (peer[0], request.name)
        self.since = self.progress = self.anew_at = now  # `anew_at`: the restarts so far are paid for then
        self.ends = now + LIFE_S_MAX
        self.file: bytes | None = None  # None while waiting
        self.restarted = False  # the client begins anew, and the file is to be served again
        self.deadline = self.armed = 0.0  # the next timer, and the entry in the heap that stands for it
        self.retries = 0  # timer retransmissions since the last acknowledgement
        self.retransmits = 0

    def begin(self, file: bytes, blksize_max: int) -> None:
        """Go to the first packet of the file, with the options of the newest request."""
        request = self.request
        self.file = file
        self.resent = self.restarted = False
        blksize = packets.BLKSIZE_DEFAULT_BYTES
        window = 1
        options: dict[bytes, int] = {}
        if request.blksize is not None:
            options[packets.BLKSIZE] = blksize = min(request.blksize, blksize_max)
        if request.tsize:
            options[packets.TSIZE] = len(file)
        if request.windowsize is not None:
            options[packets.WINDOWSIZE] = window = min(request.windowsize, WINDOW_BLOCKS_MAX)
        self.oack = packets.format_oack(options) if options else b""
        self.blksize = blksize
        self.base = self.block = 0 if options else 1
        self.window = window
        self.blocks = len(file) // blksize + 1

    def may_begin_anew(self, now: float) -> bool:
        """Whether its file may be built once more: few times at once, and once a second; counts it.

        The host bounds builds too, by the leased address that pays, and ends the read at its bound. Here only
        the repeated request is lost: its read runs on, at its port, whoever forges repetitions of it.
        """
        paid_at = max(self.anew_at, now) + 1 / RESTARTS_PER_S
        if paid_at > now + RESTARTS_BURST / RESTARTS_PER_S:
            return False
        self.anew_at = paid_at
        return True


class Sessions:
    """The live reads, by number, by peer, and by address and file name."""

    def __init__(self, remembered_max: int) -> None:
        """`remembered_max` bounds each generation of ports that were served."""
        self._remembered_max = remembered_max
        self.by_read: dict[int, Session] = {}
        self.by_peer: dict[Peer, Session] = {}
        self.by_key: dict[tuple[str, bytes], Session] = {}  # address and file name
        self.by_progress: OrderedDict[int, Session] = OrderedDict()  # first the longest without any
        self._running: dict[str, int] = {}  # address: how many of its reads are being served
        self._served: dict[Peer, float] = {}  # until when a port counts as just served
        self._served_before: dict[Peer, float] = {}

    def open(self, read: int, request: Request, peer: Peer, socket: int, now: float) -> Session:
        """Take in a new session, which waits for its file."""
        session = Session(read, request, peer, socket, now)
        self.by_read[session.read] = self.by_key[session.key] = session
        self.by_progress[session.read] = session
        self.by_peer.setdefault(session.peer, session)
        return session

    def begin(self, session: Session, file: bytes, blksize_max: int, now: float) -> Session | None:
        """Start the transfer of a waiting session; returns the one that had its port until now."""
        session.begin(file, blksize_max)
        session.progress = now
        self.by_progress.move_to_end(session.read)
        address = session.peer[0]
        self._running[address] = self._running.get(address, 0) + 1
        return self._claim(session)

    def move(self, session: Session, peer: Peer, socket: int, now: float) -> Session | None:
        """Continue with another port of the same address; returns the one that had this port until now."""
        self._release(session)
        session.socket = socket
        if session.file is None:
            session.peer = peer
            self.by_peer.setdefault(peer, session)
            return None
        self._remember(session.peer, now)
        session.peer = peer
        return self._claim(session)

    def remove(self, session: Session, now: float) -> None:
        """Drop a session, and remember its port for a while if it was served."""
        del self.by_read[session.read], self.by_key[session.key], self.by_progress[session.read]
        self._release(session)
        if session.file is None:
            return
        self._remember(session.peer, now)
        address = session.peer[0]
        others = self._running.pop(address) - 1
        if others:
            self._running[address] = others

    def given_up(self, now: float) -> Session | None:
        """The read without progress for the longest, if its modem has left it."""
        oldest = next(iter(self.by_progress.values()), None)
        return oldest if oldest is not None and now >= oldest.progress + GIVEN_UP_S else None

    def is_foreign(self, peer: Peer, now: float) -> bool:
        """Whether the address is being served, but this port has no read and was not served a moment ago."""
        if peer[0] not in self._running or peer in self.by_peer:
            return False
        return max(self._served.get(peer, now), self._served_before.get(peer, now)) <= now

    def _claim(self, session: Session) -> Session | None:
        former = self.by_peer.get(session.peer)
        if former is session:
            return None
        self.by_peer[session.peer] = session
        return former

    def _release(self, session: Session) -> None:
        if self.by_peer.get(session.peer) is session:
            del self.by_peer[session.peer]

    def _remember(self, peer: Peer, now: float) -> None:
        if len(self._served) >= self._remembered_max:
            self._served_before, self._served = self._served, {}
        self._served[peer] = now + REMEMBERED_S
