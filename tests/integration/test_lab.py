"""The lab from outside: small plants, real processes, the command line an operator types."""

import json
import os
import pty
import re
import subprocess
import termios
from pathlib import Path
from typing import Any

import pytest

from services.brokers.cluster import KafkaCluster
from services.lab.site.file_read import read_file as tftp_read
from services.lab.site.processes import ask
from tests.integration.lab_run import (
    ROOT,
    SCENARIOS,
    TIMEOUT_S,
    command,
    deployed,
    held_lab,
    read_topic,
    run_for,
    run_lab,
    written,
)
from tests.requirement import need_ipv6

UP = "\x1b[1A"
"""A terminal's cursor goes up a line."""


def read_file(server: str, name: str, source: str) -> bytes | None:
    """A TFTP read of `name` from `source`; None if not one byte comes back within two seconds."""
    address, port = server.rsplit(":", 1)
    return tftp_read(name.encode(), source, (address, int(port)), patience_s=2.0)


def test_others_read_nothing_that_a_run_keeps_whatever_the_umask(environment: dict[str, str]) -> None:
    with held_lab(environment, 20, mask=0) as report:
        directory = Path(report["endpoints"]["dhcp_socket"]).parent
        kept = [
            directory,
            *directory.glob("state/**/*"),
            *directory.glob("keys/**/*.key"),
            *directory.glob("*.jsonl"),
        ]
        assert {"catalogue.json", "fence.json", "lock", "incarnation"} <= {one.name for one in kept}
        modes = {str(one): oct(one.stat().st_mode) for one in (*kept, directory / "cmts.secret")}
        assert {one: mode for one, mode in modes.items() if int(mode, 8) & 0o077} == {}
        sockets = {one.name: one.stat().st_mode & 0o777 for one in directory.glob("*.sock")}
        assert {
            name: mode for name, mode in sockets.items() if name.endswith(".admin.sock") and mode != 0o600
        } == {}
        assert {name for name, mode in sockets.items() if mode & 0o007} == set()


def test_nothing_but_the_report_is_printed_into_a_file(environment: dict[str, str]) -> None:
    words = command("lab", "run", str(SCENARIOS / "first-boot.yaml"), "--modems", "20")
    out, said, code = run_for(TIMEOUT_S, words, environment)
    assert (code, said) == (0, "")
    assert out.startswith("scenario ")
    assert "\x1b" not in out
    assert "\r" not in out


def test_a_terminal_shows_the_run_and_then_the_report(environment: dict[str, str], tmp_path: Path) -> None:
    """A modem every tenth of a second, so that there is something to see."""
    scenario = written(tmp_path, "first-boot", boot_window_s=4.0)
    words = command("lab", "run", str(scenario), "--modems", "40")
    controller, terminal = pty.openpty()
    termios.tcsetwinsize(terminal, (40, 120))
    size = {"TERM": "xterm", "COLUMNS": "120", "LINES": "40"}
    process = subprocess.Popen(words, cwd=ROOT, env=environment | size, stdout=terminal, stderr=terminal)
    os.close(terminal)
    shown = b""
    try:
        while chunk := _read(controller):
            shown += chunk
    finally:
        process.wait(TIMEOUT_S)
        os.close(controller)
    assert process.returncode == 0, shown
    drawn, _, report = shown.decode().partition("scenario ")
    for seen in ("waiting for the services", "boots/s", "online ", "dhcp-1 ", "cfm-2 ", "active"):
        assert seen in drawn
    assert UP in drawn, "it is not drawn in place"
    assert UP not in report
    assert "boots/s" not in report
    assert re.search(r"online *40 *\n", re.sub(r"\x1b\[[0-9;]*m|\r", "", report))


def _read(controller: int) -> bytes:
    """What a terminal's programs printed; empty when the last has ended."""
    try:
        return os.read(controller, 65536)
    except OSError:
        return b""


def test_a_first_boot(environment: dict[str, str]) -> None:
    report = run_lab(environment, "first-boot", 60)
    assert report["mtas"] == 6
    assert report["broker"] == "embedded"
    assert report["handoffs"]["acked"] >= 57
    assert report["early"] == {"parked": 0, "pulled": 0, "sealed": 0}


@pytest.mark.soak
def test_hand_offs_over_ipv6(environment: dict[str, str]) -> None:
    need_ipv6(environment)
    report = run_lab(environment, "first-boot", 60, "--ipv6")
    assert report["handoff_family"] == "ipv6"
    assert report["handoffs"]["acked"] >= 57


