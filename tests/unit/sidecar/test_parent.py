"""The parent of a sidecar: what it does when its child has died, and in which order."""

import json
from typing import Any

import pytest

from bus.effects import Exit, Keep, Publish
from bus.envelope import Stamp
from bus.messages import Kept, Unkept
from heartbeat.roles.claim import BY_APPOINTMENT, Claim, log_authority
from services.sidecar.parent.parent import (
    Ended,
    Estate,
    HandOn,
    Parent,
    ParentState,
    Reached,
    ReachLog,
    Signalled,
)
from services.sidecar.role.record import StoreFailover

ROLE = "dhcp/lab"
LOCK = "boot 1 2"
CLAIM = Claim(0, 17, "5" * 16, log_authority("the topic"))
HELD = StoreFailover(CLAIM, locked=True, mode="bus", lock=LOCK)
KILLED = -9


ESTATE = Estate(ROLE, CLAIM, HELD, Stamp("dhcp-1", "lab", 8))


def parent() -> Parent:
    return Parent(lambda: 1_700_000_000.0)


def bereaved() -> Parent:
    """A parent whose child died with the role, and that reached the log."""
    one = parent()
    assert one.receive(Ended(KILLED, ESTATE)) == [ReachLog()]
    return one


def test_it_hands_signals_on_while_its_child_lives() -> None:
    one = parent()
    assert one.receive(Signalled(15)) == [HandOn(15)]
    one.receive(Ended(KILLED, ESTATE))
    assert one.receive(Signalled(15)) == []


def test_the_claim_is_off_the_disk_before_anything_is_sent() -> None:
    one = bereaved()
    (keep,) = one.receive(Reached(True))
    assert keep == Keep(HELD._replace(claim=None))
    release, left = one.receive(Kept(keep.record))
    assert isinstance(release, Publish)
    assert release.envelope.type == "provbus.failover.release.v1"
    assert (release.key, release.envelope.source, release.envelope.incarnation) == (ROLE, "dhcp-1", 8)
    assert json.loads(release.envelope.data) == {"role": ROLE, "epoch": 17, "claim_id": "5" * 16}
    assert left == Exit(137, "dhcp/lab is given back")
    assert one.state is ParentState.OVER


def test_without_an_answer_of_the_log_the_claim_stays() -> None:
    assert bereaved().receive(Reached(False)) == [
        Exit(137, "its claim stays, for no leader of the role log answers")
    ]


@pytest.mark.parametrize("is_doubtful", [False, True])
def test_a_claim_that_could_not_be_taken_off_the_disk_is_not_given_back(is_doubtful: bool) -> None:
    one = bereaved()
    (keep,) = one.receive(Reached(True))
    (left,) = one.receive(Unkept(keep.record, (), "no room", is_doubtful))
    assert left == Exit(137, "its claim stays on a disk that refuses: no room")


@pytest.mark.parametrize(
    "kept",
    [
        StoreFailover(None, lock=LOCK),
        HELD._replace(claim=CLAIM._replace(authority=BY_APPOINTMENT)),
        HELD._replace(is_ours=False),
        HELD._replace(lock="boot 1 3"),
    ],
    ids=["no claim", "of another authority", "of another instance", "of another lock"],
)
def test_what_is_not_its_childs_claim_of_the_log_is_left_alone(kept: StoreFailover) -> None:
    assert HELD.held_under(LOCK) == CLAIM
    assert kept.held_under(LOCK) is None


@pytest.mark.parametrize(("exit_code", "told"), [(0, 0), (78, 78), (-15, 143)])
def test_it_ends_as_its_child_ended(exit_code: int, told: int) -> None:
    (left,) = parent().receive(Ended(exit_code, None))
    assert left == Exit(told, "")


def test_it_gives_back_the_role_of_a_child_that_ended_by_itself() -> None:
    """An error of ours ends a process too, and nobody acts for it any more."""
    effects: list[Any] = parent().receive(Ended(70, ESTATE))
    assert effects == [ReachLog()]
