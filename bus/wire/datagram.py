"""Datagrams: the format of a message on the group.

One message is one datagram of at most 1,400 bytes, sealed with a key that the whole fleet shares:

    version u8 | flags u8 | key id u8 | reserved u8 | key check u32 | source u32 | target u32
    incarnation u64 | number u64 | payload and seal

The header is always readable and always authenticated. The payload is a frame of `bus.wire.codec`: encrypted
with AES-SIV (RFC 5297: no nonce that could repeat after a restart), or readable with the same seal behind it
as a signature. `target` is the instance that has to act, 0 means everybody. `key check` is the head of the
key's SHA-256; it tells "that host has another key under the same id" from "somebody changed a bit".

`number` counts the datagrams of one incarnation on one channel (the group, or all messages to one peer
alone). Two more kinds, to one peer, are on no channel: a challenge has a nonce and the incarnation that is to
answer it, the answer has the nonce and the numbers that were used last on both channels.

What is believed of all this: `bus.wire.datagram_reader`.
"""

import hashlib
from struct import Struct
from typing import NamedTuple

from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from bus.envelope import Envelope, Stamp, number_of
from bus.errors import OversizeError
from bus.routes import route
from bus.wire.codec import FRAME_HEADER, to_frame
from bus.wire.proof import NONCE_BYTES

DATAGRAM_BYTES_MAX = 1_400  # fits an Ethernet frame with room for a tunnel's headers
KEY_BYTES = 64  # AES-256-SIV
HEADER = Struct(">BBBxIIIQQ")
SEAL_BYTES = 16
DATA_BYTES_MAX = DATAGRAM_BYTES_MAX - HEADER.size - SEAL_BYTES - FRAME_HEADER.size
EVERYBODY = 0
VERSION = 2
TO_GROUP, ENCRYPTED, CHALLENGE, ANSWER = 1, 2, 4, 8
"""The flags."""
CHALLENGED = Struct(f">{NONCE_BYTES}sQ")
"""A nonce, and the incarnation that is to answer it."""
ANSWERED = Struct(f">{NONCE_BYTES}sQQ")
"""The nonce, and the numbers used: in the group, and to the asker alone. The signature follows."""
_ANSWER = b"provbus answer 1\0"
_ANSWERER = Struct(">IQ")


class GroupKey(NamedTuple):
    """A key of the whole fleet."""

    key_id: int
    key: bytes

    @property
    def check(self) -> int:
        """The head of the key's SHA-256: enough to notice another key, too little to find this one."""
        return int.from_bytes(hashlib.sha256(self.key).digest()[:4], "big")


class Writer:
    """Makes the datagrams of one instance, of its stamp's incarnation, sealed with one key."""

    def __init__(self, stamp: Stamp, key: GroupKey) -> None:
        self._stamp = stamp
        self._source = number_of(stamp.instance)
        self._numbers: dict[int, int] = {}
        self.use(key)

    def use(self, key: GroupKey) -> None:
        """Seal with this key from now on."""
        self._key_id, self._check = key.key_id, key.check
        self._siv = AESSIV(key.key)

    def write(self, envelope: Envelope, target: int, *, to_group: bool) -> bytes:
        """The next datagram; `OversizeError` for a message that does not fit into one."""
        if len(envelope.data) > DATA_BYTES_MAX:
            raise OversizeError(len(envelope.data), DATA_BYTES_MAX)
        frame = to_frame(envelope)
        channel = EVERYBODY if to_group else target
        number = self._numbers[channel] = self._numbers.get(channel, 0) + 1
        encrypted = not route(envelope.traffic).is_readable
        header = HEADER.pack(
            VERSION,
            TO_GROUP * to_group | ENCRYPTED * encrypted,
            self._key_id,
            self._check,
            self._source,
            target,
            self._stamp.incarnation,
            number,
        )
        if encrypted:
            return header + self._siv.encrypt(frame, [header])
        return header + frame + self._siv.encrypt(b"", [header, frame])

    def challenge(self, target: int, incarnation: int, nonce: bytes) -> bytes:
        """Ask this incarnation of an instance to answer a nonce."""
        return self._shake(CHALLENGE, target, CHALLENGED.pack(nonce, incarnation))

    def answer(self, target: int, nonce: bytes, address: str) -> bytes:
        """Answer the nonce of an instance, from our own address."""
        numbers = self._numbers.get(EVERYBODY, 0), self._numbers.get(target, 0)
        said = ANSWERED.pack(nonce, *numbers)
        signature = self._stamp.signature(
            answered_content(self._source, self._stamp.incarnation, address, said)
        )
        return self._shake(ANSWER, target, said + signature)

    def _shake(self, kind: int, target: int, said: bytes) -> bytes:
        """A datagram of a handshake: it is on no channel, and has no number."""
        flags, incarnation = kind | ENCRYPTED, self._stamp.incarnation
        header = HEADER.pack(VERSION, flags, self._key_id, self._check, self._source, target, incarnation, 0)
        return header + self._siv.encrypt(said, [header])


def answered_content(source: int, incarnation: int, address: str, said: bytes) -> bytes:
    """What the signature of an answer covers. The address is where it comes from: nobody can hand it on."""
    return b"".join((_ANSWER, _ANSWERER.pack(source, incarnation), address.encode(), b"\0", said))


def open_sealed(siv: AESSIV, datagram: bytes, flags: int) -> bytes:
    """The frame in an authentic datagram; `InvalidTag` otherwise."""
    header = datagram[: HEADER.size]
    if flags & ENCRYPTED:
        return siv.decrypt(datagram[HEADER.size :], [header])
    frame, seal = datagram[HEADER.size : -SEAL_BYTES], datagram[-SEAL_BYTES:]
    siv.decrypt(seal, [header, frame])
    return frame
