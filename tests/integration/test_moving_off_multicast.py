"""The page on moving off multicast, as an operator types it: real brokers, and six instances that work on.

The clock starts when keys and files lie there. No time is asserted; every step's is printed (`pytest -rP`).
"""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import groupby
from pathlib import Path
from threading import Event, Thread
from time import monotonic
from typing import Any, NamedTuple

import pytest
import yaml

from bus.config.paths import admin_socket_of
from services.brokers.detached import ProcessIdentity, kill, spawn
from services.brokers.state import base_directory
from services.lab.network.run_network import free_port
from services.lab.site.processes import ask, wait_until
from tests.docs_pages.console import FLEET, Ran, ran
from tests.integration.lab_run import END_S, ROOT, command, run_for
from tests.integration.test_first_fleet import living_in
from tests.test_examples import BLOCKS, shell_environment

pytestmark = [pytest.mark.kafka, pytest.mark.soak, pytest.mark.usefixtures("kafka_programs")]

PAGE = "docs/howto/moving-off-multicast.md"
SERVICES = {
    "dhcp-1": "dhcp",
    "dhcp-2": "dhcp",
    "mps-1": "mps",
    "cfm-1": "cfm",
    "cfm-2": "cfm",
    "cfm-3": "cfm",
}
MINTERS = [name for name, service in SERVICES.items() if service != "cfm"]
CFMS = [name for name, service in SERVICES.items() if service == "cfm"]
THERE = 6
"""The step of the page by which the fleet is on the bus."""
READY_S = 60.0
EVERY_S = 0.05
CREATE = {
    "op": "fileid.create",
    "device": "001a.2c00.0001",
    "address": "127.0.0.1",
    "settings": {"class": "residential", "customer": 17},
}


class Fleet(NamedTuple):
    """Six instances over multicast, in one directory."""

    directory: Path
    environment: Mapping[str, str]
    started: list[ProcessIdentity]

    def provbus(self, *words: str) -> str:
        """What a command prints."""
        out, said, code = run_for(READY_S, command(*words), {**self.environment})
        assert code == 0, said
        return out

    def asked(self, name: str, **request: object) -> dict[str, Any]:
        """The answer of an instance to an operator."""
        answer = ask(admin_socket_of(self.directory / f"{name}.sock"), request)
        assert answer is not None, name
        return answer

    def start(self, name: str) -> None:
        """Start an instance."""
        words = command("run", SERVICES[name], "--config", str(self.directory / f"{name}.yaml"))
        process = spawn(words, self.environment, self.directory / f"{name}.log")
        self.started.append(process)
        (self.directory / f"{name}.pid").write_text(f"{process.pid}\n")

    def votes(self, cfm: str) -> bool:
        """Whether a CFM votes, once it is asked to."""
        answer = ask(admin_socket_of(self.directory / f"{cfm}.sock"), {"op": "failover.admit"}) or {}
        return bool(answer.get("votes"))

    def verdicts(self) -> list[str]:
        """Whether each is ready, by its own word."""
        sockets = [admin_socket_of(self.directory / f"{name}.sock") for name in SERVICES]
        return [str((ask(one, {"op": "status"}) or {}).get("verdict")) for one in sockets]


