"""Reads that come before their row, and settings that come after it: parked, pulled, sealed, or silence."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from bus.contract import decode
from bus.effects import Keep, Publish, Send
from bus.envelope import Envelope
from bus.messages import CaughtUp, LocalRequest, Received, Recreated, WallClock
from bus.telemetry.audit import AUDIT
from fileid.doubts import GREETED_S
from fileid.reads import SEAL_AFTER_S, SILENT_AFTER_S
from fileid.row import ACK, DISOWNED, HELLO, PULL, PULLED, ROWS, Row, pack_names, unpack_names
from heartbeat.liveness.beat import BEAT, Beat
from heartbeat.roles.claim import Claim
from heartbeat.roles.hello import pack_hello
from services.cfm.machine import Cfm
from services.docsis.checks.verify import verify
from services.settings.catalogue import Classes, StoreCatalogue, record, version
from services.settings.history import StoreHistory
from services.settings.record import CATALOGUE
from services.tftp.effects import Datagram

SECRET = b"s3cret-for-tests"
WALL_OFFSET_S = 1_700_000_000.0

Build = Callable[..., Cfm]
Make = Callable[..., Any]


def data(effects: list[Any]) -> list[bytes]:
    """The datagrams among these effects."""
    return [one.data for one in effects if isinstance(one, Datagram)]


def pulls(effects: list[Any]) -> list[tuple[str, list[bytes]]]:
    """Whom these effects ask for the rows of which names."""
    sends = [one for one in effects if isinstance(one, Send) and one.envelope.type == PULL]
    return [(str(one.to), unpack_names(one.envelope.data)) for one in sends]


def copies(effects: list[Any]) -> list[Any]:
    """What is left beside records for the history."""
    return [one for one in effects if not (isinstance(one, Keep) and isinstance(one.record, StoreHistory))]


def count(cfm: Cfm, name: str) -> int:
    """What the CFM's status says of this."""
    (reply,) = cfm.receive(LocalRequest(3, {"op": "status"}), 0.0)
    found: int = reply.body["counts"][name]
    return found


def hello(source: str, via: bytes = b"route", lead_s: float = 0.0) -> Received:
    """The greeting of a minter whose clock is so far ahead of ours."""
    sent_ms = int((WALL_OFFSET_S + lead_s) * 1000)
    return Received(Envelope(HELLO, source, 1, 1, sent_ms, pack_hello(Claim(), 0.0)), via)


def generation(cfm: Cfm, now: float) -> int:
    """The generation that the CFM's next beat announces."""
    (beat,) = [one for one in cfm.tick(now) if isinstance(one, Publish) and one.envelope.type == BEAT]
    return decode(Beat, beat.envelope.data).generation


def test_an_early_read_is_parked_pulled_and_served_by_its_row_after_the_ack(
    cfm: Cfm, mint: Make, hand_off: Make, rrq: Make
) -> None:
    row = mint("voice", line1="x" * 60)
    assert cfm.receive(rrq(row), 0.0) == []
    assert pulls(cfm.tick(0.0)) == [("dhcp-1", [row.name])]
    ack, datagram = cfm.receive(hand_off(mint(), row), 0.3)
    assert isinstance(ack, Send)
    assert ack.envelope.type == ACK
    assert verify(datagram.data[4:], []) == "ok"
    assert data(cfm.tick(0.5)) == []


def test_an_early_read_is_served_by_the_answer_of_its_pull(
    cfm: Cfm, mint: Make, hand_off: Make, rrq: Make
) -> None:
    row = mint("voice", minter=1, line1="x" * 60)
    cfm.receive(rrq(row), 0.0)
    assert pulls(cfm.tick(0.0)) == [("mps-1", [row.name])]
    assert cfm.receive(hand_off(row, source="dhcp-1", type_=PULLED), 0.1) == []  # not its minter
    (datagram,) = cfm.receive(hand_off(row, source="mps-1", type_=PULLED), 0.2)
    assert b"x" * 60 in datagram.data
    assert cfm.receive(hand_off(row, source="mps-1", type_=PULLED), 0.3) == []


def test_an_early_read_is_served_by_its_seal_when_nobody_answers(cfm: Cfm, mint: Make, rrq: Make) -> None:
    row = mint(customer=17)
    cfm.receive(rrq(row), 0.0)
    assert data(cfm.tick(0.0)) == data(cfm.tick(SEAL_AFTER_S - 0.01)) == []
    (packet,) = data(cfm.tick(SEAL_AFTER_S))
    assert verify(packet[4:], [SECRET]) == "ok"
    assert b"customer 17" in packet


