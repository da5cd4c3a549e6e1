"""Somebody else's TFTP server: the same path as a read of our own, answered over the local socket."""

import json
from base64 import b64decode
from collections.abc import Callable
from typing import Any

import pytest

from bus.contract import decode
from bus.effects import Publish, Reply, Send
from bus.messages import LocalRequest, SessionClosed
from bus.telemetry.audit import AUDIT, DELAY_S
from fileid.reads import SEAL_AFTER_S, SILENT_AFTER_S
from fileid.row import LIFE_S, PULL, Row
from heartbeat.liveness.beat import BEAT, Beat
from services.cfm.machine import Cfm
from services.cfm.reading.lookups import ANSWER_S, ASKERS_MAX, Lookups, WantedRow
from services.docsis.checks.verify import inspect, verify

SECRET = b"s3cret-for-tests"

Make = Callable[..., Any]


def lookup(row: Row, *, session: int = 1, address: str = "10.0.0.7", **more: Any) -> LocalRequest:
    body = {"op": "fileid.lookup", "id": 7, "file": row.name.decode(), "address": address}
    return LocalRequest(session, body | more)


def done(row: Row) -> LocalRequest:
    return LocalRequest(1, {"op": "fileid.done", "id": 8, "file": row.name.decode()})


def answers(effects: list[Any]) -> list[dict[str, Any]]:
    return [one.body for one in effects if isinstance(one, Reply)]


def is_unknown(effects: list[Any]) -> bool:
    return answers(effects) == [{"id": 7, "error": "unknown"}]


def told(effects: list[Any]) -> list[dict[str, Any]]:
    batches = [one.envelope for one in effects if isinstance(one, Publish) and one.envelope.type == AUDIT]
    return [event for batch in batches for event in json.loads(batch.data)["events"]]


def in_flight(cfm: Cfm, now: float) -> int:
    """What the next beat says of the load."""
    beats = [one.envelope for one in cfm.tick(now) if isinstance(one, Publish) and one.envelope.type == BEAT]
    return decode(Beat, beats[0].data).load.in_flight


def test_a_row_that_is_here_is_answered_with_its_file(cfm: Cfm, mint: Make, hand_off: Make) -> None:
    row = mint(customer=17)
    cfm.receive(hand_off(row), 0.0)
    (reply,) = cfm.receive(lookup(row, session=4), 5.0)
    assert reply.session == 4
    content = b64decode(reply.body.pop("content"))
    assert reply.body == {
        "id": 7,
        "device": "0011.2233.4455",
        "fileid": "0000000000000001",
        "how": "row",
    }
    assert verify(content, [SECRET]) == "ok"
    assert inspect(content).timestamp_s == 1_700_000_005
    assert b"customer 17" in content


def test_a_lookup_before_its_row_is_pulled_and_served_by_what_comes_first(
    cfm: Cfm, mint: Make, hand_off: Make
) -> None:
    row, sealed = mint(), mint()
    assert cfm.receive(lookup(row), 0.0) == cfm.receive(lookup(sealed), 0.0) == []
    assert [one.to for one in cfm.tick(0.0) if isinstance(one, Send) and one.envelope.type == PULL] == [
        "dhcp-1"
    ]
    assert [one["how"] for one in answers(cfm.receive(hand_off(row), 0.25))] == ["parked"]
    assert [one["how"] for one in answers(cfm.tick(SEAL_AFTER_S))] == ["sealed"]


@pytest.mark.parametrize("address", ["10.0.0.8", "2001:db8::1"])
def test_a_foreign_address_is_told_nothing(cfm: Cfm, mint: Make, hand_off: Make, address: str) -> None:
    row = mint()
    cfm.receive(hand_off(row), 0.0)
    assert is_unknown(cfm.receive(lookup(row, address=address), 0.0))


