"""Running instances over HTTP: what they show is what is declared, and readiness follows what is there."""

import json
import re
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import pytest
import yaml

from bus.contract import encode
from services.instance.metrics import METRICS
from services.lab.network.run_network import free_port
from services.lab.site.embedded import embedded
from services.settings.judging import catalogue_problems
from services.settings.store import read_catalogue
from tests.unit.dhcp.conftest import FakeKea

Config = dict[str, Any]
Start = Callable[[Config], str]
Provbus = Callable[..., subprocess.CompletedProcess[str]]

SETTINGS = Path(__file__).parents[3] / "deploy" / "settings" / "lab.yaml"
DEADLINE_S = 30
OF_MULTICAST = {"provbus_multicast_datagrams_total", "provbus_settings_fetches_total"}
OF_BOTH = {"provbus_parity_messages"}
OF_BUS = METRICS.keys() - OF_MULTICAST - OF_BOTH
CREATE = {
    "op": "fileid.create",
    "id": 1,
    "device": "001a.2c00.0001",
    "address": "127.0.0.1",
    "settings": {"class": "residential", "customer": 17},
}


@pytest.fixture
def start(command: list[str], tmp_path: Path) -> Iterator[Start]:
    """Starts an instance with HTTP and says where it answers; all are killed at the end."""
    processes: list[subprocess.Popen[bytes]] = []

    def run(config: Config) -> str:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            listen = f"127.0.0.1:{probe.getsockname()[1]}"
        name = config["instance"]
        path = tmp_path / f"{name}.yaml"
        path.write_text(yaml.safe_dump({**config, "http": {"listen": listen}}))
        processes.append(subprocess.Popen([*command, "run", name.split("-")[0], "--config", str(path)]))
        return f"http://{listen}"

    yield run
    for process in processes:
        process.kill()
        process.wait(DEADLINE_S)


@pytest.fixture
def alone(configs: dict[str, Config], tmp_path: Path) -> Config:
    """A sidecar that has its settings on disk, and neither a broker nor a CFM."""
    state = tmp_path / "state" / "dhcp-1"
    state.mkdir(parents=True)
    catalogue = read_catalogue(SETTINGS, catalogue_problems).sound()
    (state / "catalogue.json").write_bytes(encode(catalogue))
    return configs["dhcp-1"]


def get(url: str) -> tuple[int, str]:
    """Status and text of a page; status 0 while nobody answers."""
    try:
        with urlopen(url, timeout=DEADLINE_S) as response:
            return response.status, response.read().decode()
    except HTTPError as error:
        with error:
            return error.code, error.read().decode()
    except URLError:
        return 0, ""


def until(url: str, holds: Callable[[int, str], bool]) -> str:
    """The page, as soon as it is as wanted."""
    deadline = time.monotonic() + DEADLINE_S
    while not holds(*(page := get(url))):
        assert time.monotonic() < deadline, f"{url} still says {page}"
    return page[1]


def says(verdict: str) -> Callable[[int, str], bool]:
    """Whether the first line of a page begins so."""
    return lambda _, text: text.startswith(verdict)


def names(text: str) -> set[str]:
    """The metrics of a scrape that have a value, by the names they are declared with."""
    found = set(re.findall(r"^(provbus_\w+)[ {]", text, re.M))
    return {re.sub(r"^(provbus_handoff_seconds)_\w+$", r"\1", name) for name in found}


def group(port: int, address: str = "127.0.0.1") -> Config:
    """A section of a group of multicast."""
    return {"address": address, "port": port, "keys": ["keys/multicast/group.key"]}


def ask_for_a_name(path: Path) -> None:
    """Have a FileID minted and handed off, as soon as the minter holds its role."""
    deadline = time.monotonic() + DEADLINE_S
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(DEADLINE_S)
        client.connect(str(path))
        answers = client.makefile()
        answer: dict[str, Any] = {}
        while "acked" not in answer:
            assert time.monotonic() < deadline, answer
            client.sendall(json.dumps(CREATE).encode() + b"\n")
            answer = json.loads(answers.readline())
        assert answer["acked"]