def test_a_partial_seal_alone_is_met_with_silence_until_the_modem_asks_again(
    cfm: Cfm, mint: Make, hand_off: Make, rrq: Make
) -> None:
    row = mint("voice", line1="x" * 60)
    cfm.receive(rrq(row), 0.0)
    for now in (0.0, SEAL_AFTER_S, SILENT_AFTER_S, 6.0):
        assert data(cfm.tick(now)) == []
    cfm.receive(rrq(row), 8.0)
    assert pulls(cfm.tick(8.0)) == [("dhcp-1", [row.name])]
    assert len(data(cfm.receive(hand_off(row), 8.1))) == 1


def test_who_asks_again_after_the_silence_waits_as_long_as_the_first_time(
    cfm: Cfm, mint: Make, hand_off: Make, rrq: Make
) -> None:
    row = mint("voice", line1="x" * 60)
    cfm.receive(rrq(row), 0.0)
    for now in (0.0, SEAL_AFTER_S, SILENT_AFTER_S):
        cfm.tick(now)
    cfm.receive(rrq(row), SILENT_AFTER_S + 0.1)
    cfm.tick(6.0)
    assert len(data(cfm.receive(hand_off(row), 7.0))) == 1


def test_a_retransmitted_read_pulls_again_also_from_a_new_port(
    cfm: Cfm, mint: Make, hand_off: Make, rrq: Make
) -> None:
    row = mint("voice", line1="x" * 60)
    cfm.receive(rrq(row), 0.0)
    cfm.tick(0.0)
    for now, port in ((1.0, 2000), (2.0, 2001)):
        assert cfm.receive(rrq(row, port=port), now) == []
        assert pulls(cfm.tick(now)) == [("dhcp-1", [row.name])]
    _, datagram = cfm.receive(hand_off(row), 2.1)
    assert datagram.peer == ("10.0.0.7", 2001)


def test_a_minter_that_connects_anew_is_asked_for_what_is_parked(cfm: Cfm, mint: Make, rrq: Make) -> None:
    row = mint("voice", line1="x" * 60)
    cfm.receive(hello("dhcp-1", b"first"), 0.0)
    cfm.receive(rrq(row), 0.0)
    cfm.tick(0.0)
    assert cfm.receive(hello("dhcp-1", b"first"), 0.2) == []
    assert pulls(cfm.tick(0.2)) == []
    cfm.receive(hello("dhcp-1", b"second"), 0.3)
    assert pulls(cfm.tick(0.3)) == [("dhcp-1", [row.name])]


def test_a_read_that_left_is_not_served_when_its_row_arrives(
    cfm: Cfm, mint: Make, hand_off: Make, rrq: Make
) -> None:
    early, other = mint("voice", line1="x" * 60), mint()
    cfm.receive(hand_off(other), 0.0)
    cfm.receive(rrq(early), 0.0)
    cfm.receive(rrq(other), 0.1)  # from the same port: the modem asks for something else now
    assert data(cfm.tick(SEAL_AFTER_S)) == []
    cfm.receive(rrq(early, port=2001), 0.6)  # and comes back
    (_, datagram) = cfm.receive(hand_off(early), 0.7)
    assert datagram.peer == ("10.0.0.7", 2001)


def test_a_parked_read_of_a_foreign_address_is_none(cfm: Cfm, mint: Make, hand_off: Make, rrq: Make) -> None:
    row = mint()
    cfm.receive(rrq(row, address="10.0.0.8"), 0.0)
    assert cfm.tick(0.0)[1:] == []  # nothing but the beat
    assert data(cfm.receive(hand_off(row), 0.1)) == []


def test_a_row_whose_template_is_not_here_yet_is_served_on_the_next_try(
    cfm: Cfm, mint: Make, hand_off: Make, rrq: Make, publication: Make, classes: Classes
) -> None:
    richer = classes | {"gold": classes["data"]}
    row = mint("gold", among=richer)
    cfm.receive(hand_off(row), 0.0)
    assert cfm.receive(rrq(row), 0.1) == []
    assert count(cfm, "no_template") == 1
    cfm.receive(publication(richer, 4), 0.2)
    assert len(data(cfm.receive(rrq(row), 2.1))) == 1


def test_a_parked_read_whose_template_is_not_here_yet_too(
    cfm: Cfm, mint: Make, hand_off: Make, rrq: Make, publication: Make, classes: Classes
) -> None:
    richer = classes | {"gold": classes["data"]}
    row = mint("gold", among=richer)
    cfm.receive(rrq(row), 0.0)
    cfm.tick(0.0)
    assert data(cfm.receive(hand_off(row), 0.1)) == []
    cfm.receive(publication(richer, 4), 0.2)
    assert len(data(cfm.receive(rrq(row, port=2001), 2.1))) == 1


