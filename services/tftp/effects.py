"""The effects of the TFTP server: datagrams to send, and events of its reads.

A `Datagram` is a command to the shell that owns the sockets. The others are events for the host that owns the
files. A `ReadRequested` is a question that leaves no state; a read begins when the host opens it and, unless
the host drops it, ends with one `Completed` or one `Abandoned`.
"""

from dataclasses import dataclass
from typing import NamedTuple

from services.tftp.packets import Request

# As the socket gives it: address and port, and for IPv6 also flow and scope.
Peer = tuple[str, int] | tuple[str, int, int, int]


class Datagram(NamedTuple):
    """Send `data` to `peer` from the socket of this index."""

    socket: int
    data: bytes
    peer: Peer


class ReadRequested(NamedTuple):
    """A client asks to read. The host opens the read at once if it vouches for the peer; else it is over."""

    read: int
    request: Request
    peer: Peer


class NetasciiAsked(NamedTuple):
    """A client asks to read a file as text, which ours are not. It leaves no state; the host has it refused
    if it would serve a read in octet mode, else it gets no answer.
    """

    name: bytes
    peer: Peer


class ReadRepeated(NamedTuple):
    """A read that still waits for its file was asked for again, perhaps from a new port."""

    read: int
    name: bytes
    peer: Peer


class ReadRestarted(NamedTuple):
    """A client that lost its part of a file begins anew. The host serves the read again: the file's content
    may depend on the time. `since` is when the read was asked for first.
    """

    read: int
    name: bytes
    peer: Peer
    since: float


class Completed(NamedTuple):
    """The last block was acknowledged. Bytes and blocks are the file's, retransmits the read's."""

    read: int
    name: bytes
    peer: Peer
    bytes: int
    blocks: int
    retransmits: int


class Abandoned(NamedTuple):
    """The read ended before its last block was acknowledged."""

    read: int
    name: bytes
    peer: Peer
    reason: str


Effect = Datagram | ReadRequested | NetasciiAsked | ReadRepeated | ReadRestarted | Completed | Abandoned


@dataclass(slots=True)
class Counters:
    """Counts since the start; each packet that led to no read is in exactly one of the last seven."""

    completed: int = 0
    abandoned: int = 0
    restarts: int = 0
    retransmits: int = 0
    errors_sent: int = 0
    shed: int = 0
    overdue: int = 0
    duplicate_acks: int = 0
    netascii: int = 0
    malformed: int = 0
    restarts_refused: int = 0
    refused_write: int = 0
    refused_full: int = 0
    unknown_tid: int = 0
