"""`provbus settings`: a catalogue as a file, and in force at a running sidecar."""

import json
import os
import pwd
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.answering import answering

Provbus = Callable[..., subprocess.CompletedProcess[str]]
Config = dict[str, Any]

DEADLINE_S = 30
OLD = """\
fragments:
  always:
    - network_access: 1
    - upstream_service_flow: [{reference: 1}, {qos_parameter_set_type: 7}]
    - downstream_service_flow: [{reference: 2}, {qos_parameter_set_type: 7}]
classes:
  data:
    kind: cm
    placeholders: {customer: {kind: uint32}}
    body:
      - include: always
      - max_cpe: 4
      - snmp_set: {oid: 1.3.6.1.2.1.1.6.0, string: "customer ${customer}"}
"""
GOLD = "  gold: {kind: cm, body: [{include: always}]}\n"
RULES = """\
lookup:
  - {mac: 001a2c000001, class: data, values: {customer: 17}}
  - {subnet: 127.64.0.0/11, class: data, values: {customer: 1}}
"""
NEW = OLD.replace("max_cpe: 4", "max_cpe: 0x08  # more") + GOLD + RULES
SPELT = OLD.replace("- network_access: 1", "- {tlv: 3, hex: '01'}").replace(
    "max_cpe: 4", "max_cpe: 0x04  # four"
)
WRONG = (
    OLD.replace("network_access: 1", "network_access: 2").replace("max_cpe: 4", "max_cpee: 4")
    + "  voice: {kind: mta, hash: na, body: [{include: allways}]}\n  GOLD: {kind: cm}\n"
    + RULES.replace("customer: 17", "custmer: 17").replace("class: data", "class: date", 1)
    + "  - {mac: 10:11:22:33:44:55, class: data, values: {customer: 2}}\n"
)
MISTAKES = [
    "3: fragments.always[0].network_access: must be a number from 0 to 1, not 2 (in data)",
    "12: classes.data.body[1]: there is no TLV 'max_cpee' here; did you mean 'max_cpe'?",
    "14: classes.voice.body: must be a list of 1 to",
    "14: classes.voice.body[0].include: there is no fragment 'allways'; did you mean 'always'?",
    "15: classes.GOLD.body: must be a list",
    "15: classes.GOLD: a class's name has",
    "17: lookup[0].class: there is no class 'date'; did you mean 'data'?",
    "19: lookup[2].mac: must be text",
]


@pytest.fixture
def files(tmp_path: Path) -> None:
    """The catalogues, in the test's own directory."""
    for name, text in (("old", OLD), ("new", NEW), ("spelt", SPELT), ("wrong", WRONG)):
        (tmp_path / f"{name}.yaml").write_text(text)


@pytest.fixture
def instance(configs: dict[str, Config], tmp_path: Path) -> Path:
    """The configuration of dhcp-1, which nobody runs."""
    path = tmp_path / "dhcp-1.yaml"
    path.write_text(yaml.safe_dump(configs["dhcp-1"]))
    return path


