"""One device against hand-made peers, in virtual time."""

from __future__ import annotations

import math
from random import Random
from typing import Any

import pytest

from services.dhcp.client.bootp import (
    ACK,
    DISCOVER,
    NAK,
    OFFER,
    REQUEST,
    UNSET,
    Message,
    format_message,
    parse_message,
)
from services.docsis.text.template import compile_template
from services.lab.plant.boot import BootPlan, CloseRead, Finished, Kind, OpenRead, SendDhcp, SendTftp
from services.lab.plant.modem import DALLY_S, JITTER, BootState, Modem
from services.lab.site.journal import Journaled
from services.tftp.packets import DATA, ERROR, HEAD

LADDER_S = (2.0, 4.0, 8.0, 16.0)
DEADLINE_S = 600.0
DELAY_S = 0.5
SERVER = "127.0.0.11"
TRANSFER = (SERVER, 40_000)
ADDRESS = bytes((127, 64, 0, 5))
OWN = bytes((127, 0, 0, 1))
RELAYS = tuple(bytes((127, 0, 1, number)) for number in (1, 2, 3))
SECRET = b"secret"
UNIX_S = 1_700_000_000
BODY = [
    {"network_access": 1},
    {"upstream_service_flow": [{"reference": 1}, {"qos_parameter_set_type": 7}]},
    {"downstream_service_flow": [{"reference": 2}, {"qos_parameter_set_type": 7}]},
    *({"tlv": 43, "hex": "08030011ee" + "0a82" + "00" * 130} for _ in range(8)),
]
TEMPLATE = compile_template({"kind": "cm", "body": BODY})
FILE = TEMPLATE.build(b"", address=ADDRESS, timestamp_s=UNIX_S, secret=SECRET)  # three blocks


class Link(Random):
    """A random source whose owner decides what gets lost."""

    loses = False

    def random(self) -> float:
        return 0.0 if self.loses else 1.0

    def uniform(self, a: float, b: float) -> float:
        return (a + b) / 2


