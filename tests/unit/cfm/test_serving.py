"""From a row to a file, once: what a modem gets that asks at the right time."""

import json
from collections.abc import Callable
from ipaddress import ip_network
from typing import Any

import pytest

from bus.contract import decode
from bus.effects import Publish, Reply, Send
from bus.envelope import Envelope
from bus.messages import LocalRequest, Received, Undelivered, WallClock
from bus.telemetry.audit import AUDIT, DELAY_S
from fileid.handoff import ACKED_SEQ
from fileid.row import ACK, HEAD, HELLO, LIFE_S, Row, pack_address
from fileid.table import RowStatus, Table
from heartbeat.liveness.beat import BEAT, Beat
from heartbeat.roles.claim import Claim
from heartbeat.roles.hello import pack_hello
from services.cfm.machine import Cfm
from services.docsis.checks.verify import inspect, verify
from services.settings.catalogue import Classes
from services.tftp.effects import Datagram
from services.tftp.packets import ACK as TFTP_ACK
from services.tftp.packets import HEAD as TFTP_HEAD
from services.tftp.sockets import Wakeup

SECRET = b"s3cret-for-tests"
PEER = ("10.0.0.7", 2000)
STORED, DUPLICATE, FULL, BAD, *_ = RowStatus

Build = Callable[..., Cfm]
Make = Callable[..., Any]


def statuses(effects: list[Any]) -> list[int]:
    """What the ack among these effects says of each row."""
    (ack,) = [one.envelope for one in effects if isinstance(one, Send) and one.envelope.type == ACK]
    return list(ack.data[ACKED_SEQ.size :])


def data(effects: list[Any]) -> list[bytes]:
    """The datagrams among these effects."""
    return [one.data for one in effects if isinstance(one, Datagram)]


def acknowledge(block: int = 1) -> Wakeup:
    """The modem has this block."""
    return Wakeup(1, [(TFTP_HEAD.pack(TFTP_ACK, block), PEER)])


def events(effects: list[Any]) -> list[dict[str, Any]]:
    """What is told to the audit stream."""
    batches = [one.envelope for one in effects if isinstance(one, Publish) and one.envelope.type == AUDIT]
    return [event for batch in batches for event in json.loads(batch.data)["events"]]


def beat(cfm: Cfm, now: float) -> Beat:
    """What the CFM says of itself when its next beat is due."""
    published = [one for one in cfm.tick(now) if isinstance(one, Publish) and one.envelope.type == BEAT]
    return decode(Beat, published[-1].envelope.data)


def status(cfm: Cfm) -> dict[str, Any]:
    (reply,) = cfm.receive(LocalRequest(3, {"op": "status", "id": 9}), 0.0)
    assert isinstance(reply, Reply)
    assert reply.session == 3
    return reply.body


def count(cfm: Cfm, name: str) -> int:
    """What the CFM's status says of this."""
    found: int = status(cfm)["counts"][name]
    return found


def test_a_row_is_acked_to_where_it_came_from(cfm: Cfm, mint: Make, hand_off: Make) -> None:
    (send,) = cfm.receive(hand_off(mint(), mint(), seq=77), 0.0)
    assert (send.to, send.envelope.type, send.envelope.source) == (b"route of dhcp-1", ACK, "cfm-1")
    assert send.envelope.data == ACKED_SEQ.pack(77) + bytes([STORED, STORED])


def test_who_begins_anew_gets_a_file_of_this_moment(cfm: Cfm, mint: Make, hand_off: Make, rrq: Make) -> None:
    """A CMTS refuses a timestamp of half a minute ago; the row may be gone by then."""
    row = mint()
    cfm.receive(hand_off(row), 0.0)
    (first,) = data(cfm.receive(rrq(row), LIFE_S - 20))
    cfm.tick(LIFE_S)
    (again,) = data(cfm.receive(rrq(row, port=2001), LIFE_S + 12))
    before, after = (inspect(datagram[TFTP_HEAD.size :]).timestamp_s for datagram in (first, again))
    assert before is not None
    assert after == before + 32


def test_who_begins_anew_when_its_class_is_gone_is_nobody_who_waits(
    cfm: Cfm, mint: Make, hand_off: Make, rrq: Make, publication: Make, classes: dict[str, Any]
) -> None:
    """Else the CFM would never be idle again, and its beats say one download too many."""
    row = mint()
    cfm.receive(hand_off(row), 0.0)
    data(cfm.receive(rrq(row), 1.0))
    assert (len(cfm.parts.serving), cfm.parts.serving.is_busy) == (1, True)
    others = {"other": classes["data"]}
    for generation in (8, 9):
        cfm.receive(publication(others, generation), 2.0)
    assert cfm.receive(rrq(row, port=2001), 3.0) == []
    assert (len(cfm.parts.serving), cfm.parts.serving.is_busy) == (0, False)


