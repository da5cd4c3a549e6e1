"""A small fleet of real processes in which a test plants a fault, and the four places that must show it."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any, NamedTuple

import yaml

from bus.errors import UnavailableError
from services.lab.network.run_network import Loopback, free_port
from services.lab.site.brokers import Brokers, Kind
from services.lab.site.processes import Process, ask, wait_until
from services.lab.site.readiness import primary_of
from services.lab.site.scenario import Scenario
from services.lab.site.site import Instance, Site, build_site
from tests.integration.lab_run import ROOT

READY_S = 60.0  # for what is stuck: on a busy machine processes start slowly
ASK_S = 2.0

Run = Callable[..., CompletedProcess[str]]


class Sought(NamedTuple):
    """A reason that an instance must give: its code, and what another one shows of it: the code that stands
    first, which a beat carries, or what it sees itself.
    """

    name: str
    code: str
    asked: str
    first: str


class Fleet:
    """Two DHCP sidecars for one role, one of MPS, and two CFMs, each of which runs once it is started."""

    def __init__(self, directory: Path, bootstrap: str, broker: Kind, provbus: Run) -> None:
        settings = ROOT / "deploy" / "settings" / "lab.yaml"
        scenario = Scenario(name="planted", modems=1, cfms=2, dhcps=2, settings=settings)
        self.site: Site = build_site(directory, scenario, "bus", Brokers(broker, bootstrap), Loopback())
        self.planted_at = 0.0
        self.meanwhile: Callable[[], object] = lambda: None
        self.parts = ExitStack()
        self._provbus = provbus
        self._processes: dict[str, Process] = {}
        self._read_from: dict[str, int] = {}
        for one in self.site.minters():
            self.change(one.name, minter={"attached": False})

    def change(self, name: str, **sections: Any) -> None:
        """Change these sections of an instance's configuration, for its next start."""
        path = self.site.instances[name].config
        data = yaml.safe_load(path.read_text())
        for section, values in sections.items():
            data[section] = data[section] | values if isinstance(values, dict) else values
        path.write_text(yaml.safe_dump(data))

    def start(self, *names: str) -> None:
        """Start these instances."""
        for name in names:
            one = self.site.instances[name]
            words = ["-m", "services.cli", "run", one.service, "--config", str(one.config)]
            self._processes[name] = Process(name, one.service, words, self.site.directory)

    def begin(self, *names: str) -> None:
        """Start these instances and wait until each is ready, and nothing else."""
        self.start(*names)
        self.until_ready(*names)

    def until_ready(self, *names: str) -> None:
        """Wait until each of these is ready, and nothing else."""

        def ready() -> bool:
            return all(self.page(name, "/readyz") == "ready\n" for name in names)

        said = f"{', '.join(names)} to be ready"
        wait_until(ready, READY_S, said, [self._processes[name] for name in names])

    def until_logged(self, name: str, text: str) -> None:
        """Wait until the log of this instance says so: it is written once a second."""

        def is_logged() -> bool:
            return text in self._log(name).read_text(errors="replace")

        wait_until(is_logged, READY_S, f"{name} to log {text!r}", [self._processes[name]])

    def start_answering(self, *names: str) -> None:
        """Start these instances and wait until each answers: before that nobody can see anything."""
        self.start(*names)
        for name in names:
            answers = partial(self._answers, name)
            wait_until(answers, READY_S, f"{name} to answer", [self._processes[name]])

    def until_acts(self, name: str) -> None:
        """Wait until this sidecar holds its role."""
        one = self.site.instances[name]
        wait_until(lambda: primary_of([one]) == name, READY_S, f"{name} to act", [self._processes[name]])

    def kill(self, *names: str) -> None:
        """Kill -9 these instances."""
        for name in names:
            self._processes.pop(name).kill()

    def hang_up(self, name: str) -> None:
        """Have it reload its keys."""
        self._processes[name].hang_up()

    def order(self, name: str, operation: str, **more: Any) -> dict[str, Any]:
        """What an instance answers an operator."""
        answer = ask(self.site.instances[name].admin_socket, {"op": operation, **more})
        assert answer is not None
        assert "error" not in answer, answer
        return answer

    def attach(self, name: str) -> socket.socket:
        """Be the host service of this sidecar until the socket is closed."""
        host = self.parts.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        host.settimeout(ASK_S)
        host.connect(str(self.site.instances[name].socket))
        host.sendall(b'{"op": "host.attach"}\n')
        assert json.loads(host.makefile().readline())["attached"]
        return host

    def clone(self, of: str) -> str:
        """The name of a second process of this instance, which starts as that one with its keys and nothing
        else; it needs a copy of the state directory.
        """
        name, one = f"{of}-clone", self.site.instances[of]
        at = "127.0.0.1", free_port(["127.0.0.1"])
        path = self.site.directory / f"{name}.yaml"
        path.write_text(one.config.read_text())
        twin = Instance(
            name=name,
            service=one.service,
            config=path,
            socket=self.site.directory / f"{name}.sock",
            address=one.address,
            http=at,
            mode=one.mode,
        )
        self.site.instances[name] = twin
        self.change(
            name,
            state_directory=str(self.site.state_directory(name)),
            local={"socket": str(twin.socket)},
            http={"listen": "{}:{}".format(*at)},
        )
        return name

    @contextmanager
    def planting(self) -> Iterator[None]:
        """The deed that plants the fault: once it is done the reasons have to be seen in time."""
        self._read_from = {name: self._log(name).stat().st_size for name in self._processes}
        yield
        self.planted_at = time.monotonic()

    def page(self, name: str, path: str) -> str:
        """A page of an instance; empty while it does not answer."""
        connection = HTTPConnection(*self.site.instances[name].http, timeout=ASK_S)
        try:
            connection.request("GET", path)
            return connection.getresponse().read().decode()
        except (OSError, HTTPException):
            return ""
        finally:
            connection.close()

    def seen(self, sought: Sought, within_s: float) -> dict[str, float | None]:
        """After how many seconds each place showed this reason; None for one that did not within so many."""
        look = {
            "readyz": lambda: self._is_on_page(sought),
            "metric": lambda: self._is_in_metric(sought),
            "log": lambda: self._is_in_log(sought),
            "fleet": lambda: self._is_in_fleet(sought),
        }
        found: dict[str, float | None] = dict.fromkeys(look)

        def is_everywhere() -> bool:
            self.meanwhile()
            for place in (one for one, at in found.items() if at is None):
                if look[place]():
                    found[place] = round(time.monotonic() - self.planted_at, 1)
            return None not in found.values()

        left_s = self.planted_at + within_s - time.monotonic()
        with suppress(UnavailableError):
            wait_until(is_everywhere, left_s, sought.code, [*self._processes.values()])
        return found

    def said(self, sought: Sought) -> str:
        """What the places show now, for who reads of a failure."""
        fleet = [one["reason"] for one in self._status(sought.asked) if one["name"] == _real(sought.name)]
        return f"{self.page(sought.name, '/readyz')}as {sought.asked} sees it: {fleet}"

    def close(self) -> None:
        """Kill what runs."""
        self.parts.close()
        self.kill(*self._processes)

    def _answers(self, name: str) -> bool:
        return bool(self.page(name, "/livez"))

    def _log(self, name: str) -> Path:
        return self.site.directory / f"{name}.log"

    def _is_on_page(self, sought: Sought) -> bool:
        return f"\n{sought.code}: " in self.page(sought.name, "/readyz")

    def _is_in_metric(self, sought: Sought) -> bool:
        sample = f'provbus_reason{{code="{sought.code}"}} 1.0'
        return sample in self.page(sought.name, "/metrics").splitlines()

    def _is_in_log(self, sought: Sought) -> bool:
        with self._log(sought.name).open("rb") as log:
            log.seek(self._read_from.get(sought.name, 0))
            return f"[{sought.code}]".encode() in log.read()

    def _is_in_fleet(self, sought: Sought) -> bool:
        entries = [one for one in self._status(sought.asked) if one["name"] == _real(sought.name)]
        return any(sought.first in (one["reason"], *one["wrong"].split("; ")) for one in entries)

    def _status(self, asked: str) -> list[dict[str, Any]]:
        done = self._provbus("fleet", "status", "--config", self.site.instances[asked].config, "-o", "json")
        return [] if not done.stdout else list(json.loads(done.stdout)["instances"])


def _real(name: str) -> str:
    """The name in the fleet file, which a clone shares."""
    return name.removesuffix("-clone")
