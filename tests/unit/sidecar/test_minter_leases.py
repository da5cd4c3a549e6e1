"""A sidecar beside a DHCP server that does not ask: leases and requests do not get in each other's way."""

from collections.abc import Callable
from typing import Any

import pytest

from bus.effects import Exit, Reply, Send
from bus.envelope import Envelope
from bus.messages import Draining, LocalRequest, Received, Undelivered
from bus.telemetry.exposition import Exposition
from fileid.given import given_key
from fileid.lease import ExcuseServer, Lease, Leased, LeaseFile, LeasesRead, StorePosition
from fileid.row import PULL, PULLED, ROWS, Row, pack_names, split_rows
from services.instance.metrics import METRICS
from services.settings.catalogue import Classes, record
from services.settings.record import CatalogueRecord
from services.sidecar.leasing import BUDGET
from services.sidecar.minter import Minter

WALL_S = 1_700_000_000
DEVICE, ADDRESS = bytes.fromhex("001a2c000001"), bytes([127, 64, 0, 1])
KEY = given_key("modem.cm", DEVICE, ADDRESS)
RULES = [{"subnet": "127.64.0.0/11", "class": "data", "values": {"customer": 7}}]
LEASED = Leased([Lease(DEVICE, ADDRESS, WALL_S, 1, b"", DEVICE)], "p1", 0.0)
DRAINED = Exit(0, "drained")

Make = Callable[..., Any]


@pytest.fixture
def catalogue(classes: Classes) -> CatalogueRecord:
    """The classes, and a rule for modems."""
    return record(classes, 3, RULES)


@pytest.fixture
def minter(build: Callable[..., Minter]) -> Minter:
    """dhcp-1, whose DHCP server names cfm-1 and cfm-2 for one file. It has heard of neither."""
    return build(files=[LeaseFile("cm", "modem.cm", ("cfm-1", "cfm-2"))])


def rows_sent(effects: list[Any]) -> list[Send]:
    return [one for one in effects if isinstance(one, Send) and one.envelope.type == ROWS]


def stored(effects: list[Any]) -> list[Any]:
    return [one.position for one in effects if isinstance(one, StorePosition)]


def counted(minter: Minter, now: float = 0.0) -> dict[str, int]:
    (reply,) = minter.receive(LocalRequest(1, {"op": "status"}), now)
    assert isinstance(reply, Reply)
    return {key: count for key, count in reply.body["leases"].items() if count}


def test_a_lease_is_handed_off_told_and_its_position_stored(minter: Minter, ack: Make) -> None:
    assert minter.receive(LEASED, 0.0) == []
    assert minter.deadline() == 0.0
    sends = rows_sent(minter.tick(0.0))
    assert [one.to for one in sends] == ["cfm-1", "cfm-2"]
    for send in sends:
        assert minter.receive(ack(send), 0.1) == []
    assert minter.deadline() == 0.0
    assert stored(minter.tick(0.1)) == ["p1"]
    assert counted(minter) == {"seen": 1, "acked": 1}
    minter.tick(1.0)
    (reply,) = minter.receive(LocalRequest(1, {"op": "trace", "device": DEVICE.hex(":")}), 1.0)
    assert isinstance(reply, Reply)
    assert [one["event"] for one in reply.body["events"]] == ["lease.acked", "lease.acked"]


def test_requests_are_answered_beside_leases(minter: Minter, beat: Make, create: Make, ack: Make) -> None:
    minter.receive(beat("cfm-1"), 0.0)
    minter.receive(LEASED, 0.0)
    minter.receive(create(), 0.0)
    sends = rows_sent(minter.tick(0.0))
    assert [one.to for one in sends] == ["cfm-1", "cfm-1", "cfm-2"]
    replies = [reply for send in sends for reply in minter.receive(ack(send), 0.01)]
    assert [reply.body["acked"] for reply in replies if isinstance(reply, Reply)] == [True]
    assert counted(minter) == {"seen": 1, "acked": 1}
    assert minter.receive(ack(sends[0]), 0.02) == []


def test_the_row_of_a_lease_can_be_pulled_by_its_key(minter: Minter) -> None:
    minter.receive(LEASED, 0.0)
    row = rows_sent(minter.tick(0.0))[0]
    pull = Received(Envelope(PULL, "cfm-2", 1, 5, 0, pack_names([KEY, b"001a2c000001.cm"])), b"")
    (pulled,) = minter.receive(pull, 0.1)
    assert isinstance(pulled, Send)
    assert (pulled.to, pulled.envelope.type) == ("cfm-2", PULLED)
    assert [*map(Row, *split_rows(pulled.envelope.data))] == [*map(Row, *split_rows(row.envelope.data))]
    assert minter.counts["unknown_pulls"] == 1


