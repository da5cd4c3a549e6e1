"""What commands print for people: control characters of foreign texts are shown, and reach no terminal."""

import ast
from pathlib import Path

import pytest

import services.cli
from services.cli.output import Listing, say, show

CONTROLS = "".join(map(chr, (*range(0x20), *range(0x7F, 0xA0))))
DOCUMENTS = {
    "content",  # a file that was asked for
    "json.dumps",  # these two escape by themselves
    "yaml.safe_dump",
    "render_status",
    "shown_lines",
}


def test_no_control_character_of_a_cell_or_title_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    show("table", {}, Listing([CONTROLS], [[f"a{CONTROLS}b"]], CONTROLS.replace("\t", "")))
    printed = capsys.readouterr().out
    assert set(printed) & {*CONTROLS} == {"\n"}
    assert printed.count("\\x1b") == printed.count("\\x9b") == 3
    assert "\\x0a" in printed


@pytest.mark.parametrize("output", ["json", "yaml"])
def test_documents_escape_by_themselves(capsys: pytest.CaptureFixture[str], output: str) -> None:
    show(output, {"a": CONTROLS})
    assert not {"\x1b", "\x07", "\x9b", "\x9d"} & set(capsys.readouterr().out)


def test_lines_keep_their_ends_and_tabs_alone(capsys: pytest.CaptureFixture[str]) -> None:
    say(f"a{CONTROLS}b", err=True)
    printed = capsys.readouterr().err
    assert set(printed) & {*CONTROLS} == {"\n", "\t"}
    assert "\\x1b" in printed
    assert "\\x9b" in printed


def echoes(path: Path) -> list[str]:
    """The names of what this module prints without `say`."""
    calls = [one for one in ast.walk(ast.parse(path.read_text())) if isinstance(one, ast.Call)]
    firsts = [one.args[0] for one in calls if ast.unparse(one.func) in ("click.echo", "click.secho", "print")]
    return [ast.unparse(one.func if isinstance(one, ast.Call) else one) for one in firsts]


@pytest.mark.parametrize(
    "path", sorted(Path(services.cli.__path__[0]).rglob("*.py")), ids=lambda path: path.stem
)
def test_lines_for_people_are_printed_by_say(path: Path) -> None:
    assert set(echoes(path)) <= DOCUMENTS
