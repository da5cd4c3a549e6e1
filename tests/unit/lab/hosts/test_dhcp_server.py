"""The stand-in server's decisions: who gets which address, what the sidecar is asked, who is told a name."""

from __future__ import annotations

import ipaddress
import json
from dataclasses import asdict
from typing import Any

import pytest

from services.dhcp.client.bootp import (
    ACK,
    DISCOVER,
    NAK,
    OFFER,
    REQUEST,
    Message,
    format_message,
    parse_message,
)
from services.lab.hosts.dhcp_server import (
    ASK_AGAIN_S,
    CREATES_MAX,
    FORGET_S,
    AskSidecar,
    DhcpServer,
    SendReply,
    Service,
    SettingsRule,
)
from services.lab.site.journal import Journaled

OWN = bytes((127, 0, 0, 1))
PEER = ("127.0.1.1", 67)
RULES = [
    SettingsRule(
        b"docsis", {"class": "residential", "customer": "{index}", "cpe_max": 9, "tag": "n-{index}"}
    ),
    SettingsRule(b"pktc", {"class": "voice", "line1": "{device}"}),
]


class Bench:
    """One server and the devices that talk to it."""

    def __init__(self, service: Service = "dhcp", pool: str = "127.64.0.0/29") -> None:
        self.server = DhcpServer(service, OWN, ipaddress.IPv4Network(pool), RULES)

    def receive(self, message: Message, now: float = 0.0, *, sidecar_up: bool = True) -> list[Any]:
        return self.server.receive(format_message(message), PEER, now, sidecar_up=sidecar_up)

    def offer(self, number: int) -> Message:
        (reply,) = self.receive(device(DISCOVER, number))
        assert isinstance(reply, SendReply)
        return parse_message(reply.data)

    def request(self, number: int, now: float = 0.0, *, sidecar_up: bool = True, **fields: Any) -> list[Any]:
        offer = self.offer(number)
        request = device(REQUEST, number)._replace(requested=offer.yiaddr, server_id=OWN, xid=5)
        return self.receive(request._replace(**fields), now, sidecar_up=sidecar_up)

    def ask(self, number: int, now: float = 0.0) -> dict[str, Any]:
        (ask,) = self.request(number, now)
        assert isinstance(ask, AskSidecar)
        assert ask.line.endswith(b"\n")
        spoken: dict[str, Any] = json.loads(ask.line)
        return spoken

    def counted(self) -> dict[str, int]:
        return {name: count for name, count in asdict(self.server.counters).items() if count}


def device(kind: int, number: int, vendor_class: bytes = b"docsis3.1:") -> Message:
    mac = bytes.fromhex("001a2c0000") + bytes((number,))
    return Message(
        kind,
        number,
        mac,
        giaddr=bytes((127, 0, 1, 1)),
        vendor_class=vendor_class,
        client_id=b"\1" + mac,
        remote_id=mac,
    )


def minted(number: int, **fields: object) -> bytes:
    answer = {"id": number, "file": f"n{number}.cm", "fileid": "0" * 16, "next_server": "127.0.0.11"}
    return json.dumps(answer | {"acked": True, "sealed": "full"} | fields).encode()


def test_an_offer_has_an_address_and_no_file() -> None:
    offer = Bench().offer(1)
    assert offer == device(OFFER, 1)._replace(
        yiaddr=bytes((127, 64, 0, 1)), server_id=OWN, lease_s=86400, vendor_class=b""
    )


def test_addresses_go_by_first_sight_and_stay() -> None:
    bench = Bench()
    assert [bench.offer(number).yiaddr[3] for number in (9, 4, 9, 7, 4)] == [1, 2, 1, 3, 2]


def test_what_an_earlier_process_gave_away_stays_with_its_device() -> None:
    bench = Bench()
    bench.server.restore(device(DISCOVER, 9).chaddr, bytes((127, 64, 0, 4)))
    bench.server.restore(device(DISCOVER, 8).chaddr, bytes((127, 64, 0, 2)))
    assert [bench.offer(number).yiaddr[3] for number in (9, 8, 7, 6)] == [4, 2, 5, 6]


