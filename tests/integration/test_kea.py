"""A real Kea on loopback: the follower sees every lease, and the doctor sees what is wrong."""

import copy
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bus.errors import RemoteError, UnavailableError
from bus.service_sections import KeaSection
from bus.transport.poller import Poller
from fileid.lease import Leased
from services.dhcp.kea.control import command
from services.dhcp.kea.doctor import Report, examine
from services.dhcp.kea.files import lease_files
from services.dhcp.kea.follower import Follower
from services.lab.kea_process import Kea, find_program, running
from services.lab.kea_site import kea_config
from services.lab.perfdhcp import PerfDhcp
from services.lab.processes import wait_until
from services.lab.scenario import KeaHost
from services.lab.site import free_port
from tests.requirement import need_kea

CONFIG = Path(__file__).parent.parent.parent / "deploy" / "kea" / "kea-dhcp4.conf"
MODEM = "60," + b"docsis3.0:".hex()
DEADLINE_S = 60.0
SERVERS = {"cfm-1": "192.0.2.11", "cfm-2": "192.0.2.12"}


@pytest.fixture(scope="module", autouse=True)
def programs() -> None:
    need_kea(os.environ)


def deployed() -> dict[str, Any]:
    """The configuration of `deploy/kea` as a lab has it."""
    return kea_config(KeaHost(config=CONFIG), [*SERVERS.values()], [])


