"""What a minter's `HELLO` and a CFM's answer say of a role, packed.

Both travel on the hand-off connections, which Kafka's absence leaves alone. The question carries the minter's
own clock and the answer repeats it, so the minter knows how old an answer is at least, and keeps nothing.

    HELLO:    asked at u64 (microseconds of the minter's clock) | its claim
    STANDING: asked at u64 | highest claim | released u8 | position in the log i64
    claim:    era u16 | epoch i64 (-1: none) | claim id 8
"""

from struct import Struct

from bus.errors import DecodeError
from heartbeat.evidence import Answer, Stand

STANDING = "provbus.fileid.standing.v1"
_HELLO = Struct(">QHq8s")
_STANDING = Struct(">QHq8sBq")


def pack_hello(stand: Stand, now: float) -> bytes:
    """Under which claim we act, asked at this moment of our clock."""
    return _HELLO.pack(int(now * 1e6), *_packed(stand))


def unpack_hello(data: bytes) -> tuple[Stand, int]:
    """The claim and the moment; `DecodeError` if malformed."""
    if len(data) != _HELLO.size:
        raise DecodeError(f"hello of {len(data)} bytes")
    asked_us, era, epoch, claim_id = _HELLO.unpack(data)
    return _stand(era, epoch, claim_id), asked_us


def pack_standing(answer: Answer, asked_us: int) -> bytes:
    """The answer to a hello that was asked at that moment."""
    return _STANDING.pack(asked_us, *_packed(answer.highest), answer.released, answer.position)


def unpack_standing(data: bytes) -> tuple[Answer, float]:
    """The answer, and when it was asked for in seconds of our clock; `DecodeError` if malformed."""
    if len(data) != _STANDING.size:
        raise DecodeError(f"standing of {len(data)} bytes")
    asked_us, era, epoch, claim_id, released, position = _STANDING.unpack(data)
    return Answer(_stand(era, epoch, claim_id), bool(released), position), asked_us / 1e6


def _packed(stand: Stand) -> tuple[int, int, bytes]:
    return stand.era, stand.epoch, bytes.fromhex(stand.claim_id).rjust(8, b"\0")


def _stand(era: int, epoch: int, claim_id: bytes) -> Stand:
    return Stand(era, epoch, claim_id.hex() if epoch >= 0 else "")
