"""Random configurations at a real Kea: a modem is told what the doctor says that it is told.

Where no test tells whether the modem is in a class, the doctor says so, and nothing is compared.
"""

import os
import socket
from pathlib import Path
from random import Random
from typing import Any

import pytest

from services.dhcp.client.asking import ask
from services.dhcp.client.bootp import DISCOVER, Message
from services.dhcp.kea.daemon.control import command
from services.dhcp.kea.doctor.client_classes import Classes, Facts, Membership, Vendor
from services.dhcp.kea.doctor.levels import Scope, scopes
from services.dhcp.kea.doctor.question import answer_of, place
from services.dhcp.kea.doctor.telling import Giver, Handing, tell
from services.lab.kea.process import running
from services.lab.network.run_network import free_port
from tests.requirement import need_kea

pytestmark = pytest.mark.soak

CONFIGURATIONS = 30
MAC = bytes.fromhex("001a2c000001")
VENDOR = b"docsis3.1:"
TESTS = [
    "substring(option[60].hex,0,6) == 'docsis'",
    "substring(option[60].hex,0,4) == 'pktc'",
    "option[60].hex == 'docsis3.1:'",
    "not (substring(option[60].hex,0,4) == 'pktc')",
    "member('KNOWN')",
    "member('UNKNOWN')",
]
BUILT_IN = ["ALL", "KNOWN", "UNKNOWN", "VENDOR_CLASS_docsis3.1:", "VENDOR_CLASS_pktc1.5:"]
Config = dict[str, Any]


@pytest.fixture(scope="module", autouse=True)
def programs() -> None:
    need_kea(os.environ)


class Writer:
    """Writes configurations of one subnet, at random."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)

    def configuration(self) -> Config:
        classes: list[Config] = []
        for number in range(self._random.randrange(1, 6)):
            classes.append(self._class(f"c{number}", [one["name"] for one in classes]))
        own = [one["name"] for one in classes]
        if self._often(0.4):
            classes.append({"name": self._random.choice(BUILT_IN), **self._fields()})
        pool = {"pool": "127.64.0.1-127.64.0.99", **self._required(own)}
        subnet = {"id": 1, "subnet": "127.0.0.0/8", "pools": [pool], **self._level(own)}
        memfile = {"type": "memfile"}
        config = {"lease-database": memfile, "client-classes": classes, **self._level(own, is_global=True)}
        if self._often(0.5):
            return {**config, "shared-networks": [{"name": "n", "subnet4": [subnet], **self._level([])}]}
        return {**config, "subnet4": [subnet]}

    def _class(self, name: str, others: list[str]) -> Config:
        test = self._random.choice(TESTS)
        if others and self._often(0.5):
            member = f"member('{self._random.choice(others)}')"
            test = self._random.choice([member, f"not {member}", f"{member} and {test}"])
        said = {"name": name, "test": test, **self._fields()}
        if self._often(0.2):
            del said["test"]
        return {**said, "only-if-required": True} if self._often(0.2) else said

    def _level(self, own: list[str], *, is_global: bool = False) -> Config:
        said = self._fields()
        if self._often(0.4):
            said["reservations-global"] = self._often(0.6)
        if self._often(0.3):
            said["reservations-in-subnet"] = self._often(0.5)
        if own and self._often(0.4):
            classes = self._random.sample(own, 1) if self._often(0.4) else []
            host = {"hw-address": MAC.hex(":"), "hostname": "x", "client-classes": classes}
            said["reservations"] = [{**host, **self._fields()}]
        return said if is_global else {**said, **self._required(own)}

    def _required(self, own: list[str]) -> Config:
        return {"require-client-classes": self._random.sample(own, 1)} if own and self._often(0.3) else {}

    def _fields(self) -> Config:
        said = {}
        if self._often(0.5):
            said["boot-file-name"] = self._random.choice("abc")
        if self._often(0.5):
            said["next-server"] = self._random.choice(["0.0.0.0", "192.0.2.1", "192.0.2.2"])
        return said

    def _often(self, chance: float) -> bool:
        return self._random.random() < chance


def reservation(config: Config, scope: Scope) -> Config | None:
    """The one that Kea finds."""
    inner, outer = scope.subnet.get("reservations"), config.get("reservations")
    if inner and scope.setting("reservations-in-subnet", True)[1]:
        return dict(inner[0])
    return dict(outer[0]) if outer and scope.setting("reservations-global", False)[1] else None


def expected(config: Config) -> tuple[str, str] | None:
    """File and server of the modem; None if nobody can tell."""
    (scope,) = scopes(config)
    classes = Classes(config)
    host = reservation(config, scope)
    known = {Membership("KNOWN", host is not None), Membership("UNKNOWN", host is None)}
    facts: Facts = frozenset({Vendor(VENDOR, True), *known})
    givers: list[Giver] = []
    if host is not None:
        named = [one for name in host.get("client-classes") or [] if (one := classes.get(name))]
        facts |= {Membership(one.name, True) for one in named}
        givers += [("reservation", host), *((one.place, one.said) for one in named)]
    for one in Handing(classes).active(scope):
        is_in = classes.is_in(facts, one.name)
        if is_in is None:
            return None
        if is_in:
            givers.append((one.place, one.said))
    told = tell(givers, scope)
    return told.name, told.server


def asked(config: Config, directory: Path) -> tuple[Config, tuple[str, str]]:
    """The configuration as Kea has it, and the file and the server that it tells the modem."""
    ports = [free_port(["127.0.0.1"], socket.SOCK_DGRAM) for _ in range(2)]
    at, listen = (place(f"127.0.0.1:{port}", 0) for port in ports)
    with running({"Dhcp4": config}, directory, *ports) as kea:
        found: Config = command(kea.control_socket, "config-get")["arguments"]["Dhcp4"]
        question = Message(DISCOVER, 7, MAC, ciaddr=listen[0].packed, vendor_class=VENDOR)
        offer = ask(question, at, listen)
    assert offer is not None
    answer = answer_of(offer)
    return found, (answer.file, answer.next_server)


@pytest.mark.parametrize("seed", [1, 2])
def test_kea_tells_what_the_doctor_says(seed: int, tmp_path: Path) -> None:
    writer = Writer(seed)
    compared = 0
    for number in range(CONFIGURATIONS):
        written = writer.configuration()
        config, told = asked(written, tmp_path / str(number))
        said = expected(config)
        assert said in (None, told), written
        compared += said is not None
    assert compared >= CONFIGURATIONS / 2
