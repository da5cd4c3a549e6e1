"""The TFTP read client without its socket: one file, in lock-step (RFC 1350) or by windows (RFC 7440).

Theory of operation
-------------------
The client acknowledges each block it expected and keeps its bytes. A block it already has is acknowledged
again and not kept, also after the last one: the server may have missed that acknowledgement (dallying, RFC
1350, section 6). A block from the future is ignored.

With a window the client acknowledges the last block of each, at a gap once the last block before it, and of
the blocks it already has only the newest, for every acknowledgement may set off a window.

The first legal reply names the server's transfer port; packets from other ports are ignored and counted. An
OACK with an option that was not asked for, or a larger value, ends the read with ERROR 8 (RFC 2347). The
client only answers. Its caller owns the clock and decides when to repeat the request.
"""

from services.tftp import packets
from services.tftp.packets import ACK, DATA, HEAD, HEAD_BYTES, NUMBER_HALF, NUMBER_MASK, OACK, Request

_ACK_OF_OACK = HEAD.pack(ACK, 0)


class ReadClient:
    """One read: send `request` to the well-known port, then every reply of `receive` to `server_port`.

    `blocks` counts the blocks received in order. `duplicates` (packets received again), `strangers` (packets
    from other ports) and `ignored` (unexpected packets) survive `restart`.

    >>> client = ReadClient(b"cm.bin")
    >>> client.receive(HEAD.pack(DATA, 1) + b"settings", port=3001)
    b'\\x00\\x04\\x00\\x01'
    >>> client.done, client.file, client.server_port
    (True, b'settings', 3001)
    """

    __slots__ = (
        "_asked", "_blksize", "_chunks", "_has_gap", "_oack", "_size_bytes", "_unacked", "_window", "blocks",
        "done", "duplicates", "failed", "file", "ignored", "request", "server_port", "strangers",
    )  # fmt: skip

    done: bool
    failed: str | None
    file: bytes
    server_port: int | None
    blocks: int
    _chunks: list[bytes]
    _oack: bytes | None
    _size_bytes: int | None
    _blksize: int
    _window: int
    _unacked: int
    _has_gap: bool

    def __init__(
        self,
        name: bytes,
        *,
        blksize: int | None = None,
        tsize: bool = False,
        windowsize: int | None = None,
    ) -> None:
        """Prepare the request; LocalError when the name or an option's value is not legal."""
        self._asked = Request(name, blksize, tsize, windowsize)
        self.request = packets.format_request(self._asked)
        self.duplicates = 0
        self.strangers = 0
        self.ignored = 0
        self.restart()

    def restart(self) -> bytes:
        """Drop all received data and return the request again (the next rung of a modem's ladder).

        Below `blksize` 512 send it from a new port, or a late block of the former run may end this one.
        """
        self.done = False
        self.failed = None
        self.file = b""
        self.server_port = None
        self.blocks = 0
        self._chunks = []
        self._oack = None
        self._size_bytes = None
        self._blksize = packets.BLKSIZE_DEFAULT_BYTES
        self._window = 1
        self._unacked = 0
        self._has_gap = False
        return self.request

    def receive(self, data: bytes, port: int) -> bytes | None:
        """The reply to a datagram that came from this port of the server, or None."""
        if self.server_port is not None and port != self.server_port:
            self.strangers += 1
            return None
        if self.failed is not None or len(data) < HEAD_BYTES:
            return self._ignore()
        opcode, number = HEAD.unpack_from(data)
        if opcode == DATA:
            return self._data(data, number, port)
        if opcode == OACK:
            return self._options(data, port)
        refusal = packets.parse_error(data)
        if refusal is None or self.done:
            return self._ignore()
        self.server_port = port
        self.failed = f"server sent error {refusal.code}: {refusal.text}"
        return None

    def _data(self, data: bytes, number: int, port: int) -> bytes | None:
        blocks = self.blocks
        if self.done or number != (blocks + 1) & NUMBER_MASK:
            return self._unexpected(number)
        payload_bytes = len(data) - HEAD_BYTES
        if payload_bytes > self._blksize:
            return self._ignore()
        self.server_port = port
        self.blocks = blocks + 1
        self._chunks.append(data[HEAD_BYTES:])
        if payload_bytes < self._blksize:
            return self._finish(number)
        if self._window > 1:
            self._has_gap = False
            self._unacked += 1
            if self._unacked < self._window:
                return None
        return self._acknowledge(number)

    def _unexpected(self, number: int) -> bytes | None:
        """A block that we have, or one behind a gap."""
        newest = self.blocks & NUMBER_MASK
        if (newest - number) & NUMBER_MASK < min(self.blocks, NUMBER_HALF):
            self.duplicates += 1
            return self._acknowledge(number) if self._window == 1 or number == newest else None
        if self.done or self._has_gap or not 1 < (number - newest) & NUMBER_MASK <= self._window:
            return self._ignore()
        self._has_gap = True
        return self._acknowledge(newest)

    def _acknowledge(self, number: int) -> bytes:
        self._unacked = 0
        return HEAD.pack(ACK, number)

    def _finish(self, number: int) -> bytes:
        file = b"".join(self._chunks)
        if self._size_bytes not in (None, len(file)):
            return self._fail(packets.ERROR_UNDEFINED, f"got {len(file)} bytes, not {self._size_bytes}")
        self.file = file
        self.done = True
        return HEAD.pack(ACK, number)

    def _options(self, data: bytes, port: int) -> bytes | None:
        if data == self._oack:
            self.duplicates += 1
            return _ACK_OF_OACK
        options = packets.parse_oack(data)
        if options is None or self._oack is not None or self.blocks:
            return self._ignore()
        self.server_port = port
        asked = self._asked
        blksize = options.get(packets.BLKSIZE, packets.BLKSIZE_DEFAULT_BYTES)
        if (
            (packets.BLKSIZE in options and (asked.blksize is None or blksize > asked.blksize))
            or (packets.TSIZE in options and not asked.tsize)
            or (
                packets.WINDOWSIZE in options
                and (asked.windowsize is None or options[packets.WINDOWSIZE] > asked.windowsize)
            )
        ):
            return self._fail(packets.ERROR_OPTIONS, "option or value not asked for")
        self._oack = data
        self._blksize = blksize
        self._window = options.get(packets.WINDOWSIZE, 1)
        self._size_bytes = options.get(packets.TSIZE)
        return _ACK_OF_OACK

    def _ignore(self) -> bytes | None:
        self.ignored += 1
        return None

    def _fail(self, code: int, text: str) -> bytes:
        self.failed = text
        return packets.format_error(code, text)
