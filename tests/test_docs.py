"""What the README promises exists, and what exists is in the README."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from bus.config import load
from services.cli.main import cli
from services.lab.scenario import load_scenario

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()


def commands(group: click.Group, words: str) -> Iterator[str]:
    """Every command that does something, as it is typed."""
    for name, command in group.commands.items():
        path = f"{words} {name}"
        if isinstance(command, click.Group):
            yield from commands(command, path)
        else:
            yield path


COMMANDS = sorted(commands(cli, "provbus"))


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_heading_in_the_readme(command: str) -> None:
    headings = [line for line in README.splitlines() if line.startswith("### ")]
    assert any(f"`{command}`" in heading for heading in headings)


def test_every_command_the_readme_types_exists() -> None:
    typed = re.findall(r"^\$ \.venv/bin/(provbus [a-z]+(?: [a-z]+)*)", README, re.M)
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
    scenario = load_scenario(path)
    assert scenario.name == path.stem
    assert scenario.settings.is_file()


def test_ci_calls_the_readmes_test_command() -> None:
    assert "make test" in (ROOT / ".ci/run").read_text().splitlines()
    assert "$ make test" in README