@pytest.fixture
def ports() -> tuple[int, int]:
    """Two free UDP ports: Kea's, and its relay's."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other,
    ):
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        return one.getsockname()[1], other.getsockname()[1]


def section(kea: Kea) -> KeaSection:
    return KeaSection.model_validate(
        {
            "journal": kea.journal,
            "control_socket": kea.control_socket,
            "files": [
                {"kind": "cm", "name": "modem.cm", "cfms": ["cfm-1"]},
                {"kind": "mta", "name": "adapter.cfg", "cfms": ["cfm-2"], "networks": ["127.96.0.0/11"]},
            ],
        }
    )


def boots(ports: tuple[int, int], seconds: int) -> PerfDhcp:
    """Modems that boot through one relay, each once."""
    return PerfDhcp(*ports, 200, seconds, options=(MODEM, "82,0104800000010206001a2c000000"))


def follow(kea: Kea, until: Callable[[set[bytes]], bool], events: dict[str, int] | None = None) -> set[bytes]:
    """The devices that a follower tells of until that holds; each batch is settled as it comes."""
    poller = Poller()
    follower = Follower(poller, section(kea), kea.directory)
    devices: set[bytes] = set()
    deadline = time.monotonic() + DEADLINE_S
    try:
        while not until(devices):
            assert time.monotonic() < deadline, f"only {len(devices)} devices came: {follower.counts}"
            for message in poller.poll(0.02):
                if not isinstance(message, Leased):
                    continue
                devices |= {lease.device for lease in message.leases}
                follower.store(message.position)
        assert follower.counts["malformed"] == 0
        if events is not None:
            for name, count in follower.events.items():
                events[name] = events.get(name, 0) + count
    finally:
        follower.close()
        poller.close()
    return devices


def written(kea: Kea) -> set[bytes]:
    """Every device that has a lease, as Kea says."""
    found: set[bytes] = set()
    start = "start"
    while True:
        answer = command(kea.control_socket, "lease4-get-page", {"from": start, "limit": 1000})
        page = answer["arguments"]["leases"]
        found |= {bytes.fromhex(one["hw-address"].replace(":", "")) for one in page}
        if len(page) < 1000:
            return found
        start = page[-1]["ip-address"]


def test_every_lease_is_seen_across_clean_ups_and_a_restart(tmp_path: Path, ports: tuple[int, int]) -> None:
    config = deployed()
    config["Dhcp4"]["lease-database"]["lfc-interval"] = 1
    events: dict[str, int] = {}
    with running(config, tmp_path, *ports) as kea:
        load = boots(ports, 5)
        first = follow(kea, lambda devices: len(devices) > 300, events)
        while len(written(kea)) < 500:  # these are granted while nobody follows
            assert not load.is_done
        seen = follow(kea, lambda devices: load.is_done and first | devices >= written(kea), events)
        granted = load.end().acks
        assert granted > 500
        assert first | seen == written(kea)
        assert len(first | seen) >= granted
        assert events["rotation"] >= 2


def test_a_follower_that_comes_late_hears_of_the_latest(tmp_path: Path, ports: tuple[int, int]) -> None:
    with running(deployed(), tmp_path, *ports) as kea:
        load = boots(ports, 1)
        granted = load.end().acks
        assert len(follow(kea, lambda devices: devices >= written(kea))) >= granted > 0


def test_a_kea_that_restarts_is_followed_on(tmp_path: Path, ports: tuple[int, int]) -> None:
    poller, renewed = Poller(), 0
    with running(deployed(), tmp_path, *ports) as kea:
        follower = Follower(poller, section(kea), kea.directory)
        granted = boots(ports, 1).end().acks
    with running(deployed(), tmp_path, *ports):  # reads its journal, and writes on
        granted += boots(ports, 1).end().acks
    deadline = time.monotonic() + DEADLINE_S
    while renewed < granted:
        assert time.monotonic() < deadline
        renewed += sum(len(one.leases) for one in poller.poll(0.02) if isinstance(one, Leased))
    follower.close()
    poller.close()
    assert (follower.counts["malformed"], follower.events["resync"]) == (0, 1)  # the one of its start


def test_without_lease_commands_the_journal_is_read(tmp_path: Path, ports: tuple[int, int]) -> None:
    config = deployed()
    config["Dhcp4"]["hooks-libraries"] = []
    with running(config, tmp_path, *ports) as kea:
        granted = boots(ports, 1).end().acks
        assert len(follow(kea, lambda devices: len(devices) >= granted)) >= granted > 0


def test_a_lease_has_what_says_whose_it_is(tmp_path: Path, ports: tuple[int, int]) -> None:
    with running(deployed(), tmp_path, *ports) as kea:
        assert boots(ports, 1).end().acks > 0
        poller = Poller()
        follower = Follower(poller, section(kea), kea.directory)
        deadline = time.monotonic() + DEADLINE_S
        batches: list[Leased] = []
        while not batches:
            assert time.monotonic() < deadline
            batches += (one for one in poller.poll(0.02) if isinstance(one, Leased))
        follower.close()
        poller.close()
    lease = batches[0].leases[0]
    assert (lease.circuit_id.hex(), lease.remote_id.hex()) == ("80000001", "001a2c000000")
    assert lease.address[:2] == bytes((127, 64))
    assert lease.subnet_id == 1


def in_hot_standby(name: str, urls: dict[str, str]) -> dict[str, Any]:
    """The configuration of one of two Keas; the first is the primary."""
    roles = zip(urls, ("primary", "standby"), strict=True)
    peers = [{"name": one, "url": urls[one], "role": role, "auto-failover": True} for one, role in roles]
    threads = {"enable-multi-threading": True, "http-dedicated-listener": True}
    pair = {"this-server-name": name, "mode": "hot-standby", "heartbeat-delay": 500, "peers": peers}
    config = deployed()
    config["Dhcp4"]["multi-threading"] = {"enable-multi-threading": True}
    config["Dhcp4"]["hooks-libraries"].append(
        {
            "library": "libdhcp_ha.so",
            "parameters": {"high-availability": [{**pair, "multi-threading": threads}]},
        }
    )
    return config


def is_in_hot_standby(kea: Kea) -> bool:
    return bool(command(kea.control_socket, "ha-heartbeat")["arguments"]["state"] == "hot-standby")


def leases(kea: Kea) -> set[str]:
    """The lines of a journal."""
    return set(kea.journal.read_text().splitlines()[1:])


def test_both_keas_of_a_hot_standby_write_the_same_leases(tmp_path: Path, ports: tuple[int, int]) -> None:
    urls = {name: f"http://127.0.0.1:{free_port(['127.0.0.1'])}/" for name in ("kea-1", "kea-2")}
    others = tuple(free_port(["127.0.0.1"], socket.SOCK_DGRAM) for _ in range(2))
    with (
        running(in_hot_standby("kea-1", urls), tmp_path / "1", *ports) as primary,
        running(in_hot_standby("kea-2", urls), tmp_path / "2", *others) as standby,
    ):
        wait_until(lambda: is_in_hot_standby(primary), DEADLINE_S, "the pair", [])
        granted = boots(ports, 1).end().acks
        assert granted > 0
        wait_until(lambda: len(leases(standby)) >= granted, DEADLINE_S, "the standby's journal", [])
        assert leases(primary) == leases(standby)


def examined(kea: Kea) -> Report:
    found = section(kea)
    config = command(kea.control_socket, "config-get")["arguments"]["Dhcp4"]
    version = command(kea.control_socket, "version-get")["text"]
    return examine(config, version, str(found.journal), lease_files(found), SERVERS)


def set_class(config: dict[str, Any], **values: Any) -> None:
    config["client-classes"][0].update({name.replace("_", "-"): value for name, value in values.items()})


BREAKS: list[tuple[str, Callable[[dict[str, Any]], Any]]] = [
    ('"persist": true', lambda config: config["lease-database"].update(persist=False)),
    ('"lfc-interval": 3600', lambda config: config["lease-database"].update({"lfc-interval": 0})),
    ("libdhcp_lease_cmds.so", lambda config: config.update({"hooks-libraries": []})),
    ('"store-extended-info": true', lambda config: config.pop("store-extended-info")),
    ("subnet 1: option 82", lambda config: config["subnet4"][0].update({"store-extended-info": False})),
    ("remove cache-threshold", lambda config: config.update({"cache-threshold": 0.25})),
    ("subnet 1: a modem", lambda config: config["subnet4"][0].update({"cache-threshold": 0.25})),
    ('"boot-file-name": "modem.cm"', lambda config: set_class(config, boot_file_name="other.cm")),
    ("write 192.0.2.11 (cfm-1)", lambda config: set_class(config, next_server="192.0.2.12")),
    ('write "next-server" beside it', lambda config: config["client-classes"][0].pop("next-server")),
]


@pytest.mark.parametrize(("said", "change"), BREAKS, ids=[said for said, _ in BREAKS])
def test_the_doctor_names_what_is_broken(
    tmp_path: Path, ports: tuple[int, int], said: str, change: Callable[[dict[str, Any]], Any]
) -> None:
    config = copy.deepcopy(deployed())
    change(config["Dhcp4"])
    with running(config, tmp_path, *ports) as kea:
        (finding,) = examined(kea).findings
    assert said in finding


def test_the_doctor_is_content_with_what_we_deploy(tmp_path: Path, ports: tuple[int, int]) -> None:
    with running(deployed(), tmp_path, *ports) as kea:
        assert examined(kea) == Report([], [])


def test_what_we_deploy_is_what_kea_reads(tmp_path: Path) -> None:
    environ = {**os.environ, "KEA_PIDFILE_DIR": str(tmp_path), "KEA_LOCKFILE_DIR": str(tmp_path)}
    words = [find_program("kea-dhcp4", os.environ), "-t", str(CONFIG)]
    done = subprocess.run(words, env=environ, capture_output=True, text=True, timeout=DEADLINE_S)
    assert done.returncode == 0, done.stdout + done.stderr


def test_kea_refuses_what_it_does_not_know(tmp_path: Path, ports: tuple[int, int]) -> None:
    with running(deployed(), tmp_path, *ports) as kea:
        with pytest.raises(RemoteError, match="not supported"):
            command(kea.control_socket, "no-such-command")
        path = kea.control_socket
    with pytest.raises(UnavailableError, match="start kea-dhcp4"):
        command(path, "version-get")


def test_a_wrong_configuration_says_why_kea_does_not_start(tmp_path: Path, ports: tuple[int, int]) -> None:
    config = deployed()
    config["Dhcp4"]["cache-threshold"] = 0.0
    config["Dhcp4"]["subnet4"] = 7
    with pytest.raises(UnavailableError, match="does not start"), running(config, tmp_path, *ports):
        pass


@pytest.fixture(autouse=True)
def no_descriptors_left() -> Iterator[None]:
    """A follower and a Kea give back what they opened."""
    before = set(os.listdir("/proc/self/fd"))
    yield
    assert set(os.listdir("/proc/self/fd")) == before
