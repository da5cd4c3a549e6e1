"""A machine and its clone, as two namespaces of one kernel: the same boot, the same paths."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from bus.fleet.fleet import make_fleet, settings_key_file
from fileid.seal import KEY_BYTES
from services.lab.site.processes import ask, wait_until
from tests.integration.lab_run import ROOT
from tests.requirement import need_namespaces

pytestmark = pytest.mark.soak

ORIGINAL, CLONE, CFM = "10.213.7.1", "10.213.7.2", "10.213.7.3"
GROUP_PORT, TFTP_PORT = 7070, 6969
DEADLINE_S = 30.0
STOP_S = 20.0


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


@pytest.fixture
def hosts() -> Iterator[tuple[str, str]]:
    """Two hosts on one link, by the names of their namespaces."""
    need_namespaces(os.environ)
    names = f"provbus-a-{os.getpid()}", f"provbus-b-{os.getpid()}"
    with ExitStack() as stack:
        for name in names:
            ip("netns", "add", name)
            stack.callback(ip, "netns", "delete", name)
        ip("-n", names[0], "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", names[1])
        for name, addresses in zip(names, ((ORIGINAL, CFM), (CLONE,)), strict=True):
            for address in addresses:
                ip("-n", name, "address", "add", f"{address}/24", "dev", "eth0")
            for link in ("lo", "eth0"):
                ip("-n", name, "link", "set", link, "up")
            ip("-n", name, "route", "add", "239.0.0.0/8", "dev", "eth0")
        yield names


@contextmanager
def running(host: str, config: Path, over: dict[Path, Path], **environment: str) -> Iterator[None]:
    """An instance on this host, which sees each directory of `over` in the place of another one."""
    binds = "".join(f"mount --bind {theirs} {ours} && " for ours, theirs in over.items())
    service = config.stem.partition("-")[0]
    command = f"{binds}exec {sys.executable} -m services.cli run {service} --config {config}"
    with (config.parent / f"{config.stem}.{len(over)}.log").open("w") as log:
        process = subprocess.Popen(
            ["ip", "netns", "exec", host, "unshare", "--mount", "sh", "-c", command],
            cwd=ROOT,
            env=os.environ | environment,
            stderr=log,
        )
    try:
        yield
    finally:
        process.kill()
        process.wait(STOP_S)


def configured(directory: Path, name: str, address: str, **section: Any) -> Path:
    """The configuration of an instance."""
    keys = directory / "keys"
    data = {
        "instance": name,
        "fleet": str(keys / "fleet.yaml"),
        "key": str(keys / "curve" / f"{name}.key"),
        "signing_key": str(keys / "sign" / f"{name}.key"),
        "settings_key": str(settings_key_file(keys)),
        "state_directory": str(directory / "state" / name),
        "local": {"socket": str(directory / "run" / f"{name}.sock")},
        "transport": {"mode": "multicast"},
        "multicast": {
            "address": address,
            "port": GROUP_PORT,
            "keys": [str(keys / "multicast" / "group.key")],
        },
        "failover": {"primary": "dhcp-1"},
        **section,
    }
    path = directory / f"{name}.yaml"
    path.write_text(yaml.safe_dump(data))
    return path


def until(condition: Callable[[], bool]) -> None:
    """Wait for it."""
    wait_until(condition, DEADLINE_S, "what the test waits for", [])


def says(socket: Path, kind: str, code: str) -> bool:
    """Whether an instance gives a reason of this kind with this code."""
    return any(one["code"] == code for one in status(socket)[kind])


def status(socket: Path) -> dict[str, Any]:
    return ask(socket, {"op": "status"}) or {"missing": [], "degraded": [], "incarnation": 0}


def created(socket: Path) -> dict[str, Any]:
    """The answer to a request for a file name."""
    request = {
        "op": "fileid.create",
        "id": 1,
        "device": "001a.2c00.0001",
        "address": "10.213.8.1",
        "settings": {"class": "residential", "customer": 1},
    }
    return ask(socket, request) or {}


def test_of_two_namespaces_with_one_name_the_clone_acts_and_then_the_original_again(
    hosts: tuple[str, str], tmp_path: Path
) -> None:
    make_fleet(tmp_path / "keys", {"dhcp-1": "dhcp", "dhcp-2": "dhcp", "cfm-1": "cfm"}, "lab", KEY_BYTES)
    for name in ("run", "run-of-the-clone"):
        (tmp_path / name).mkdir()
    secret = tmp_path / "cmts.secret"
    secret.write_bytes(os.urandom(16).hex().encode())
    secret.chmod(0o600)
    seals = tmp_path / "keys" / "seal"
    settings = str(ROOT / "deploy" / "settings" / "lab.yaml")
    dhcp = configured(
        tmp_path,
        "dhcp-1",
        ORIGINAL,
        minter={"seal_key": str(seals / "dhcp-1.key"), "publish_catalogue": settings},
    )
    cfm = configured(
        tmp_path,
        "cfm-1",
        CFM,
        cfm={
            "seal_keys": sorted(map(str, seals.iterdir())),
            "secret_file": str(secret),
            "tftp": {"address": CFM, "port": TFTP_PORT},
        },
    )
    state, copied = tmp_path / "state" / "dhcp-1", tmp_path / "state-of-the-clone"
    original, clone = tmp_path / "run" / "dhcp-1.sock", tmp_path / "run-of-the-clone" / "dhcp-1.sock"
    over = {state: copied, tmp_path / "run": tmp_path / "run-of-the-clone"}
    with running(hosts[0], cfm, {}), running(hosts[0], dhcp, {}):
        until(lambda: created(original).get("acked", False))
        shutil.copytree(state, copied)
        with running(hosts[1], dhcp, over, PROVBUS_MULTICAST__ADDRESS=CLONE):
            until(lambda: any(one["code"] == "name-taken" for one in status(original)["missing"]))
            until(lambda: says(clone, "degraded", "name-twice"))
            assert created(original)["error"] == "try_again"
            until(lambda: created(clone).get("acked", False))
            assert created(original)["error"] == "try_again"
            incarnation = status(clone)["incarnation"]
        until(lambda: created(original).get("acked", False))
        assert status(original)["incarnation"] > incarnation
