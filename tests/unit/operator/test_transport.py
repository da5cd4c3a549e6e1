"""Watching a switch of the transport: when it is over, and when it ended otherwise."""

from typing import Any

import pytest

from bus.errors import RemoteError, TryAgainError
from services.config.instance import Config
from services.operator.transport import follow
from tests.unit.answering import answering

PLAN = "0123456789abcdef"
END_S = 30.0


def fellow(step: str, leads: str = "bus", heard_s: float = 0.1) -> dict[str, Any]:
    """Where another one stands."""
    return {"step": step, "leads": leads, "heard_s": heard_s}


def state(step: str, *, leads: str = "bus", is_over: bool = False, **fields: Any) -> dict[str, Any]:
    """Where the instance stands."""
    told = {"plan": PLAN, "lost_to": "", "by": "dhcp-1", "because": "", "waits_for": [], "fleet": {}}
    return {"step": step, "leads": leads, "is_over": is_over, **told, **fields}


@pytest.mark.parametrize(
    "late",
    [
        state("move", is_over=True, fleet={"cfm-1": fellow("freeze", "multicast")}),
        state("move", is_over=True, fleet={"cfm-1": fellow("begin")}),
        state("parity", leads="multicast", is_over=True, fleet={"cfm-1": fellow("send", "multicast")}),
    ],
    ids=["in another mode", "a step behind", "in no other mode, but a step behind"],
)
def test_it_is_over_when_everybody_has_come_there(sidecar: Config, late: dict[str, Any]) -> None:
    there = {**late, "fleet": {"cfm-1": fellow(late["step"], late["leads"])}}
    with answering(sidecar.local.socket, late, there) as asked:
        assert follow(sidecar, PLAN, lambda found: None, END_S) == there
    assert len(asked) == 2


def test_one_that_is_silent_is_not_waited_for(sidecar: Config) -> None:
    there = state("move", is_over=True, fleet={"cfm-1": fellow("hear", "multicast", heard_s=2.5)})
    with answering(sidecar.local.socket, there):
        assert follow(sidecar, PLAN, lambda found: None, END_S) == there


def test_each_new_state_is_told_once(sidecar: Config) -> None:
    hear, waits, there = state("hear"), state("hear", waits_for=["cfm-1"]), state("move", is_over=True)
    told: list[dict[str, Any]] = []
    with answering(sidecar.local.socket, hear, hear, waits, waits, there):
        follow(sidecar, PLAN, told.append, END_S)
    assert told == [hear, waits, there]


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"plan": "", "because": "a person called it off"}, "a person called it off"),
        ({"plan": "fedcba9876543210", "lost_to": "dhcp-2"}, "the order of dhcp-2 came first"),
    ],
)
def test_one_that_ended_without_its_mode_is_an_error(
    sidecar: Config, fields: dict[str, Any], why: str
) -> None:
    with (
        answering(sidecar.local.socket, state("", **fields)),
        pytest.raises(RemoteError, match=f"dhcp-1: the switch ended: {why}"),
    ):
        follow(sidecar, PLAN, lambda found: None, END_S)


def test_one_that_goes_on_names_who_is_missing(sidecar: Config) -> None:
    with (
        answering(sidecar.local.socket, state("send", waits_for=["cfm-1", "mps-1"])),
        pytest.raises(TryAgainError, match="at step send after 0 s: waiting for cfm-1, mps-1"),
    ):
        follow(sidecar, PLAN, lambda found: None, 0.0)
