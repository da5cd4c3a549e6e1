"""A real Kea on loopback: the follower sees every lease, and the doctor sees what is wrong."""

import copy
import os
import re
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bus.errors import ConfigError, RemoteError, UnavailableError
from bus.messages import HostCame, HostGone
from bus.transport.poller import Poller
from fileid.lease import Leased
from services.config.sections import KeaSection
from services.dhcp.kea.daemon.control import MuteError, command
from services.dhcp.kea.daemon.health import DEAF
from services.dhcp.kea.daemon.procfs import hears_modems
from services.dhcp.kea.doctor.examination import examine
from services.dhcp.kea.doctor.remarks import Report, report
from services.dhcp.kea.files import lease_files
from services.dhcp.kea.follower import Follower
from services.dhcp.kea.reload.reloading import check_configuration, check_included, check_leases, look, reload
from services.lab.kea.configuration import kea_config
from services.lab.kea.perfdhcp import LoadGenerator
from services.lab.kea.process import Kea, find_program, running
from services.lab.network.run_network import free_port
from services.lab.site.processes import wait_until
from services.lab.site.scenario import KeaHost
from tests.requirement import need_kea, need_namespaces

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


def boots(ports: tuple[int, int], seconds: int) -> LoadGenerator:
    """Modems that boot through one relay, each once."""
    return LoadGenerator(*ports, 200, seconds, options=(MODEM, "82,0104800000010206001a2c000000"))


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


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A directory with room for some 350 leases."""
    need_namespaces(os.environ)  # to mount a disk
    directory = tmp_path / "small"
    directory.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", directory], check=True)
    yield directory
    subprocess.run(["umount", "--lazy", directory], check=True)


def test_of_a_full_disk_under_kea_no_lease_that_was_granted_is_lost(
    small_disk: Path, ports: tuple[int, int]
) -> None:
    poller, devices = Poller(), set[bytes]()
    with running(deployed(), small_disk, *ports) as kea:
        follower = Follower(poller, section(kea), kea.directory)
        assert 0 < boots(ports, 3).end().acks < 500
        granted = written(kea)
        subprocess.run(["mount", "-o", "remount,size=1m", small_disk], check=True)
        boots(ports, 1).end()
    with running(deployed(), small_disk, *ports) as kea:
        refused = written(kea) - granted
    deadline = time.monotonic() + DEADLINE_S
    while not granted | refused <= devices:
        assert time.monotonic() < deadline
        for message in poller.poll(0.02):
            if isinstance(message, Leased):
                devices |= {lease.device for lease in message.leases}
    follower.close()
    poller.close()
    assert refused  # Kea had said no to these: their rows are read by nobody
    assert follower.counts["malformed"] <= 1


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

        def are_equal() -> bool:  # on a busy machine a lease is written whose ACK nobody waited for
            return len(leases(primary)) >= granted and leases(primary) == leases(standby)

        wait_until(are_equal, DEADLINE_S, "the same leases in both journals", [])


def examined(kea: Kea) -> Report:
    found = section(kea)
    config = command(kea.control_socket, "config-get")["arguments"]["Dhcp4"]
    version = command(kea.control_socket, "version-get")["text"]
    return report(examine(config, version, str(found.journal), lease_files(found), SERVERS))


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


def wrong_pool(kea: Kea) -> str:
    """Put a pool outside of its subnet into Kea's configuration; what was there before."""
    path = kea.directory / "kea-dhcp4.conf"
    before = path.read_text()
    path.write_text(before.replace('"pool": "127.64.0.1 - 127.95.255.254"', '"pool": "10.1.0.1 - 10.1.0.9"'))
    return before