class Witness:
    """A DHCP server at each sidecar of the shared role: whom each of its questions made act, and when."""

    def __init__(self, fleet: Fleet, sidecars: Sequence[str]) -> None:
        self.named: dict[str, int] = dict.fromkeys(sidecars, 0)
        self.unacked = 0
        self.longest_s = 0.0
        self._fleet = fleet
        self._last = monotonic()

    def look(self) -> None:
        """Ask each for a file name."""
        for name in self.named:
            answer = ask(self._fleet.directory / f"{name}.sock", CREATE) or {}
            if "file" in answer:
                self.named[name] += 1
                self.unacked += not answer["acked"]
                self.longest_s = max(self.longest_s, monotonic() - self._last)
                self._last = monotonic()

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Ask on and on meanwhile."""
        end = Event()

        def watch() -> None:
            while not end.wait(EVERY_S):
                self.look()

        self._last = monotonic()
        thread = Thread(target=watch)
        thread.start()
        try:
            yield
        finally:
            end.set()
            thread.join(END_S)


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    """Keys and files; whatever was started there ends with the test."""
    places = {
        "HOME": str(tmp_path),
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "XDG_CACHE_HOME": str(base_directory(os.environ, "XDG_CACHE_HOME", ".cache").parent),
    }
    directory = tmp_path / "fleet"
    directory.mkdir()
    fleet = Fleet(directory, shell_environment() | places, [])
    fleet.provbus("keys", "new", str(directory / "keys"), *(f"{name}={SERVICES[name]}" for name in SERVICES))
    secret = directory / "cmts.secret"
    secret.touch(mode=0o600)
    secret.write_text("secret of the CMTS\n")
    port, tftp_port = (free_port(["127.0.0.1"]) for _ in range(2))
    for at, name in enumerate(SERVICES):
        data = configuration(name, f"127.0.0.{21 + at}", port, tftp_port)
        (directory / f"{name}.yaml").write_text(yaml.safe_dump(data, sort_keys=False))
    yield fleet
    kill([*fleet.started, *living_in(tmp_path)])


def configuration(name: str, address: str, port: int, tftp_port: int) -> dict[str, Any]:
    """An instance over multicast: it knows no Kafka, and a CFM no place where it listens."""
    common: dict[str, Any] = {
        "instance": name,
        "fleet": "keys/fleet.yaml",
        "key": f"keys/curve/{name}.key",
        "signing_key": f"keys/sign/{name}.key",
        "settings_key": "keys/settings/fleet.key",
        "state_directory": f"state/{name}",
        "local": {"socket": f"{name}.sock"},
        "transport": {"mode": "multicast"},
        "multicast": {"address": address, "port": port, "keys": ["keys/multicast/group.key"]},
        "failover": {"grants": True},
    }
    if name in MINTERS:
        catalogue = str(ROOT / "deploy/settings/lab.yaml")
        return common | {"minter": {"seal_key": f"keys/seal/{name}.key", "publish_catalogue": catalogue}}
    cfm = {
        "seal_keys": [f"keys/seal/{minter}.key" for minter in MINTERS],
        "secret_file": "cmts.secret",
        "tftp": {"address": address, "port": tftp_port},
    }
    return common | {"cfm": cfm}


def started(fleet: Fleet) -> None:
    """Start everybody, let the CFMs vote, and wait until all are ready; dhcp-1 was the first of its role."""
    for name in ("cfm-1", "cfm-2", "cfm-3", "mps-1", "dhcp-1"):
        fleet.start(name)
    for cfm in CFMS:
        wait_until(partial(fleet.votes, cfm), READY_S, f"{cfm} to vote", [])
    wait_until(lambda: holder(fleet) == "dhcp-1", READY_S, "dhcp-1 to be the primary", [])
    fleet.start("dhcp-2")
    wait_until(lambda: {*fleet.verdicts()} == {"ready"}, READY_S, "everybody to be ready", [])
    settled = {"dhcp-1": "active", "dhcp-2": "standby", "mps-1": "active"}
    wait_until(lambda: roles(fleet) == settled, READY_S, "every role to be settled, as others see it", [])


def roles(fleet: Fleet) -> dict[str, str]:
    """Where each minter stands for its role, as a CFM heard it last; nothing while one is not well."""
    words = ("fleet", "status", "--config", str(fleet.directory / "cfm-1.yaml"), "-o", "json")
    said, _, code = run_for(READY_S, command(*words), {**fleet.environment})
    if code:  # one of them needs a look yet
        return {}
    return {one["name"]: one["role"].split()[0] for one in json.loads(said)["instances"] if one["role"]}


def holder(fleet: Fleet) -> str:
    """Which sidecars of the shared role say that they hold it."""
    states = {}
    for name in ("dhcp-1", "dhcp-2"):
        answer = ask(admin_socket_of(fleet.directory / f"{name}.sock"), {"op": "status"}) or {}
        states[name] = answer.get("failover", {}).get("state")
    return ", ".join(name for name, state in states.items() if state in ("active", "autonomous"))


def tell(done: Sequence[Ran]) -> None:
    """Print how long each command of the page took, and what a reader wants to know of them."""
    sections = headings()
    there_s = 0.0
    for title, some in groupby(done, lambda one: sections[one.block.line]):
        ran_here = [*some]
        took_s = sum(one.took_s for one in ran_here)
        there_s += took_s if int(title.partition(".")[0]) <= THERE else 0.0
        print(f"{took_s:7.1f} s  {title}")
        for one in ran_here:
            print(f"{one.took_s:9.1f} s  $ {one.command.text}")
    (back,) = [one for one in done if " switch multicast " in one.command.text]
    print(f"there, from the first line of the page to the end of step {THERE}: {there_s:.1f} s")
    print(f"back, within the linger: {back.took_s:.1f} s")


def headings() -> dict[int, str]:
    """The heading over each line of the page."""
    found, last = {}, ""
    for number, line in enumerate((ROOT / PAGE).read_text().splitlines(), 1):
        last = line.removeprefix("## ") if line.startswith("## ") else last
        found[number] = last
    return found


def test_the_page_leads_a_fleet_that_works_to_the_bus_and_back(fleet: Fleet) -> None:
    own = [block for block in BLOCKS if block.page == PAGE]
    assert {word for block in own for word in block.words} == {FLEET}
    begun = monotonic()
    started(fleet)
    print(f"{monotonic() - begun:7.1f} s  0. Start six instances over multicast")
    before = {name: fleet.asked(name, op="transport.status") for name in SERVICES}
    assert {one["mode"] for one in before.values()} == {"multicast"}

    witness = Witness(fleet, ("dhcp-1", "dhcp-2"))
    with witness.watching():
        done = ran(own, fleet.directory, fleet.environment)

    tell(done)
    print(f"file names {witness.named}, {witness.unacked} of them not acked")
    print(f"the longest time without one: {witness.longest_s:.1f} s")

    found = [one.difference for one in done if one.difference]
    assert not found, "\n\n".join(found)
    assert witness.named["dhcp-1"] > 0
    assert witness.named["dhcp-2"] == 0
    assert holder(fleet) == "dhcp-1"
    after = {name: fleet.asked(name, op="transport.status") for name in SERVICES}
    assert {(one["mode"], one["leads"], *one["hears"]) for one in after.values()} == {("bus", "bus", "bus")}
    assert len({one["era"] for one in after.values()}) == 1
    assert after["dhcp-1"]["era"] > before["dhcp-1"]["era"]
    assert {*fleet.verdicts()} == {"ready"}
