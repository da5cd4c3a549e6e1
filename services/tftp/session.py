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
"""

from services.tftp import packets
from services.tftp.effects import Peer
from services.tftp.packets import DATA, HEAD, NUMBER_MASK, Request

WINDOW_BLOCKS_MAX = 16  # the most that one ACK sends, and that one forged request sends to its victim
GIVEN_UP_S = 4.0  # a modem asks again after 2 s and later; one that is silent for so long has left
REMEMBERED_S = 5.0  # a duplicate of a last ACK is not under way for longer


class Session:
    """One read. Outstanding are the packets at the positions `base` to `block`, at most `window` of them."""

    __slots__ = (
        "armed", "base", "block", "blocks", "deadline", "file", "key", "packets", "peer", "read", "request",
        "resent", "restarted", "retransmits", "retries", "since", "socket", "window",
    )  # fmt: skip

    # Set by `begin`:
    packets: list[bytes]  # by position
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
        self.since = now
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
        starts = range(0, len(file) + 1, blksize)
        pack = HEAD.pack
        self.packets = [packets.format_oack(options) if options else b""] + [
            pack(DATA, number & NUMBER_MASK) + file[start : start + blksize]
            for number, start in enumerate(starts, start=1)
        ]
        self.base = self.block = 0 if options else 1
        self.window = window
        self.blocks = len(starts)


class Sessions:
    """The live reads, by number, by peer, and by address and file name."""

    def __init__(self, remembered_max: int) -> None:
        """`remembered_max` bounds each generation of ports that were served."""
        self._remembered_max = remembered_max
        self.by_read: dict[int, Session] = {}
        self.by_peer: dict[Peer, Session] = {}
        self.by_key: dict[tuple[str, bytes], Session] = {}  # address and file name
        self.waiting: dict[int, Session] = {}  # the oldest first
        self._sheds_at = 0.0  # before then no waiting read is given up
        self._running: dict[str, int] = {}  # address: how many of its reads are being served
        self._served: dict[Peer, float] = {}  # until when a port counts as just served
        self._served_before: dict[Peer, float] = {}

    def open(self, session: Session) -> None:
        """Take in a waiting session."""
        self.by_read[session.read] = self.by_key[session.key] = self.waiting[session.read] = session
        self.by_peer.setdefault(session.peer, session)

    def begin(self, session: Session, file: bytes, blksize_max: int) -> Session | None:
        """Start the transfer of a waiting session; returns the one that had its port until now."""
        session.begin(file, blksize_max)
        del self.waiting[session.read]
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
        del self.by_read[session.read], self.by_key[session.key]
        self._release(session)
        if session.file is None:
            del self.waiting[session.read]
            return
        self._remember(session.peer, now)
        address = session.peer[0]
        others = self._running.pop(address) - 1
        if others:
            self._running[address] = others

    def given_up(self, now: float) -> Session | None:
        """The read that has waited longest, if its modem has given up on it."""
        if now < self._sheds_at:
            return None  # a flood of requests costs no search each
        oldest = next(iter(self.waiting.values()), None)
        self._sheds_at = (now if oldest is None else oldest.since) + GIVEN_UP_S
        return oldest if now >= self._sheds_at else None

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