@pytest.fixture
def start(
    configs: dict[str, Config], tmp_path: Path, command: list[str], bootstrap: str
) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Starts dhcp-1, whose file is the old catalogue; whatever runs is killed at the end."""
    processes: list[subprocess.Popen[bytes]] = []
    config = configs["dhcp-1"]
    config["kafka"]["bootstrap"] = bootstrap
    config["minter"]["publish_catalogue"] = "old.yaml"

    def run() -> subprocess.Popen[bytes]:
        (tmp_path / "dhcp-1.yaml").write_text(yaml.safe_dump(config))
        processes.append(
            subprocess.Popen([*command, "run", "dhcp", "--config", str(tmp_path / "dhcp-1.yaml")])
        )
        return processes[-1]

    yield run
    for process in processes:
        process.kill()
        process.wait(DEADLINE_S)


def until(provbus: Provbus, *arguments: str, said: str) -> None:
    """Run the command until its output holds this."""
    deadline = time.monotonic() + DEADLINE_S
    while said not in (result := provbus(*arguments)).stdout:
        assert time.monotonic() < deadline, result


def assert_mistakes(lines: list[str]) -> None:
    assert len(lines) == len(MISTAKES), lines
    for line, mistake in zip(sorted(lines), sorted(MISTAKES), strict=True):
        assert line.startswith(f"wrong.yaml:{mistake}")


@pytest.mark.usefixtures("files")
def test_a_right_catalogue_is_ok(provbus: Provbus) -> None:
    result = provbus("settings", "check", "new.yaml")
    assert (result.returncode, result.stdout, result.stderr) == (
        0,
        "ok: 2 classes, 1 fragment, 2 rules\n",
        "",
    )


@pytest.mark.usefixtures("files")
def test_every_mistake_of_a_wrong_one_is_named_with_its_line(provbus: Provbus) -> None:
    result = provbus("settings", "check", "wrong.yaml")
    assert (result.returncode, result.stderr) == (1, "")
    lines = result.stdout.splitlines()
    assert_mistakes(lines)
    numbers = [int(line.split(":")[1]) for line in lines]
    assert numbers == sorted(numbers)


def test_who_has_a_secret_is_told_the_near_name_as_well(provbus: Provbus, tmp_path: Path) -> None:
    pin = OLD.replace(
        "{customer: {kind: uint32}}", "{customer: {kind: uint32}, pin: {kind: string, secret: true}}"
    )
    (tmp_path / "pin.yaml").write_text(
        pin + "lookup:\n  - {mac: 001a2c000001, class: date, values: {customer: 17, pin: hush-hush}}\n"
    )
    result = provbus("settings", "check", "pin.yaml")
    assert "there is no class 'date'; did you mean 'data'?" in result.stdout
    assert "hush" not in result.stdout


REJECTED = OLD.replace("max_cpe: 4", "network_access: 0")
UNWISE = OLD.replace(
    "    body:\n      - include: always",
    "    silence: []\n    body:\n      - include: always\n      - max_cpe: 4",
)


def test_what_a_cmts_would_reject_is_a_mistake(provbus: Provbus, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(REJECTED)
    result = provbus("settings", "check", "bad.yaml")
    reason = "contradicts an earlier network_access (contradicting-setting)"
    assert (result.returncode, result.stdout) == (
        1,
        f"bad.yaml:12: classes.data.body[1].network_access: {reason}\n",
    )


def test_what_is_unwise_is_a_warning_until_it_is_silenced(provbus: Provbus, tmp_path: Path) -> None:
    (tmp_path / "unwise.yaml").write_text(UNWISE)
    result = provbus("settings", "check", "unwise.yaml")
    assert (result.returncode, result.stdout.splitlines()) == (
        0,
        [
            "unwise.yaml:14: classes.data.body[2].max_cpe: warning: repeats an earlier max_cpe "
            "(repeated-setting)",
            "ok: 1 class, 1 fragment, 0 rules",
        ],
    )
    (tmp_path / "meant.yaml").write_text(UNWISE.replace("silence: []", "silence: [repeated-setting]"))
    assert provbus("settings", "check", "meant.yaml").stdout == "ok: 1 class, 1 fragment, 0 rules\n"
    assert provbus("settings", "diff", "unwise.yaml", "meant.yaml").stdout == ""


def test_only_a_warning_can_be_silenced(provbus: Provbus, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(
        UNWISE.replace("silence: []", "silence: [repeated-setting, missing-reference, repeated]")
    )
    result = provbus("settings", "check", "bad.yaml")
    assert result.returncode == 1
    first, second = result.stdout.splitlines()
    assert first.startswith(
        "bad.yaml:10: classes.data.silence[1]: missing-reference is an error, which nothing"
    )
    assert second.startswith("bad.yaml:10: classes.data.silence[2]: there is no warning 'repeated'; did you ")


def test_a_file_that_is_not_there_is_78(provbus: Provbus) -> None:
    assert provbus("settings", "check", "nothing.yaml").returncode == 78


@pytest.mark.usefixtures("files")
def test_a_difference_is_what_a_modem_would_notice(provbus: Provbus) -> None:
    assert provbus("settings", "diff", "old.yaml", "spelt.yaml").returncode == 0
    assert provbus("settings", "diff", "old.yaml", "spelt.yaml").stdout == ""
    result = provbus("settings", "diff", "old.yaml", "new.yaml")
    assert result.returncode == 1
    assert [" ".join(line.split()) for line in result.stdout.splitlines()] == [
        "class path old new",
        "data body.max_cpe 4 8",
        "gold - a class",
        "mac 001a.2c00.0001 - {class: data, values.customer: 17}",
        "subnet 127.64.0.0/11 - {class: data, values.customer: 1}",
    ]
    back = provbus("settings", "diff", "new.yaml", "old.yaml", "-o", "json")
    assert json.loads(back.stdout) == [
        {"class": "data", "path": "body.max_cpe", "old": 8, "new": 4},
        {"class": "gold", "path": "", "old": "a class", "new": None},
        {
            "class": "mac 001a.2c00.0001",
            "path": "",
            "old": {"class": "data", "values.customer": 17},
            "new": None,
        },
        {
            "class": "subnet 127.64.0.0/11",
            "path": "",
            "old": {"class": "data", "values.customer": 1},
            "new": None,
        },
    ]


ADAPTER = """\
  voice:
    kind: mta
    hash: na
    placeholders: {line: {kind: string, default: x}}
    body: [snmp_set: {oid: 1.3.6.1.4.1.4491.1, string: "${line}"}]