def test_what_nobody_minted_and_what_was_read_is_unknown(cfm: Cfm, mint: Make, hand_off: Make) -> None:
    row = mint()
    assert is_unknown(cfm.receive(lookup(Row(b"modem.bin", b"")), 0.0))
    cfm.receive(hand_off(row), 0.0)
    cfm.receive(lookup(row), 0.0)
    assert answers(cfm.receive(done(row), 0.5)) == [{"id": 8, "done": True}]
    assert is_unknown(cfm.receive(lookup(row), 1.0))
    assert answers(cfm.receive(done(row), 1.0)) == [{"id": 8, "done": True}]
    assert answers(cfm.receive(done(Row(b"modem.bin", b"")), 1.0)) == [{"id": 8, "error": "unknown"}]


def test_silence_is_an_answer_after_four_seconds(cfm: Cfm, mint: Make) -> None:
    cfm.receive(lookup(mint("voice", line1="x" * 60)), 0.0)
    cfm.tick(0.0)
    assert answers(cfm.tick(SILENT_AFTER_S - 0.01)) == []
    assert is_unknown(cfm.tick(SILENT_AFTER_S))


def test_a_row_whose_settings_are_not_here_is_unknown(build: Make, mint: Make, hand_off: Make) -> None:
    cfm, row = build(catalogue=None), mint()
    cfm.receive(hand_off(row), 0.0)
    assert is_unknown(cfm.receive(lookup(row), 0.0))


def test_a_repeated_lookup_joins_and_pulls_again(cfm: Cfm, mint: Make, hand_off: Make) -> None:
    row = mint("voice", line1="x" * 60)
    cfm.receive(lookup(row), 0.0)
    cfm.tick(0.0)
    assert cfm.receive(lookup(row, session=2, id=9), 2.0) == []
    assert [one.envelope.type for one in cfm.tick(2.0) if isinstance(one, Send)] == [PULL]
    replies = [one for one in cfm.receive(hand_off(row), 2.1) if isinstance(one, Reply)]
    assert [(one.session, one.body["id"]) for one in replies] == [(1, 7), (2, 9)]
    assert replies[0].body["content"] == replies[1].body["content"]


def test_few_wait_for_one_read_and_another_modem_is_answered_all_the_same(
    cfm: Cfm, mint: Make, hand_off: Make
) -> None:
    """50,000 lookups of one name would be 50,000 answers at one moment."""
    row, other = mint(), mint(address=bytes([10, 0, 0, 8]))
    refused = [bool(cfm.receive(lookup(row, id=at), 0.0)) for at in range(50_000)]
    assert refused == [False] * ASKERS_MAX + [True] * (50_000 - ASKERS_MAX)
    assert cfm.receive(lookup(other, session=2, address="10.0.0.8"), 0.0) == []
    replies = [one for one in cfm.receive(hand_off(row, other), 0.1) if isinstance(one, Reply)]
    assert [one.session for one in replies] == [1] * ASKERS_MAX + [2]
    assert cfm.status.describe(0.1)["lookups"]["refused"] == 50_000 - ASKERS_MAX


def test_until_it_is_done_the_answer_stays_the_same(cfm: Cfm, mint: Make, hand_off: Make) -> None:
    row = mint()
    cfm.receive(lookup(row), 0.0)
    (first,) = answers(cfm.tick(SEAL_AFTER_S))
    assert answers(cfm.receive(lookup(row), 10.0)) == [first]
    assert is_unknown(cfm.receive(lookup(row, address="10.0.0.8"), 10.0))
    cfm.receive(done(row), 11.0)
    assert is_unknown(cfm.receive(lookup(row), 11.0))


def test_a_download_is_told_once_it_is_done(cfm: Cfm, mint: Make, hand_off: Make) -> None:
    row = mint()
    cfm.receive(hand_off(row), 0.0)
    (answer,) = answers(cfm.receive(lookup(row), 1.0))
    cfm.receive(done(row), 1.25)
    cfm.receive(done(row), 1.3)
    (event,) = told(cfm.tick(1.25 + DELAY_S))
    assert (event["event"], event["how"], event["took_ms"]) == ("download.completed", "row", 250.0)
    assert event["bytes"] == len(b64decode(answer["content"]))
    assert (event["blocks"], event["retransmits"], event["port"]) == (None, None, None)
    assert told(cfm.tick(LIFE_S + DELAY_S)) == []  # neither is the row expired


