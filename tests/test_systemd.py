"""The units of deploy/systemd: systemd understands them, and they agree with the code and the examples."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
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
EXPOSURE_MAX = 16  # of 100, by systemd-analyze security; lower is better
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
    result = analyze("security", "--offline=yes", f"--threshold={EXPOSURE_MAX}", copy)
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


def test_no_service_has_anything_of_another() -> None:
    """A CFM, which faces the subscribers, reads no credentials, state or memory of a sidecar on its host."""
    units = {path.stem: read(path.read_text()) for path in UNITS}
    for name, unit in units.items():
        assert (unit["User"], unit["Group"]) == ([name], [name])
    for setting in ("User", "Group", "StateDirectory", "RuntimeDirectory"):
        assert len({unit[setting][0] for unit in units.values()}) == len(units), setting
    handed: dict[str, set[str]] = defaultdict(set)
    for name, unit in units.items():
        for one in unit["LoadCredential"]:
            handed[one.partition(":")[2]].add(name)
    shared = {Path(file).name for file, to in handed.items() if len(to) > 1 and "/seal/" not in file}
    assert shared == {"kafka.password", "fleet.key"}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_the_user_of_a_cfm_reads_no_credential_of_a_sidecar() -> None:
    """As systemd lays credentials out: a file of mode 0400 in a directory of mode 0500, both the user's."""
    users = {path.stem: 61_300 + number for number, path in enumerate(UNITS)}
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o755)
        files = {}
        for name, uid in users.items():
            credentials = Path(place, f"{name}.service")
            credentials.mkdir()
            files[name] = credentials / "curve.key"
            files[name].write_text("secret")
            for one, mode in ((files[name], 0o400), (credentials, 0o500)):
                one.chmod(mode)
                os.chown(one, uid, uid)
        for name, uid in users.items():
            assert [other for other in files if reads(files[other], uid)] == [name]


def reads(path: Path, uid: int) -> bool:
    """Whether this user without groups can read a file."""
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setgid(uid)
        os.setuid(uid)
        os._exit(0 if os.access(path, os.R_OK) else 1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_what_it_may_use_is_bounded_with_a_reason(unit: Unit, path: Path) -> None:
    lines = path.read_text().splitlines()
    for setting in ("LimitCORE", "MemoryMax", "TasksMax"):
        (at,) = (number for number, line in enumerate(lines) if line.startswith(f"{setting}="))
        assert lines[at - 1].startswith("# "), setting
    assert unit["LimitCORE"] == ["0"]


def test_a_sidecar_sees_no_other_users_and_lists_no_interfaces(unit: Unit, path: Path) -> None:
    """`tests/unit/cli/test_hardened.py` runs sidecars so. A CFM has the TFTP port by a capability of the host
    alone, and libzmq aborts a process that binds and cannot list the interfaces.
    """
    is_cfm = path.stem == "provbus-cfm"
    assert unit["PrivateUsers"] == ([] if is_cfm else ["yes"])
    families = ["AF_UNIX", "AF_INET", "AF_INET6", *(["AF_NETLINK"] if is_cfm else [])]
    assert unit["RestrictAddressFamilies"] == [" ".join(families)]
