"""A sidecar that is asked to stop: no new names, and everybody who asked gets an answer."""

from collections.abc import Callable
from typing import Any

import pytest

from bus.contract import decode
from bus.effects import Exit, Publish, Reply, Send
from bus.envelope import Envelope
from bus.messages import Draining, Received
from fileid.row import PULL, PULLED, ROWS, pack_names, split_rows
from heartbeat.liveness.beat import BEAT, Beat
from services.sidecar.minter import Minter

Make = Callable[..., Any]

DRAINED = Exit(0, "drained")


def answers(effects: list[Any]) -> list[dict[str, Any]]:
    """What the host is told."""
    return [one.body for one in effects if isinstance(one, Reply)]


@pytest.fixture
def minter(build: Callable[..., Minter], beat: Make) -> Minter:
    """It knows a CFM, and has beaten at 0.0."""
    minter = build()
    minter.receive(beat("cfm-1"), 0.0)
    minter.tick(0.0)
    return minter


def test_with_nothing_in_hand_it_says_so_and_goes(minter: Minter) -> None:
    assert minter.receive(Draining(), 0.1) == []
    effects = minter.tick(0.1)
    (said,) = [
        decode(Beat, one.envelope.data)
        for one in effects
        if isinstance(one, Publish) and one.envelope.type == BEAT
    ]
    assert said.draining
    assert effects[-1] == DRAINED


def test_who_is_not_asked_does_not_go(minter: Minter) -> None:
    assert not any(DRAINED in minter.tick(at / 2) for at in range(20))


def test_a_new_request_is_told_to_try_again(minter: Minter, create: Make) -> None:
    minter.receive(Draining(), 0.1)
    (answer,) = answers(minter.receive(create(), 0.1))
    assert (answer["id"], answer["error"]) == (7, "try_again")
    assert "about to stop" in answer["detail"]


@pytest.mark.parametrize("is_acked", [True, False])
def test_a_hand_off_is_settled_and_answered_first(
    minter: Minter, create: Make, ack: Make, is_acked: bool
) -> None:
    minter.receive(create(), 0.1)
    (send,) = [one for one in minter.tick(0.1) if isinstance(one, Send) and one.envelope.type == ROWS]
    minter.receive(Draining(), 0.11)
    effects = minter.tick(0.11)
    assert DRAINED not in effects
    if is_acked:
        effects += minter.receive(ack(send), 0.12)
    effects += minter.tick(0.3)
    (answer,) = answers(effects)
    assert (answer["acked"], answer["next_server"]) == (is_acked, "127.0.0.11")
    assert effects[-1] == DRAINED


def test_pulls_are_answered_to_the_last(minter: Minter, create: Make) -> None:
    minter.receive(create(), 0.1)
    (send,) = [one for one in minter.tick(0.1) if isinstance(one, Send) and one.envelope.type == ROWS]
    minter.receive(Draining(), 0.11)
    names, _ = split_rows(send.envelope.data)
    pull = Envelope(PULL, "cfm-2", 1, 1, 0, pack_names(list(names)))
    (answer,) = minter.receive(Received(pull, b"x"), 0.12)
    assert (answer.to, answer.envelope.type) == ("cfm-2", PULLED)
