"""What a shell offers for a line that begins with `provbus`: commands, options and their choices."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.cli.conftest import TIMEOUT_S, Provbus

RUN_PAGE = (Path(__file__).parents[3] / "docs/howto/run.md").read_text()
LINES = [
    ("provbus fail", ["failover"]),
    ("provbus failover st", ["status"]),
    ("provbus peers ls --con", ["--config"]),
    ("provbus peers ls -o ", ["table", "json", "yaml"]),
    ("provbus trace 001a2c000001 --si", ["--since"]),
    ("provbus fly", []),
]
SHELL = """
source /dev/stdin
COMP_WORDS=({line}) COMP_CWORD={at}
compopt() {{ :; }}
_provbus_completion provbus
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.mark.parametrize(("line", "offered"), LINES, ids=[line for line, _ in LINES])
def test_bash_is_told_what_the_line_may_go_on_with(provbus: Provbus, line: str, offered: list[str]) -> None:
    told = provbus(_PROVBUS_COMPLETE="bash_complete", COMP_WORDS=line, COMP_CWORD=str(line.count(" ")))
    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout.split() == [f"plain,{one}" for one in offered]


def test_bash_completes_by_the_script(provbus: Provbus, tmp_path: Path) -> None:
    (tmp_path / "provbus").write_text(f'#!/bin/sh\nexec {sys.executable} -m services.cli "$@"\n')
    (tmp_path / "provbus").chmod(0o755)
    script = provbus(_PROVBUS_COMPLETE="bash_source").stdout
    done = subprocess.run(
        ["bash", "--norc", "-c", SHELL.format(line="provbus failover dr", at=2)],
        input=script,
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )
    assert (done.stdout, done.stderr) == ("drain\n", "")


@pytest.mark.parametrize(("shell", "word"), [("bash", "complete"), ("zsh", "compdef"), ("fish", "complete")])
def test_each_shell_of_the_page_gets_a_script(provbus: Provbus, shell: str, word: str) -> None:
    told = provbus(_PROVBUS_COMPLETE=f"{shell}_source")
    assert (told.returncode, told.stderr) == (0, "")
    assert word in told.stdout
    assert f"_PROVBUS_COMPLETE={shell}_source provbus" in RUN_PAGE


@pytest.mark.parametrize(
    ("shell", "line"), [("zsh", "plain\nstatus\n"), ("fish", "plain,status\t")], ids=["zsh", "fish"]
)
def test_the_other_shells_are_told_with_the_help(provbus: Provbus, shell: str, line: str) -> None:
    words = {"COMP_WORDS": "provbus failover st", "COMP_CWORD": "st" if shell == "fish" else "2"}
    told = provbus(_PROVBUS_COMPLETE=f"{shell}_complete", **words)
    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout.startswith(line)
    assert "Print the state of this sidecar" in told.stdout
