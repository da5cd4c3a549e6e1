"""What a minter's `HELLO` and a CFM's answer say of a role, packed.

Both travel on the hand-off connections, which Kafka's absence leaves alone. The question carries the minter's
own clock and the answer repeats it, so the minter knows how old an answer is at least, and keeps nothing.

    HELLO:    asked at u64 (microseconds of the minter's clock) | its claim
    STANDING: asked at u64 | highest claim | released u8 | position in the log i64
    claim:    era u16 | epoch i64 (-1: none) | claim id 8 | authority: kind u8, log 8
"""

from struct import Struct

from bus.errors import DecodeError
from heartbeat.evidence import Answer
from heartbeat.stand import Stand, pack_authority, unpack_authority

STANDING = "provbus.fileid.standing.v1"
_HELLO = Struct(">QHq8s9s")
_STANDING = Struct(">QHq8s9sBq")


def pack_hello(stand: Stand, now: float) -> bytes:
    """Under which claim we act, asked at this moment of our clock."""
    return _HELLO.pack(int(now * 1e6), *_packed(stand))


def unpack_hello(data: bytes) -> tuple[Stand, int]:
    """The claim and the moment; `DecodeError` if malformed."""
    if len(data) != _HELLO.size:
        raise DecodeError(f"hello of {len(data)} bytes")
    asked_us, *claim = _HELLO.unpack(data)
    return _stand(*claim), asked_us


def pack_standing(answer: Answer, asked_us: int) -> bytes:
    """The answer to a hello that was asked at that moment."""
    return _STANDING.pack(asked_us, *_packed(answer.highest), answer.released, answer.position)


def unpack_standing(data: bytes) -> tuple[Answer, float]:
    """The answer, and when it was asked for in seconds of our clock; `DecodeError` if malformed."""
    if len(data) != _STANDING.size:
        raise DecodeError(f"standing of {len(data)} bytes")
    asked_us, *claim, released, position = _STANDING.unpack(data)
    return Answer(_stand(*claim), bool(released), position), asked_us / 1e6


def _packed(stand: Stand) -> tuple[int, int, bytes, bytes]:
    claim_id = bytes.fromhex(stand.claim_id).rjust(8, b"\0")
    return stand.era, stand.epoch, claim_id, pack_authority(stand.authority)


def _stand(era: int, epoch: int, claim_id: bytes, packed: bytes) -> Stand:
    try:
        authority = unpack_authority(packed)
    except ValueError as error:
        raise DecodeError(f"a claim by {error}") from error
    return Stand(era, epoch, claim_id.hex() if epoch >= 0 else "", authority)
