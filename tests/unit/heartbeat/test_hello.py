"""Hellos and their answers: what is packed comes out again, and nothing else is taken for one."""

import pytest

from bus.errors import DecodeError
from heartbeat.roles.claim import BY_APPOINTMENT, BY_GRANTS, EPOCH_MAX, Claim, log_authority
from heartbeat.roles.evidence import Answer
from heartbeat.roles.hello import pack_hello, pack_standing, unpack_hello, unpack_standing

CLAIMS = [
    Claim(),
    Claim(3, 0, "0123456789abcdef", log_authority("cluster/topic")),
    Claim(3, 0, "0123456789abcdef", BY_APPOINTMENT),
    Claim(0xFFFF, EPOCH_MAX, "f" * 16, BY_GRANTS),
]


@pytest.mark.parametrize("claim", CLAIMS)
def test_a_hello_says_the_claim_and_when(claim: Claim) -> None:
    assert unpack_hello(pack_hello(claim, 12.5)) == (claim, 12_500_000)


@pytest.mark.parametrize("claim", CLAIMS)
@pytest.mark.parametrize("released", [False, True])
def test_a_standing_repeats_the_moment_it_was_asked_at(claim: Claim, released: bool) -> None:
    answer = Answer(claim, released, -1)
    assert unpack_standing(pack_standing(answer, 12_500_000)) == (answer, 12.5)


@pytest.mark.parametrize("epoch", [-5, -2, EPOCH_MAX + 1, (1 << 63) - 1])
def test_an_epoch_that_no_row_has_room_for_is_refused(epoch: int) -> None:
    """Behind the edge nobody looks at it again, and a fence would keep it for good."""
    claim = Claim(3, epoch, "0" * 16, BY_GRANTS)
    with pytest.raises(DecodeError, match=f"a claim of epoch {epoch}"):
        unpack_hello(pack_hello(claim, 1.0))
    with pytest.raises(DecodeError, match=f"a claim of epoch {epoch}"):
        unpack_standing(pack_standing(Answer(claim, False, 0), 1))


def test_a_position_before_the_first_is_refused() -> None:
    with pytest.raises(DecodeError, match="a position of -2"):
        unpack_standing(pack_standing(Answer(Claim(), False, -2), 1))


@pytest.mark.parametrize("unpack", [unpack_hello, unpack_standing])
@pytest.mark.parametrize("data", [b"", b"x", bytes(200)])
def test_anything_else_is_refused(unpack: object, data: bytes) -> None:
    assert callable(unpack)
    with pytest.raises(DecodeError):
        unpack(data)


@pytest.mark.parametrize("packed", [bytes([4]) + bytes(8), bytes([2]) + bytes(7) + b"x"])
def test_an_authority_that_is_none_of_ours_is_refused(packed: bytes) -> None:
    hello = bytearray(pack_hello(CLAIMS[1], 1.0))
    hello[-9:] = packed
    with pytest.raises(DecodeError, match="authority"):
        unpack_hello(bytes(hello))
