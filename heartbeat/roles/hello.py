"""A minter's `HELLO` and a CFM's answer about a role, packed.

Both travel on the hand-off connections, which work without Kafka. The question carries the minter's own clock
and the answer repeats it, so the minter knows the age of its question without a record of it.

    HELLO:    asked at u64 (microseconds of the minter's clock) | its claim
    STANDING: asked at u64 | highest claim | released u8 | position in the log i64
    claim:    era u16 | epoch i64 (-1: none) | claim id 8 | authority: kind u8, log 8

An epoch is at most what a row has room for, 48 bits, and a position is an offset of Kafka's or -1: nothing
behind this module has to look at that again.
"""

from struct import Struct

from bus.errors import DecodeError
from heartbeat.roles.claim import EPOCH_MAX, Claim, pack_authority, unpack_authority
from heartbeat.roles.evidence import Answer

STANDING = "provbus.fileid.standing.v1"
_HELLO = Struct(">QHq8s9s")
_STANDING = Struct(">QHq8s9sBq")


def pack_hello(claim: Claim, now: float) -> bytes:
    """A hello under this claim, asked at `now` of our clock, in s."""
    return _HELLO.pack(int(now * 1e6), *_packed(claim))


def unpack_hello(data: bytes) -> tuple[Claim, int]:
    """The claim, and the time of the asker in µs; `DecodeError` if malformed."""
    if len(data) != _HELLO.size:
        raise DecodeError(f"hello of {len(data)} bytes")
    asked_us, *claim = _HELLO.unpack(data)
    return _claim(*claim), asked_us


def pack_standing(answer: Answer, asked_us: int) -> bytes:
    """The answer to a hello that was asked at `asked_us`."""
    return _STANDING.pack(asked_us, *_packed(answer.highest), answer.released, answer.position)


def unpack_standing(data: bytes) -> tuple[Answer, float]:
    """The answer, and the time of its question in s of our clock; `DecodeError` if malformed."""
    if len(data) != _STANDING.size:
        raise DecodeError(f"standing of {len(data)} bytes")
    asked_us, *claim, released, position = _STANDING.unpack(data)
    if position < -1:
        raise DecodeError(f"a position of {position} in the role log")
    return Answer(_claim(*claim), bool(released), position), asked_us / 1e6


def _packed(claim: Claim) -> tuple[int, int, bytes, bytes]:
    claim_id = bytes.fromhex(claim.claim_id).rjust(8, b"\0")
    return claim.era, claim.epoch, claim_id, pack_authority(claim.authority)


def _claim(era: int, epoch: int, claim_id: bytes, packed: bytes) -> Claim:
    if not -1 <= epoch <= EPOCH_MAX:
        raise DecodeError(f"a claim of epoch {epoch}")
    try:
        authority = unpack_authority(packed)
    except ValueError as error:
        raise DecodeError(f"a claim by {error}") from error
    return Claim(era, epoch, claim_id.hex() if epoch >= 0 else "", authority)