@pytest.mark.soak
def test_the_proxy_of_the_hand_off_path_speaks_ipv6(environment: dict[str, str]) -> None:
    need_ipv6(environment)
    report = run_lab(environment, "lost-handoff", 40, "--ipv6")
    assert report["early"]["pulled"] + report["early"]["sealed"] > 0


@pytest.mark.soak
def test_reads_that_come_before_their_rows_are_parked(environment: dict[str, str]) -> None:
    report = run_lab(environment, "early-read", 40)
    assert report["early"]["parked"] > 0
    assert report["second_tries"] == 0


@pytest.mark.soak
def test_lost_handoffs_are_pulled_or_served_from_the_seal(environment: dict[str, str]) -> None:
    report = run_lab(environment, "lost-handoff", 80)
    assert report["early"]["sealed"] > 0
    assert report["early"]["pulled"] > 0


def test_a_first_boot_over_multicast(environment: dict[str, str]) -> None:
    report = run_lab(environment, "first-boot", 60, "--mode", "multicast")
    assert (report["mode"], report["broker"]) == ("multicast", "none")
    assert report["handoffs"]["acked"] >= 57
    assert report["early"] == {"parked": 0, "pulled": 0, "sealed": 0}


@pytest.mark.soak
def test_a_network_that_loses_one_in_twenty_costs_tries_and_no_modem(environment: dict[str, str]) -> None:
    report = run_lab(environment, "lossy", 120, "--mode", "multicast")
    assert report["failed"] == 0
    assert report["handoffs"]["retried"] > 0


@pytest.mark.soak
@pytest.mark.parametrize(
    ("mode", "rotations", "refused"),
    [
        ("bus", {"curve": 1, "seal": 1, "settings": 1}, 5),
        ("multicast", {"multicast": 1, "seal": 1, "settings": 1}, 3),
    ],
)
def test_keys_are_rotated_while_modems_boot(
    environment: dict[str, str], mode: str, rotations: dict[str, int], refused: int
) -> None:
    report = run_lab(environment, "rotate-keys", 100, "--mode", mode)
    assert report["failed"] == 0
    assert report["rotations"] == rotations
    assert report["old_keys_refused"] == refused
    assert report["rotation_steps_in_time"] == 3
    assert report["reconnects_at_drop"] == 0


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("first-boot", "--mode", "auto"), 78, "mode auto is not there yet: set bus, multicast or dual"),
        (("first-boot", "--mode", "pigeon"), 78, "there is no mode 'pigeon'"),
        (("first-boot", "--mode", "multicast", "--broker", "kafka"), 2, "mode multicast has no broker"),
        (("early-read", "--mode", "multicast"), 78, "so mode bus"),
        (("power-cut", "--mode", "multicast"), 78, "power-cut: it needs broker kafka, so mode bus"),
        (("power-cut", "--broker", "embedded"), 78, "power-cut: it needs broker kafka, and not embedded"),
        (("first-boot", "--mode", "multicast", "--ipv6"), 78, "hand-offs over IPv6 need ZeroMQ, so mode bus"),
    ],
)
def test_what_a_mode_or_a_broker_cannot_do_is_said(
    environment: dict[str, str], words: tuple[str, ...], code: int, said: str
) -> None:
    name, *more = words
    line = command("lab", "run", str(SCENARIOS / f"{name}.yaml"), *more)
    done = subprocess.run(line, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S)
    assert done.returncode == code
    assert said in done.stderr


@pytest.mark.soak
def test_a_second_run_is_asked_to_try_again(environment: dict[str, str]) -> None:
    with held_lab(environment, 20):
        words = command("lab", "run", str(SCENARIOS / "first-boot.yaml"), "--modems", "20")
        second = subprocess.run(
            words, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S
        )
    assert second.returncode == 75
    assert second.stderr == "provbus: another lab run is under way; try again when it is over\n"