def test_a_try_after_one_that_had_no_template_does_not_end_with_that_ones_patience(
    cfm: Cfm, mint: Make, rrq: Make, publication: Make, classes: Classes
) -> None:
    richer = classes | {"gold": classes["data"]}
    row = mint("gold", among=richer)
    cfm.receive(rrq(row), 0.0)
    assert data(cfm.tick(SEAL_AFTER_S)) == []
    assert count(cfm, "no_template") == 1
    cfm.receive(publication(richer, 4), 1.0)
    cfm.receive(rrq(row), 4.2)
    assert data(cfm.tick(4.5)) == []  # when the first try would have been abandoned
    assert len(data(cfm.tick(4.2 + SEAL_AFTER_S))) == 1


def test_rows_of_the_former_generation_are_still_served_and_older_ones_not(
    cfm: Cfm, mint: Make, hand_off: Make, rrq: Make, publication: Make, classes: Classes
) -> None:
    first, second = mint(), mint()
    cfm.receive(hand_off(first, second), 0.0)
    other = {"other": classes["voice"]}
    cfm.receive(publication(other, 4), 0.1)
    assert len(data(cfm.receive(rrq(first), 0.2))) == 1
    cfm.receive(publication(other | {"more": classes["voice"]}, 5), 0.3)
    assert cfm.receive(rrq(second, port=2001), 0.4) == []
    assert count(cfm, "no_template") == 1


@pytest.mark.parametrize(("generation_of_row", "answers"), [(3, 1), (2, 0)])
def test_after_a_start_from_disk_the_topics_history_brings_the_former_generation_back(
    build: Build,
    mint: Make,
    hand_off: Make,
    rrq: Make,
    publication: Make,
    classes: Classes,
    generation_of_row: int,
    answers: int,
) -> None:
    other = {"other": classes["voice"]}
    cfm = build(catalogue=record(other, 4))
    row = mint()
    assert copies(cfm.receive(publication(classes, generation_of_row), 0.0)) == []
    assert cfm.receive(publication(other, 4), 0.1) == []
    cfm.receive(hand_off(row), 0.2)
    assert len(data(cfm.receive(rrq(row), 0.3))) == answers
    assert generation(cfm, 0.4) == 4


def test_a_cfm_keeps_the_generations_that_it_reads(build: Build, publication: Make, classes: Classes) -> None:
    cfm = build(catalogue=record(classes, 4), history=[record(classes, 1)])
    kept = [
        [past.version[0] for past in one.record.kept]
        for generation in (2, 5, 5)
        for one in cfm.receive(publication({"other": classes["voice"]}, generation), 0.1)
        if isinstance(one, Keep) and isinstance(one.record, StoreHistory)
    ]
    assert kept == [[4, 2, 1], [5, 4, 2, 1]]
    (reply,) = cfm.receive(LocalRequest(3, {"op": "settings.history"}), 0.2)
    assert [one["generation"] for one in reply.body["history"] if one["in_force"]] == [5]


def test_a_class_that_changed_under_the_same_placeholders_serves_its_new_text(
    cfm: Cfm, mint: Make, hand_off: Make, rrq: Make, publication: Make, classes: Classes
) -> None:
    row = mint()
    cfm.receive(hand_off(row), 0.0)
    changed = {"oid": "1.3.6.1.2.1.1.6.0", "string": "contract ${customer}"}
    body = [*classes["data"]["body"][:-1], {"snmp_set": changed}]
    cfm.receive(publication(classes | {"data": classes["data"] | {"body": body}}, 4), 0.1)
    (packet,) = data(cfm.receive(rrq(row), 0.2))
    assert b"contract 4242" in packet


def test_a_newer_catalogue_is_adopted_kept_and_told(cfm: Cfm, publication: Make, classes: Classes) -> None:
    assert generation(cfm, 0.0) == 3
    (copy, _) = cfm.receive(publication(classes, 4), 0.1)
    assert copy == Keep(StoreCatalogue(record(classes, 4)))
    assert generation(cfm, 0.1) == 4
    for older in (1, 3):
        assert copies(cfm.receive(publication({"gold": classes["data"]}, older), 0.2)) == []
    assert generation(cfm, 0.6) == 4


