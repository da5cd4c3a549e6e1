"""A node in a multicast group: without its key it does not start, with it it needs no broker."""

import base64
import secrets
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from bus.effects import Exit, Publish
from bus.envelope import Envelope
from bus.errors import ConfigError, ProvbusError, UnavailableError
from bus.fleet.fleet import make_fleet
from bus.messages import CaughtUp, Received
from bus.routes import Column
from bus.telemetry.health import Status
from bus.transport.here import Patience
from bus.wire.datagram import DATA_BYTES_MAX
from services.config.instance import Config, load
from services.lab.network.run_network import free_port
from services.settings.record import CATALOGUE
from tests.unit.bus.nodes import open_node
from tests.unit.bus.well import Well

KEY = base64.b64encode(bytes(64))

Edit = Callable[[dict[str, Any], Path], None]


pytestmark = pytest.mark.usefixtures("no_descriptors_left")


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, Any]:
    """A configuration of a node in a group of its own."""
    make_fleet(tmp_path / "keys", {"dhcp-1": "dhcp", "cfm-1": "cfm"}, "lab", 64)
    return {
        "instance": "dhcp-1",
        "fleet": "keys/fleet.yaml",
        "key": "keys/curve/dhcp-1.key",
        "signing_key": "keys/sign/dhcp-1.key",
        "state_directory": "state",
        "local": {"socket": "dhcp-1.sock"},
        "transport": {"mode": "multicast"},
        "multicast": {
            "address": "127.0.0.2",
            "group": f"239.255.{secrets.randbelow(256)}.{secrets.randbelow(256)}",
            "port": free_port([""], socket.SOCK_DGRAM),
            "keys": ["keys/multicast/group.key"],
        },
    }


def configured(settings: dict[str, Any], directory: Path) -> Config:
    path = directory / "dhcp-1.yaml"
    path.write_text(yaml.safe_dump(settings))
    return load(path)


class _Publisher:
    """Publishes settings, and leaves when it has read them back and is caught up."""

    status: Status = Well()

    def __init__(self, envelope: Envelope) -> None:
        self.heard: list[Any] = []
        self._envelope = envelope
        self._publishes = True

    def receive(self, message: Any, now: float) -> list[Any]:
        if not isinstance(message, Received | CaughtUp):
            return []
        self.heard.append(message)
        return [Exit(0, "caught up")] if isinstance(message, CaughtUp) else []

    def tick(self, now: float) -> list[Any]:
        self._publishes = False
        return [Publish(self._envelope, "catalogue")]

    def deadline(self) -> float | None:
        return 0.0 if self._publishes else None


def test_a_node_in_a_group_hears_itself_and_reads_its_settings_back(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    """No broker and no other instance is needed: the replica stands for the topic."""
    node = open_node(configured(settings, tmp_path), read=("heartbeat", "config"))
    try:
        node.carrier.begin(has_copy=False)
        assert (node.carrier.scheme, node.carrier.data_bytes_max) == ("udp", DATA_BYTES_MAX)
        envelope = node.stamp.envelope(CATALOGUE, b"{}", time_ms=0)
        machine = _Publisher(envelope)
        assert node.run(machine, {}) == Exit(0, "caught up")
        read = Received(envelope._replace(site=""), "", column=Column.MULTICAST)
        assert machine.heard == [read, CaughtUp("config")]
    finally:
        node.close()


def _no_file(settings: dict[str, Any], directory: Path) -> None:
    (directory / "keys" / "multicast" / "group.key").unlink()


def _directory(settings: dict[str, Any], directory: Path) -> None:
    settings["multicast"]["keys"] = ["keys/multicast"]


def _second_file_is_missing(settings: dict[str, Any], directory: Path) -> None:
    settings["multicast"]["keys"].append("keys/multicast/next.key")


def _content(content: bytes) -> Edit:
    def edit(settings: dict[str, Any], directory: Path) -> None:
        (directory / "keys" / "multicast" / "group.key").write_bytes(content)

    return edit


@pytest.mark.parametrize(
    ("edit", "kind", "said"),
    [
        (_no_file, UnavailableError, r"cannot read the secret in .*group\.key"),
        (_directory, ConfigError, r"cannot read the secret in .*multicast"),
        (_second_file_is_missing, UnavailableError, r"cannot read the secret in .*next\.key"),
        (_content(b""), UnavailableError, r"the secret in .*group\.key is empty"),
        (_content(KEY), ConfigError, r"group\.key: a line must hold the id of a key"),
        (_content(b"7 " + KEY[:-4]), ConfigError, r"group\.key: a key has 6\d bytes, not 64"),
        (_content(b"7 " + KEY + b"\n8"), ConfigError, r"group\.key: a line must hold the id of a key"),
    ],
)
def test_without_its_key_a_node_does_not_start_and_nothing_stays_open(
    settings: dict[str, Any], tmp_path: Path, edit: Edit, kind: type[ProvbusError], said: str
) -> None:
    edit(settings, tmp_path)
    config = configured(settings, tmp_path)
    with pytest.raises(kind, match=said) as caught:
        open_node(config, patience=Patience(0.0))
    assert KEY.decode()[:40] not in str(caught.value)
    assert not (tmp_path / "dhcp-1.sock").exists()


def test_an_address_of_another_host_is_named_and_nothing_stays_open(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    settings["multicast"]["address"] = "192.0.2.1"
    config = configured(settings, tmp_path)
    with pytest.raises(UnavailableError, match=r"cannot join 239\.255\..* from 192\.0\.2\.1"):
        open_node(config, patience=Patience(0.0))
    assert not (tmp_path / "dhcp-1.sock").exists()