def read_nonsense(tftp: dict[str, Any]) -> None:
    """Ask the CFM for a file that nobody minted."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as modem:
        modem.sendto(b"\0\x01nonsense\0octet\0", (tftp["address"], tftp["port"]))


def test_a_minter_and_a_cfm_become_ready_and_show_every_metric_of_their_mode(
    configs: dict[str, Config],
    tmp_path: Path,
    bootstrap: str,
    start: Start,
    request: pytest.FixtureRequest,
) -> None:
    dhcp, cfm = configs["dhcp-1"], configs["cfm-1"]
    for config in (dhcp, cfm):
        config["kafka"]["bootstrap"] = bootstrap
    at = start(cfm)
    until(f"{at}/readyz", says("not ready: settings"))
    assert get(f"{at}/livez") == (200, "alive\n")
    assert get(f"{at}/readyz")[0] == 503
    dhcp["minter"]["publish_catalogue"] = str(SETTINGS)
    kea = FakeKea(tmp_path)
    request.addfinalizer(kea.close)
    kea.listen()
    dhcp["minter"]["kea"] = {
        "journal": str(kea.journal),
        "control_socket": str(kea.socket),
        "files": [{"kind": "cm", "name": "modem.cm", "cfms": ["cfm-1"]}],
    }
    minter_at = start(dhcp)
    until(f"{minter_at}/readyz", lambda _, text: "rows for what Kea granted" in text)
    kea.begin()
    for one in (at, minter_at):
        until(f"{one}/readyz", lambda status, text: (status, text) == (200, "ready\n"))
    ask_for_a_name(tmp_path / "dhcp-1.sock")
    read_nonsense(cfm["cfm"]["tftp"])
    shown: set[str] = set()

    def is_complete(_: int, text: str) -> bool:
        shown.update(names(text))
        return shown >= OF_BUS

    until(f"{at}/metrics", lambda _, text: 'provbus_silent_reads_total{reason="name"} 1.0' in text)
    until(f"{at}/metrics", lambda status, text: is_complete(status, text + get(f"{minter_at}/metrics")[1]))
    assert shown == OF_BUS
    handed_off = 'provbus_handoff_seconds_bucket{le="+Inf"} 1.0'
    text = until(f"{minter_at}/metrics", lambda _, text: handed_off in text)
    assert 'provbus_transport_active{mode="bus"} 1.0' in text
    assert 'provbus_fileids_total{outcome="acked"} 1.0' in text
    assert "00:1a:2c" not in text
    assert "127.0.0.1" not in text


def test_over_multicast_the_rest_is_shown_and_nothing_of_kafka(
    configs: dict[str, Config], start: Start
) -> None:
    config = configs["cfm-1"]
    config["transport"] = {"mode": "multicast"}
    config["multicast"] = group(free_port([""], socket.SOCK_DGRAM))
    del config["kafka"]
    at = start(config)
    until(f"{at}/readyz", says("not ready: settings"))
    text = get(f"{at}/metrics")[1]
    assert names(text) >= OF_MULTICAST
    assert not any("kafka" in name for name in names(text))
    assert 'provbus_transport_active{mode="multicast"} 1.0' in text


@pytest.fixture
def own_broker() -> Iterator[str]:
    """One without the settings of another fleet."""
    with embedded() as servers:
        yield servers


def test_over_both_everything_is_shown_and_what_came_by_which(
    configs: dict[str, Config], own_broker: str, start: Start
) -> None:
    port = free_port([""], socket.SOCK_DGRAM)
    for number, name in enumerate(("dhcp-1", "cfm-1"), start=1):
        configs[name]["transport"] = {"mode": "dual"}
        configs[name]["kafka"]["bootstrap"] = own_broker
        configs[name]["multicast"] = group(port, f"127.0.0.{number}")
    configs["dhcp-1"]["minter"]["publish_catalogue"] = str(SETTINGS)
    configs["dhcp-1"]["failover"] = {"primary": "dhcp-1"}
    places = [start(configs[name]) for name in ("dhcp-1", "cfm-1")]
    for at in places:
        until(f"{at}/readyz", lambda status, text: (status, text) == (200, "ready\n"))
    both = r'provbus_parity_messages{came="both",class="(heartbeat|fileid)"} [1-9]'
    for at in places:
        text = until(f"{at}/metrics", lambda _, text: {*re.findall(both, text)} == {"heartbeat", "fileid"})
        assert names(text) >= OF_MULTICAST | OF_BOTH | {"provbus_kafka_answering"}
        assert 'provbus_transport_active{mode="dual"} 1.0' in text


def test_a_minter_without_its_broker_is_alive_and_says_what_is_missing(alone: Config, start: Start) -> None:
    at = start(alone)
    until(f"{at}/readyz", says("not ready: the role log, which no broker has shown yet; no CFM is alive\n"))
    assert get(f"{at}/livez") == (200, "alive\n")
    assert "provbus_kafka_answering 0.0" in get(f"{at}/metrics")[1]


def test_with_a_default_server_a_minter_still_needs_the_role_log(alone: Config, start: Start) -> None:
    alone["minter"]["default_next_server"] = "127.0.0.1"
    at = start(alone)
    body = until(f"{at}/readyz", says("not ready: the role log, which no broker has shown yet\n"))
    assert body.splitlines()[1:] == ["role-log-unreached: the role log, which no broker has shown yet"]
    assert 'provbus_reason{code="role-log-unreached"} 1.0' in get(f"{at}/metrics")[1]


def test_a_port_in_use_is_73(
    configs: dict[str, Config], tmp_path: Path, provbus: Provbus, bootstrap: str
) -> None:
    config = configs["dhcp-1"]
    config["kafka"]["bootstrap"] = bootstrap
    path = tmp_path / "dhcp-1.yaml"
    with socket.create_server(("127.0.0.1", 0)) as occupant:
        port = occupant.getsockname()[1]
        path.write_text(yaml.safe_dump({**config, "http": {"listen": f"127.0.0.1:{port}"}}))
        result = provbus("run", "dhcp", "--config", path)
    said = f"http.listen: cannot listen on 127.0.0.1 port {port}: Address already in use"
    first, last = result.stderr.splitlines()
    assert f"{said}; trying again for " in first
    assert (result.returncode, last) == (73, f"provbus: {said}")


@pytest.mark.parametrize("listen", ["9464", ":9464", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:65536", "a:b:1"])
def test_a_place_that_is_none_is_78(
    configs: dict[str, Config], tmp_path: Path, provbus: Provbus, listen: str
) -> None:
    path = tmp_path / "dhcp-1.yaml"
    path.write_text(yaml.safe_dump({**configs["dhcp-1"], "http": {"listen": listen}}))
    result = provbus("run", "dhcp", "--config", path)
    assert result.returncode == 78
    assert "http" in result.stderr