def test_a_retried_frame_is_acked_again(cfm: Cfm, mint: Make, hand_off: Make) -> None:
    frame = hand_off(mint())
    assert statuses(cfm.receive(frame, 0.0)) == [STORED]
    assert statuses(cfm.receive(frame, 0.05)) == [DUPLICATE]


def test_the_modem_gets_its_file_with_its_own_address_and_the_time_of_the_read(
    cfm: Cfm, mint: Make, hand_off: Make, rrq: Make
) -> None:
    row = mint(customer=17)
    cfm.receive(hand_off(row), 0.0)
    (datagram,) = cfm.receive(rrq(row), 5.75)
    assert (datagram.peer, datagram.data[:4]) == (PEER, b"\0\3\0\1")
    file = datagram.data[4:]
    assert verify(file, [SECRET]) == "ok"
    assert inspect(file).address == bytes([10, 0, 0, 7])
    assert inspect(file).timestamp_s == 1_700_000_005
    assert b"customer 17" in file


def test_a_secret_that_was_reloaded_signs_from_then_on(
    cfm: Cfm, mint: Make, hand_off: Make, rrq: Make
) -> None:
    row = mint()
    cfm.receive(hand_off(row), 0.0)
    cfm.use(b"the next secret")
    (packet,) = data(cfm.receive(rrq(row), 0.1))
    assert verify(packet[4:], [SECRET]) == "cmts-mic"
    assert verify(packet[4:], [SECRET, b"the next secret"]) == "ok"


@pytest.mark.parametrize("asker", ["2001:db8::7", "2001:DB8:0::7%eth0"])
def test_an_ipv6_modem_gets_its_file_with_its_whole_address(
    cfm: Cfm, mint: Make, hand_off: Make, rrq: Make, asker: str
) -> None:
    address = pack_address("2001:db8::7")
    row, other = mint(address=address), mint(address=address)
    cfm.receive(hand_off(row, other), 0.0)
    (packet,) = data(cfm.receive(rrq(row, address=asker), 0.0))
    assert verify(packet[4:], [SECRET]) == "ok"
    assert b"\x3b\x10" + address in packet
    assert cfm.receive(rrq(other, address="2001:db8::8"), 0.0) == []


def test_a_modem_that_is_seen_through_an_ipv6_socket_is_an_ipv4_modem(
    cfm: Cfm, mint: Make, hand_off: Make, rrq: Make
) -> None:
    row = mint()
    cfm.receive(hand_off(row), 0.0)
    assert len(data(cfm.receive(rrq(row, address="::ffff:10.0.0.7"), 0.0))) == 1


@pytest.mark.parametrize(("asker", "is_served"), [("192.0.2.70", True), ("192.0.2.96", False)])
def test_a_proxy_gets_the_modems_own_file(
    build: Build, mint: Make, hand_off: Make, rrq: Make, asker: str, is_served: bool
) -> None:
    cfm, row = build(proxies=[ip_network("192.0.2.64/27")]), mint()
    cfm.receive(hand_off(row), 0.0)
    found = data(cfm.receive(rrq(row, address=asker), 0.0))
    assert len(found) == is_served
    assert [inspect(packet[4:]).address for packet in found] == [bytes([10, 0, 0, 7])] * is_served


def test_an_adapter_gets_its_file_too(cfm: Cfm, mint: Make, hand_off: Make, rrq: Make) -> None:
    row = mint("voice", minter=1, line1="ca@cms-1.example.net")
    cfm.receive(hand_off(row, source="mps-1"), 0.0)
    (packet,) = data(cfm.receive(rrq(row), 0.1))
    assert verify(packet[4:], []) == "ok"
    assert b"ca@cms-1.example.net" in packet


def test_a_completed_name_is_good_for_nothing_ever_after(
    cfm: Cfm, mint: Make, hand_off: Make, rrq: Make
) -> None:
    row = mint()
    cfm.receive(hand_off(row), 0.0)
    cfm.receive(rrq(row), 1.0)
    assert cfm.receive(acknowledge(), 1.1) == []
    silent: list[Any] = []
    for now, port in ((1.2, 2000), (1.3, 2001), (30.0, 2002), (61.0, 2003)):
        silent += cfm.receive(rrq(row, port=port), now)
        silent += cfm.tick(now)
    assert statuses(cfm.receive(hand_off(row), 62.0)) == [DUPLICATE]
    silent += cfm.receive(rrq(row, port=2004), 62.0)
    silent += cfm.tick(66.0)
    assert data(silent) == []
    assert [one for one in silent if isinstance(one, Send)] == []
    assert count(cfm, "completed") == 1


