"""The meter itself: what costs too much is caught, what is fine is not."""

import pytest

from tests.fuzz.mutation import BYTES_MAX, ROUNDS, TooMuchError, bounded, mutants


def test_a_loop_that_does_not_end_is_caught() -> None:
    def loop(_: bytes) -> None:
        while True:
            len("")

    with pytest.raises(TooMuchError, match="more calls than an input of 3 bytes"):
        bounded(b"abc", loop)


def test_a_memory_hog_is_caught() -> None:
    with pytest.raises(TooMuchError, match="bytes of memory for an input of 3"):
        bounded(b"abc", lambda _: bytearray(2 * BYTES_MAX))


def test_what_is_fine_comes_back() -> None:
    assert bounded(b"abc", bytes.upper) == b"ABC"


def test_the_same_seed_makes_the_same_inputs() -> None:
    first = list(mutants([b"one seed", b"and another"], 7))
    assert first == list(mutants([b"one seed", b"and another"], 7))
    assert first != list(mutants([b"one seed", b"and another"], 8))
    assert first[:2] == [b"one seed", b"and another"]
    assert len(set(first)) > ROUNDS // 2