def test_whose_a_class_is_does_not_concern_a_cfm(cfm: Cfm, publication: Make, classes: Classes) -> None:
    """It keeps and shows the rules, also those of another version."""
    rules = [{"mac": "00:1a:2c:00:00:01", "class": "data"}, {"imei": 1}]
    stored = StoreCatalogue(record(classes, 4, rules))
    assert copies(cfm.receive(publication(classes, 4, rules), 0.1)) == [Keep(stored)]
    (reply,) = cfm.receive(LocalRequest(3, {"op": "settings"}), 0.2)
    assert reply.body["lookup"] == rules


def test_of_two_catalogues_of_one_generation_the_greater_digest_is_in_force(
    build: Make, publication: Make, classes: Classes
) -> None:
    both = sorted([record(classes, 4), record({"gold": classes["data"]}, 4)], key=version)
    for order in (both, both[::-1]):
        cfm = build()
        for one in order:
            cfm.receive(publication(one.classes, 4), 0.1)
        (reply,) = cfm.receive(LocalRequest(3, {"op": "settings", "id": 5}), 0.2)
        assert reply.body == {"id": 5, **both[1].model_dump(exclude={"salt", "sealed"}), "masked": 0}


@pytest.mark.parametrize(
    "spoil",
    [
        lambda classes: {},
        lambda classes: classes | {"gold": {"kind": "fax"}},
        lambda classes: classes | {"data": classes["data"] | {"body": [{"no_such_tlv": 1}]}},
        lambda classes: classes | {"x" * 13: classes["data"]},
    ],
    ids=["empty", "kind", "body", "name"],
)
def test_a_bad_catalogue_is_refused_whole_and_the_old_one_stays(
    cfm: Cfm,
    mint: Make,
    hand_off: Make,
    rrq: Make,
    publication: Make,
    classes: Classes,
    spoil: Callable[[Classes], Classes],
) -> None:
    assert cfm.receive(publication(spoil(classes), 4), 0.0) == []
    assert cfm.counts["undecodable"] == 1
    assert generation(cfm, 0.0) == 3
    row = mint()
    cfm.receive(hand_off(row), 0.1)
    assert len(data(cfm.receive(rrq(row), 0.2))) == 1


def test_without_a_catalogue_a_cfm_says_so_and_takes_rows_all_the_same(
    build: Build, mint: Make, hand_off: Make, rrq: Make, publication: Make, classes: Classes
) -> None:
    cfm, row = build(catalogue=None), mint()
    assert generation(cfm, 0.0) == 0
    cfm.receive(hand_off(row), 0.1)
    assert cfm.receive(rrq(row), 0.2) == []
    cfm.receive(publication(classes, 1), 0.3)
    assert len(data(cfm.receive(rrq(row), 2.2))) == 1


@pytest.mark.parametrize(
    ("type_", "payload"),
    [(ROWS, b""), (ROWS, b"\0\1\0\1\0\1"), (PULLED, b"\0"), (PULLED, b"\0\0"), (CATALOGUE, b"{}")],
)
def test_garbage_is_counted_and_nothing_else(cfm: Cfm, type_: str, payload: bytes) -> None:
    assert cfm.receive(Received(Envelope(type_, "dhcp-1", 1, 1, 0, payload), b"route"), 0.0) == []
    assert cfm.counts["undecodable"] == 1


def test_a_malformed_answer_does_not_cost_the_parked_reads_beside_it(
    cfm: Cfm, mint: Make, hand_off: Make, rrq: Make
) -> None:
    good, bad = mint(), mint()
    cfm.receive(rrq(good), 0.0)
    cfm.receive(rrq(bad, port=2001), 0.0)
    spoilt = Row(bad.name, b"\0\2" + bad.body[2:])
    assert cfm.receive(hand_off(good, spoilt, type_=PULLED), 0.1) == []
    assert len(data(cfm.receive(hand_off(good, type_=PULLED), 0.2))) == 1


def test_news_that_are_for_others_change_nothing(cfm: Cfm) -> None:
    assert cfm.receive(CaughtUp("config"), 0.0) == []
    assert cfm.receive(Recreated("config"), 0.0) == []
    with pytest.raises(KeyError, match="str"):
        cfm.receive("hello", 0.0)  # type: ignore[arg-type]


def test_names_are_pulled_in_messages_that_their_carrier_takes(build: Build, mint: Make, rrq: Make) -> None:
    cfm = build(data_bytes_max=lambda: 300)
    rows = [mint("voice", line1="x" * 60) for _ in range(5)]
    for at, row in enumerate(rows):
        cfm.receive(rrq(row, port=2000 + at), 0.0)
    sends = [one for one in cfm.tick(0.0) if isinstance(one, Send)]
    assert len(sends) > 1
    assert max(len(one.envelope.data) for one in sends) <= 300
    assert sorted(name for one in sends for name in unpack_names(one.envelope.data)) == sorted(
        row.name for row in rows
    )


