"""The host stand-in and the plant as processes, against a sidecar and a TFTP server that live in this one."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from services.docsis.text.template import Template, compile_template
from services.lab.books.ledger import Ledger, account
from services.lab.site.journal import boottime_s, read_journal
from services.settings.judging import catalogue_problems
from services.settings.store import read_catalogue
from services.tftp.packets import ACK, DATA, HEAD

ROOT = Path(__file__).parents[2]
SECRET = b"lab-secret"
CFM = "127.0.0.11"
PATIENCE_S = 30.0


class Row(NamedTuple):
    """What the sidecar was asked to mint."""

    device: str
    address: str
    settings: dict[str, Any]


class Listener(threading.Thread):
    """A thread that serves until `stop`; `turn` must return within about 50 ms."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._stopping = threading.Event()
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            while not self._stopping.is_set():
                self.turn()
        except BaseException as error:  # shown by `stop`, in the test's own thread
            self.error = error

    def turn(self) -> None:
        raise NotImplementedError

    def stop(self) -> None:
        self._stopping.set()
        self.join(PATIENCE_S)
        assert not self.is_alive()
        if self.error is not None:
            raise self.error


class Sidecar(Listener):
    """Answers every create, after `hang_ups` lost connections; `amend` may change what it says."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.rows: dict[str, Row] = {}
        self.amend: Callable[[int, dict[str, Any]], dict[str, Any]] = lambda _turn, answer: answer
        self.hang_ups = 0
        self._asked = 0
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(path))
        self._socket.listen()
        self._socket.settimeout(0.05)
        self._stream: socket.socket | None = None
        self._received = b""

    def turn(self) -> None:
        try:
            if self._stream is None:
                self._stream, _ = self._socket.accept()
                self._stream.settimeout(0.05)
            data = self._stream.recv(65536)
        except TimeoutError:
            return
        if not data:
            self.hang_up()
            return
        *lines, self._received = (self._received + data).split(b"\n")
        if lines and self.hang_ups > 0:
            self.hang_ups -= 1
            self.hang_up()
            return
        answers = [json.dumps(self._answer(json.loads(line))) + "\n" for line in lines]
        self._stream.sendall("".join(reversed(answers)).encode())  # any order will do

    def _answer(self, ask: dict[str, Any]) -> dict[str, Any]:
        assert ask["op"] == "fileid.create"
        self._asked += 1
        file = f"name-{self._asked}.cm"
        self.rows[file] = Row(ask["device"], ask["address"], ask["settings"])
        answer = {"id": ask["id"], "file": file, "fileid": f"{self._asked:016x}", "next_server": CFM}
        return self.amend(self._asked, answer | {"acked": True, "sealed": "full"})

    def hang_up(self) -> None:
        if self._stream is not None:
            self._stream.close()
        self._stream, self._received = None, b""

    def stop(self) -> None:
        super().stop()
        self.hang_up()
        self._socket.close()


class FileServer(Listener):
    """A TFTP server as small as can be: builds each row's file, no options, no retransmission."""

    def __init__(self, rows: dict[str, Row], templates: dict[str, Template]) -> None:
        super().__init__()
        self._rows, self._templates = rows, templates
        self._running: dict[tuple[str, int], bytes] = {}
        self.ignore_reads = 0
        self._listening = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self._listening.bind((CFM, 0))
        self._listening.settimeout(0.05)
        self.port: int = self._listening.getsockname()[1]

    def turn(self) -> None:
        try:
            data, peer = self._listening.recvfrom(2048)
        except TimeoutError:
            return
        opcode, number = HEAD.unpack_from(data)
        if opcode == 1:
            if self.ignore_reads > 0:
                self.ignore_reads -= 1
                return
            name = data[2:].split(b"\0")[0].decode()
            self._running[peer] = self._build(self._rows[name])
            number = 0
        elif opcode != ACK:
            return
        block = self._running[peer][number * 512 : (number + 1) * 512]
        if number * 512 <= len(self._running[peer]):
            self._listening.sendto(HEAD.pack(DATA, number + 1) + block, peer)

    def _build(self, row: Row) -> bytes:
        values = dict(row.settings)
        template = self._templates[values.pop("class")]
        address = socket.inet_aton(row.address)
        return template.build(
            template.pack(values), address=address, timestamp_s=int(time.time()), secret=SECRET
        )

    def stop(self) -> None:
        super().stop()
        self._listening.close()