def test_a_request_to_an_earlier_process_is_answered_by_the_next_one() -> None:
    bench = Bench()
    bench.server.restore(device(REQUEST, 9).chaddr, bytes((127, 64, 0, 4)))
    request = device(REQUEST, 9)._replace(requested=bytes((127, 64, 0, 4)), server_id=OWN)
    (ask,) = bench.receive(request)
    assert isinstance(ask, AskSidecar)


def test_a_reply_says_who_gets_which_address() -> None:
    bench = Bench()
    (offer,) = bench.receive(device(DISCOVER, 1))
    assert isinstance(offer, SendReply)
    assert (offer.device.hex(), offer.address) == ("001a2c000001", bytes((127, 64, 0, 1)))


def test_an_empty_pool_is_silent_and_counted() -> None:
    bench = Bench(pool="127.64.0.0/30")  # room for two hosts
    bench.offer(1)
    bench.offer(2)
    assert bench.receive(device(DISCOVER, 3)) == []
    assert bench.counted() == {"pool_empty": 1}
    assert bench.offer(2).yiaddr[3] == 2


def test_a_request_becomes_a_create_with_its_values() -> None:
    bench = Bench()
    bench.offer(3)
    settings = {"class": "residential", "customer": 2, "cpe_max": 9, "tag": "n-2"}
    assert bench.ask(1) == {
        "op": "fileid.create",
        "id": 1,
        "device": "001a.2c00.0001",
        "address": "127.64.0.2",
        "relay": "127.0.1.1",
        "settings": settings,
    }


def test_a_text_that_names_the_device_stays_a_text() -> None:
    server = Bench().server
    mac = bytes.fromhex("001122000001")  # digits only
    offer = server.receive(format_message(Message(DISCOVER, 1, mac)), PEER, 0.0, sidecar_up=True)[0]
    assert isinstance(offer, SendReply)
    request = Message(REQUEST, 1, mac, requested=parse_message(offer.data).yiaddr, server_id=OWN)
    request = request._replace(vendor_class=b"pktc1.5:")
    (ask,) = server.receive(format_message(request), PEER, 0.0, sidecar_up=True)
    assert isinstance(ask, AskSidecar)
    assert json.loads(ask.line)["settings"] == {"class": "voice", "line1": "001122000001"}


def test_the_answer_is_noted_first_and_then_acknowledged() -> None:
    bench = Bench()
    bench.ask(1)
    noted, reply = bench.server.answer(minted(1), 3.5)
    assert noted == Journaled(
        {
            "event": "minted",
            "at": 3.5,
            "asked_at": 0.0,
            "service": "dhcp",
            "device": "001a.2c00.0001",
            "address": "127.64.0.1",
            "file": "n1.cm",
            "fileid": "0" * 16,
            "next_server": "127.0.0.11",
            "acked": True,
            "sealed": "full",
        }
    )
    assert isinstance(reply, SendReply)
    assert reply.peer == PEER
    ack = parse_message(reply.data)
    assert (ack.kind, ack.xid, ack.file, ack.siaddr) == (ACK, 5, b"n1.cm", bytes((127, 0, 0, 11)))
    assert (ack.yiaddr, ack.remote_id, ack.server_id) == (bytes((127, 64, 0, 1)), ack.chaddr, OWN)


@pytest.mark.parametrize(("service", "replies"), [("dhcp", 1), ("mps", 0)])
def test_without_an_ack_dhcp_answers_and_the_mps_is_silent(service: Service, replies: int) -> None:
    bench = Bench(service)
    bench.ask(1)
    noted, *rest = bench.server.answer(minted(1, acked=False), 0.0)
    assert isinstance(noted, Journaled)
    assert (noted.event["service"], noted.event["acked"], len(rest)) == (service, False, replies)
    assert bench.counted() == ({} if replies else {"not_acked": 1})
    assert bench.ask(1)["id"] == 2  # it asks again, and so do we


def test_an_error_is_noted_and_met_with_silence() -> None:
    bench = Bench()
    bench.ask(1)
    event = {"event": "refused", "at": 1.0, "asked_at": 0.0, "device": "001a.2c00.0001"}
    event["error"] = "try_again"
    line = json.dumps({"id": 1, "error": "try_again", "detail": "no CFM"}).encode()
    assert bench.server.answer(line, 1.0) == [Journaled(event)]
    assert bench.ask(1)["id"] == 2


