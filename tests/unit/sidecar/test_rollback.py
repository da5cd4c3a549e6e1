"""The way back: a former generation of the settings in force again, as a new one."""

from collections.abc import Callable
from typing import Any

import pytest

from bus.effects import Publish, Reply
from bus.messages import CaughtUp, Draining, LocalRequest, User, WallClock
from services.settings.catalogue import Classes, StoreCatalogue, parse, record
from services.settings.history import StoreHistory
from services.settings.record import CATALOGUE, CatalogueRecord, Change
from services.sidecar.minter import Minter
from services.sidecar.offering import APPLY_WITHIN_S
from tests.unit.disk import Disk

Build = Callable[..., Minter]
Make = Callable[..., Any]
RULES = [{"mac": "00:1a:2c:00:00:01", "class": "data", "values": {"customer": 7}}]


def written(effects: list[Any]) -> list[CatalogueRecord]:
    return [
        parse(one.envelope.data)
        for one in effects
        if isinstance(one, Publish) and one.envelope.type == CATALOGUE
    ]


def bodies(effects: list[Any]) -> list[Any]:
    return [one.body for one in effects if isinstance(one, Reply)]


def back(generation: int, **more: Any) -> LocalRequest:
    body = {"op": "settings.rollback", "id": 7, "generation": generation, **more}
    return LocalRequest(1, body, User(1234, "ann"))


def history(minter: Minter) -> list[dict[str, Any]]:
    (body,) = bodies(minter.receive(LocalRequest(1, {"op": "settings.history"}), 1.0))
    found: list[dict[str, Any]] = body["history"]
    return found


@pytest.fixture
def minter(build: Build, publication: Make, classes: Classes, richer: Classes) -> Minter:
    """It has read generations 3 and 4 from the topic, and has its wall clock."""
    minter = build(catalogue=None)
    minter.receive(WallClock(1000.0), 0.0)
    for one in (record(classes, 3, RULES), record(richer, 4)):
        minter.receive(publication(one), 0.5)
    minter.receive(CaughtUp("config"), 1.0)
    minter.tick(1.0)
    return minter


def test_a_former_generation_comes_back_as_a_new_one_that_says_so(
    minter: Minter, publication: Make, classes: Classes
) -> None:
    assert minter.receive(back(3, comment="#17"), 2.0) == []
    (found,) = written(minter.tick(2.0))
    change = Change(1_002_000, "ann@dhcp-1", "back to generation 3: #17")
    assert found == record(classes, 5, RULES, change)
    minter.receive(publication(found), 2.1)
    assert bodies(minter.tick(2.1)) == [{"id": 7, "applied": True, "generation": 5, "was": 4}]
    assert [(one["generation"], one["in_force"]) for one in history(minter)] == [
        (5, True),
        (4, False),
        (3, False),
    ]


def test_the_way_forth_again_is_the_same(minter: Minter, publication: Make, richer: Classes) -> None:
    minter.receive(back(3), 2.0)
    (found,) = written(minter.tick(2.0))
    assert found.comment == "back to generation 3"
    minter.receive(publication(found), 2.1)
    minter.tick(2.1)
    minter.receive(back(4), 3.0)
    assert [(one.generation, one.classes) for one in written(minter.tick(3.0))] == [(6, richer)]


@pytest.mark.parametrize(
    ("generation", "said"),
    [(4, "generation 4 is the one in force"), (2, "generation 2 is not kept by dhcp-1; kept are 4, 3")],
)
def test_what_is_in_force_or_not_kept_is_no_way_back(minter: Minter, generation: int, said: str) -> None:
    (body,) = bodies(minter.receive(back(generation), 2.0))
    assert body == {"id": 7, "error": "refused", "detail": said}
    assert written(minter.tick(50.0)) == []


def test_what_a_cmts_would_reject_does_not_come_back(
    build: Build, publication: Make, classes: Classes
) -> None:
    """An earlier build took it, and the rules have been learned since."""
    data = classes["data"]
    bad = classes | {"data": data | {"body": [*data["body"], {"network_access": 0}]}}
    minter = build(catalogue=record(bad, 2))
    minter.receive(publication(record(classes, 3)), 0.5)
    minter.receive(CaughtUp("config"), 1.0)
    (body,) = bodies(minter.receive(back(2), 2.0))
    assert body["error"] == "bad_settings"
    assert [path for path, _ in body["problems"]] == ["classes.data.body[4].network_access"]


def test_the_same_settings_under_another_number_change_nothing(
    minter: Minter, publication: Make, classes: Classes
) -> None:
    minter.receive(publication(record(classes, 5, RULES)), 1.5)
    assert bodies(minter.receive(back(3), 2.0)) == [{"id": 7, "applied": False, "generation": 5}]


def test_a_rollback_that_is_not_read_back_is_indeterminate(minter: Minter) -> None:
    minter.receive(back(3), 2.0)
    minter.tick(2.0)
    (body,) = bodies(minter.tick(2.0 + APPLY_WITHIN_S))
    assert body["error"] == "indeterminate"


def test_the_topic_may_forget_what_is_kept(build: Build, publication: Make, classes: Classes) -> None:
    """A compacted topic has the last record only, and a restart reads no more than that."""
    kept = [record(classes, 3, RULES), record(classes, 4)]
    minter = build(catalogue=kept[-1], history=kept)
    minter.receive(publication(kept[-1]), 0.5)
    minter.receive(CaughtUp("config"), 1.0)
    minter.receive(back(3), 2.0)
    assert [one.lookup for one in written(minter.tick(2.0))] == [RULES]


def test_every_generation_that_is_read_is_kept_on_disk(
    build: Build, publication: Make, classes: Classes, richer: Classes
) -> None:
    minter, disk = build(catalogue=record(classes, 5)), Disk()
    for found in (record(richer, 3), record(richer, 6), record(richer, 6)):
        disk.receive(minter, publication(found), 0.5)
    kept = [one for one in disk.kept if isinstance(one, StoreHistory)]
    assert [[past.version[0] for past in one.kept] for one in kept] == [[5, 3], [6, 5, 3]]


def test_a_full_disk_stops_no_change(
    build: Build, publication: Make, classes: Classes, richer: Classes
) -> None:
    minter, disk = build(catalogue=record(classes, 3)), Disk()
    minter.receive(CaughtUp("config"), 1.0)
    disk.is_full = True
    body = {"op": "settings.apply", "id": 7, "classes": richer}
    disk.receive(minter, LocalRequest(1, body), 2.0)
    (found,) = written(disk.tick(minter, 2.0))
    disk.receive(minter, publication(found), 2.1)
    assert bodies(disk.tick(minter, 2.1))[0]["applied"] is True
    assert disk.kept == []
    disk.is_full = False
    disk.tick(minter, 10.0)
    assert {type(one) for one in disk.kept} == {StoreCatalogue, StoreHistory}
    assert [past.version[0] for one in disk.kept if isinstance(one, StoreHistory) for past in one.kept] == [
        4,
        3,
    ]


def test_a_sidecar_that_is_about_to_stop_goes_nowhere_back(minter: Minter) -> None:
    minter.receive(Draining(), 1.5)
    (body,) = bodies(minter.receive(back(3), 2.0))
    assert body["error"] == "try_again"
