"""The units of deploy/systemd: systemd understands them, and they agree with the code and the examples."""

import re
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import click
import pytest

from bus.runtime.runner import DRAIN_S, WALL_EVERY_S
from bus.transport.carrier import CHECK_TIMEOUT_S
from bus.transport.here import LOOK_UP_S, START_S
from bus.transport.zeromq.curve import STRANGER_TIMEOUT_S
from services.cli.main import EXIT_CODES, cli
from services.cli.run import run
from services.config.instance import load

ROOT = Path(__file__).parent.parent
UNITS = sorted((ROOT / "deploy/systemd").glob("*.service"))
PROGRAM = "/opt/provbus/bin/provbus"
IMPORT_S = 10.0  # to load the program on a busy machine
CLOSE_S = 3.0  # flushing and joining the Kafka client's threads

Unit = dict[str, list[str]]


def read(text: str) -> Unit:
    """Every setting of a unit with its values in order; configparser knows no repeated keys."""
    found: Unit = defaultdict(list)
    for line in text.splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found[name].append(value)
    return found


@pytest.fixture(params=UNITS, ids=lambda path: path.stem)
def path(request: pytest.FixtureRequest) -> Path:
    found: Path = request.param
    return found


@pytest.fixture
def unit(path: Path) -> Unit:
    return read(path.read_text())


@pytest.fixture
def copy(path: Path, tmp_path: Path) -> Path:
    """The unit as on a host where the program is installed: systemd looks whether it is there."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    place = tmp_path / path.name
    place.write_text(path.read_text().replace(PROGRAM, sys.executable))
    return place


def analyze(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", *map(str, arguments)], capture_output=True, text=True, timeout=60
    )


def verify(unit: Path) -> tuple[int, str]:
    """What systemd thinks of a unit: 0 and nothing if it has no complaint."""
    result = analyze("verify", "--man=no", "--recursive-errors=no", unit)
    return result.returncode, result.stderr


def test_every_service_has_a_unit() -> None:
    assert [path.stem for path in UNITS] == [f"provbus-{name}" for name in sorted(run.commands)]


def test_systemd_understands_every_setting(copy: Path) -> None:
    assert verify(copy) == (0, "")


def test_a_setting_that_systemd_does_not_know_is_found(copy: Path) -> None:
    copy.write_text(copy.read_text().replace("NoNewPrivileges=", "NoNewPriviliges="))
    assert "NoNewPriviliges" in verify(copy)[1]


def test_systemd_finds_little_that_is_exposed(copy: Path) -> None:
    if "--offline" not in analyze("--help").stdout:
        pytest.skip("this systemd-analyze cannot judge a unit that is not installed")
    result = analyze("security", "--offline=yes", "--threshold=20", copy)
    assert result.returncode == 0, result.stdout


def test_it_runs_a_command_that_exists_with_an_example_that_exists(unit: Unit, path: Path) -> None:
    (line,) = unit["ExecStart"]
    program, *words = line.split()
    assert program == PROGRAM
    command: click.Command | None = cli
    while words and isinstance(command, click.Group):
        command = command.get_command(click.Context(command), words.pop(0))
    assert command is not None
    context = command.make_context(command.name, words)
    assert context.params["path"] == Path("/etc/provbus", f"{path.stem.removeprefix('provbus-')}.yaml")


def test_it_hands_over_the_secrets_that_the_example_names(unit: Unit, path: Path) -> None:
    example = (ROOT / "deploy/examples" / f"{path.stem.removeprefix('provbus-')}.yaml").read_text()
    named = re.findall(r"credentials:([a-z][\w.-]+)", example)
    assert sorted(named) == sorted(one.partition(":")[0] for one in unit["LoadCredential"])
    assert all(one.partition(":")[2].startswith("/etc/provbus/keys/") for one in unit["LoadCredential"])


def test_it_may_write_where_the_example_writes(unit: Unit, path: Path) -> None:
    config = load(ROOT / "deploy/examples" / f"{path.stem.removeprefix('provbus-')}.yaml")
    assert config.state_directory == Path("/var/lib", *unit["StateDirectory"])
    assert config.local.socket.parent == Path("/run", *unit["RuntimeDirectory"])


def test_its_times_leave_room_for_ours(unit: Unit) -> None:
    late_s = START_S + LOOK_UP_S + CHECK_TIMEOUT_S + STRANGER_TIMEOUT_S
    assert float(unit["TimeoutStartSec"][0]) >= late_s + IMPORT_S
    assert float(unit["TimeoutStopSec"][0]) >= DRAIN_S + CLOSE_S
    assert float(unit["WatchdogSec"][0]) >= 2 * WALL_EVERY_S


def test_a_wrong_configuration_is_not_started_again(unit: Unit) -> None:
    assert unit["Restart"] == ["on-failure"]
    assert [int(code) for code in unit["RestartPreventExitStatus"]] == [
        code for kind, code in EXIT_CODES.items() if kind.__name__ == "ConfigError"
    ]


def test_what_is_late_is_started_again_for_as_long_as_it_takes(unit: Unit) -> None:
    """Five starts in 10 s, systemd's limit, are quickly made where a port is busy."""
    assert unit["StartLimitIntervalSec"] == ["0"]


def test_the_child_of_a_sidecar_speaks_to_systemd_and_is_asked_to_stop_once(unit: Unit, path: Path) -> None:
    has_parent = path.stem != "provbus-cfm"
    assert (unit["NotifyAccess"], unit["KillMode"]) == ((["all"], ["mixed"]) if has_parent else ([], []))


def test_only_the_cfm_may_do_more_than_anybody(unit: Unit, path: Path) -> None:
    expected = "CAP_NET_BIND_SERVICE" if path.stem == "provbus-cfm" else ""
    assert unit["CapabilityBoundingSet"] == [expected]
    assert "".join(unit["AmbientCapabilities"]) == expected


def test_a_sidecar_may_see_whether_kea_has_a_socket() -> None:
    """Kea is another user's process: where proc(5) hides those, a Kea that hears no modem passes for well."""
    unit = read((ROOT / "deploy/systemd/provbus-dhcp.service").read_text())
    assert unit["ProtectProc"] == ["default"]
