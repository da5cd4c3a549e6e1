"""The node: it opens everything or nothing, says what is wrong, and closes in the right order."""

import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from bus.columns.hybrid_bus import HybridBus
from bus.effects import Exit, Reply
from bus.errors import BusyError, ConfigError, ProvbusError, UnavailableError
from bus.fleet.fleet import make_fleet
from bus.fleet.identity import identify
from bus.fleet.key_pair import new_key_pair
from bus.messages import Lacking, LocalRequest, WallClock
from bus.reason import Reason
from bus.runtime.node import Node, next_incarnation
from bus.transport.carrier import Link
from bus.transport.kafka.client import Kafka
from services.config.instance import Config, load
from tests.fleets import fleet_of
from tests.unit.bus.nodes import open_node
from tests.unit.bus.well import Well

YEAR_3000_MS = 32_503_680_000_000

pytestmark = pytest.mark.usefixtures("no_leaks")

Edit = Callable[[dict[str, Any], Path], None]


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, Any]:
    """A configuration that is right; its broker is not there."""
    make_fleet(tmp_path / "keys", {"dhcp-1": "dhcp", "cfm-1": "cfm"}, "lab", 64)
    return {
        "instance": "dhcp-1",
        "fleet": "keys/fleet.yaml",
        "key": "keys/curve/dhcp-1.key",
        "signing_key": "keys/sign/dhcp-1.key",
        "state_directory": "state",
        "local": {"socket": "dhcp-1.sock"},
        "kafka": {"bootstrap": "127.0.0.1:1", "client": {"log_level": "0"}},
    }


def configured(settings: dict[str, Any], directory: Path) -> Config:
    path = directory / "dhcp-1.yaml"
    path.write_text(yaml.safe_dump(settings))
    return load(path)


def test_a_node_is_who_its_configuration_says(settings: dict[str, Any], tmp_path: Path) -> None:
    node = open_node(configured(settings, tmp_path), read=("heartbeat",))
    try:
        stamp = node.stamp
        assert (stamp.instance, stamp.site) == ("dhcp-1", "lab")
        assert stamp.incarnation == int((tmp_path / "state" / "incarnation").read_text())
        assert [node.keys.public.decode()] == node.member.keys
        assert (tmp_path / "dhcp-1.sock").is_socket()
    finally:
        node.close()
    assert node.context.closed
    assert not (tmp_path / "dhcp-1.sock").exists()


def test_the_next_start_is_another_incarnation(settings: dict[str, Any], tmp_path: Path) -> None:
    config = configured(settings, tmp_path)
    seen = []
    for _ in range(3):
        node = open_node(config)
        seen.append(node.stamp.incarnation)
        node.close()
    assert seen == sorted(set(seen))