def test_a_download_that_was_broken_off_leaves_the_row(
    cfm: Cfm, mint: Make, hand_off: Make, rrq: Make
) -> None:
    row, other = mint(), mint()
    cfm.receive(hand_off(row, other), 0.0)
    cfm.receive(rrq(row), 1.0)
    cfm.receive(rrq(other), 2.0)  # from the same port: the modem gave the first one up
    assert count(cfm, "abandoned") == 1
    assert len(data(cfm.receive(rrq(row, port=2001), 3.0))) == 1


def test_a_foreign_address_gets_not_one_byte_and_the_owner_still_gets_all(
    cfm: Cfm, mint: Make, hand_off: Make, rrq: Make
) -> None:
    row = mint()
    cfm.receive(hand_off(row), 0.0)
    assert cfm.receive(rrq(row, address="10.0.0.8"), 1.0) == []
    assert len(data(cfm.receive(rrq(row), 1.0))) == 1
    assert status(cfm)["silent"] == {"address": 1}
    cfm.receive(acknowledge(), 1.1)
    cfm.tick(20.0)
    assert count(cfm, "abandoned") == 0  # the refused read held nothing


def test_a_minter_hands_off_its_own_rows_only(cfm: Cfm, mint: Make, hand_off: Make, rrq: Make) -> None:
    row = mint()
    assert statuses(cfm.receive(hand_off(row, source="mps-1"), 0.0)) == [BAD]
    for stranger in ("dhcp-9", "cfm-2", ""):
        assert cfm.receive(hand_off(row, source=stranger), 0.0) == []
    assert cfm.counts["undecodable"] == 3
    assert status(cfm)["rows"] == 0


def test_a_row_of_a_later_version_is_refused_and_harms_nobody(
    cfm: Cfm, mint: Make, hand_off: Make, rrq: Make
) -> None:
    row, good = mint(), mint()
    later = Row(row.name, b"\0\2" + row.body[2:])
    assert cfm.receive(rrq(row), 0.0) == []
    assert statuses(cfm.receive(hand_off(later, good), 0.1)) == [BAD, STORED]
    cfm.tick(LIFE_S + 1.0)
    assert status(cfm)["table"]["expired"] == 1


def test_a_full_table_says_so(build: Build, mint: Make, hand_off: Make) -> None:
    cfm = build(table=Table(capacity=1))
    assert statuses(cfm.receive(hand_off(mint(), mint()), 0.0)) == [STORED, FULL]


def test_values_that_are_not_the_templates_are_met_with_silence(
    cfm: Cfm, mint: Make, hand_off: Make, rrq: Make
) -> None:
    row = mint()
    cut = Row(row.name, row.body[: HEAD.size + 1])
    assert statuses(cfm.receive(hand_off(cut), 0.0)) == [STORED]
    assert cfm.receive(rrq(cut), 0.1) == []
    assert count(cfm, "bad_values") == 1


@pytest.mark.parametrize("packet", [b"", b"\0", b"\0\1", b"\0\2name\0octet\0", b"\0\4\0\1", b"\xff" * 600])
def test_datagrams_that_are_no_read_get_no_answer(cfm: Cfm, packet: bytes) -> None:
    for socket in (0, 1):
        assert cfm.receive(Wakeup(socket, [(packet, PEER)]), 0.0) == []


def test_the_audit_stream_is_told_of_downloads_and_of_rows_that_nobody_read(
    cfm: Cfm, mint: Make, hand_off: Make, rrq: Make
) -> None:
    read, unread = mint(), mint()
    cfm.receive(hand_off(read, unread), 0.0)
    (datagram,) = cfm.receive(rrq(read), 1.0)
    cfm.receive(acknowledge(), 1.125)
    assert events(cfm.tick(1.125 + DELAY_S)) == [
        {
            "event": "download.completed",
            "device": "0011.2233.4455",
            "fileid": "0000000000000001",
            "at": 1_700_000_001.125,
            "how": "row",
            "took_ms": 125.0,
            "waited_ms": 0.0,
            "bytes": len(datagram.data) - 4,
            "blocks": 1,
            "retransmits": 0,
            "port": 2000,
        }
    ]
    cfm.tick(LIFE_S)
    (expired,) = events(cfm.tick(LIFE_S + DELAY_S))
    assert (expired["event"], expired["fileid"]) == ("fileid.expired", "0000000000000002")


