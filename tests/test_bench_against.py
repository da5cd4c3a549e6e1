"""What a comparison of two revisions makes of their figures."""

import pytest

from tests.bench.against import LOST_MAX, WORSE_MAX, MeasurementError, Pair, collect, is_worse, measured


def test_each_pair_gives_a_ratio_of_what_both_have() -> None:
    one = ({"a": (3.0, "≤ 2"), "new": (1.0, "")}, {"a": (2.0, "≤ 2"), "old": (1.0, "")})
    other = ({"a": (1.0, "≤ 2"), "none": (1.0, "")}, {"a": (2.0, "≤ 2"), "none": (0.0, "")})
    assert collect([one, other]) == ({"a": [1.5, 0.5]}, {"a": "≤ 2", "none": ""})


@pytest.mark.parametrize(
    ("ratio", "aim", "worse"),
    [
        (WORSE_MAX, "≤ 2.5", False),
        (WORSE_MAX + 0.01, "≤ 2.5", True),
        (0.5, "≤ 2.5", False),
        (1 / WORSE_MAX, "≥ 10", False),
        (1 / WORSE_MAX - 0.01, "≥ 10", True),
        (2.0, "≥ 10", False),
        (9.0, "", False),
    ],
)
def test_worse_is_what_the_aim_says(ratio: float, aim: str, worse: bool) -> None:
    assert is_worse(ratio, aim) is worse


PAIR: Pair = ({"a": (3.0, "≤ 2")}, {"a": (2.0, "≤ 2")})


@pytest.mark.parametrize("lost", [0, 1, LOST_MAX])
def test_a_measurement_that_fails_is_made_anew_and_counted(lost: int) -> None:
    said: list[str] = []
    ends: list[Pair | None] = [None] * lost + [PAIR, PAIR]

    def measure(number: int, part: str) -> Pair:
        end = ends.pop(0)
        if end is None:
            raise MeasurementError("it crashed")
        return end

    assert measured([(0, "boots"), (1, "boots")], measure, said.append) == ([PAIR, PAIR], lost)
    assert said == ["failed: it crashed"] * lost + [f"pair {number} boots: a 1.500" for number in (1, 2)]


def test_one_that_fails_for_ever_ends_with_the_pairs_that_there_are() -> None:
    def measure(number: int, part: str) -> Pair:
        if number:
            raise MeasurementError("it crashed")
        return PAIR

    turns = [(number, "boots") for number in range(4)]
    assert measured(turns, measure, lambda _: None) == ([PAIR], LOST_MAX + 1)