def test_a_download_that_is_never_done_ends_and_leaves_the_row(cfm: Cfm, mint: Make, hand_off: Make) -> None:
    row = mint()
    cfm.receive(hand_off(row), 0.0)
    cfm.receive(lookup(row), 0.0)
    cfm.tick(ANSWER_S)
    (event,) = told(cfm.tick(ANSWER_S + DELAY_S))
    assert (event["event"], event["reason"]) == ("download.abandoned", "no fileid.done")
    assert [one["how"] for one in answers(cfm.receive(lookup(row), ANSWER_S + 1.0))] == ["row"]


def test_who_left_is_forgotten_and_who_joined_is_not(cfm: Cfm, mint: Make, hand_off: Make) -> None:
    alone, shared = mint("voice", line1="x" * 60), mint("voice", line1="y" * 60)
    for row, session in ((alone, 1), (shared, 1), (shared, 2)):
        cfm.receive(lookup(row, session=session), 0.0)
    cfm.tick(0.0)
    assert cfm.receive(SessionClosed(1), 0.1) == []
    replies = [one for one in cfm.receive(hand_off(alone, shared), 0.2) if isinstance(one, Reply)]
    assert [one.session for one in replies] == [2]
    assert answers(cfm.tick(10.0)) == []


def test_what_nobody_waits_for_is_not_parked(cfm: Cfm, mint: Make) -> None:
    cfm.receive(lookup(mint()), 0.0)
    cfm.receive(SessionClosed(1), 0.1)
    (reply,) = cfm.receive(LocalRequest(2, {"op": "status"}), 0.1)
    assert in_flight(cfm, 0.2) == 0
    assert reply.body["lookups"]["asked"] == 1


def test_done_holds_for_a_name_whose_answer_is_not_remembered(cfm: Cfm, mint: Make, hand_off: Make) -> None:
    here, sealed = mint(), mint()
    cfm.receive(hand_off(here), 0.0)
    for row in (here, sealed):
        assert answers(cfm.receive(done(row), 0.1)) == [{"id": 8, "done": True}]
        assert is_unknown(cfm.receive(lookup(row), 0.2))


def test_lookups_are_load(cfm: Cfm, mint: Make, hand_off: Make) -> None:
    here, parked = mint(), mint()
    cfm.receive(hand_off(here), 0.0)
    cfm.receive(lookup(here), 0.0)
    cfm.receive(lookup(parked), 0.0)
    assert in_flight(cfm, 0.1) == 2


@pytest.mark.parametrize(
    "more",
    [{"file": None}, {"file": ""}, {"file": "x" * 128}, {"file": "ü"}, {"address": None}, {"address": "x"},
     {"colour": "red"}],
)  # fmt: skip
def test_a_wrong_request_is_refused(cfm: Cfm, mint: Make, more: dict[str, Any]) -> None:
    (answer,) = answers(cfm.receive(lookup(mint(), **more), 0.0))
    assert (answer["id"], answer["error"]) == (7, "bad_request")
    assert cfm.tick(10.0)[1:] == []


def test_answers_are_bounded_and_the_oldest_goes(cfm: Cfm, mint: Make, hand_off: Make) -> None:
    lookups, rows = Lookups(answers_max=2), [mint() for _ in range(3)]
    cfm.parts.serving.lookups = lookups
    cfm.receive(hand_off(*rows), 0.0)
    for row in rows:
        cfm.receive(lookup(row), 0.0)
    assert (len(lookups), lookups.counts["shed"]) == (2, 1)
    asker = LocalRequest(1, {"id": 7})
    assert lookups.ask(WantedRow(rows[0].name, bytes([10, 0, 0, 7])), asker) == -4
    assert isinstance(lookups.ask(WantedRow(rows[2].name, bytes([10, 0, 0, 7])), asker), list)