def disowned(*names: bytes, source: str = "dhcp-1") -> Received:
    """What a minter answers that never made these names."""
    return Received(Envelope(DISOWNED, source, 1, 1, 0, pack_names(names)), b"route")


def told(cfm: Cfm, now: float) -> list[dict[str, Any]]:
    """The events of the audit batch that is due."""
    batches = [one.envelope for one in cfm.tick(now) if isinstance(one, Publish)]
    return [event for one in batches if one.type == AUDIT for event in json.loads(one.data)["events"]]


def test_a_name_that_its_minter_never_made_gets_not_one_byte(cfm: Cfm, mint: Make, rrq: Make) -> None:
    """Somebody else has the minter's seal key, and made it for this very modem."""
    forged = mint()
    cfm.receive(hello("dhcp-1"), 0.0)
    cfm.receive(rrq(forged), 0.0)
    assert pulls(cfm.tick(0.0)) == [("dhcp-1", [forged.name])]
    assert cfm.receive(disowned(forged.name), 0.01) == []
    refused = [event for event in told(cfm, 1.0) if event["event"] == "read.refused"]
    assert [(event["reason"], event["fileid"]) for event in refused] == [
        ("disowned", forged.fields().serial.hex())
    ]
    for now in (1.0, 2.0, 5.0):
        assert data(cfm.tick(now)) == []
    assert cfm.parts.reads.disowned == 1


def test_of_a_minter_that_is_gone_the_seal_serves(cfm: Cfm, mint: Make, rrq: Make) -> None:
    cfm.receive(hello("dhcp-1"), -GREETED_S)
    cfm.receive(rrq(mint()), 0.0)
    cfm.tick(0.0)
    assert len(data(cfm.tick(SEAL_AFTER_S))) == 1


@pytest.mark.parametrize("source", ["mps-1", "cfm-2"])
def test_another_cannot_disown_a_name(cfm: Cfm, mint: Make, rrq: Make, source: str) -> None:
    row = mint()
    cfm.receive(rrq(row), 0.0)
    assert cfm.receive(disowned(row.name, b"unknown", source=source), 0.01) == []
    cfm.tick(0.0)
    assert len(data(cfm.tick(SEAL_AFTER_S))) == 1
    assert cfm.parts.reads.disowned == 0


def test_a_name_that_is_disowned_too_late_is_an_alarm_all_the_same(cfm: Cfm, mint: Make, rrq: Make) -> None:
    row = mint()
    cfm.receive(rrq(row), 0.0)
    cfm.tick(0.0)
    assert len(data(cfm.tick(SEAL_AFTER_S))) == 1
    assert cfm.receive(disowned(row.name), 0.6) == []
    assert cfm.parts.reads.disowned == 1


@pytest.mark.parametrize(("lead_s", "answers"), [(4.9, 1), (-4.9, 1), (5.1, 0), (-5.1, 0)])
def test_while_a_minters_clock_is_off_its_seals_do_not_serve_and_its_rows_do(
    cfm: Cfm, mint: Make, hand_off: Make, rrq: Make, lead_s: float, answers: int
) -> None:
    early, later = mint(), mint()
    cfm.receive(hello("dhcp-1", lead_s=lead_s), 0.0)
    cfm.receive(rrq(early), 0.0)
    cfm.tick(0.0)
    assert len(data(cfm.tick(SEAL_AFTER_S))) == answers
    assert len(data(cfm.receive(hand_off(early), 0.6))) == 1 - answers
    cfm.receive(hand_off(later), 0.6)
    assert len(data(cfm.receive(rrq(later, port=2001), 0.7))) == 1


def test_after_a_jump_back_a_name_of_that_time_is_not_served_without_its_row(
    cfm: Cfm, mint: Make, hand_off: Make, rrq: Make
) -> None:
    """Its download was an hour ago, and nobody remembers."""
    old, hour_s = mint(), 3600.0
    cfm.receive(WallClock(WALL_OFFSET_S - hour_s), hour_s)
    cfm.receive(rrq(old), hour_s)
    cfm.tick(hour_s)
    assert data(cfm.tick(hour_s + SEAL_AFTER_S)) == []
    assert len(data(cfm.receive(hand_off(old), hour_s + 1.0))) == 1  # its minter vouches for it
