"""What a scenario expects of its report: values, bounds, shares; and how those that are broken are named."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from services.lab.site.expect import Expected, broken

REPORT: dict[str, Any] = {
    "modems": 10,
    "boots": 2,
    "failed": 0,
    "takeovers": 0,
    "mode": "bus",
    "ratio": 1.5,
    "early": {"parked": 12, "pulled": 0},
    "ledger": {"clean": True},
}


def expected(said: Any) -> Expected:
    """As a scenario file says it."""
    found: Expected = TypeAdapter(Expected).validate_python(said)
    return found


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("failed", 0),
        ("mode", "bus"),
        ("ratio", 1.5),
        ("ledger.clean", True),
        ("early.parked", {"min": 12}),
        ("early.parked", {"min": 1, "max": 12}),
        ("early.parked", {"min_share": 0.6}),  # of twenty boots
        ("early.parked", {"max_share": 0.6}),
        ("takeovers", {"max": 0}),
    ],
)
def test_what_is_as_expected_is_not_mentioned(field: str, said: Any) -> None:
    assert broken({field: expected(said)}, REPORT) == {}


@pytest.mark.parametrize(
    ("field", "said", "text"),
    [
        ("takeovers", 20, "20, found 0"),
        ("takeovers", {"min": 20}, "min 20, found 0"),
        ("early.parked", {"max": 11}, "max 11, found 12"),
        ("early.parked", {"min": 1, "max": 11}, "max 11, found 12"),
        ("early.parked", {"min_share": 0.7}, "min_share 0.7, found 12"),
        ("early.parked", {"max_share": 0.5}, "max_share 0.5, found 12"),
        ("mode", "multicast", "multicast, found bus"),
        ("mode", {"min": 1}, "min 1, found bus"),
        ("ledger.clean", False, "False, found True"),
        ("ledger.clean", 1, "1, found True"),
        ("failed", False, "False, found 0"),
        ("takeover", {"min": 1}, "min 1, found nothing"),
        ("takeover", {"max": 1}, "max 1, found nothing"),
        ("early.parked.modems", 1, "1, found nothing"),
    ],
)
def test_what_is_not_as_expected_is_said(field: str, said: Any, text: str) -> None:
    assert broken({field: expected(said)}, REPORT) == {field: text}


def test_each_broken_field_is_named_and_no_other() -> None:
    said = {"takeovers": 3, "failed": 0, "early.pulled": {"min": 1}}
    found = broken({field: expected(one) for field, one in said.items()}, REPORT)
    assert found == {"takeovers": "3, found 0", "early.pulled": "min 1, found 0"}


@pytest.mark.parametrize("said", [{}, {"least": 1}, {"min": "many"}, [1], None])
def test_what_is_no_bound_is_refused(said: Any) -> None:
    with pytest.raises(ValidationError):
        expected(said)
