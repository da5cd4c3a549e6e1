"""A plant in virtual time: who starts when, how many at once, and what the totals say."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from services.dhcp.client.bootp import ACK, DISCOVER, OFFER, Message, format_message, parse_message
from services.docsis.text.template import compile_template
from services.lab.plant.boot import BootPlan, CloseRead, Finished, Kind, OpenRead, SendDhcp, SendTftp
from services.lab.plant.population import Population, kind_of, percentile
from services.lab.site.journal import Journaled
from services.tftp.packets import DATA, HEAD

SERVER = "127.0.0.11"
PLAN = BootPlan(
    ladder_s=(1.0, 2.0),
    read_delay_s=(0.1, 0.2),
    deadline_s=30.0,
    relays=(bytes((127, 0, 1, 1)),),
    tftp_port=69,
    secrets=(b"secret",),
)
FLOWS = [
    {"upstream_service_flow": [{"reference": 1}, {"qos_parameter_set_type": 7}]},
    {"downstream_service_flow": [{"reference": 2}, {"qos_parameter_set_type": 7}]},
]
MODEM = compile_template({"kind": "cm", "body": [{"network_access": 1}, *FLOWS]})
NAME = {"snmp_set": {"oid": "1.3.6.1.2.1.1.5.0", "string": "${name}"}}
PLACEHOLDERS = {"name": {"kind": "string"}}
ADAPTER = compile_template({"kind": "mta", "hash": "na", "placeholders": PLACEHOLDERS, "body": [NAME]})


class Bench:
    """Plays DHCP and TFTP for a population, at once and without loss; `deaf` devices get no file."""

    def __init__(self, *, mtas: int = 0, deaf: Iterable[int] = (), **sizes: float) -> None:
        self.population = Population(
            replace(PLAN, reboot_after_s=sizes.get("reboot_after_s")),
            modems=int(sizes.get("modems", 20)),
            mtas=mtas,
            seed=int(sizes.get("seed", 1)),
            boot_window_s=sizes.get("boot_window_s", 0.0),
            in_flight_max=int(sizes.get("in_flight_max", 400)),
        )
        self.deaf = set(deaf)
        self.now = 100.0
        self.in_flight = self.in_flight_max = 0
        self.open: dict[int, str] = {}
        self.finished: list[tuple[float, Finished]] = []
        self.events: list[dict[str, object]] = []
        self.first_sent: dict[int, float] = {}
        self.kinds: dict[int, Kind] = {}

    def run(self) -> None:
        self.population.go(self.now)
        while not self.population.done:
            self.now = self.population.deadline()
            assert math.isfinite(self.now)
            self.perform(self.population.tick(self.now))

    def perform(self, effects: list[Any]) -> None:
        for effect in effects:
            match effect:
                case SendDhcp():
                    self.kinds[effect.device] = effect.kind
                    if effect.device not in self.first_sent:
                        self.first_sent[effect.device] = self.now
                        self.in_flight += 1
                        self.in_flight_max = max(self.in_flight, self.in_flight_max)
                    self.perform(self.population.receive_dhcp(self.reply(effect), self.now))
                case OpenRead():
                    self.open[effect.device] = effect.address
                case CloseRead():
                    del self.open[effect.device]
                case SendTftp(port=69) if effect.device not in self.deaf:
                    data = HEAD.pack(DATA, 1) + self.file(effect.device)
                    peer = (SERVER, 40_000)
                    self.perform(self.population.receive_tftp(effect.device, data, peer, self.now))
                case Journaled():
                    self.events.append(effect.event)
                case Finished():
                    self.finished.append((self.now, effect))
                    self.in_flight -= 1

    def reply(self, sent: SendDhcp) -> bytes:
        asked = parse_message(sent.data)
        reply = Message(OFFER, asked.xid, asked.chaddr, yiaddr=self.address(sent.device), server_id=bytes(4))
        if asked.kind != DISCOVER:
            reply = reply._replace(kind=ACK, siaddr=bytes((127, 0, 0, 11)), file=b"name")
        return format_message(reply)

    def address(self, device: int) -> bytes:
        return bytes((127, 64)) + device.to_bytes(2, "big")

    def file(self, device: int) -> bytes:
        if self.kinds[device] == "mta":
            packed = ADAPTER.pack({"name": f"001a2c{device:06x}"})
            return ADAPTER.build(packed, address=bytes(4), timestamp_s=0, secret=b"")
        address, timestamp_s = self.address(device), int(self.now)
        return MODEM.build(b"", address=address, timestamp_s=timestamp_s, secret=b"secret")


@pytest.mark.parametrize(("modems", "in_flight_max"), [(1, 1), (20, 3), (200, 400)])
def test_everybody_boots_and_never_more_than_allowed_at_once(modems: int, in_flight_max: int) -> None:
    bench = Bench(modems=modems, in_flight_max=in_flight_max)
    bench.run()
    totals = bench.population.totals()
    assert (totals.online, totals.failed, totals.files_valid) == (modems, 0, modems)
    assert (totals.second_tries, totals.restarts) == (0, 0)
    assert bench.in_flight_max == min(modems, in_flight_max)
    assert bench.open == {}
    assert {finished.device for _, finished in bench.finished} == set(range(modems))


def test_boot_times_count_from_the_start_of_each_device() -> None:
    bench = Bench(modems=50, in_flight_max=1)
    bench.run()
    for at, finished in bench.finished:
        assert finished.boot_s == pytest.approx(at - bench.first_sent[finished.device])
        assert 0.1 <= finished.boot_s <= 0.2
    totals = bench.population.totals()
    assert totals.duration_s == pytest.approx(bench.finished[-1][0] - 100.0)
    assert totals.boots_per_s == pytest.approx(50 / totals.duration_s)
    assert 0.1 <= totals.boot_p50_s < totals.boot_p99_s <= 0.2


def test_boots_are_spread_over_the_window_and_follow_the_seed() -> None:
    starts = []
    for seed in (1, 1, 2):
        bench = Bench(modems=100, boot_window_s=50.0, seed=seed)
        bench.run()
        starts.append(bench.first_sent)
    assert starts[0] == starts[1] != starts[2]
    assert all(100.0 <= at <= 150.0 for at in starts[0].values())
    assert Counter(int(at - 100.0) // 25 for at in starts[0].values()).keys() == {0, 1}
    assert list(starts[0]) != sorted(starts[0])


def test_a_device_nobody_serves_fails_at_its_own_deadline() -> None:
    bench = Bench(modems=4, deaf=[2], in_flight_max=2)
    bench.run()
    totals = bench.population.totals()
    assert (totals.online, totals.failed, totals.files_valid) == (3, 1, 3)
    at, failed = bench.finished[-1]
    assert (failed.device, failed.online, failed.boot_s) == (2, False, PLAN.deadline_s)
    assert at == pytest.approx(bench.first_sent[2] + PLAN.deadline_s)
    reads = [
        event for event in bench.events if event["event"] == "read" and str(event["device"])[-2:] == "02"
    ]
    assert totals.second_tries == len(reads) - 1 > 0
    assert totals.restarts == sum(event["event"] == "restart" for event in bench.events) > 0
    assert totals.duration_s == pytest.approx(at - 100.0)


def test_totals_before_the_end_count_those_still_booting() -> None:
    bench = Bench(modems=3, deaf=[0, 1, 2])
    bench.population.go(bench.now)
    while bench.population.totals().restarts < 3:
        bench.now = bench.population.deadline()
        bench.perform(bench.population.tick(bench.now))
    totals = bench.population.totals()
    assert (totals.online, totals.failed, totals.duration_s, totals.boots_per_s) == (0, 0, 0.0, 0.0)
    assert totals.second_tries > 0


@pytest.mark.parametrize(("modems", "mtas"), [(20, 0), (20, 1), (20, 7), (20, 20)])
def test_adapters_are_as_many_as_asked_and_spread_evenly(modems: int, mtas: int) -> None:
    bench = Bench(modems=modems, mtas=mtas)
    bench.run()
    assert bench.population.totals().files_valid == modems
    adapters = sorted(device for device, kind in bench.kinds.items() if kind == "mta")
    assert len(adapters) == mtas
    gaps = [after - before for before, after in pairwise(adapters)]
    assert not gaps or max(gaps) - min(gaps) <= 1


def test_kinds_are_those_of_the_plant_before_it_boots() -> None:
    bench = Bench(modems=20, mtas=7)
    bench.run()
    assert bench.kinds == {index: kind_of(index, 20, 7) for index in range(20)}


def test_devices_that_reboot_count_once_and_keep_their_place_meanwhile() -> None:
    bench = Bench(modems=6, in_flight_max=2, reboot_after_s=10.0)
    bench.run()
    totals = bench.population.totals()
    assert (totals.online, totals.failed, totals.files_valid) == (6, 0, 6)
    assert (totals.second_tries, totals.restarts) == (0, 0)
    assert bench.in_flight_max == 2
    assert sum(event["event"] == "completed" for event in bench.events) == 12
    assert all(0.1 <= finished.boot_s <= 0.2 for _, finished in bench.finished)


def test_before_go_nobody_starts() -> None:
    bench = Bench()
    assert bench.population.deadline() == math.inf
    assert bench.population.tick(1e9) == []


def test_what_is_for_nobody_is_ignored_and_garbage_counted() -> None:
    bench = Bench()
    stray = format_message(Message(OFFER, 5, bytes(6)))
    assert bench.population.receive_dhcp(stray, 0.0) == []
    assert bench.population.receive_tftp(5, b"\0\3\0\1", (SERVER, 1), 0.0) == []
    assert bench.population.malformed == 0
    assert bench.population.receive_dhcp(b"garbage", 0.0) == []
    assert bench.population.malformed == 1


@pytest.mark.parametrize(
    ("count", "share", "value"),
    [
        (0, 0.5, 0.0),
        (1, 0.5, 1),
        (1, 0.99, 1),
        (2, 0.5, 1),
        (100, 0.5, 50),
        (100, 0.99, 99),
        (101, 0.99, 100),
    ],
)
def test_percentiles_are_nearest_ranks(count: int, share: float, value: float) -> None:
    assert percentile(list(range(1, count + 1)), share) == value