def test_a_cfm_that_cannot_be_reached_is_tried_again_and_given_up_at_the_end(
    minter: Minter, ack: Make
) -> None:
    minter.receive(LEASED, 0.0)
    first, second = rows_sent(minter.tick(0.0))
    minter.receive(ack(first), 0.0)
    minter.receive(Undelivered(second.envelope, "cfm-2", "not connected"), 0.0)
    effects: list[Any] = []
    now = 0.0
    while not stored(effects):
        due = minter.deadline()
        assert due is not None
        assert now <= BUDGET.budget_s
        now = max(now, due)
        effects += minter.tick(now)
    assert {one.to for one in rows_sent(effects)} == {"cfm-2"}
    assert counted(minter, now) == {"seen": 1, "unacked": 1, "late": 1}


def test_leases_go_when_the_catalogue_comes_from_the_topic(
    build: Make, publication: Make, catalogue: CatalogueRecord
) -> None:
    minter = build(catalogue=None, files=[LeaseFile("cm", "modem.cm", ("cfm-1",))])
    minter.receive(LEASED, 0.0)
    assert rows_sent(minter.tick(0.0)) == []
    minter.receive(publication(catalogue), 1.0)
    assert minter.deadline() == 0.0
    assert len(rows_sent(minter.tick(1.0))) == 1


def test_draining_it_sees_its_leases_settled_and_their_position_stored(minter: Minter, ack: Make) -> None:
    minter.receive(LEASED, 0.0)
    sends = rows_sent(minter.tick(0.0))
    minter.receive(Draining(), 0.1)
    assert DRAINED not in minter.tick(0.1)
    for send in sends:
        assert DRAINED not in minter.tick(1.0)
        minter.receive(ack(send), 1.0)
    effects = minter.tick(1.0)
    assert stored(effects) == ["p1"]
    assert effects[-1] == DRAINED


def test_where_nobody_is_followed_leases_are_ignored(build: Make) -> None:
    minter = build()
    minter.receive(LEASED, 0.0)
    assert stored(minter.tick(0.0)) == ["p1"]
    assert counted(minter) == {"ignored": 1}


def test_leases_are_counted_in_the_metrics(minter: Minter, ack: Make) -> None:
    minter.receive(LEASED, 0.0)
    sends = rows_sent(minter.tick(0.0))
    values = {(one.name, *one.labels.values()): one.value for one in minter.status.samples(0.0)}
    assert values["provbus_queue_depth", "handoff"] == 2
    for send in sends:
        minter.receive(ack(send), 0.0)
    values = {(one.name, *one.labels.values()): one.value for one in minter.status.samples(0.0)}
    assert values["provbus_leases_total", "acked"] == values["provbus_leases_total", "seen"] == 1
    assert values["provbus_queue_depth", "handoff"] == 0
    assert Exposition(METRICS, lambda: minter.status.samples(0.0)).render()


BEHIND = "rows for what Kea granted in the last minute: its journal is being read"


def test_it_is_not_ready_before_the_rows_of_its_start_are_settled(minter: Minter, ack: Make) -> None:
    assert BEHIND in minter.status.missing()
    minter.receive(LEASED, 0.0)
    minter.receive(LeasesRead(), 0.0)
    minter.receive(LEASED._replace(position="p2"), 0.0)
    sends = rows_sent(minter.tick(0.0))
    assert BEHIND in minter.status.missing()
    for send in sends:
        minter.receive(ack(send), 0.1)
    minter.tick(0.1)
    assert BEHIND not in minter.status.missing()


def test_without_leases_it_is_ready_when_the_journal_was_read(minter: Minter) -> None:
    minter.receive(LeasesRead(), 0.0)
    assert BEHIND not in minter.status.missing()


def test_a_sidecar_that_follows_nobody_waits_for_no_journal(build: Callable[..., Minter]) -> None:
    assert BEHIND not in build().status.missing()


@pytest.mark.parametrize("seconds", [0, 12.5, 600])
def test_a_reload_of_our_own_making_is_told_to_the_follower(minter: Minter, seconds: float) -> None:
    effects = minter.receive(LocalRequest(1, {"op": "host.reloads", "id": 7, "seconds": seconds}), 0.0)
    assert effects == [ExcuseServer(seconds), Reply(1, {"id": 7, "seconds": seconds})]


@pytest.mark.parametrize("seconds", [None, -1, 601, "5", True, float("nan")])
def test_an_endless_reload_is_refused(minter: Minter, seconds: Any) -> None:
    (reply,) = minter.receive(LocalRequest(1, {"op": "host.reloads", "seconds": seconds}), 0.0)
    assert isinstance(reply, Reply)
    assert reply.body["error"] == "bad_request"


def test_who_follows_nobody_excuses_nobody(build: Callable[..., Minter]) -> None:
    (reply,) = build().receive(LocalRequest(1, {"op": "host.reloads", "seconds": 5}), 0.0)
    assert isinstance(reply, Reply)
    assert "follows no DHCP server" in reply.body["detail"]