"""
CHANGED = """\
lookup:
  - {subnet: 127.64.0.0/11, class: voice}
  - {subnet: 127.64.0.0/11, class: gold}
  - {mac: "00-1A-2C-00-00-01", class: data, values: {customer: 18}}
"""


@pytest.mark.parametrize(
    ("old", "new", "rows"),
    [
        (RULES, RULES.replace("001a2c000001", '"00:1A:2C:00:00:01"'), []),
        (RULES, "lookup:\n" + "\n".join(RULES.splitlines()[:0:-1]), []),
        (
            RULES,
            CHANGED,
            [
                ("mac 001a.2c00.0001", "values.customer", 17, 18),
                ("subnet 127.64.0.0/11", "class", "data", "gold"),
                ("subnet 127.64.0.0/11", "values.customer", 1, None),
                ("subnet 127.64.0.0/11", "", None, {"class": "voice"}),
            ],
        ),
    ],
    ids=["spelt", "turned", "changed"],
)
def test_a_rule_differs_by_its_class_and_values(
    provbus: Provbus, tmp_path: Path, old: str, new: str, rows: list[tuple[Any, ...]]
) -> None:
    for name, rules in (("a", old), ("b", new)):
        (tmp_path / f"{name}.yaml").write_text(OLD + GOLD + ADAPTER + rules)
    result = provbus("settings", "diff", "a.yaml", "b.yaml", "-o", "json")
    assert (result.returncode, result.stderr) == (1 if rows else 0, "")
    assert [tuple(one.values()) for one in json.loads(result.stdout)] == rows


@pytest.mark.usefixtures("files")
def test_a_wrong_catalogue_has_no_difference(provbus: Provbus) -> None:
    result = provbus("settings", "diff", "old.yaml", "wrong.yaml")
    assert result.returncode == 78
    assert_mistakes(result.stderr.removeprefix("provbus: ").splitlines())


@pytest.mark.parametrize(
    "arguments", [["old.yaml"] * 3, ["old.yaml", "new.yaml", "--config", "dhcp-1.yaml"]], ids=" ".join
)
def test_two_catalogues_are_compared(provbus: Provbus, arguments: list[str]) -> None:
    assert provbus("settings", "diff", *arguments).returncode == 2


@pytest.mark.usefixtures("files")
def test_a_catalogue_is_applied_whole_or_not_and_outlives_a_restart(
    provbus: Provbus, tmp_path: Path, start: Callable[[], subprocess.Popen[bytes]]
) -> None:
    config = ("--config", "dhcp-1.yaml")
    first = start()
    until(provbus, "settings", "show", *config, said="generation 1,")
    refused = provbus("settings", "apply", "wrong.yaml", *config)
    assert refused.returncode == 78
    assert_mistakes(refused.stderr.removeprefix("provbus: ").splitlines())
    assert provbus("settings", "diff", "old.yaml", *config).returncode == 0
    assert provbus("settings", "diff", "new.yaml", *config).returncode == 1
    applied = provbus("settings", "apply", "new.yaml", *config, "--comment", "for 17")
    assert (applied.returncode, applied.stdout) == (0, "applied: generation 2 (was 1)\n")
    again = provbus("settings", "apply", "new.yaml", *config)
    assert (again.returncode, again.stdout) == (0, "unchanged: generation 2\n")
    shown = provbus("settings", "show", *config).stdout.splitlines()
    assert [" ".join(line.split()) for line in shown[-5:-1]] == [
        "rule class values",
        "mac 001a.2c00.0001 data {customer: 17}",
        "subnet 127.64.0.0/11 data {customer: 1}",
        "changed author comment",
    ]
    assert shown[-1].split()[1:] == [f"{pwd.getpwuid(os.geteuid()).pw_name}@dhcp-1", "for", "17"]
    kept = provbus("settings", "show", *config, "-o", "yaml")
    (tmp_path / "kept.yaml").write_text(kept.stdout)
    assert provbus("settings", "diff", "new.yaml", "kept.yaml").returncode == 0
    (tmp_path / "gold.yaml").write_text(provbus("settings", "show", "gold", *config, "-o", "yaml").stdout)
    encoded = provbus("file", "encode", "gold.yaml", "--secret-file", "cmts.secret", "-o", "gold.cm")
    assert (encoded.returncode, encoded.stderr) == (0, "")
    assert (
        provbus("settings", "show", "data", *config).stdout.splitlines()[-1].split()[0].startswith("body[4]")
    )
    assert provbus("settings", "show", "silver", *config).returncode == 2
    first.terminate()
    assert first.wait(DEADLINE_S) == 0
    start()
    until(provbus, "settings", "show", *config, said="generation 2,")
    assert provbus("settings", "diff", "new.yaml", *config).returncode == 0
    for generation, said in ((2, "is the one in force"), (7, "is not kept by dhcp-1; kept are 2, 1")):
        none = provbus("settings", "rollback", generation, *config)
        assert (none.returncode, none.stderr) == (78, f"provbus: generation {generation} {said}\n")
    back = ("settings", "rollback", "1", *config, "--comment", "17 is gone")
    until(provbus, *back, said="applied: generation 3 (was 2)")
    assert provbus("settings", "diff", "old.yaml", *config).returncode == 0
    told = json.loads(provbus("settings", "history", *config, "-o", "json").stdout)
    user = pwd.getpwuid(os.geteuid()).pw_name
    assert [(one["generation"], one["author"], one["comment"], one["in_force"]) for one in told] == [
        (3, f"{user}@dhcp-1", "back to generation 1: 17 is gone", True),
        (2, f"{user}@dhcp-1", "for 17", False),
        (1, "dhcp-1", "", False),
    ]
    assert told[0]["digest"] == told[2]["digest"] != told[1]["digest"]
    assert told[0]["time_ms"] > told[1]["time_ms"] > told[2]["time_ms"] > 0


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(
    ("answer", "code", "said"),
    [
        ({"error": "indeterminate", "detail": "not read back"}, 75, "indeterminate: not read back; `provbus"),
        ({"error": "try_again", "detail": "another is"}, 75, "another is"),
        ({"error": "bad_request", "detail": "unknown op"}, 77, "unknown op"),
        (
            {"error": "bad_settings", "detail": "", "problems": [["classes.data.body[3].max_cpe", "no"]]},
            78,
            "old.yaml:12: classes.data.body[1].max_cpe: no",
        ),
    ],
    ids=lambda value: value.get("error") if isinstance(value, dict) else "",
)
def test_what_an_instance_refuses_has_its_exit_code(
    instance: Path, tmp_path: Path, provbus: Provbus, answer: Config, code: int, said: str
) -> None:
    with answering(tmp_path / "dhcp-1.sock", answer) as asked:
        result = provbus("settings", "apply", "old.yaml", "--config", instance)
    assert result.returncode == code
    assert result.stderr.startswith(f"provbus: {said}")
    assert [one["op"] for one in asked] == ["settings.apply"]
    assert asked[0]["classes"]["data"]["body"][0] == {"network_access": 1}
    assert asked[0]["lookup"] == []


@pytest.mark.parametrize(
    ("answer", "code", "said"),
    [
        ({"error": "refused", "detail": "generation 3 is not kept"}, 78, "generation 3 is not kept"),
        ({"error": "indeterminate", "detail": "not read back"}, 75, "indeterminate: not read back; `provbus"),
        ({"error": "try_again", "detail": "another is"}, 75, "another is"),
        (
            {"error": "bad_settings", "detail": "", "problems": [["classes.data", "no"], ["lookup", "none"]]},
            78,
            "generation 3: classes.data: no\ngeneration 3: lookup: none",
        ),
    ],
    ids=lambda value: value.get("error") if isinstance(value, dict) else "",
)
def test_a_rollback_that_is_refused_has_its_exit_code(
    instance: Path, tmp_path: Path, provbus: Provbus, answer: Config, code: int, said: str
) -> None:
    with answering(tmp_path / "dhcp-1.sock", answer) as asked:
        result = provbus("settings", "rollback", "3", "--config", instance, "--comment", "#17")
    assert result.returncode == code
    assert result.stderr.startswith(f"provbus: {said}")
    assert asked == [{"op": "settings.rollback", "generation": 3, "comment": "#17"}]


def test_the_history_is_a_table_newest_first(instance: Path, tmp_path: Path, provbus: Provbus) -> None:
    told = {"time_ms": 1_763_700_000_000, "author": "ann@dhcp-1", "comment": "more upstream", "classes": 3}
    unknown = {"time_ms": 0, "author": "", "comment": "", "classes": 2}
    answer = {
        "history": [
            {"generation": 2, "digest": "ab" * 32, **told, "in_force": True},
            {"generation": 1, "digest": "cd" * 32, **unknown, "in_force": False},
        ]
    }
    with answering(tmp_path / "dhcp-1.sock", answer) as asked:
        shown = provbus("settings", "history", "--config", instance)
    assert asked == [{"op": "settings.history"}]
    assert [line.split() for line in shown.stdout.splitlines()[1:]] == [
        ["2", "yes", "2025-11-21T04:40:00Z", "ann@dhcp-1", "more", "upstream", "abababababab", "3"],
        ["1", "-", "-", "cdcdcdcdcdcd", "2"],
    ]


@pytest.mark.usefixtures("files")
def test_what_another_version_has_in_force_is_shown_and_not_compared(
    instance: Path, tmp_path: Path, provbus: Provbus
) -> None:
    rule = {"imei": "[1]", "class": "data"}
    body = {"kind": "cm", "body": [{"network_access": 1}]}
    told = {"time_ms": 0, "author": "", "comment": ""}
    answer = {"generation": 1, "digest": "00", **told, "classes": {"data": body}, "lookup": [rule]}
    with answering(tmp_path / "dhcp-1.sock", answer):
        shown = provbus("settings", "show", "--config", instance)
        result = provbus("settings", "diff", "old.yaml", "--config", instance)
    assert (shown.returncode, shown.stdout.splitlines()[-1].split()) == (0, ["imei", "[1]", "data", "-"])
    assert result.returncode == 77
    assert "what is in force cannot be compared: lookup[0].imei: is no part of a rule" in result.stderr


@pytest.mark.usefixtures("files")
def test_a_comment_goes_with_what_is_applied_and_is_one_line(
    instance: Path, tmp_path: Path, provbus: Provbus
) -> None:
    told = ("settings", "apply", "old.yaml", "--config", instance)
    with answering(tmp_path / "dhcp-1.sock", {"applied": True, "generation": 2, "was": 1}) as asked:
        assert provbus(*told, "--comment", "more upstream, #17").returncode == 0
        assert provbus(*told, "--comment", "two\nlines").returncode == 2
        assert provbus(*told, "--comment", "x" * 201).returncode == 2
    assert [one["comment"] for one in asked] == ["more upstream, #17"]


def test_what_is_in_force_is_shown_with_who_made_it_when_and_why(
    instance: Path, tmp_path: Path, provbus: Provbus
) -> None:
    told = {"time_ms": 1_763_700_000_999, "author": "ann@dhcp-1", "comment": "more upstream"}
    answer = {"generation": 2, "digest": "ab" * 32, **told, "classes": {}, "lookup": []}
    with answering(tmp_path / "dhcp-1.sock", answer):
        shown = provbus("settings", "show", "--config", instance)
    assert shown.stdout.splitlines()[-2].split() == ["changed", "author", "comment"]
    assert shown.stdout.splitlines()[-1].split() == ["2025-11-21T04:40:00Z", "ann@dhcp-1", "more", "upstream"]


@pytest.mark.usefixtures("files")
def test_nobody_there_is_69_and_a_cfm_is_the_wrong_one_to_ask(
    instance: Path, configs: dict[str, Config], tmp_path: Path, provbus: Provbus
) -> None:
    assert provbus("settings", "apply", "old.yaml", "--config", instance).returncode == 69
    assert provbus("settings", "show", "--config", instance).returncode == 69
    (tmp_path / "cfm-1.yaml").write_text(yaml.safe_dump(configs["cfm-1"]))
    assert provbus("settings", "apply", "old.yaml", "--config", "cfm-1.yaml").returncode == 2
    assert provbus("settings", "rollback", "1", "--config", "cfm-1.yaml").returncode == 2
