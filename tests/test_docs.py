"""What the README promises exists, and what exists is in the README."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from bus.config import load
from bus.metrics import METRICS
from bus.runner import DRAIN_S
from services.cli.main import EXIT_CODES, cli
from services.docsis.judge.rules import RULES
from services.docsis.names import BUILT_IN
from services.docsis.objects import ROOTS
from services.lab.script import load_script
from services.lab.steps.table import Entry

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
METRICS_PAGE = (ROOT / "docs" / "metrics.md").read_text()
SCENARIOS_PAGE = (ROOT / "docs/scenarios.md").read_text()
RULES_PAGE = (ROOT / "docs/file-rules.md").read_text()
NAMES_PAGE = (ROOT / "docs/snmp-names.md").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()


def commands(group: click.Group, words: str) -> Iterator[str]:
    """Every command that does something, as it is typed."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command, path = group.get_command(context, name), f"{words} {name}"
        if isinstance(command, click.Group):
            yield from commands(command, path)
        else:
            yield path


COMMANDS = sorted(commands(cli, "provbus"))


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_heading_in_the_readme(command: str) -> None:
    headings = [line for line in README.splitlines() if line.startswith("### ")]
    assert any(f"`{command}`" in heading for heading in headings)


def test_every_command_a_heading_names_exists() -> None:
    headings = [line for line in README.splitlines() if line.startswith("### ")]
    named = [name for heading in headings for name in re.findall(r"`(provbus [a-z ]+)`", heading)]
    assert sorted(named) == COMMANDS


def test_every_exit_code_is_in_the_readme() -> None:
    (line,) = [paragraph for paragraph in README.split("\n\n") if paragraph.startswith("Exit codes: ")]
    assert {str(code) for code in EXIT_CODES.values()} - {"70"} <= set(re.findall(r"\d+", line))


def test_the_readme_states_how_long_an_instance_drains() -> None:
    assert f"for at most {DRAIN_S:g} s" in README


def test_every_command_the_readme_types_exists() -> None:
    typed = re.findall(r"^\$ .*\.venv/bin/(provbus [a-z]+(?: [a-z]+)*)", README, re.M)
    assert typed
    unknown = [line for line in typed if not any(line.startswith(command) for command in COMMANDS)]
    assert unknown == []


def test_every_make_verb_in_the_readme_exists() -> None:
    verbs = set(re.findall(r"make ([a-z]+)", README))
    assert verbs >= {"lab", "test", "check", "bench", "mutants"}
    assert [verb for verb in verbs if not re.search(rf"^{verb}:", MAKEFILE, re.M)] == []


@pytest.mark.parametrize("path", re.findall(r"(?:deploy|bus|heartbeat|fileid)/[\w./-]+\w", README))
def test_every_path_in_the_readme_exists(path: str) -> None:
    assert (ROOT / path).exists()


@pytest.mark.parametrize(
    "path", sorted((ROOT / "deploy/examples").glob("*.yaml")), ids=lambda path: path.name
)
def test_the_example_configurations_are_valid(path: Path) -> None:
    config = load(path)
    assert config.instance == f"{path.stem}-1"
    assert (config.cfm is None) == (path.stem != "cfm")


@pytest.mark.parametrize(
    "path", sorted((ROOT / "deploy/scenarios").glob("*.yaml")), ids=lambda path: path.name
)
def test_the_scenarios_are_valid(path: Path) -> None:
    scenario = load_script(path)
    assert scenario.name == path.stem
    assert scenario.settings.is_file()
    assert scenario.expect


def test_every_step_is_explained_and_no_other() -> None:
    rows = re.findall(r"^\| `(\w+):", SCENARIOS_PAGE, re.M)
    assert sorted(rows) == sorted(Entry.model_fields)


def test_the_example_of_a_scenario_is_valid(tmp_path: Path) -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", SCENARIOS_PAGE, re.S)
    (tmp_path / "restart.yaml").write_text(example)
    assert len(load_script(tmp_path / "restart.yaml").steps) == 5


def test_the_documented_metrics_are_those_that_exist() -> None:
    rows = re.findall(r"^\| `(provbus_\w+)` \| (\w+) \| (.+?) \| (.+) \|$", METRICS_PAGE, re.M)
    documented = {name: (kind, tuple(re.findall(r"`(\w+)`", labels))) for name, kind, labels, _ in rows}
    assert documented == {name: (str(one.kind), one.labels) for name, one in METRICS.items()}
    assert [name for name, _, _, meaning in rows if not meaning.startswith(METRICS[name].help)] == []


def test_every_metric_named_anywhere_on_the_page_exists() -> None:
    assert set(re.findall(r"provbus_\w*\w", METRICS_PAGE)) <= METRICS.keys()


REASONS = (
    "it drains",
    "its vote",
    "its copy",
    "its place in",
    "descriptors:",
    "a disk",
    "its name",
    "an era",
    "a majority",
    "a CFM that",
    "no CFM",
    "Kafka does not",
    "the Kafka ",
    "the topic ",
    "the right to",
    "a leader",
    "the id of",
    "where {",
    "the clock",
    "the place",
    "the seal key",
    "the role log",
)
"""How the reasons begin, as the sources write them."""


def test_every_reason_for_not_being_ready_is_explained() -> None:
    sources = (
        "services/sidecar/status.py",
        "services/sidecar/authority.py",
        "services/cfm/status.py",
        "bus/node.py",
        *(str(path.relative_to(ROOT)) for path in (ROOT / "bus/transport/kafka").glob("*.py")),
        "heartbeat/namesake.py",
        "services/settings/catalogue.py",
        "services/dhcp/kea/follower.py",
        "bus/transport/door.py",
    )
    said = {
        re.sub(r"\{[^{}]*\}", "...", reason).replace("... s", "5 s")
        for path in sources
        for reason in re.findall(
            rf'"((?:{"|".join(REASONS)})[^"]*|settings)"',
            (ROOT / path).read_text(),
        )
    }
    explained = set(re.findall(r"^\| `([^`/]+)` \| (?:all|dhcp|cfm)", METRICS_PAGE, re.M))
    assert said == explained


def test_ci_calls_the_readmes_test_command() -> None:
    assert "make test" in (ROOT / ".ci/run").read_text().splitlines()
    assert "$ make test" in README


def test_the_page_of_rules_names_every_rule_of_the_judge_as_it_is() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| (error|warning) \| ([0-9]+|-) \|", RULES_PAGE, re.MULTILINE)
    assert rows == [
        (rule.code, "error" if rule.is_error else "warning", str(rule.confirmation or "-")) for rule in RULES
    ]


def test_the_page_of_snmp_names_counts_the_objects_of_every_module() -> None:
    rows = re.findall(r"^\| `([A-Za-z0-9-]+)` \| ([0-9]+) \|$", NAMES_PAGE, re.MULTILINE)
    assert rows == [
        (module, str(count)) for module, count in sorted(Counter(one.module for one in BUILT_IN).items())
    ]


def test_the_page_of_snmp_names_lists_the_nodes_above_every_mib() -> None:
    (listed,) = [
        paragraph for paragraph in NAMES_PAGE.split("\n\n") if paragraph.startswith("The nodes above")
    ]
    assert set(re.findall(r"`([A-Za-z0-9-]+)`", listed)) == set(ROOTS)
