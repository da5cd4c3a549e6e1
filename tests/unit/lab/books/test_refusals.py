"""A sidecar that is ready in vain is found, and one that says so, or is accepted, is not."""

from typing import Any

import pytest

from services.lab.books.refusals import GRACE_S, LOOK_EVERY_S, Refusals

ROLE = "dhcp/lab"


def sidecar(claim_id: str = "1", state: str = "active", missing: tuple[str, ...] = ()) -> dict[str, Any]:
    failover = {"role": ROLE, "state": state, "claim_id": claim_id}
    return {"instance": "dhcp-1", "missing": [*missing], "failover": failover}


def cfm(claim_id: str | None = "1") -> dict[str, Any]:
    return {"failover": {"roles": {} if claim_id is None else {ROLE: {"claim_id": claim_id}}}}


def found(one: dict[str, Any], *cfms: dict[str, Any], seconds: float = GRACE_S) -> int:
    refusals = Refusals()
    for at in range(int(seconds / LOOK_EVERY_S) + 1):
        refusals.see([one], cfms, at * LOOK_EVERY_S)
    return refusals.found


def test_ready_while_every_cfm_stands_by_another_claim_is_found() -> None:
    assert found(sidecar(), cfm("2"), cfm("3")) == 1


@pytest.mark.parametrize(
    ("one", "cfms"),
    [
        (sidecar(), [cfm("2"), cfm("1")]),
        (sidecar(missing=("a CFM that takes its rows",)), [cfm("2")]),
        (sidecar(state="standby"), [cfm("2")]),
        (sidecar(), []),
        (sidecar(), [cfm(None)]),
        ({"instance": "mps-1", "missing": [], "failover": {"role": "", "state": "static"}}, [cfm("2")]),
    ],
    ids=["one takes them", "it says so", "it holds nothing", "no CFM", "not fenced", "no election"],
)
def test_everything_else_is_not(one: dict[str, Any], cfms: list[dict[str, Any]]) -> None:
    assert found(one, *cfms) == 0


def test_a_moment_is_not_found() -> None:
    assert found(sidecar(), cfm("2"), seconds=GRACE_S - LOOK_EVERY_S) == 0


def test_looks_are_a_while_apart() -> None:
    refusals = Refusals()
    assert [refusals.is_due(at) for at in (0.0, 0.1, LOOK_EVERY_S)] == [True, False, True]