def test_who_is_taken_out_comes_back_or_is_new_is_logged_once(
    settings: dict[str, Any], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    node = open_node(configured(settings, tmp_path))
    try:
        identity = identify(node.config, ["dhcp"])
        both = identity.fleet.instances
        fleets = [
            {"dhcp-1": both["dhcp-1"]},
            {"dhcp-1": both["dhcp-1"]},
            both,
            both | {"cfm-2": both["cfm-1"]},
        ]
        for instances in fleets:
            node.renew(identity._replace(fleet=fleet_of(instances)))()
        assert node.members.services == {"dhcp-1": "dhcp", "cfm-1": "cfm"}
    finally:
        node.close()
    said = [record.message.partition(":")[0] for record in caplog.records if record.name == "provbus.node"]
    assert said == [
        "cfm-1 was taken out of the fleet file",
        "cfm-1 is in the fleet file again, and counts",
        "cfm-2 is new in the fleet file",
    ]


def test_parts_are_closed_newest_first_and_once(settings: dict[str, Any], tmp_path: Path) -> None:
    order: list[str] = []
    node = open_node(configured(settings, tmp_path))

    class Part:
        def __init__(self, name: str) -> None:
            self.name = name

        def close(self) -> None:
            assert not node.context.closed
            assert (tmp_path / "dhcp-1.sock").exists()
            order.append(self.name)

    assert node.keep(Part("older")).name == "older"
    node.keep(Part("newer"))
    node.close()
    node.close()
    assert order == ["newer", "older"]


def _other_service(settings: dict[str, Any], directory: Path) -> None:
    settings |= {"instance": "cfm-1", "key": "keys/curve/cfm-1.key", "signing_key": "keys/sign/cfm-1.key"}


def _not_in_the_fleet(settings: dict[str, Any], directory: Path) -> None:
    settings["instance"] = "dhcp-9"


def _no_fleet(settings: dict[str, Any], directory: Path) -> None:
    settings["fleet"] = "nothing.yaml"


def _no_key(settings: dict[str, Any], directory: Path) -> None:
    settings["key"] = "nothing.key"


def _somebody_elses_key(settings: dict[str, Any], directory: Path) -> None:
    settings["key"] = "keys/curve/cfm-1.key"


def _seal_key_for_key(settings: dict[str, Any], directory: Path) -> None:
    settings["key"] = "keys/seal/dhcp-1.key"


def _state_is_a_file(settings: dict[str, Any], directory: Path) -> None:
    (directory / "state").write_text("precious")


def _incarnation_is_no_number(settings: dict[str, Any], directory: Path) -> None:
    (directory / "state").mkdir()
    (directory / "state" / "incarnation").write_text("first")


def _kafka_setting(settings: dict[str, Any], directory: Path) -> None:
    settings["kafka"]["client"]["no.such.setting"] = "1"


def _password_file(settings: dict[str, Any], directory: Path) -> None:
    settings["kafka"]["password_file"] = "nothing.password"


@pytest.mark.usefixtures("no_descriptors_left")
@pytest.mark.parametrize(
    ("edit", "kind", "said"),
    [
        (_other_service, ConfigError, r"cfm-1 is cfm in .*fleet\.yaml, not dhcp"),
        (_not_in_the_fleet, ConfigError, "'dhcp-9' is not in the fleet file"),
        (_no_fleet, UnavailableError, r"cannot read .*nothing\.yaml"),
        (_no_key, UnavailableError, r"cannot read the secret in .*nothing\.key"),
        (_somebody_elses_key, ConfigError, r"cfm-1\.key is not the key that .*fleet\.yaml pins for dhcp-1"),
        (_seal_key_for_key, ConfigError, "40 characters of Z85"),
        (_state_is_a_file, ConfigError, "state_directory: .* is not a directory"),
        (_incarnation_is_no_number, UnavailableError, "state_directory: .* does not hold a number"),
        (_kafka_setting, ConfigError, "Kafka client settings: "),
        (_password_file, UnavailableError, r"cannot read the secret in .*nothing\.password"),
    ],
)
def test_a_mistake_is_named_and_nothing_stays_open(
    settings: dict[str, Any], tmp_path: Path, edit: Edit, kind: type[ProvbusError], said: str
) -> None:
    edit(settings, tmp_path)
    config = configured(settings, tmp_path)
    with pytest.raises(kind, match=said):
        open_node(config, read=("heartbeat", "config"))
    assert not (tmp_path / "dhcp-1.sock").exists()


@pytest.mark.usefixtures("no_descriptors_left")
def test_an_instance_that_runs_already_is_busy(settings: dict[str, Any], tmp_path: Path) -> None:
    config = configured(settings, tmp_path)
    first = open_node(config)
    try:
        with pytest.raises(BusyError, match="another process runs with"):
            open_node(config)
        assert (tmp_path / "dhcp-1.sock").is_socket()
    finally:
        first.close()


class _NoBroker:
    """A Kafka client whose broker is away."""

    publish = catch_up = None

    def check_broker(self, timeout_s: float) -> None:
        raise UnavailableError("no Kafka broker answers")


class _NoLink:
    """An end of no connection."""

    send = connect = None


@pytest.mark.parametrize("has_copy", [True, False])
def test_without_kafka_only_a_node_with_settings_on_disk_starts(
    has_copy: bool, caplog: pytest.LogCaptureFixture
) -> None:
    bus = HybridBus(cast(Kafka, _NoBroker()), lambda: cast(Link, _NoLink()), ())
    if has_copy:
        bus.begin(has_copy=True)
        assert "starting with the settings kept on disk" in caplog.text
    else:
        with pytest.raises(UnavailableError):
            bus.begin(has_copy=False)


class _Echo:
    """A machine that answers its one request and leaves."""

    status = Well()
    lacks: tuple[Reason, ...] = ()

    def receive(self, message: Any, now: float) -> list[Any]:
        if isinstance(message, Lacking):
            self.lacks = message.reasons
        if isinstance(message, WallClock | Lacking):
            return []
        assert isinstance(message, LocalRequest)
        return [Reply(message.session, message.body), Exit(75, "answered")]

    def tick(self, now: float) -> list[Any]:
        return []

    def deadline(self) -> float | None:
        return None


class _Part:
    """Something of a node that is not as it should be."""

    def lacks(self) -> list[Reason]:
        return [Reason("a-part", "a part")]

    def close(self) -> None:
        pass


def answered(node: Node, path: Path, request: bytes, echo: _Echo | None = None) -> bytes:
    """What the echo of this node answers over its local socket. The node is closed then."""
    answers: list[bytes] = []

    def ask() -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(10)
            client.connect(str(path))
            client.sendall(request)
            answers.append(client.recv(1000))

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        assert node.run(echo or _Echo(), {}) == Exit(75, "answered")
    finally:
        node.close()
        asking.join()
    return answers[0]


def test_a_node_runs_its_machine_behind_its_local_socket(settings: dict[str, Any], tmp_path: Path) -> None:
    """The last answer leaves although the machine stops in the same breath."""
    node = open_node(configured(settings, tmp_path))
    assert answered(node, tmp_path / "dhcp-1.sock", b'{"id":7}\n') == b'{"id":7}\n'


def test_a_machine_is_told_what_the_parts_around_it_lack(settings: dict[str, Any], tmp_path: Path) -> None:
    node = open_node(configured(settings, tmp_path))
    node.keep(_Part())
    echo = _Echo()
    answered(node, tmp_path / "dhcp-1.sock", b'{"id":7}\n', echo)
    assert "a-part" in [reason.code for reason in echo.lacks]


@pytest.mark.parametrize(
    ("last", "expected"),
    [(None, None), ("0", None), ("5\n", None), (str(YEAR_3000_MS), YEAR_3000_MS + 1)],
    ids=["first start", "zero", "long ago", "the clock went back"],
)
def test_an_incarnation_is_larger_than_any_before(
    tmp_path: Path, last: str | None, expected: int | None
) -> None:
    directory = tmp_path / "var" / "state"
    if last is not None:
        directory.mkdir(parents=True)
        (directory / "incarnation").write_text(last)
    first = next_incarnation(directory)
    second = next_incarnation(directory)
    assert first > int(last or 0)
    assert second > first
    assert expected is None or first == expected
    assert [one.name for one in directory.iterdir()] == ["incarnation"]
    assert (directory / "incarnation").read_text() == str(second)


def test_a_torn_write_of_an_earlier_start_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "incarnation").write_text("7")
    (tmp_path / "incarnation.new").write_text("17000")
    assert next_incarnation(tmp_path) > 17_000
    assert [one.name for one in tmp_path.iterdir()] == ["incarnation"]


@pytest.mark.parametrize("content", [b"", b"x", b"1.5", b"\xff"])
def test_an_incarnation_that_cannot_be_read_is_not_guessed(tmp_path: Path, content: bytes) -> None:
    """Guessing one that was used already would make every message a duplicate."""
    (tmp_path / "incarnation").write_bytes(content)
    with pytest.raises(UnavailableError, match="does not hold a number; restore it"):
        next_incarnation(tmp_path)
    assert (tmp_path / "incarnation").read_bytes() == content


def test_a_key_pair_of_nobody_is_refused(settings: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "keys" / "curve" / "dhcp-1.key").write_bytes(new_key_pair().secret)
    with pytest.raises(ConfigError, match="is not the key"):
        open_node(configured(settings, tmp_path))
