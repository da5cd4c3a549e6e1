"""`provbus transport`: what an operator asks and tells one sidecar, and the exit code of the answer."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.answering import answering

Provbus = Callable[..., subprocess.CompletedProcess[str]]
PLAN = "0123456789abcdef"
FELLOW = {"step": "", "leads": "multicast", "hears": ["multicast"], "era": 0, "lacks": "", "heard_s": 0.1}
BEFORE: dict[str, Any] = {
    "mode": "multicast",
    "hears": ["multicast"],
    "sends": ["multicast"],
    "leads": "multicast",
    "can": ["bus", "multicast"],
    "era": 0,
    "step": "",
    "to": "",
    "by": "",
    "plan": "",
    "is_over": True,
    "since_s": 9.5,
    "waits_for": [],
    "lost_to": "",
    "because": "",
    "fleet": {"cfm-1": FELLOW},
}
UNDER_WAY = {
    **BEFORE,
    "step": "hear",
    "to": "bus",
    "by": "dhcp-1",
    "plan": PLAN,
    "is_over": False,
    "since_s": 0.25,
    "waits_for": ["cfm-1", "mps-1: the disk is full"],
}
BOTH = ["bus", "multicast"]
THERE = {
    **UNDER_WAY,
    "mode": "bus",
    "hears": BOTH,
    "sends": ["bus"],
    "leads": "bus",
    "era": 1,
    "step": "move",
    "is_over": True,
    "waits_for": [],
    "fleet": {"cfm-1": {**FELLOW, "step": "move", "leads": "bus", "hears": BOTH, "era": 1}},
}
BEGUN = {"plan": PLAN, "era": 1, "to": "bus", "quick": False}


@pytest.fixture
def path(configs: dict[str, dict[str, Any]], tmp_path: Path) -> Path:
    """The configuration of dhcp-1, whose key is only there for its service."""
    configs["dhcp-1"]["key"] = "credentials:curve.key"
    path = tmp_path / "dhcp-1.yaml"
    path.write_text(yaml.safe_dump(configs["dhcp-1"]))
    return path


@pytest.fixture
def socket_path(path: Path) -> Path:
    """Where the instance listens."""
    return path.with_name("dhcp-1.sock")


def test_status_has_the_instance_and_the_others(path: Path, socket_path: Path, provbus: Provbus) -> None:
    with answering(socket_path, THERE) as asked:
        told = provbus("transport", "status", "--config", path)
        document = provbus("transport", "status", "--config", path, "-o", "json")
    assert asked == [{"op": "transport.status"}] * 2
    lines = [line.split() for line in told.stdout.splitlines()]
    assert lines[:3] == [["what", "value"], ["mode", "bus"], ["hears", "bus,", "multicast"]]
    assert lines[-3:] == [
        ["the", "others"],
        ["instance", "leads", "hears", "step", "era", "heard_s", "lacks"],
        ["cfm-1", "bus", "bus,", "multicast", "move", "1", "0.1", "-"],
    ]
    assert json.loads(document.stdout) == THERE


def test_parity_has_a_line_for_each_peer_and_class(path: Path, socket_path: Path, provbus: Provbus) -> None:
    pair = {
        "both": 41,
        "only": {"bus": 1, "multicast": 2},
        "late_ms": {"bus": 6.4, "multicast": 0.0},
        "green": True,
    }
    report = {
        "carrying": {"hears": BOTH, "sends": ["multicast", "bus"]},
        "peers": {"cfm-1": {"heartbeat": pair}},
        "settings": {"bus": "9f6c1d20a7b3e845", "multicast": "9f6c1d20a7b3e845"},
        "settings_agree": True,
    }
    with answering(socket_path, report):
        told = provbus("transport", "parity", "--config", path)
    assert [line.split() for line in told.stdout.splitlines()] == [
        ["by", "multicast,", "bus;", "settings", "agree:", "yes"],
        [
            *("peer", "class", "both", "only_bus", "only_multicast"),
            *("late_bus_ms", "late_multicast_ms", "green"),
        ],
        ["cfm-1", "heartbeat", "41", "1", "2", "6.4", "0.0", "yes"],
    ]


def test_a_switch_is_watched_on_standard_error(path: Path, socket_path: Path, provbus: Provbus) -> None:
    with answering(socket_path, BEGUN, UNDER_WAY, UNDER_WAY, THERE) as asked:
        told = provbus("transport", "switch", "bus", "--absent", "cfm-3", "--config", path)
    order = {"op": "transport.switch", "verb": "switch", "to": "bus", "absent": ["cfm-3"]}
    assert asked == [order, *[{"op": "transport.status"}] * 3]
    assert told.returncode == 0
    assert told.stderr.splitlines() == [
        "hear for 0.2 s, waiting for cfm-1; mps-1: the disk is full",
        "move for 0.2 s",
    ]
    assert told.stdout.splitlines()[1].split() == ["mode", "bus"]


def test_a_program_gets_one_document_of_a_switch(path: Path, socket_path: Path, provbus: Provbus) -> None:
    with answering(socket_path, BEGUN, UNDER_WAY, THERE):
        told = provbus("transport", "switch", "bus", "--config", path, "-o", "json")
    assert (told.returncode, told.stderr) == (0, "")
    (line,) = told.stdout.splitlines()
    assert json.loads(line) == THERE


def test_a_switch_that_goes_on_is_to_be_tried_again(path: Path, socket_path: Path, provbus: Provbus) -> None:
    with answering(socket_path, BEGUN, UNDER_WAY):
        told = provbus("transport", "switch", "bus", "--wait-s", "0", "--config", path, "-o", "json")
    assert (told.returncode, told.stdout) == (75, "")
    assert told.stderr == (
        "provbus: the switch goes on, at step hear after 0 s: waiting for cfm-1, mps-1: the disk is full\n"
    )


def test_a_switch_that_ended_without_its_mode_says_why(
    path: Path, socket_path: Path, provbus: Provbus
) -> None:
    with answering(socket_path, BEGUN, {**BEFORE, "because": "era 2 took it back"}):
        told = provbus("transport", "switch", "bus", "--config", path, "-o", "json")
    assert told.returncode == 77
    assert told.stderr == "provbus: dhcp-1: the switch ended: era 2 took it back\n"


def test_a_dry_run_names_everything_and_gives_no_order(
    path: Path, socket_path: Path, provbus: Provbus
) -> None:
    named = ["cfm-1 has no section for mode bus", "mps-1 is silent"]
    with answering(socket_path, {"obstacles": named}) as asked:
        told = provbus("transport", "switch", "bus", "--dry-run", "--config", path)
        document = provbus("transport", "switch", "bus", "--dry-run", "--config", path, "-o", "json")
    assert asked == [{"op": "transport.switch", "verb": "check", "to": "bus", "absent": []}] * 2
    assert (told.returncode, document.returncode) == (1, 1)
    assert [line.strip() for line in told.stdout.splitlines()] == ["stands in the way", *named]
    assert json.loads(document.stdout) == {"obstacles": named}


def test_a_dry_run_says_that_nothing_is_in_the_way(path: Path, socket_path: Path, provbus: Provbus) -> None:
    with answering(socket_path, {"obstacles": []}):
        told = provbus("transport", "switch", "dual", "--dry-run", "--config", path)
        document = provbus("transport", "switch", "dual", "--dry-run", "--config", path, "-o", "json")
    assert (told.returncode, told.stdout) == (0, "nothing stands in the way\n")
    assert (document.returncode, json.loads(document.stdout)) == (0, {"obstacles": []})


@pytest.mark.parametrize("verb", ["abort", "finish"])
def test_a_switch_is_called_off_and_finished(
    path: Path, socket_path: Path, provbus: Provbus, verb: str
) -> None:
    with answering(socket_path, {"id": None, "plan": PLAN}) as asked:
        told = provbus("transport", "switch", f"--{verb}", "--config", path, "-o", "json")
    assert asked == [{"op": "transport.switch", "verb": verb}]
    assert (told.returncode, json.loads(told.stdout)) == (0, {"plan": PLAN})


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["carrier-pigeon"], "there is no mode 'carrier-pigeon': bus, multicast, dual"),
        (["BUS"], "there is no mode 'BUS': bus, multicast, dual"),
        ([], "name the mode to switch to, or one of --finish and --abort"),
        (["bus", "--finish"], "name the mode to switch to, or one of --finish and --abort"),
        (["bus", "--abort"], "name the mode to switch to, or one of --finish and --abort"),
        (["--finish", "--abort"], "name the mode to switch to, or one of --finish and --abort"),
        (["--dry-run", "--finish"], "--dry-run goes with a mode"),
        (["--absent", "cfm-1", "--abort"], "--absent goes with a mode"),
    ],
)
def test_wrong_words_are_refused_before_anybody_is_asked(
    path: Path, socket_path: Path, provbus: Provbus, words: list[str], why: str
) -> None:
    with answering(socket_path, BEGUN) as asked:
        told = provbus("transport", "switch", *words, "--config", path)
    assert (told.returncode, told.stdout, asked) == (2, "", [])
    assert why in told.stderr


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ({"error": "try_again", "detail": "era 5 has begun"}, 75),
        ({"error": "refused", "detail": "cfm-1 is silent; mps-1 is silent"}, 77),
    ],
)
@pytest.mark.parametrize("words", [["bus"], ["--abort"], ["--finish"]])
def test_what_is_refused_has_its_exit_code(
    path: Path, socket_path: Path, provbus: Provbus, answer: dict[str, Any], code: int, words: list[str]
) -> None:
    with answering(socket_path, answer):
        told = provbus("transport", "switch", *words, "--config", path)
    assert (told.returncode, told.stdout) == (code, "")
    assert told.stderr == f"provbus: dhcp-1: {answer['detail']}\n"
