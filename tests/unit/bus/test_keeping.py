"""What belongs on the disk and is not there is tried again, as it is by then, and said."""

from typing import NamedTuple

import pytest

from bus.effects import Keep, Reply
from bus.messages import Kept, Unkept
from bus.telemetry.keeping import AGAIN_S, Keeping, Subject

FULL = "No space left on device"


class Claim(NamedTuple):
    """A record of these tests."""

    number: int


class Copy(NamedTuple):
    """Another one."""

    text: str


class Owner:
    """What is to be kept now."""

    claim: Claim | None = Claim(1)


@pytest.fixture
def owner() -> Owner:
    return Owner()


@pytest.fixture
def keeping(owner: Owner) -> Keeping:
    return Keeping(
        {Claim: Subject("claim", lambda: owner.claim), Copy: Subject("copy", lambda: Copy("settings"))}
    )


def values(keeping: Keeping) -> dict[str, float]:
    return {f"{one.name} {one.labels['record']}": float(one.value) for one in keeping.samples()}  # type: ignore[arg-type]


def test_nothing_is_due_while_the_disk_takes_everything(keeping: Keeping) -> None:
    keeping.receive(Kept(Claim(1)), 5.0)
    assert (keeping.deadline(), keeping.tick(100.0), keeping.why(Claim)) == (None, [], "")


def test_what_was_refused_is_tried_again_as_it_is_then(keeping: Keeping, owner: Owner) -> None:
    keeping.receive(Unkept(Claim(1), (), FULL), 5.0)
    owner.claim = Claim(2)
    assert keeping.deadline() == 5.0 + AGAIN_S
    assert keeping.tick(5.0 + AGAIN_S - 0.01) == []
    assert keeping.tick(5.0 + AGAIN_S) == [Keep(Claim(2))]
    assert keeping.tick(5.0 + AGAIN_S) == []
    assert keeping.tick(5.0 + 2 * AGAIN_S) == [Keep(Claim(2))]


def test_each_kind_is_on_its_own(keeping: Keeping) -> None:
    keeping.receive(Unkept(Claim(1), (), FULL), 5.0)
    keeping.receive(Unkept(Copy("settings"), (), "Input/output error"), 5.0)
    keeping.receive(Kept(Claim(1)), 5.5)
    assert (keeping.why(Claim), keeping.why(Copy)) == ("", "Input/output error")
    assert keeping.tick(60.0) == [Keep(Copy("settings"))]
    found = values(keeping)
    assert (found["provbus_unkept_total claim"], found["provbus_unkept claim"]) == (1, 0)
    assert (found["provbus_unkept_total copy"], found["provbus_unkept copy"]) == (1, 1)


def test_where_nothing_belongs_on_the_disk_any_more_nothing_is_owed(keeping: Keeping, owner: Owner) -> None:
    keeping.receive(Unkept(Claim(1), (), FULL), 5.0)
    owner.claim = None
    assert keeping.tick(60.0) == []
    assert (keeping.deadline(), keeping.why(Claim)) == (None, "")


def test_who_waits_for_an_answer_is_told_that_nothing_was_changed(keeping: Keeping) -> None:
    then = (Reply(7, {"id": 3, "locked": True}),)
    (reply,) = keeping.receive(Unkept(Claim(1), then, FULL), 5.0)
    assert (reply.session, reply.body["id"], reply.body["error"]) == (7, 3, "try_again")
    assert FULL in reply.body["detail"]


def test_its_owner_hears_what_became_of_a_record_after_whoever_waits() -> None:
    then = (Reply(7, {"id": 1, "votes": True}),)
    said = Keep(Claim(3))
    heard: list[tuple[object, float]] = []

    def hear(message: Kept | Unkept, now: float) -> list[Keep]:
        heard.append((message, now))
        return [said]

    keeping = Keeping({Claim: Subject("claim", lambda: None, hear), Copy: Subject("copy", lambda: None)})
    refused, kept = Unkept(Claim(1), then, FULL), Kept(Claim(1))
    assert [type(one) for one in keeping.receive(refused, 5.0)] == [Reply, Keep]
    assert keeping.receive(Kept(Copy("settings")), 5.5) == []
    assert keeping.receive(kept, 6.0) == [said]
    assert heard == [(refused, 5.0), (kept, 6.0)]