def test_answers_in_any_order_find_their_devices() -> None:
    bench = Bench()
    asked = {bench.ask(number)["id"]: number for number in (1, 2, 3)}
    for number in (2, 3, 1):
        noted, _ = bench.server.answer(minted(number), 0.0)
        assert isinstance(noted, Journaled)
        assert noted.event["device"] == f"001a.2c00.000{asked[number]}"


def test_a_repeated_request_is_not_asked_twice_and_the_newest_is_answered() -> None:
    bench = Bench()
    bench.ask(1, now=0.0)
    assert bench.request(1, now=1.9, xid=6) == []
    assert bench.counted() == {"repeated": 1}
    _, reply = bench.server.answer(minted(1), 2.0)
    assert isinstance(reply, SendReply)
    assert parse_message(reply.data).xid == 6


def test_a_create_that_is_not_answered_is_asked_anew_and_only_the_newer_answer_used() -> None:
    bench = Bench()
    bench.ask(1, now=0.0)
    assert bench.ask(1, now=ASK_AGAIN_S)["id"] == 2
    assert [type(effect) for effect in bench.server.answer(minted(1), 3.0)] == [Journaled]
    assert [type(effect) for effect in bench.server.answer(minted(2), 3.0)] == [Journaled, SendReply]


def test_what_was_never_answered_is_forgotten_with_the_life_of_its_name() -> None:
    bench = Bench()
    bench.ask(1, now=0.0)
    bench.ask(2, now=FORGET_S + 0.1)
    assert bench.server.answer(minted(1), FORGET_S + 0.2) == []
    assert bench.counted() == {"bad_answers": 1}


def test_creates_are_bounded() -> None:
    bench = Bench(pool="127.64.0.0/12")
    for number in range(CREATES_MAX + 1):
        mac = number.to_bytes(6, "big")
        bench.receive(Message(DISCOVER, 1, mac))
        requested = (0x7F400000 + number + 1).to_bytes(4, "big")
        request = Message(REQUEST, 1, mac, requested=requested, server_id=OWN, vendor_class=b"docsis")
        assert len(bench.receive(request)) == (number < CREATES_MAX)
    assert bench.counted() == {"creates_full": 1}


def test_without_its_sidecar_it_drops_requests_and_goes_on_offering() -> None:
    bench = Bench()
    assert bench.request(1, sidecar_up=False) == []
    assert bench.counted() == {"sidecar_gone": 1}


def test_a_lost_sidecar_takes_its_creates_along() -> None:
    bench = Bench()
    bench.ask(1)
    bench.server.disconnect()
    assert bench.server.answer(minted(1), 0.1) == []
    assert bench.ask(1, now=0.2)["id"] == 2


@pytest.mark.parametrize(
    "fields",
    [{"requested": bytes((127, 64, 0, 2))}, {"server_id": bytes((127, 0, 0, 2))}, {"chaddr": b"nobody"}],
)
def test_a_request_that_is_not_ours_is_met_with_silence(fields: dict[str, Any]) -> None:
    bench = Bench()
    assert bench.request(1, **fields) == []
    assert bench.counted() == {"not_ours": 1}


def test_a_device_no_rule_knows_is_counted() -> None:
    bench = Bench()
    assert bench.request(1, vendor_class=b"MSFT 5.0") == []
    assert bench.counted() == {"no_rule": 1}


def test_garbage_and_other_kinds_are_counted() -> None:
    bench = Bench()
    assert bench.server.receive(b"garbage", PEER, 0.0, sidecar_up=True) == []
    assert bench.receive(device(NAK, 1)) == []
    assert bench.counted() == {"malformed": 1, "not_ours": 1}


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{",
        b"\xff",
        b"[]",
        b"3",
        b"{}",
        minted(2),
        minted(1, id=[]),
        minted(1, file=None),
        minted(1, file=""),
        minted(1, file="x" * 128),
        minted(1, file="n\u00e4me"),
        minted(1, acked="yes"),
        minted(1, next_server="cfm-1"),
        minted(1, next_server=None),
    ],
)
def test_what_is_no_answer_is_counted_and_the_device_may_still_be_answered(line: bytes) -> None:
    bench = Bench()
    bench.ask(1)
    assert bench.server.answer(line, 0.0) == []
    assert bench.counted() == {"bad_answers": 1}
    assert [type(effect) for effect in bench.server.answer(minted(1), 0.0)] == [Journaled, SendReply]