def test_beats_say_where_we_are_and_how_busy(cfm: Cfm, mint: Make, hand_off: Make, rrq: Make) -> None:
    running, parked, done = mint(), mint(), mint()
    cfm.receive(hand_off(running, done), 0.0)
    cfm.receive(rrq(done), 0.0)
    cfm.receive(acknowledge(), 0.25)
    cfm.receive(rrq(running, port=2001), 0.25)
    cfm.receive(rrq(parked, port=2002), 0.25)
    said = beat(cfm, 0.5)
    assert (said.service, said.generation, said.draining) == ("cfm", 3, False)
    assert said.endpoints == {"fileid": "tcp://127.0.0.11:7000", "tftp": "127.0.0.11"}
    assert (said.load.in_flight, said.load.capacity, said.load.p99_ms) == (2, 50, 250.0)


def test_a_slow_download_is_forgotten_so_that_we_are_chosen_again(
    cfm: Cfm, mint: Make, hand_off: Make, rrq: Make
) -> None:
    row = mint()
    cfm.receive(hand_off(row), 0.0)
    cfm.receive(rrq(row), 0.0)
    cfm.receive(acknowledge(), 0.9)
    assert beat(cfm, 1.0).load.p99_ms == 900.0
    assert beat(cfm, 120.0).load.p99_ms == 0.0


def test_nothing_is_left_of_what_is_over(cfm: Cfm, mint: Make, hand_off: Make, rrq: Make) -> None:
    for second in range(300):
        now = float(second)
        rows = [mint(minted_s=now) for _ in range(3)]
        cfm.receive(hand_off(*rows[:2]), now)
        cfm.receive(rrq(rows[0]), now)
        cfm.receive(acknowledge(), now)
        cfm.receive(rrq(rows[1], port=2001), now)  # never acknowledged
        cfm.receive(
            rrq(rows[2], port=2002), now
        )  # never handed off, served from its seal, never acknowledged
        cfm.tick(now)
    assert beat(cfm, 300.0).load.in_flight > 0
    for later in range(301, 420):
        cfm.tick(float(later))
    assert beat(cfm, 421.0).load.in_flight == 0
    assert (status(cfm)["rows"], count(cfm, "completed")) == (0, 300)
    assert cfm.deadline() == 421.5  # only the next beat


def test_status_says_what_the_operator_asks_first(cfm: Cfm, mint: Make, hand_off: Make) -> None:
    cfm.receive(hand_off(mint()), 0.0)
    found = status(cfm)
    assert (found["id"], found["instance"], found["service"]) == (9, "cfm-1", "cfm")
    assert (found["incarnation"], found["generation"], found["rows"]) == (4, 3, 1)
    assert (found["draining"], found["connected"]) == (False, [])
    cfm.receive(Received(Envelope(HELLO, "dhcp-1", 1, 2, 0, pack_hello(Claim(), 0.0)), b"route"), 0.0)
    assert status(cfm)["connected"] == ["dhcp-1"]
    json.dumps(found)
    (reply,) = cfm.receive(LocalRequest(3, {"op": "fileid.create"}), 0.0)
    assert reply.body["error"] == "bad_request"


def test_audit_that_is_not_taken_is_counted(cfm: Cfm, mint: Make, hand_off: Make) -> None:
    cfm.receive(hand_off(mint()), 0.0)
    cfm.tick(LIFE_S)
    (batch,) = [one.envelope for one in cfm.tick(LIFE_S + DELAY_S) if isinstance(one, Publish)][-1:]
    cfm.receive(Undelivered(batch, "", "queue full"), LIFE_S + 1)
    assert status(cfm)["audit"]["dropped"] == 1


def test_a_step_of_the_wall_clock_does_not_touch_rows_in_hand(
    cfm: Cfm, mint: Make, hand_off: Make, rrq: Make, classes: Classes
) -> None:
    row, sealed = mint(), mint()
    cfm.receive(hand_off(row), 0.0)
    cfm.receive(WallClock(1_700_003_600.0), 1.0)
    assert len(data(cfm.receive(rrq(row), 1.0))) == 1
    assert cfm.receive(rrq(sealed, port=2001), 1.0) == []
    assert status(cfm)["silent"] == {"age": 1}


def test_rows_that_were_overheard_are_served_and_not_acked(
    cfm: Cfm, mint: Make, hand_off: Make, rrq: Make
) -> None:
    row = mint()
    assert cfm.receive(hand_off(row)._replace(via=""), 0.0) == []
    assert cfm.receive(rrq(row), 0.1) != []


def test_a_request_forged_in_its_owners_name_stops_no_download(
    cfm: Cfm, mint: Make, hand_off: Make, rrq: Make
) -> None:
    row = mint()
    cfm.receive(hand_off(row), 0.0)
    (first,) = cfm.receive(rrq(row), 0.1)
    stranger = Row(b"modem.cm", b"")
    assert cfm.receive(rrq(stranger), 0.2) == []
    assert cfm.receive(Wakeup(first.socket, [(TFTP_HEAD.pack(TFTP_ACK, 1), PEER)]), 0.3) == []
    assert count(cfm, "completed") == 1
