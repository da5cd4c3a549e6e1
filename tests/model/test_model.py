"""Never two: every interleaving of a small election, over the real fold, election, gate and fence.

What must hold is in `worlds` (leases, epochs, positions), `nodes` (claims, renewals) and `acceptors` (rows).
"""

import pytest

from tests.model.bounds import SMALL, Bounds
from tests.model.exploration import explore

ACTIONS = {
    *(
        "time",
        "append",
        "repeat",
        "begin",
        "read",
        "restart",
        "release",
        "promote",
        "bury",
        "row",
        "retain",
        "lose",
        "cut",
    ),
    *("acceptor begin", "acceptor read", "acceptor lose", "acceptor restart"),
}


@pytest.mark.soak
@pytest.mark.parametrize("bounds", SMALL, ids=lambda bounds: bounds.name)
def test_nothing_is_violated(bounds: Bounds) -> None:
    """And what these bounds are for did happen, or it would prove nothing."""
    found = explore(bounds)
    print(f"model: {found.line()}")
    assert (found.violation, found.path) == ("", [])
    assert bounds.must <= found.happened


def test_every_action_is_taken_within_some_small_bounds() -> None:
    taken = set[str]().union(*(bounds.must for bounds in SMALL))
    assert taken == ACTIONS | {"takeover"}