class Bench:
    """One device, its clock, and what it did so far."""

    def __init__(
        self, kind: Kind = "cm", *, loss: float = 0.0, random: Random | None = None, **plan: Any
    ) -> None:
        self.plan = BootPlan(
            ladder_s=LADDER_S,
            read_delay_s=(DELAY_S, DELAY_S),
            deadline_s=plan.pop("deadline_s", DEADLINE_S),
            relays=plan.pop("relays", RELAYS[:1]),
            tftp_port=69,
            secrets=(SECRET,),
            loss=loss,
            unix_offset_s=UNIX_S,
            **plan,
        )
        self.modem = Modem(0x010203, kind, self.plan, random or Random(7))
        self.now = 0.0
        self.effects: list[Any] = []
        self.did(self.modem.start(self.now))

    def did(self, effects: list[Any]) -> list[Any]:
        self.effects += effects
        return effects

    def wait(self) -> list[Any]:
        """Go to the device's next deadline."""
        assert math.isfinite(self.modem.deadline())
        self.now = self.modem.deadline()
        return self.did(self.modem.tick(self.now))

    def dhcp(self, kind: int, **fields: Any) -> list[Any]:
        """The server's answer to the device's last message."""
        asked = parse_message(self.all(SendDhcp)[-1].data)
        reply = Message(kind, asked.xid, asked.chaddr, yiaddr=ADDRESS, server_id=OWN)._replace(**fields)
        return self.did(self.modem.receive_dhcp(parse_message(format_message(reply)), self.now))

    def lease(self) -> None:
        """Through DHCP to the read delay."""
        self.dhcp(OFFER)
        self.ack()

    def ack(self, **fields: Any) -> list[Any]:
        return self.dhcp(ACK, **({"siaddr": bytes((127, 0, 0, 11)), "file": b"n1.cm"} | fields))

    def block(self, number: int, file: bytes = FILE, peer: tuple[str, int] = TRANSFER) -> list[Any]:
        data = HEAD.pack(DATA, number) + file[(number - 1) * 512 : number * 512]
        return self.did(self.modem.receive_tftp(data, peer, self.now))

    def read(self, file: bytes = FILE) -> None:
        """From the read delay to the last block."""
        self.wait()
        for number in range(1, len(file) // 512 + 2):
            self.block(number, file)

    def all(self, kind: type[Any]) -> list[Any]:
        return [effect for effect in self.effects if type(effect) is kind]

    def events(self, name: str) -> list[dict[str, Any]]:
        return [noted.event for noted in self.all(Journaled) if noted.event["event"] == name]


def test_a_boot_from_discover_to_online() -> None:
    bench = Bench()
    bench.lease()
    bench.read()
    messages = [parse_message(sent.data) for sent in bench.all(SendDhcp)]
    assert [message.kind for message in messages] == [DISCOVER, REQUEST]
    assert messages[0].xid == messages[1].xid
    assert messages[0].chaddr == messages[0].remote_id == bytes.fromhex("001a2c010203")
    assert (messages[0].giaddr, messages[0].vendor_class) == (bytes((127, 0, 1, 1)), b"docsis3.1:")
    assert (messages[1].requested, messages[1].server_id) == (ADDRESS, OWN)
    assert bench.all(OpenRead) == [OpenRead(0x010203, "127.64.0.5")]
    request, *acks = bench.all(SendTftp)
    assert (request.server, request.port, request.data) == (SERVER, 69, b"\0\x01n1.cm\0octet\0")
    assert [(ack.data, ack.server, ack.port) for ack in acks] == [
        (bytes((0, 4, 0, number)), *TRANSFER) for number in (1, 2, 3)
    ]
    assert bench.all(Finished) == [Finished(0x010203, online=True, boot_s=DELAY_S, valid=True)]
    assert (bench.modem.reads, bench.modem.restarts) == (1, 0)


def test_the_journal_of_a_boot() -> None:
    bench = Bench()
    bench.lease()
    bench.read()
    who = {"at": DELAY_S, "device": "001a.2c01.0203"}
    file = {"file": "n1.cm", "server": SERVER}
    leased = {"event": "leased", "address": "127.64.0.5", "at": 0.0, "device": who["device"]}
    assert [noted.event for noted in bench.all(Journaled)] == [
        leased | file | {"relay": "127.0.1.1"},
        {"event": "read", "address": "127.64.0.5", "attempt": 1} | who | file,
        {"event": "answered"} | who | file,
        {"event": "completed", "address": "127.64.0.5", "verdict": "ok", "bytes": len(FILE)} | who | file,
        {"event": "online", "kind": "cm", "boot_s": DELAY_S} | who,
    ]


def test_it_dallies_and_acknowledges_a_repeated_last_block() -> None:
    bench = Bench()
    bench.lease()
    bench.read()
    (again,) = bench.block(3)
    assert isinstance(again, SendTftp)
    assert again.data == b"\0\4\0\3"
    assert bench.modem.deadline() == DELAY_S + DALLY_S
    assert bench.wait() == [CloseRead(0x010203)]
    assert (bench.modem.state, bench.modem.deadline()) == (BootState.DONE, math.inf)
    assert bench.block(3) == []


def _waits(bench: Bench, count: int) -> list[float]:
    waits = []
    for _ in range(count):
        before = bench.now
        bench.wait()
        waits.append(bench.now - before)
    return waits


@pytest.mark.parametrize("reach", ["discover", "request", "read"])
def test_the_ladder_is_climbed_and_then_it_starts_over(reach: str) -> None:
    bench = Bench()
    if reach == "request":
        bench.dhcp(OFFER)
    elif reach == "read":
        bench.lease()
        bench.wait()
    sent = len(bench.all(SendTftp if reach == "read" else SendDhcp))
    waits = _waits(bench, 5)
    for wait_s, rung_s in zip(waits, (*LADDER_S, LADDER_S[-1]), strict=True):
        assert rung_s * (1 - JITTER) <= wait_s <= rung_s * (1 + JITTER)
        assert wait_s != rung_s
    assert bench.modem.restarts == 1
    assert [event["reason"] for event in bench.events("restart")] == ["ladder"]
    assert bench.modem.state is BootState.SELECTING
    last = parse_message(bench.all(SendDhcp)[-1].data)
    first = parse_message(bench.all(SendDhcp)[0].data)
    assert last.kind == DISCOVER
    assert last.xid != first.xid
    assert last.xid & 0xFFFFFF == first.xid & 0xFFFFFF == 0x010203
    assert len(bench.all(SendTftp if reach == "read" else SendDhcp)) == sent + 4 + (reach != "read")
    assert bench.all(CloseRead) == ([CloseRead(0x010203)] if reach == "read" else [])


def test_a_read_without_an_answer_is_repeated_from_the_same_port() -> None:
    bench = Bench()
    bench.lease()
    _waits(bench, 3)
    assert len(bench.all(OpenRead)) == 1
    assert len({sent.data for sent in bench.all(SendTftp)}) == 1
    assert [event["attempt"] for event in bench.events("read")] == [1, 2, 3]


def test_progress_winds_the_timer_and_nothing_else_does() -> None:
    bench = Bench()
    bench.lease()
    bench.wait()
    bench.now += 1.0
    bench.block(1)
    wound = bench.modem.deadline()
    assert wound >= bench.now + LADDER_S[0] * (1 - JITTER)
    bench.now += 1.0
    bench.block(1)
    assert bench.modem.deadline() == wound


def test_behind_a_cmts_that_proxies_every_read_comes_from_its_address() -> None:
    bench = Bench(proxied=True)
    bench.lease()
    bench.wait()
    bench.block(1)
    bench.wait()
    assert bench.all(OpenRead) == [OpenRead(0x010203, "127.0.1.1")] * 2


def test_a_read_that_stalls_in_the_middle_begins_anew_from_a_new_port() -> None:
    bench = Bench()
    bench.lease()
    bench.wait()
    bench.block(1)
    opened, request, noted = bench.wait()
    assert opened == OpenRead(0x010203, "127.64.0.5")
    assert isinstance(request, SendTftp)
    assert (request.port, request.data[:2]) == (69, b"\0\1")
    assert isinstance(noted, Journaled)
    assert bench.block(2) == []  # of the former run
    for number in (1, 2, 3):
        bench.block(number, peer=(SERVER, 40_001))
    assert bench.events("completed")[0]["verdict"] == "ok"
    assert len(bench.events("answered")) == 1


def test_only_its_server_is_heard_and_only_while_it_reads() -> None:
    bench = Bench()
    bench.lease()
    assert bench.block(1) == []
    bench.wait()
    assert bench.block(1, peer=("127.0.0.12", 40_000)) == []
    assert len(bench.block(1)) == 2


def test_an_error_costs_a_restart_after_the_first_rung() -> None:
    bench = Bench()
    bench.lease()
    bench.wait()
    error = HEAD.pack(ERROR, 1) + b"file not found\0"
    close, restart = bench.did(bench.modem.receive_tftp(error, TRANSFER, bench.now))
    assert isinstance(restart, Journaled)
    assert (restart.event["reason"], close) == ("error", CloseRead(0x010203))
    assert bench.events("answered") == []
    (wait_s,) = _waits(bench, 1)
    assert wait_s >= LADDER_S[0] * (1 - JITTER)
    assert parse_message(bench.all(SendDhcp)[-1].data).kind == DISCOVER


def test_a_nak_costs_a_restart_after_the_first_rung() -> None:
    bench = Bench()
    bench.dhcp(OFFER)
    bench.dhcp(NAK)
    assert (bench.modem.state, bench.modem.restarts) == (BootState.INIT, 1)
    bench.wait()
    assert bench.modem.state is BootState.SELECTING


@pytest.mark.parametrize(
    ("file", "verdict"),
    [
        (b"", "structure"),
        (FILE[:-20], "structure"),
        (TEMPLATE.build(b"", address=OWN, timestamp_s=UNIX_S, secret=SECRET), "address"),
        (TEMPLATE.build(b"", address=ADDRESS, timestamp_s=UNIX_S - 60, secret=SECRET), "timestamp"),
        (TEMPLATE.build(b"", address=ADDRESS, timestamp_s=UNIX_S, secret=b"x"), "cmts-mic"),
    ],
)
def test_a_file_that_fails_its_checks_starts_it_over(file: bytes, verdict: str) -> None:
    bench = Bench()
    bench.lease()
    bench.read(file)
    assert bench.events("completed")[0]["verdict"] == verdict
    assert [event["reason"] for event in bench.events("restart")] == [verdict]
    assert bench.all(Finished) == []
    bench.wait()
    bench.lease()
    bench.read()
    assert [finished.valid for finished in bench.all(Finished)] == [True]
    assert bench.modem.reads == 2


def test_an_adapter_wants_its_own_name_in_its_file() -> None:
    body = [{"snmp_set": {"oid": "1.3.6.1.2.1.1.5.0", "string": "x001a2c010203y"}}]
    file = compile_template({"kind": "mta", "hash": "na", "body": body})
    data = file.build(b"", address=ADDRESS, timestamp_s=0, secret=b"")
    for marker, verdict in (("x{device}y", "ok"), ("z{device}", "marker")):
        bench = Bench("mta", mta_marker=marker)
        assert {sent.kind for sent in bench.all(SendDhcp)} == {"mta"}
        assert parse_message(bench.all(SendDhcp)[0].data).vendor_class == b"pktc1.5:"
        bench.lease()
        bench.read(data)
        assert bench.events("completed")[0]["verdict"] == verdict


@pytest.mark.parametrize("reach", ["discover", "read", "restart"])
def test_a_device_that_is_not_online_at_its_deadline_has_failed(reach: str) -> None:
    bench = Bench(deadline_s=1.0)
    if reach != "discover":
        bench.lease()
        bench.wait()
    if reach == "restart":
        bench.block(1, file=b"short")
    failed, finished = bench.wait()[-2:]
    assert bench.now == 1.0
    assert isinstance(failed, Journaled)
    assert (failed.event["event"], failed.event["boot_s"]) == ("failed", 1.0)
    assert finished == Finished(0x010203, online=False, boot_s=1.0, valid=False)
    assert len(bench.all(CloseRead)) == (reach != "discover")
    assert bench.modem.deadline() == math.inf


@pytest.mark.parametrize(
    "fields",
    [
        {"xid": 1},
        {"chaddr": bytes(6)},
        {"file": b""},
        {"siaddr": UNSET},
        {"yiaddr": UNSET},
    ],
)
def test_an_ack_of_no_use_is_ignored(fields: dict[str, Any]) -> None:
    bench = Bench()
    bench.dhcp(OFFER)
    assert bench.ack(**fields) == []
    assert bench.modem.state is BootState.REQUESTING


def test_an_offer_does_not_answer_a_request() -> None:
    bench = Bench()
    bench.dhcp(OFFER)
    assert bench.dhcp(OFFER, siaddr=OWN, file=b"n1.cm") == []


@pytest.mark.parametrize("kind", [ACK, NAK, DISCOVER])
def test_only_an_offer_answers_a_discover(kind: int) -> None:
    bench = Bench()
    assert bench.dhcp(kind) == []
    assert bench.modem.state is BootState.SELECTING


def test_a_request_that_its_link_loses_is_not_sent_and_not_in_the_journal() -> None:
    link = Link()
    bench = Bench(loss=0.5, random=link)
    bench.lease()
    link.loses = True
    bench.wait()
    assert bench.all(SendTftp) == []
    assert bench.events("read") == []
    link.loses = False
    bench.wait()
    assert [event["attempt"] for event in bench.events("read")] == [2]
    assert (len(bench.all(SendTftp)), bench.modem.reads) == (1, 2)


def test_an_answer_that_its_link_loses_is_in_the_journal_and_nowhere_else() -> None:
    link = Link()
    bench = Bench(loss=0.5, random=link)
    bench.lease()
    bench.wait()
    link.loses = True
    wound = bench.modem.deadline()
    bench.now += 1.0
    (noted,) = bench.block(1)
    assert isinstance(noted, Journaled)
    assert noted.event["event"] == "answered"
    assert bench.modem.deadline() == wound
    link.loses = False
    assert [type(effect) for effect in bench.block(1)] == [SendTftp]


@pytest.mark.parametrize("kind", [DISCOVER, REQUEST])
def test_its_link_loses_dhcp_both_ways(kind: int) -> None:
    link = Link()
    bench = Bench(loss=0.5, random=link)
    if kind == REQUEST:
        bench.dhcp(OFFER)
    link.loses = True
    sent = len(bench.all(SendDhcp))
    assert bench.dhcp(OFFER if kind == DISCOVER else ACK) == []
    assert bench.wait() == []
    link.loses = False
    bench.wait()
    assert len(bench.all(SendDhcp)) == sent + 1


def boot_again(**plan: Any) -> Bench:
    """A device that was online once and has begun its second boot."""
    bench = Bench(reboot_after_s=10.0, **plan)
    bench.lease()
    bench.read()
    assert bench.all(Finished) == bench.events("online") == []
    bench.wait()
    assert bench.modem.state is BootState.OFF
    bench.wait()
    return bench


def test_a_device_that_reboots_counts_when_it_is_online_again() -> None:
    bench = boot_again()
    assert bench.now == DELAY_S + 10.0
    assert len(bench.all(CloseRead)) == 1
    bench.lease()
    bench.read()
    assert bench.all(Finished) == [Finished(0x010203, online=True, boot_s=DELAY_S, valid=True)]
    assert [len(bench.events(name)) for name in ("leased", "completed", "online")] == [2, 2, 1]
    bench.wait()
    assert (bench.modem.state, bench.modem.deadline()) == (BootState.DONE, math.inf)
    assert (bench.modem.reads, bench.modem.second_tries, bench.modem.restarts) == (2, 0, 0)


def test_a_device_that_is_off_hears_nothing() -> None:
    bench = Bench(reboot_after_s=10.0)
    bench.lease()
    bench.read()
    bench.wait()
    assert bench.modem.state is BootState.OFF
    assert bench.block(3) == []
    assert bench.dhcp(OFFER) == bench.ack() == []
    assert bench.modem.deadline() == DELAY_S + 10.0


def test_its_second_boot_has_a_transaction_of_its_own() -> None:
    bench = boot_again()
    first, *_, second = [parse_message(sent.data) for sent in bench.all(SendDhcp)]
    assert (first.kind, second.kind) == (DISCOVER, DISCOVER)
    assert first.xid != second.xid
    assert first.xid & 0xFFFFFF == second.xid & 0xFFFFFF == 0x010203


@pytest.mark.parametrize(("earlier_boots", "relays"), [(0, [0, 1]), (1, [1, 2]), (2, [2, 0])])
def test_each_boot_is_through_the_next_relay(earlier_boots: int, relays: list[int]) -> None:
    bench = boot_again(relays=RELAYS, earlier_boots=earlier_boots)  # device 0x010203, which 3 divides
    sent = bench.all(SendDhcp)
    assert [sent[0].relay, sent[1].relay, sent[-1].relay] == [relays[0], *relays]
    assert all(parse_message(one.data).giaddr == RELAYS[one.relay] for one in sent)


def test_its_second_boot_has_a_deadline_of_its_own() -> None:
    bench = boot_again(deadline_s=1.0)
    bench.wait()
    assert bench.now == DELAY_S + 10.0 + 1.0
    (finished,) = bench.all(Finished)
    assert (finished.online, finished.boot_s) == (False, 1.0)
    assert [event["boot_s"] for event in bench.events("failed")] == [1.0]


def test_reads_after_the_first_of_each_boot_are_second_tries() -> None:
    bench = boot_again()
    bench.lease()
    bench.wait()
    assert bench.modem.second_tries == 0
    bench.wait()
    assert (bench.modem.reads, bench.modem.second_tries) == (3, 1)


def test_a_device_that_was_never_online_does_not_reboot() -> None:
    bench = Bench(reboot_after_s=10.0, deadline_s=1.0)
    bench.wait()
    assert [finished.online for finished in bench.all(Finished)] == [False]
    assert bench.modem.deadline() == math.inf
    assert bench.modem.second_tries == 0


def test_an_adapters_option_82_names_the_modem_in_front_of_it() -> None:
    message = parse_message(Bench("mta").all(SendDhcp)[0].data)
    assert message.chaddr == bytes.fromhex("001a2c010203")
    assert message.remote_id == bytes.fromhex("021a2c010203")
