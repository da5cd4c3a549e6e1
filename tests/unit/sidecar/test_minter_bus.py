"""What a minter makes of the bus: catalogues, beats, and everything that is neither."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bus.contract import decode
from bus.effects import Connect, Keep, Publish, Send, TakeIncarnation
from bus.envelope import Envelope
from bus.messages import LocalRequest, Received, Undelivered, Unkept
from fileid.row import ACK, HELLO, PULL, PULLED, ROWS, Row, pack_names, split_rows
from heartbeat.liveness.beat import BEAT, Beat
from heartbeat.liveness.namesake import SILENT_S, START_S
from services.settings.catalogue import Classes, StoreCatalogue, record
from services.settings.history import StoreHistory
from services.settings.record import CatalogueRecord
from services.sidecar.minter import Minter
from services.sidecar.peers import HELLO_EVERY_S
from tests.unit.sidecar.conftest import SERVICES

Build = Callable[..., Minter]
Make = Callable[..., Any]


def beats(effects: list[Any]) -> list[Beat]:
    found = [one.envelope for one in effects if isinstance(one, Publish) and one.envelope.type == BEAT]
    return [decode(Beat, envelope.data) for envelope in found]


def hellos(effects: list[Any]) -> list[Send]:
    return [one for one in effects if isinstance(one, Send) and one.envelope.type == HELLO]


def rows_sent(effects: list[Any]) -> list[Send]:
    return [one for one in effects if isinstance(one, Send) and one.envelope.type == ROWS]


def knows(minter: Minter, create: Make, name: str) -> bool:
    """Whether a request for this class is accepted."""
    replies = minter.receive(create(settings={"class": name, "customer": 1}), 0.0)
    assert all(reply.body["error"] in ("bad_request", "try_again") for reply in replies)
    return not replies


def test_a_newer_catalogue_is_adopted_kept_and_told(
    build: Build, create: Make, publication: Make, richer: Classes
) -> None:
    minter = build()
    minter.tick(0.0)
    assert not knows(minter, create, "gold")
    fresh = record(richer, 4)
    assert minter.receive(publication(fresh), 0.1)[0] == Keep(StoreCatalogue(fresh))
    assert knows(minter, create, "gold")
    assert [beat.generation for beat in beats(minter.tick(0.1))] == [4]


def test_the_first_catalogue_ends_the_wait(
    build: Build, create: Make, publication: Make, catalogue: Any
) -> None:
    minter = build(catalogue=None)
    assert not knows(minter, create, "data")
    minter.receive(publication(catalogue), 0.0)
    assert knows(minter, create, "data")


@pytest.mark.parametrize("generation", [1, 2])
def test_a_catalogue_that_is_not_newer_changes_nothing(
    build: Build, create: Make, publication: Make, richer: Classes, generation: int
) -> None:
    minter = build()
    (kept,) = minter.receive(publication(record(richer, generation)), 0.0)
    assert isinstance(kept, Keep)
    assert isinstance(kept.record, StoreHistory)
    assert not knows(minter, create, "gold")
    assert minter.counts["undecodable"] == 0


def bad_records(classes: Classes) -> Iterator[CatalogueRecord | bytes]:
    yield b"{}"
    yield record(classes, 4).model_copy(update={"digest": "0" * 64})
    yield record(classes | {"gold": {"kind": "fax"}}, 4)
    yield record(classes | {"gold": {"kind": "cm", "body": [{"network_access": 999}]}}, 4)
    yield record(classes | {"x" * 13: classes["data"]}, 4)
    yield record(classes | {"größe": classes["data"]}, 4)
    yield record({}, 4)


def test_a_bad_catalogue_is_refused_whole_and_the_old_one_stays(
    build: Build, create: Make, publication: Make, classes: Classes
) -> None:
    minter = build()
    for number, bad in enumerate(bad_records(classes), 1):
        assert minter.receive(publication(bad), 0.0) == []
        assert minter.counts["undecodable"] == number
    assert knows(minter, create, "data")
    assert not knows(minter, create, "gold")
    assert not knows(minter, create, "x" * 13)
    assert beats(minter.tick(0.5))[0].generation == 3


def test_a_cfm_is_connected_at_its_first_beat_and_greeted(build: Build, beat: Make) -> None:
    minter = build()
    minter.tick(0.0)
    assert minter.receive(beat("cfm-1"), 0.1) == [Connect("cfm-1", "tcp://127.0.0.11:7000")]
    assert [one.to for one in hellos(minter.tick(0.1))] == ["cfm-1"]
    assert minter.receive(beat("cfm-1"), 0.2) == []
    assert hellos(minter.tick(0.1 + HELLO_EVERY_S - 0.001)) == []
    assert [one.to for one in hellos(minter.tick(0.1 + HELLO_EVERY_S))] == ["cfm-1"]


def test_a_cfm_that_moved_is_connected_anew(build: Build, beat: Make) -> None:
    minter = build()
    minter.receive(beat("cfm-1"), 0.0)
    moved = {"fileid": "tcp://127.0.0.11:7001", "tftp": "127.0.0.11"}
    after = beat("cfm-1", incarnation=2, endpoints=moved)
    assert minter.receive(after, 1.0) == [Connect("cfm-1", "tcp://127.0.0.11:7001")]
    assert minter.receive(beat("cfm-1", incarnation=1), 1.1) == []  # late, from before the restart


def test_who_announces_no_endpoint_is_not_connected(build: Build, beat: Make) -> None:
    minter = build()
    assert minter.receive(beat("cfm-1", endpoints={}), 0.0) == []
    assert minter.receive(beat("dhcp-2", service="dhcp", endpoints={}), 0.0) == []
    assert hellos(minter.tick(0.0)) == []


@pytest.mark.parametrize(("source", "service"), [("cfm-7", "cfm"), ("dhcp-2", "cfm"), ("cfm-1", "dhcp")])
def test_a_strangers_beat_is_refused(build: Build, beat: Make, source: str, service: str) -> None:
    minter = build()
    assert minter.receive(beat(source, service=service), 0.0) == []
    assert minter.counts["undecodable"] == 1
    assert hellos(minter.tick(0.0)) == []


def test_a_beat_that_comes_twice_is_heard_once(build: Build, beat: Make, create: Make) -> None:
    minter = build()
    first = beat("cfm-1")
    minter.receive(first, 0.0)
    minter.receive(first, 1.4)
    minter.tick(1.6)
    minter.receive(create(), 1.6)
    assert rows_sent(minter.tick(1.6)) == []  # silent since 0.0, so suspect


def test_a_cfm_that_cannot_be_reached_is_not_chosen_until_it_was_greeted_again(
    build: Build, beat: Make, create: Make
) -> None:
    minter = build()
    minter.receive(beat("cfm-1"), 0.0)
    (hello,) = hellos(minter.tick(0.0))
    minter.receive(Undelivered(hello.envelope, hello.to, "not connected"), 0.0)
    minter.receive(create(), 0.01)
    assert rows_sent(minter.tick(0.01)) == []
    minter.tick(HELLO_EVERY_S)
    minter.receive(create(), HELLO_EVERY_S + 0.01)
    assert len(rows_sent(minter.tick(HELLO_EVERY_S + 0.01))) == 1


@pytest.mark.parametrize(
    ("type_", "data"),
    [
        (ACK, b""),
        (PULL, b"\x05abc"),
        (PULLED, b""),
        (ROWS, b""),
        (BEAT, b"{}"),
        ("provbus.config.other.v1", b"{}"),
        ("provbus.audit.batch.v1", b'{"events":[]}'),
    ],
)
def test_garbage_is_counted_and_nothing_else(build: Build, type_: str, data: bytes) -> None:
    minter = build()
    assert minter.receive(Received(Envelope(type_, "cfm-1", 1, 1, 0, data), "cfm-1"), 0.0) == []
    assert minter.counts["undecodable"] == 1


def test_a_message_that_nobody_sends_is_our_own_mistake(build: Build) -> None:
    with pytest.raises(KeyError, match="str"):
        build().receive("hello", 0.0)  # type: ignore[arg-type]


def test_rows_that_are_refused_for_their_number_cost_no_other_its_memory(
    build: Build, beat: Make, create: Make
) -> None:
    minter = build(minted_max=20_000)
    minter.receive(beat("cfm-1"), 0.0)
    replies: list[Any] = []
    first: Row | None = None
    while not replies:
        replies = minter.receive(create(), 0.0)
        if first is None:
            names, bodies = split_rows(rows_sent(minter.tick(0.0))[0].envelope.data)
            first = Row(names[0], bodies[0])
    assert [reply.body["error"] for reply in replies] == ["try_again"]
    assert first is not None
    pull = Envelope(PULL, "cfm-1", 1, 1, 0, pack_names([first.name]))
    assert len(minter.receive(Received(pull, "cfm-1"), 0.0)) == 1


def test_another_process_of_our_name_ends_our_work_until_it_is_silent(
    build: Build, beat: Make, create: Make
) -> None:
    minter = build()
    minter.tick(0.0)
    minter.receive(beat(), 1.0)
    other = beat("dhcp-1", incarnation=99, service="dhcp", endpoints={})
    assert minter.receive(other, 1.0) == []
    (reply,) = minter.receive(create(), 1.0)
    assert (reply.body["error"], "another process has it" in reply.body["detail"]) == ("try_again", True)
    assert [one.namesake for one in beats(minter.tick(1.5))] == ["yielded"]
    assert "later incarnation 99" in minter.status.missing()[0]
    (taken,) = (one.record for one in minter.tick(1.0 + SILENT_S) if isinstance(one, Keep))
    assert isinstance(taken, TakeIncarnation)
    assert taken.incarnation > 99
    assert minter.receive(Unkept(taken, (), "No space left on device"), 11.0) == []
    assert "later incarnation 99" in minter.status.missing()[0]


def test_a_beat_of_our_own_is_no_other_process(build: Build, beat: Make) -> None:
    minter = build()
    minter.tick(0.0)
    minter.receive(beat("dhcp-1", incarnation=9, service="dhcp", endpoints={}), START_S)
    told = [one["text"] for one in minter.status.describe(START_S)["missing"]]
    assert told == minter.status.missing()
    assert not any("its name" in one for one in minter.status.missing() + minter.status.degraded())


def test_an_earlier_process_of_our_name_is_said(build: Build, beat: Make) -> None:
    minter = build()
    minter.tick(0.0)
    minter.receive(beat("dhcp-1", incarnation=3, service="dhcp", endpoints={}), START_S)
    assert "its name is in use twice" in minter.status.degraded()[0]


def test_settings_are_not_applied_by_one_that_yields(build: Build, beat: Make) -> None:
    minter = build()
    minter.receive(beat("dhcp-1", incarnation=99, service="dhcp", endpoints={}), 1.0)
    (reply,) = minter.receive(LocalRequest(1, {"op": "settings.apply", "classes": {}}), 1.0)
    assert reply.body["error"] == "try_again"


def test_a_cfm_that_is_taken_out_of_the_fleet_gets_nothing(build: Build, beat: Make, create: Make) -> None:
    minter = build()
    for name in ("cfm-1", "cfm-2"):
        minter.receive(beat(name), 0.0)
    minter.keep_to({name: service for name, service in SERVICES.items() if name != "cfm-1"}, {})
    assert {send.to for send in hellos(minter.tick(1.0))} == {"cfm-2"}
    assert minter.receive(beat("cfm-1"), 1.0) == []
    for session in range(20):
        minter.receive(create(session), 1.0)
    assert {send.to for send in rows_sent(minter.tick(1.0))} == {"cfm-2"}
    assert [*minter.status.describe(1.0)["peers"]] == ["cfm-2"]
    minter.keep_to(SERVICES, {})
    (connect,) = [one for one in minter.receive(beat("cfm-1"), 1.1) if isinstance(one, Connect)]
    assert connect.peer == "cfm-1"
