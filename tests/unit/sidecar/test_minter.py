"""From a host's request to its answer: minted, handed off, acked or not."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from bus.contract import decode
from bus.effects import Publish, Reply, Send
from bus.envelope import Envelope, Stamp, Token, number_of
from bus.messages import LocalRequest, Received, SessionClosed, Undelivered, WallClock
from bus.telemetry.audit import AUDIT, DELAY_S
from fileid.minted import ALL_AFTER_S, KEPT_S
from fileid.row import DISOWNED, PULL, PULLED, ROWS, Row, pack_names, split_rows, unpack_names
from fileid.seal import Opener
from fileid.table import RowStatus
from heartbeat.liveness.beat import BEAT, Beat
from services.sidecar.minter import Minter

Build = Callable[..., Minter]
Make = Callable[..., Any]


def rows_sent(effects: list[Any]) -> list[Send]:
    return [one for one in effects if isinstance(one, Send) and one.envelope.type == ROWS]


def answers(effects: list[Any]) -> list[dict[str, Any]]:
    return [one.body for one in effects if isinstance(one, Reply)]


def until_answered(minter: Minter, start: float = 0.0) -> tuple[float, list[Any]]:
    """Tick at every deadline until the host has its answer: when that was, and all effects so far."""
    effects: list[Any] = []
    now = start
    while not answers(effects):
        due = minter.deadline()
        assert due is not None
        assert now < start + 10.0
        now = max(now, due)
        effects += minter.tick(now)
    return now, effects


@pytest.fixture
def minter(build: Build, beat: Make) -> Minter:
    """dhcp-1, which knows one CFM."""
    minter = build()
    minter.receive(beat("cfm-1"), 0.0)
    return minter


def test_a_request_becomes_a_sealed_row_at_a_cfm_and_then_an_answer(
    build: Build, beat: Make, create: Make, ack: Make, opener: Opener
) -> None:
    stamp = Stamp("dhcp-1", "lab", 9)
    minter = build(stamp=stamp)
    stamp.speaks_for(lambda: Token(1, 7))
    minter.receive(beat("cfm-1"), 0.0)
    assert minter.receive(create(session=5), 1.5) == []
    assert (minter.deadline() or 0.0) <= 1.5
    (send,) = rows_sent(minter.tick(1.5))
    assert send.to == "cfm-1"
    (row,) = map(Row, *split_rows(send.envelope.data))
    (reply,) = minter.receive(ack(send), 1.625)
    assert reply == Reply(
        5,
        {
            "id": 7,
            "file": row.name.decode(),
            "fileid": "0000000000000001",
            "next_server": "127.0.0.11",
            "acked": True,
            "sealed": "full",
        },
    )
    fields = opener.open(row.name).fields()
    assert fields == row.fields()
    assert fields.device == bytes.fromhex("001122334455")
    assert (fields.address, fields.relay) == (bytes([10, 0, 0, 7]), bytes([10, 0, 0, 1]))
    assert (fields.token, fields.minter, fields.generation) == (Token(1, 7), number_of("dhcp-1"), 3)
    assert fields.minted_ms == 1_700_000_001_500
    assert fields.values == (4242).to_bytes(4)


def test_an_ipv6_device_gets_a_name_of_its_own_address(minter: Minter, create: Make, opener: Opener) -> None:
    minter.receive(create(address="2001:db8::7", relay="2001:db8::1"), 0.0)
    (send,) = rows_sent(minter.tick(0.0))
    (row,) = map(Row, *split_rows(send.envelope.data))
    fields = opener.open(row.name).fields()
    assert (fields.address.hex(), fields.relay, fields.partial) == (
        "20010db8" + "0" * 23 + "7",
        bytes(4),
        False,
    )


def test_a_host_that_leaves_changes_nothing(minter: Minter, create: Make) -> None:
    minter.receive(create(), 0.0)
    assert minter.receive(SessionClosed(1), 0.0) == []
    assert len(rows_sent(minter.tick(0.0))) == 1


def test_the_row_says_when_it_was_minted_by_the_newest_wall_clock(minter: Minter, create: Make) -> None:
    minter.receive(WallClock(5_000.0), 1.0)
    minter.receive(create(), 2.0)
    (send,) = rows_sent(minter.tick(2.0))
    (row,) = map(Row, *split_rows(send.envelope.data))
    assert row.fields().minted_ms == 5_002_000


def test_values_that_do_not_fit_travel_in_the_row_only(minter: Minter, create: Make, ack: Make) -> None:
    values = {"class": "voice", "line1": "ca@cms-1.example.net", "line2": "ca@cms-2.example.net"}
    minter.receive(create(settings=values), 0.0)
    (send,) = rows_sent(minter.tick(0.0))
    (answer,) = answers(minter.receive(ack(send), 0.01))
    assert (answer["acked"], answer["sealed"]) == (True, "partial")
    assert b"cms-2" in send.envelope.data
    assert b"cms-2" not in answer["file"].encode()


def test_requests_of_one_moment_share_a_frame_and_each_gets_its_own_answer(
    minter: Minter, create: Make, ack: Make
) -> None:
    for session in range(3):
        minter.receive(create(session=session, id=f"id-{session}"), 0.0)
    (send,) = rows_sent(minter.tick(0.0))
    replies = minter.receive(ack(send), 0.01)
    assert [(one.session, one.body["id"]) for one in replies] == [(0, "id-0"), (1, "id-1"), (2, "id-2")]
    assert len({one.body["file"] for one in replies}) == 3
    assert minter.receive(ack(send), 0.02) == []


def test_a_full_cfm_is_passed_over(minter: Minter, beat: Make, create: Make, ack: Make) -> None:
    minter.receive(beat("cfm-2"), 0.0)
    minter.receive(create(), 0.0)
    (first,) = rows_sent(minter.tick(0.0))
    assert minter.receive(ack(first, RowStatus.FULL), 0.01) == []
    (second,) = rows_sent(minter.tick(0.01))
    assert {first.to, second.to} == {"cfm-1", "cfm-2"}
    (answer,) = answers(minter.receive(ack(second), 0.02))
    assert answer["next_server"] == f"127.0.0.1{str(second.to)[-1]}"


def test_without_an_ack_the_answer_names_the_first_one_tried_within_the_budget(
    minter: Minter, beat: Make, create: Make
) -> None:
    minter.receive(beat("cfm-2"), 0.0)
    minter.receive(create(), 0.0)
    at, effects = until_answered(minter)
    sends = rows_sent(effects)
    (answer,) = answers(effects)
    assert [send.envelope.id for send in sends] == [sends[0].envelope.id] * 3
    assert answer["next_server"] == f"127.0.0.1{str(sends[0].to)[-1]}"
    assert (answer["acked"], answer["sealed"]) == (False, "full")
    assert at == pytest.approx(0.15)


def test_the_first_one_tried_is_not_named_when_it_died_meanwhile(
    build: Build, beat: Make, create: Make
) -> None:
    minter = build()
    minter.receive(beat("cfm-1"), 0.0)
    minter.receive(create(), 1.4)
    (send,) = rows_sent(minter.tick(1.4))
    assert send.to == "cfm-1"
    minter.receive(beat("cfm-2", draining=False), 1.49)
    minter.tick(1.5)  # cfm-1 is suspect from now on
    _, effects = until_answered(minter, 1.51)
    (answer,) = answers(effects)
    assert (answer["next_server"], answer["acked"]) == ("127.0.0.12", False)


def test_with_no_cfm_the_default_is_named_at_the_end_of_the_budget(build: Build, create: Make) -> None:
    minter = build(default_next_server="192.0.2.69")
    minter.receive(create(), 0.0)
    at, effects = until_answered(minter)
    (answer,) = answers(effects)
    assert (answer["next_server"], answer["acked"], answer["sealed"]) == ("192.0.2.69", False, "full")
    assert at == pytest.approx(0.15)


def test_with_no_cfm_and_no_default_the_host_is_told_to_try_again(build: Build, create: Make) -> None:
    minter = build()
    minter.receive(create(), 0.0)
    _, effects = until_answered(minter)
    (answer,) = answers(effects)
    assert answer.keys() == {"id", "error", "detail"}
    assert (answer["id"], answer["error"]) == (7, "try_again")


def test_a_cfm_that_lags_behind_the_settings_gets_no_rows(build: Build, beat: Make, create: Make) -> None:
    minter = build()
    minter.receive(beat("cfm-1", generation=2), 0.0)
    minter.receive(create(), 0.0)
    assert rows_sent(minter.tick(0.0)) == []
    minter.receive(beat("cfm-1", generation=3), 0.04)
    assert len(rows_sent(minter.tick(0.05))) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"op": "fileid.delete"},
        {"op": None},
        {"op": ["status"]},
        {"device": "modem"},
        {"address": "here"},
        {"settings": {}},
        {"settings": {"class": "gold"}},
        {"settings": {"class": "data"}},
        {"settings": {"class": "data", "customer": -1}},
        {"settings": {"class": "data", "customer": "4242"}},
        {"settings": {"class": "data", "customer": 1, "line1": "x"}},
        {"colour": "red"},
    ],
    ids=lambda changes: str(changes)[:60],
)
def test_a_request_that_is_wrong_is_refused_at_once_with_its_id(
    minter: Minter, create: Make, changes: dict[str, Any]
) -> None:
    (reply,) = minter.receive(create(session=4, **changes), 0.0)
    assert reply.session == 4
    assert (reply.body["id"], reply.body["error"]) == (7, "bad_request")
    assert reply.body["detail"]
    assert rows_sent(minter.tick(0.0)) == []


@pytest.mark.parametrize(("size", "fits"), [(127, True), (128, False)])
def test_values_are_as_long_as_a_row_carries_or_refused(
    minter: Minter, create: Make, ack: Make, size: int, fits: bool
) -> None:
    values = {f"text{number}": "x" * size for number in range(8)}  # each with one byte of length
    replies = minter.receive(create(settings={"class": "texts"} | values), 0.0)
    assert [body["error"] for body in answers(replies)] == ([] if fits else ["bad_request"])
    sends = rows_sent(minter.tick(0.0))
    assert len(sends) == fits
    assert [body["sealed"] for send in sends for body in answers(minter.receive(ack(send), 0.01))] == [
        "partial"
    ] * fits


def test_without_settings_the_host_is_told_to_try_again(build: Build, create: Make) -> None:
    (reply,) = build(catalogue=None).receive(create(), 0.0)
    assert (reply.body["id"], reply.body["error"]) == (7, "try_again")


def test_a_frame_that_cannot_leave_goes_to_another_cfm_at_once(
    minter: Minter, beat: Make, create: Make, ack: Make
) -> None:
    minter.receive(beat("cfm-2"), 0.0)
    minter.tick(0.0)
    minter.receive(create(), 0.1)
    (first,) = rows_sent(minter.tick(0.1))
    minter.receive(Undelivered(first.envelope, first.to, "not connected"), 0.1)
    (second,) = rows_sent(minter.tick(0.1))
    assert {first.to, second.to} == {"cfm-1", "cfm-2"}
    assert second.envelope == first.envelope
    minter.receive(ack(second), 0.11)
    minter.receive(create(), 0.12)
    (third,) = rows_sent(minter.tick(0.12))
    assert third.to == second.to  # the other one is not asked again before it was seen again


def test_a_cfm_that_pulls_gets_the_rows_it_names_if_they_are_ours(minter: Minter, create: Make) -> None:
    minter.receive(create(), 0.0)
    minter.receive(create(), 0.0)
    rows = list(map(Row, *split_rows(rows_sent(minter.tick(0.0))[0].envelope.data)))

    def pull(*names: bytes, now: float = 1.0) -> list[Row]:
        envelope = Envelope(PULL, "cfm-1", 1, 1, 0, pack_names(names))
        sends = minter.receive(Received(envelope, "cfm-1"), now)
        assert {(one.to, one.envelope.type) for one in sends} <= {("cfm-1", PULLED)}
        return [row for one in sends for row in map(Row, *split_rows(one.envelope.data))]

    assert pull(rows[1].name, b"unknown", rows[0].name) == [rows[1], rows[0]]
    assert pull(rows[0].name) == rows[:1]
    assert pull(b"unknown") == pull() == []
    assert minter.counts["unknown_pulls"] == 2
    assert pull(rows[0].name, now=KEPT_S) == []


def pulled(minter: Minter, *names: bytes, now: float) -> list[tuple[str, list[bytes]]]:
    """The answers to a CFM that pulls these names: the type of each, and its names."""
    message = Received(Envelope(PULL, "cfm-1", 1, 1, 0, pack_names(names)), "cfm-1")
    envelopes = [one.envelope for one in minter.receive(message, now) if isinstance(one, Send)]
    return [
        (one.type, unpack_names(one.data) if one.type == DISOWNED else split_rows(one.data)[0])
        for one in envelopes
    ]


def test_a_minter_disowns_the_sealed_names_that_it_would_remember(minter: Minter, create: Make) -> None:
    minter.tick(0.0)
    minter.receive(create(), ALL_AFTER_S)
    ours = split_rows(rows_sent(minter.tick(ALL_AFTER_S))[0].envelope.data)[0][0]
    forged = b"A" + ours[1:9] + b"forged" + ours[15:]
    assert pulled(minter, forged, now=ALL_AFTER_S - 0.1) == []  # it may have made it before its start
    assert pulled(minter, ours, forged, b"modem.cm\0\x0a\0\0\7", now=ALL_AFTER_S) == [
        (PULLED, [ours]),
        (DISOWNED, [forged]),
    ]
    assert minter.counts["disowned"] == 1


def test_a_minter_whose_name_another_process_has_disowns_nothing(minter: Minter, beat: Make) -> None:
    minter.tick(0.0)
    other = beat("dhcp-1", incarnation=1)
    minter.receive(other, ALL_AFTER_S)
    assert minter.status.degraded()
    assert pulled(minter, b"AQUforged", now=ALL_AFTER_S) == []


def test_what_happened_is_told_to_the_audit_stream(minter: Minter, create: Make, ack: Make) -> None:
    minter.receive(create(), 0.0)
    (send,) = rows_sent(minter.tick(0.0))
    minter.receive(ack(send), 0.025)
    published = [one for one in minter.tick(0.025 + DELAY_S) if isinstance(one, Publish)]
    (batch,) = [one.envelope for one in published if one.envelope.type == AUDIT]
    (event,) = json.loads(batch.data)["events"]
    assert event == {
        "event": "fileid.acked",
        "device": "0011.2233.4455",
        "fileid": "0000000000000001",
        "at": 1_700_000_000.025,
        "class": "data",
        "sealed": "full",
        "cfm": "cfm-1",
        "tried": ["cfm-1"],
        "next_server": "127.0.0.11",
        "handoff_ms": 25.0,
    }
    (answer,) = answers(minter.receive(LocalRequest(1, {"op": "trace", "fileid": event["fileid"]}), 0.3))
    assert answer["events"] == [event]
    minter.receive(Undelivered(batch, "", "queue full"), 0.3)
    (status,) = answers(minter.receive(LocalRequest(1, {"op": "status"}), 0.3))
    assert status["audit"]["dropped"] == 1


def test_a_server_whose_address_is_odd_is_told_all_the_same(build: Build, beat: Make, create: Make) -> None:
    minter = build(default_next_server='a "quoted" one\\')
    minter.receive(create(), 0.0)
    until_answered(minter)
    (answer,) = answers(minter.receive(LocalRequest(1, {"op": "trace", "fileid": f"{1:016x}"}), 0.3))
    (event,) = answer["events"]
    assert (event["event"], event["cfm"], event["tried"]) == ("fileid.unacked", "", [])
    assert event["next_server"] == 'a "quoted" one\\'


def test_the_beat_says_how_busy_we_are_and_which_settings_are_in_force(minter: Minter, create: Make) -> None:
    minter.receive(create(), 0.0)
    beats = [one for one in minter.tick(0.5) if isinstance(one, Publish) and one.envelope.type == BEAT]
    (said,) = [decode(Beat, one.envelope.data) for one in beats]
    assert (said.service, said.generation, said.load.in_flight, said.endpoints) == ("dhcp", 3, 1, {})


def test_status_says_what_the_operator_asks_first(minter: Minter, create: Make, ack: Make) -> None:
    minter.receive(create(), 0.0)
    (send,) = rows_sent(minter.tick(0.0))
    minter.receive(ack(send), 0.01)
    (status,) = answers(minter.receive(LocalRequest(3, {"op": "status", "id": 9}), 0.02))
    assert (status["id"], status["instance"], status["service"]) == (9, "dhcp-1", "dhcp")
    assert (status["incarnation"], status["generation"]) == (9, 3)
    assert ([*status["peers"]], status["cfms"]) == (["cfm-1"], ["cfm-1"])
    assert status["peers"]["cfm-1"]["state"] == "alive"
    assert (status["counts"]["created"], status["handoffs"]["acked"]) == (1, 1)
    json.dumps(status)


def test_pulled_rows_are_sent_in_messages_that_their_carrier_takes(
    build: Make, create: Make, beat: Make
) -> None:
    minter = build(data_bytes_max=lambda: 400)
    minter.receive(beat(), 0.0)
    for _ in range(5):
        minter.receive(create(), 0.0)
    names = [name for send in rows_sent(minter.tick(0.0)) for name in split_rows(send.envelope.data)[0]]
    sends = minter.receive(Received(Envelope(PULL, "cfm-1", 1, 1, 0, pack_names(names)), "cfm-1"), 1.0)
    assert len(sends) > 1
    assert max(len(one.envelope.data) for one in sends) <= 400
    assert [name for one in sends for name in split_rows(one.envelope.data)[0]] == names