def test_a_kea_without_sockets_is_gone_until_a_reload_succeeds(
    tmp_path: Path, ports: tuple[int, int]
) -> None:
    poller, news = Poller(), list[object]()
    with running(deployed(), tmp_path, *ports) as kea:
        follower = Follower(poller, section(kea), kea.directory)

        def hear(count: int) -> None:
            deadline = time.monotonic() + DEADLINE_S
            while len(news) < count:
                assert time.monotonic() < deadline
                news.extend(one for one in poller.poll(0.02) if isinstance(one, HostCame | HostGone))

        hear(1)
        before = wrong_pool(kea)
        with pytest.raises(RemoteError, match="does not match the prefix"):
            command(kea.control_socket, "config-reload")
        hear(2)
        assert follower.lacks() == [DEAF]
        (kea.directory / "kea-dhcp4.conf").write_text(before)
        command(kea.control_socket, "config-reload")
        hear(3)
        assert follower.lacks() == []
        follower.close()
        poller.close()
    assert [type(one) for one in news] == [HostCame, HostGone, HostCame]


def test_a_mistake_in_the_configuration_is_found_before_a_reload(
    tmp_path: Path, ports: tuple[int, int]
) -> None:
    with running(deployed(), tmp_path, *ports) as kea:
        assert check_configuration(kea.control_socket)
        wrong_pool(kea)
        with pytest.raises(RemoteError, match=r"Kea would refuse .*does not match the prefix"):
            check_configuration(kea.control_socket)
        assert hears_modems(kea.process.pid)
        with pytest.raises(MuteError, match="has no sockets now"):
            reload(kea.journal, kea.control_socket, 0.0)
        assert hears_modems(kea.process.pid) is False


def test_a_file_that_kea_would_never_read_is_said(tmp_path: Path, ports: tuple[int, int]) -> None:
    with running(deployed(), tmp_path, *ports) as kea, pytest.raises(ConfigError, match="never read it"):
        check_included(kea.control_socket, tmp_path / "elsewhere")


def test_a_configuration_that_is_not_ours_to_read_is_not_called_wrong(
    tmp_path: Path, ports: tuple[int, int]
) -> None:
    with running(deployed(), tmp_path, *ports) as kea:
        (tmp_path / "kea-dhcp4.conf").rename(tmp_path / "elsewhere")  # as for one in another file system
        assert not check_configuration(kea.control_socket)


@pytest.mark.parametrize("name", ["leases4.csv", "leases4.csv.1", "leases4.csv.2"])
def test_leases_that_kea_would_refuse_are_found_before_a_reload(
    tmp_path: Path, ports: tuple[int, int], name: str
) -> None:
    with running(deployed(), tmp_path, *ports) as kea:
        cut = kea.journal.with_name(name)
        assert boots(ports, 1).end().acks > 0
        check_leases(kea.journal)
        cut.write_text(kea.journal.read_text().splitlines(keepends=True)[1])
        with pytest.raises(RemoteError, match=f"would refuse {re.escape(str(cut))} and have no leases"):
            check_leases(kea.journal)
        with pytest.raises(MuteError, match="has no leases now"):
            reload(kea.journal, kea.control_socket, 0.0)


def test_a_reload_in_a_clean_up_is_done_again_when_that_is_over(
    tmp_path: Path, ports: tuple[int, int]
) -> None:
    with running(deployed(), tmp_path, *ports) as kea:
        process = subprocess.Popen(["sleep", "1.5"])  # what Kea takes for its clean-up
        kea.journal.with_name(f"{kea.journal.name}.pid").write_text(f"{process.pid}\n")
        assert look(kea.journal, kea.control_socket).is_cleaning_up
        with pytest.raises(RemoteError, match="cleanup is in progress"):
            command(kea.control_socket, "config-reload")
        with pytest.raises(MuteError):
            command(kea.control_socket, "lease4-get-page", {"from": "start", "limit": 1})
        reaper = threading.Thread(target=process.wait)
        reaper.start()
        assert reload(kea.journal, kea.control_socket, 0.0) > 0
        reaper.join()
        assert command(kea.control_socket, "lease4-get-page", {"from": "start", "limit": 1})["result"] == 3
        assert boots(ports, 1).end().acks > 0
