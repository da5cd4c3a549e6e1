"""A CFM on hosts of its own: without IPv6, and with an address that comes late."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from bus.contract import encode
from bus.fleet.fleet import make_fleet
from fileid.seal import KEY_BYTES
from services.lab.site.processes import ask
from services.settings.catalogue import record
from tests.integration.lab_run import ROOT
from tests.requirement import need_namespaces

pytestmark = pytest.mark.soak

DEADLINE_S = 30.0
LATE = "10.213.8.1"
WITHOUT_IPV6 = "sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1"


@pytest.fixture
def config(tmp_path: Path) -> dict[str, Any]:
    """A CFM with settings on disk, so that it starts without its brokers."""
    need_namespaces(os.environ)
    make_fleet(tmp_path / "keys", {"dhcp-1": "dhcp", "cfm-1": "cfm"}, "lab", KEY_BYTES)
    (tmp_path / "cmts.secret").write_text("s3cret")
    (tmp_path / "cmts.secret").chmod(0o600)
    copy = tmp_path / "state" / "catalogue.json"
    copy.parent.mkdir()
    copy.write_bytes(encode(record({"data": {"kind": "cm", "body": [{"network_access": 1}]}}, 1)))
    return {
        "instance": "cfm-1",
        "fleet": "keys/fleet.yaml",
        "key": "keys/curve/cfm-1.key",
        "signing_key": "keys/sign/cfm-1.key",
        "state_directory": "state",
        "local": {"socket": "cfm-1.sock"},
        "kafka": {"bootstrap": "127.0.0.1:1"},
        "cfm": {
            "listen": "tcp://*:7001",
            "advertise": "tcp://127.0.0.1:7001",
            "seal_keys": ["keys/seal/dhcp-1.key"],
            "secret_file": "cmts.secret",
            "tftp": {"address": "127.0.0.1", "port": 6969},
        },
    }


@contextmanager
def running(directory: Path, config: dict[str, Any], host: str) -> Iterator[subprocess.Popen[str]]:
    """The CFM in a network namespace that these commands have set up."""
    path = directory / "cfm-1.yaml"
    path.write_text(yaml.safe_dump(config))
    command = f"{host}; ip link set lo up; exec {sys.executable} -m services.cli run cfm --config {path}"
    process = subprocess.Popen(
        ["unshare", "--net", "sh", "-c", command], cwd=ROOT, stderr=subprocess.PIPE, text=True
    )
    with process:
        try:
            yield process
        finally:
            process.terminate()


def answers(path: Path, process: subprocess.Popen[str]) -> bool:
    """Whether it runs; waits until it does or has ended."""
    deadline = time.monotonic() + DEADLINE_S
    while process.poll() is None and time.monotonic() < deadline:
        if path.is_socket() and ask(path, {"op": "status"}, DEADLINE_S) is not None:
            return True
    return False


def test_any_address_is_one_of_ipv4_where_ipv6_is_switched_off(
    tmp_path: Path, config: dict[str, Any]
) -> None:
    with running(tmp_path, config, WITHOUT_IPV6) as process:
        assert answers(tmp_path / "cfm-1.sock", process)


def test_an_address_of_ipv6_is_69_with_a_clear_sentence_there(tmp_path: Path, config: dict[str, Any]) -> None:
    config["cfm"]["listen"] = "tcp://[::1]:7001"
    with running(tmp_path, config, WITHOUT_IPV6) as process:
        _, said = process.communicate(timeout=DEADLINE_S)
    sentence = "cannot listen on tcp://[::1]:7001: this machine has no IPv6; give it an IPv4 address"
    assert (process.returncode, said.splitlines()[-1]) == (69, f"provbus: {sentence}")


def test_an_address_that_comes_late_is_waited_for(tmp_path: Path, config: dict[str, Any]) -> None:
    config["cfm"]["tftp"]["address"] = LATE
    with running(tmp_path, config, "true") as process:
        assert process.stderr is not None
        said = next(line for line in process.stderr if "trying again for" in line)
        assert f"cannot serve TFTP on {LATE}, port 6969: {LATE} is not an address of this host" in said
        subprocess.run(
            ["nsenter", "--net", f"--target={process.pid}", "ip", "address", "add", LATE, "dev", "lo"],
            check=True,
        )
        assert answers(tmp_path / "cfm-1.sock", process)
