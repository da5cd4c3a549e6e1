"""A host's right to act: attached, asked for again and again, over at the lease's end."""

from __future__ import annotations

import json
from typing import Any

import pytest

from services.lab.hosts.authority import ASK_EVERY_S, HostAuthority
from services.lab.hosts.dhcp_server import AskSidecar
from services.lab.site.journal import Journaled


def said(effects: list[Any]) -> list[str]:
    """The operations that the sidecar is asked for."""
    return [json.loads(effect.line)["op"] for effect in effects if isinstance(effect, AskSidecar)]


def noted(effects: list[Any]) -> list[dict[str, object]]:
    return [effect.event for effect in effects if isinstance(effect, Journaled)]


def answer(operation: str = "authority", **fields: Any) -> dict[str, Any]:
    body = {"id": operation, "role": "dhcp/lab", "state": "active", "may_act": True, "era": 0, "epoch": 17}
    return body | {"claim_id": "0123456789abcdef", "lease_until_s": 13.0} | fields


def standby(operation: str = "authority") -> dict[str, Any]:
    return answer(operation, state="standby", may_act=False, epoch=-1, lease_until_s=0.0)


@pytest.fixture
def primary() -> HostAuthority:
    """May act from 10.0 to 13.0."""
    authority = HostAuthority()
    authority.connected(10.0)
    authority.answer(answer("host.attach", attached=True), 10.0)
    return authority


def test_who_connects_asks_to_be_attached() -> None:
    assert said(HostAuthority().connected(10.0)) == ["host.attach"]


def test_who_is_attached_asks_how_far_the_right_goes(primary: HostAuthority) -> None:
    assert primary.deadline() == 10.0 + ASK_EVERY_S
    assert primary.tick(10.0 + ASK_EVERY_S / 2) == []
    assert said(primary.tick(10.0 + ASK_EVERY_S)) == ["authority"]
    assert primary.deadline() == 10.0 + ASK_EVERY_S + ASK_EVERY_S


@pytest.mark.parametrize("error", ["refused", "try_again"])
def test_who_is_refused_asks_again(error: str) -> None:
    authority = HostAuthority()
    authority.connected(10.0)
    assert authority.answer({"id": "host.attach", "error": error, "detail": ""}, 10.0) == []
    assert not authority.is_attached
    assert said(authority.tick(10.0 + ASK_EVERY_S)) == ["host.attach"]


def test_nobody_may_act_before_it_was_told(primary: HostAuthority) -> None:
    assert not HostAuthority().may_act(10.0)
    assert primary.may_act(10.0)


def test_the_right_ends_with_the_lease_whatever_was_said(primary: HostAuthority) -> None:
    assert primary.may_act(12.999)
    assert not primary.may_act(13.0)


def test_a_renewal_moves_the_end(primary: HostAuthority) -> None:
    assert primary.answer(answer(lease_until_s=13.5), 10.5) == []
    assert primary.may_act(13.2)


def test_a_standby_may_not_act_and_has_nothing_to_say() -> None:
    authority = HostAuthority()
    authority.connected(10.0)
    assert authority.answer(standby("host.attach"), 10.0) == []
    assert authority.is_attached
    assert not authority.may_act(10.0)


def test_a_right_without_its_word_counts_for_nothing(primary: HostAuthority) -> None:
    primary.answer(answer(may_act=False), 10.5)
    assert not primary.may_act(10.5)


def test_every_change_is_noted_and_nothing_else(primary: HostAuthority) -> None:
    assert primary.answer(answer(), 10.1) == []
    (event,) = noted(primary.answer(answer(epoch=23), 10.2) or [])
    assert event == {
        "event": "authority",
        "at": 10.2,
        "role": "dhcp/lab",
        "era": 0,
        "epoch": 23,
        "may_act": True,
    }


def test_who_stops_says_so_once(primary: HostAuthority) -> None:
    stopped = primary.answer(standby(), 10.5) or []
    assert said(stopped) == ["host.yielded"]
    assert [event["may_act"] for event in noted(stopped)] == [False]
    assert primary.answer({"id": "host.yielded", "yielded": True}, 10.5) == []
    assert primary.answer(standby(), 10.7) == []


def test_who_loses_its_sidecar_stops_at_once_and_attaches_anew(primary: HostAuthority) -> None:
    (event,) = noted(primary.lost(10.5))
    assert event == {
        "event": "authority",
        "at": 10.5,
        "role": "dhcp/lab",
        "era": 0,
        "epoch": 17,
        "may_act": False,
    }
    assert not primary.may_act(10.5)
    assert primary.deadline() == float("inf")
    assert said(primary.connected(11.0)) == ["host.attach"]


def test_an_effect_carries_its_epoch(primary: HostAuthority) -> None:
    assert primary.effect(10.5) == {"event": "effect", "at": 10.5, "role": "dhcp/lab", "era": 0, "epoch": 17}


def test_the_answer_to_somebody_elses_request_is_not_ours(primary: HostAuthority) -> None:
    assert primary.answer({"id": 7, "file": "n7.cm"}, 10.5) is None


def test_an_answer_that_is_not_as_agreed_is_told(primary: HostAuthority) -> None:
    with pytest.raises(KeyError):
        primary.answer({"id": "authority", "may_act": True}, 10.5)
    assert primary.may_act(10.5)
