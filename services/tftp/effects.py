"""What the TFTP server wants done and what happened to its reads.

A `Datagram` is a command to the shell that owns the sockets. The others are events for the host that owns the
files: every read begins with one `ReadRequested` and, unless the host drops it, ends with one `Completed` or
one `Abandoned`.
"""

from typing import NamedTuple

Peer = tuple[str, int]  # address, port


class Datagram(NamedTuple):
    """Send `data` to `peer` from the socket of this index."""

    socket: int
    data: bytes
    peer: Peer


class ReadRequested(NamedTuple):
    """A new read. The host calls `serve`, or `drop`, or nothing yet."""

    read: int
    name: bytes
    peer: Peer


class ReadRepeated(NamedTuple):
    """A read that still waits for its file was asked for again, perhaps from a new port."""

    read: int
    name: bytes
    peer: Peer


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


Effect = Datagram | ReadRequested | ReadRepeated | Completed | Abandoned