@pytest.mark.soak
def test_a_minted_name_works_for_its_owner_alone_and_once(
    environment: dict[str, str], tmp_path: Path
) -> None:
    with held_lab(environment, 20) as report:
        ends = report["endpoints"]
        request = {
            "op": "fileid.create",
            "device": "001a.2cff.ff01",
            "address": "127.80.0.1",
            "settings": {"class": "residential", "customer": 7},
        }
        answer = ask(Path(ends["dhcp_socket"]), request)
        assert answer is not None
        assert answer["acked"]
        server = next(one for one in ends["tftp"] if one.startswith(answer["next_server"] + ":"))
        assert read_file(server, answer["file"], "127.80.0.2") is None
        file = read_file(server, answer["file"], "127.80.0.1")
        assert read_file(server, answer["file"], "127.80.0.1") is None
        assert read_file(server, "../../etc/passwd", "127.80.0.1") is None
        assert file is not None
        (tmp_path / "a.cm").write_bytes(file)
        words = command("file", "verify", "--secret-file", ends["secret_file"], str(tmp_path / "a.cm"))
        verified = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT_S)
    assert (verified.returncode, verified.stdout) == (0, "ok\n")


@pytest.mark.soak
@pytest.mark.kafka
@pytest.mark.usefixtures("kafka_programs")
def test_a_boot_over_three_real_brokers_leaves_its_trace(environment: dict[str, str], tmp_path: Path) -> None:
    cluster = KafkaCluster(Path(environment["XDG_STATE_HOME"]) / "provbus" / "kafka")
    servers = cluster.up().bootstrap
    try:
        report = run_lab(environment, "first-boot", 60, "--broker", "kafka")
        assert report["broker"] == "kafka"
        beats = read_topic(servers, "heartbeat")
        audits = read_topic(servers, "audit")
    finally:
        cluster.down()
    sources = {headers["ce_source"] for headers, _ in beats}
    assert sources == {"/lab/dhcp-1", "/lab/mps-1", "/lab/cfm-1", "/lab/cfm-2"}
    assert {headers["ce_type"] for headers, _ in beats} == {"provbus.heartbeat.beat.v1"}
    assert len({(headers["ce_source"], headers["ce_id"]) for headers, _ in beats}) == len(beats)
    events = [event for _, data in audits for event in json.loads(data)["events"]]
    completed = [event["fileid"] for event in events if event["event"] == "download.completed"]
    assert len(completed) == len(set(completed)) == report["online"]


@pytest.mark.soak
def test_an_attack_gets_nothing_and_nobody_notices(environment: dict[str, str], tmp_path: Path) -> None:
    report = attacked(environment, tmp_path)
    assert report["calm_failed"] == 0
    assert report["boot_p99_vs_calm"] > 0
    assert report["attack"]["restarts"] > 0
    assert report["attack"]["own_bytes"] > 0
    assert report["attack"]["pages"]["200"] > 0
    assert 0 < report["attack"]["audit"]["events"] < 4_000


@pytest.mark.soak
def test_an_attack_through_a_cmts_that_proxies_gets_nothing_either(
    environment: dict[str, str], tmp_path: Path
) -> None:
    attacked(environment, tmp_path, "--proxied")


def attacked(environment: dict[str, str], tmp_path: Path, *more: str) -> dict[str, Any]:
    """A small attack, which got nothing; its report."""
    attack = deployed("attack")["attack"] | {"rate_per_s": 2000, "duration_s": 2}
    path = written(tmp_path, "attack", attack=attack, expect={"attack.sent": 4000})
    report = run_lab(environment, path, 300, *more)
    assert (report["attack"]["files"], report["attack"]["bytes"]) == (0, 0)
    return report


@pytest.mark.soak
def test_a_run_that_did_not_get_its_faults_has_failed(environment: dict[str, str], tmp_path: Path) -> None:
    expect = {"attack.sent": {"min": 45000}}
    path = written(tmp_path, "attack", attack={"rate_per_s": 10, "duration_s": 0.1}, expect=expect)
    words = command("lab", "run", str(path), "--modems", "20", "-o", "json")
    done = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S)
    report = json.loads(done.stdout)
    assert (report["online"], report["failed"], report["ledger"]["clean"]) == (20, 0, True)
    assert done.returncode == 1
    (field,) = report["expected"]
    assert field == "attack.sent"
    assert report["expected"][field].startswith("min 45000, found ")
    assert f"not as expected: attack.sent: {report['expected'][field]}" in done.stderr


@pytest.mark.soak
def test_a_storm_is_compared_with_a_bare_tftp_loop(environment: dict[str, str]) -> None:
    report = run_lab(environment, "storm", 300)
    ratio = report["cpu_per_boot_ms"] / report["cpu_bare_tftp_ms"]
    assert report["cpu_per_boot_vs_bare_tftp"] == pytest.approx(ratio, rel=0.01)
