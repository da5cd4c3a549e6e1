"""The reads a TFTP server has in hand, and who may be told that a transfer is unknown.

Theory of operation
-------------------
A session is one read. It is found by its number (the host's handle), by its peer (every packet of the
transfer) and by address and file name (a read that was restarted from another port). It has a file from the
moment it is served; before that it waits. The position of a block counts from 1 and grows without limit; only
its number on the wire wraps (`packets.NUMBER_MASK`). Position 0 is the OACK.

ERROR 5 tells a client that its transfer is unknown (RFC 1350, section 4). To a modem it means: start over. So
it goes only to an address that is being served, and never to a port with a read of its own or one that was
served a moment ago, whose late acknowledgements mean nothing. Those ports are kept in two generations: when
the younger is full, the older is forgotten.
"""

from services.tftp import packets
from services.tftp.effects import Peer
from services.tftp.packets import DATA, HEAD, NUMBER_MASK, Request

BLKSIZE_BYTES_MAX = 1448  # fits an Ethernet frame with the headers of IPv6, UDP and TFTP
REMEMBERED_S = 5.0  # a duplicate of a last ACK is not under way for longer


class Session:
    """One read. `block` is the packet outstanding; a window would put a second position beside it."""

    __slots__ = (
        "armed", "blksize", "block", "blocks", "deadline", "file", "interval_s", "key", "oack", "peer",
        "read", "request", "resent", "retransmits", "retries", "socket",
    )  # fmt: skip

    def __init__(self, read: int, request: Request, peer: Peer, socket: int) -> None:
        self.read = read
        self.request = request
        self.peer = peer
        self.socket = socket
        self.key = (peer[0], request.name)
        self.file: bytes | None = None  # None while waiting
        self.oack = b""
        self.blksize = packets.BLKSIZE_DEFAULT_BYTES
        self.block = self.blocks = 0
        self.interval_s = 0.0
        self.deadline = self.armed = 0.0  # the next timer, and the entry in the heap that stands for it
        self.resent = False  # the packet outstanding was sent more than once
        self.retries = 0  # timer retransmissions since the last acknowledgement
        self.retransmits = 0

    def begin(self, file: bytes, retransmit_s: float) -> None:
        """Go to the first packet of the file, with the options of the newest request."""
        request = self.request
        self.file = file
        self.resent = False
        self.interval_s = retransmit_s if request.timeout_s is None else float(request.timeout_s)
        blksize = packets.BLKSIZE_DEFAULT_BYTES
        options: dict[bytes, int] = {}
        if request.blksize is not None:
            options[packets.BLKSIZE] = blksize = min(request.blksize, BLKSIZE_BYTES_MAX)
        if request.timeout_s is not None:
            options[packets.TIMEOUT] = request.timeout_s
        if request.tsize:
            options[packets.TSIZE] = len(file)
        self.oack = packets.format_oack(options) if options else b""
        self.block = 0 if options else 1
        self.blksize = blksize
        self.blocks = len(file) // blksize + 1

    def packet(self) -> bytes:
        """The packet outstanding: the OACK at position 0, else one block of DATA."""
        block = self.block
        if not block or self.file is None:
            return self.oack
        start = (block - 1) * self.blksize
        return HEAD.pack(DATA, block & NUMBER_MASK) + self.file[start : start + self.blksize]


class Sessions:
    """Every live read, at most `sessions_max` of them, under its three names."""

    def __init__(self, sessions_max: int) -> None:
        self._sessions_max = sessions_max
        self._opened = 0
        self.by_read: dict[int, Session] = {}
        self.by_peer: dict[Peer, Session] = {}
        self.by_key: dict[tuple[str, bytes], Session] = {}  # address and file name
        self._running: dict[str, int] = {}  # address: how many of its reads are being served
        self._served: dict[Peer, float] = {}  # until when a port counts as just served
        self._served_before: dict[Peer, float] = {}

    def open(self, request: Request, peer: Peer, socket: int) -> Session | None:
        """A new waiting session; None when the table is full."""
        if len(self.by_read) >= self._sessions_max:
            return None
        self._opened += 1
        session = Session(self._opened, request, peer, socket)
        self.by_read[session.read] = self.by_peer[peer] = self.by_key[session.key] = session
        return session

    def begin(self, session: Session, file: bytes, retransmit_s: float) -> None:
        """Start the transfer of a waiting session."""
        session.begin(file, retransmit_s)
        address = session.peer[0]
        self._running[address] = self._running.get(address, 0) + 1

    def move(self, session: Session, peer: Peer, socket: int, now: float) -> None:
        """Continue with another port of the same address."""
        del self.by_peer[session.peer]
        if session.file is not None:
            self._remember(session.peer, now)
        session.peer = peer
        session.socket = socket
        self.by_peer[peer] = session

    def remove(self, session: Session, now: float) -> None:
        """Forget a session, and for a while remember the port that was served."""
        del self.by_read[session.read], self.by_peer[session.peer], self.by_key[session.key]
        if session.file is not None:
            self._remember(session.peer, now)
            address = session.peer[0]
            others = self._running.pop(address) - 1
            if others:
                self._running[address] = others

    def is_foreign(self, peer: Peer, now: float) -> bool:
        """The address is being served, but this port has no read and was not served a moment ago."""
        if peer[0] not in self._running or peer in self.by_peer:
            return False
        return max(self._served.get(peer, now), self._served_before.get(peer, now)) <= now

    def _remember(self, peer: Peer, now: float) -> None:
        if len(self._served) >= self._sessions_max:
            self._served_before, self._served = self._served, {}
        self._served[peer] = now + REMEMBERED_S