class Program:
    """A process of the lab that speaks JSON lines."""

    def __init__(self, module: str, config: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", module, str(config)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
        )

    def line(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"ended with {self.process.wait(PATIENCE_S)}"
        spoken: dict[str, Any] = json.loads(line)
        return spoken

    def tell(self, text: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()

    def end(self, number: int = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        for stream in (self.process.stdin, self.process.stdout):
            assert stream is not None
            stream.close()
        return self.process.wait(PATIENCE_S)


class Lab:
    """Two hosts, a plant, their stand-in peers and what they wrote."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        catalogue = read_catalogue(ROOT / "deploy/settings/lab.yaml", catalogue_problems).sound()
        templates = {name: compile_template(definition) for name, definition in catalogue.classes.items()}
        (folder / "secret").write_bytes(SECRET + b"\n")
        self.sidecar = Sidecar(folder / "sidecar.socket")
        self.server = FileServer(self.sidecar.rows, templates)
        self.sidecar.start()
        self.server.start()
        self.started_at = boottime_s()
        self.programs: list[Program] = []
        self.ports = _free_ports(2)

    def start(self, module: str, name: str, **config: object) -> Program:
        path = self.folder / f"{name}.json"
        path.write_text(json.dumps(config | {"journal": str(self.folder / f"{name}.journal")}))
        program = Program(module, path)
        self.programs.append(program)
        return program

    def start_host(self, **config: object) -> Program:
        values = {"line1": "{device}.example.net", "line2": "line {index}"}
        settings = [
            {"match": "docsis", "class": "residential", "values": {"customer": "{index}"}},
            {"match": "pktc", "class": "voice", "values": values},
        ]
        defaults = {
            "service": "dhcp",
            "listen": ["127.0.0.1", self.ports[0]],
            "socket": str(self.folder / "sidecar.socket"),
            "pool": "127.64.0.0/12",
            "settings": settings,
        }
        host = self.start("services.lab.hosts.process", "host", **(defaults | config))
        assert host.line() == {"ready": True}
        return host

    def start_plant(self, **config: object) -> Program:
        defaults = {
            "modems": 40,
            "mtas": 10,
            "deadline_s": 20,
            "ladder_s": [0.2, 0.4, 0.8],
            "relays": [["127.0.1.1", self.ports[1]]],
            "dhcp": ["127.0.0.1", self.ports[0]],
            "mps": ["127.0.0.1", self.ports[0]],
            "tftp_port": self.server.port,
            "secret_file": str(self.folder / "secret"),
        }
        plant = self.start("services.lab.plant.process", "plant", **(defaults | config))
        assert plant.line() == {"ready": True}
        return plant

    def events(self, name: str) -> list[dict[str, Any]]:
        return list(read_journal(self.folder / f"{name}.journal"))

    def account(self) -> Ledger:
        lives = [{"event": "started", "at": self.started_at, "address": CFM}]
        return account(self.events("host"), self.events("plant"), lives, now=boottime_s())

    def stop(self) -> None:
        for program in self.programs:
            program.end()
        self.sidecar.stop()
        self.server.stop()


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    lab = Lab(tmp_path)
    yield lab
    lab.stop()


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(count)]
    for number, free in enumerate(sockets):
        free.bind((f"127.0.{number}.1", 0))
    ports = [free.getsockname()[1] for free in sockets]
    for free in sockets:
        free.close()
    return ports


def _boot(plant: Program) -> dict[str, Any]:
    """Say `go` and read on to the totals; the plant must end by itself."""
    plant.tell("go\n")
    while "done" not in (line := plant.line()):
        assert line.keys() == {"online", "failed", "started"}
    assert plant.process.wait(PATIENCE_S) == 0
    return line


def test_every_device_boots_and_the_books_are_clean(lab: Lab) -> None:
    host = lab.start_host()
    totals = _boot(lab.start_plant())
    assert host.end() == 0
    assert totals["done"] is True
    assert (totals["online"], totals["failed"], totals["files_valid"]) == (40, 0, 40)
    assert 0 < totals["boot_p50_s"] <= totals["boot_p99_s"] <= totals["duration_s"]
    events = lab.events("plant")
    kinds = Counter(event["kind"] for event in events if event["event"] == "online")
    assert kinds == {"cm": 30, "mta": 10}
    counts = Counter(event["event"] for event in events)
    assert counts["completed"] == counts["online"] == counts["answered"] == 40
    ledger = lab.account()
    assert ledger.clean
    assert ledger.acked >= ledger.read == 40
    minted = {event["device"]: event["address"] for event in lab.events("host") if event["event"] == "minted"}
    assert {event["device"]: event["address"] for event in events if event["event"] == "read"} == minted


def test_a_lossy_plant_boots_by_its_ladder(lab: Lab) -> None:
    lab.start_host()
    totals = _boot(lab.start_plant(loss=0.1, seed=4))
    assert totals["files_valid"] == 40
    assert totals["second_tries"] > 0
    assert lab.account().clean


def test_reads_that_a_live_server_never_answers_are_lost(lab: Lab) -> None:
    lab.server.ignore_reads = 1_000_000
    lab.start_host()
    totals = _boot(lab.start_plant(modems=2, mtas=0, ladder_s=[5.0], deadline_s=2.0))
    assert (totals["online"], totals["failed"], totals["files_valid"]) == (0, 2, 0)
    ledger = lab.account()
    assert (ledger.acked, ledger.lost, ledger.phantom, ledger.duplicated) == (2, 2, 0, 0)


def test_a_sidecar_that_refuses_and_hangs_up_only_costs_time(lab: Lab) -> None:
    def amend(turn: int, answer: dict[str, Any]) -> dict[str, Any]:
        return answer if turn > 5 else {"id": answer["id"], "error": "try_again", "detail": "no CFM"}

    lab.sidecar.amend = amend
    lab.sidecar.hang_ups = 1
    lab.start_host()
    assert _boot(lab.start_plant(mtas=0, modems=6))["files_valid"] == 6
    assert lab.sidecar.hang_ups == 0
    assert Counter(event["event"] for event in lab.events("host"))["refused"] == 5


def test_the_mps_tells_no_adapter_what_no_cfm_acked(lab: Lab) -> None:
    lab.sidecar.amend = lambda turn, answer: answer | {"acked": turn > 10}
    lab.start_host(service="mps")
    assert _boot(lab.start_plant(modems=10, mtas=10))["files_valid"] == 10
    read = {event["file"] for event in lab.events("plant") if event["event"] == "read"}
    acked = {event["file"] for event in lab.events("host") if event.get("acked")}
    assert read == acked


@pytest.mark.parametrize("stop", ["sigterm", "end of input"])
def test_a_plant_stops_early_with_its_journal_complete(lab: Lab, stop: str) -> None:
    lab.start_host()
    plant = lab.start_plant(modems=50, mtas=0, boot_window_s=3600.0, in_flight_max=10)
    plant.tell("go\n")
    assert plant.line().keys() == {"online", "failed", "started"}
    if stop == "sigterm":
        plant.process.terminate()
    else:
        assert plant.process.stdin is not None
        plant.process.stdin.close()
    while "done" not in (line := plant.line()):
        pass
    assert line["done"] is False
    assert plant.process.wait(PATIENCE_S) == 0
    online = [event for event in lab.events("plant") if event["event"] == "online"]
    assert len(online) == line["online"] < 50


def test_a_host_lives_without_its_sidecar_and_finds_it_later(lab: Lab, tmp_path: Path) -> None:
    path = tmp_path / "later.socket"
    host = lab.start_host(socket=str(path))
    plant = lab.start_plant(modems=3, mtas=0)
    plant.tell("go\n")
    while plant.line()["started"] < 3:
        pass
    os.rename(tmp_path / "sidecar.socket", path)
    while "done" not in (line := plant.line()):
        pass
    assert line["files_valid"] == 3
    assert host.end() == 0
    assert lab.events("host")[-1]["sidecar_gone"] > 0


@pytest.mark.parametrize("module", ["services.lab.hosts.process", "services.lab.plant.process"])
def test_a_wrong_configuration_is_an_error_of_its_own(module: str, tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text('{"modem": 3}')
    run = subprocess.run(
        [sys.executable, "-m", module, str(path)], cwd=ROOT, capture_output=True, check=False, text=True
    )
    assert run.returncode == os.EX_CONFIG
    assert "modem" in run.stderr


def test_an_address_in_use_is_an_error_of_its_own(lab: Lab) -> None:
    lab.start_host()
    again = lab.start(
        "services.lab.hosts.process", "again", **json.loads((lab.folder / "host.json").read_text())
    )
    assert again.process.wait(PATIENCE_S) == os.EX_CANTCREAT
