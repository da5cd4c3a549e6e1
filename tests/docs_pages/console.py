"""Examples: the console blocks of a page, run as a reader would, and compared with what the page shows.

A block is fenced by ```console. Behind that word may stand `plant` (it is run beside a lab that is held),
`fleet` (its page starts real brokers and a fleet) and `varies=NAME,...`. A line that begins with `$ ` is a
command, the lines up to the next one are what it prints.

- A command with `<<WORD` goes on up to the line `WORD`.
- A line `...` stands for any lines, or none; `...` in a line for any text.
- `varies` names columns and rows whose numbers may be other ones. A column is one of a table whose head has
  that name, a row is one that begins with it. Blanks between cells then count as one.
- `$ cat FILE` of a file that is not there makes it, of the lines that the page shows.
- Blanks at the end of a line do not count.
"""

import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import unified_diff
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

TIMEOUT_S = 300  # for a page, on a busy machine
ANYTHING = "..."
PLANT, FLEET = "plant", "fleet"
_FENCE = re.compile(r"^```console(?P<words>[^\n]*)\n(?P<body>.*?)^```$", re.DOTALL | re.MULTILINE)
_CAT = re.compile(r"cat ([\w.-]+)")
_HERE = re.compile(r"(?<!<)<<(\w+)")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_CELLS = re.compile(r" {2,}")
_MARK = "-- the next command of the page, at"
_MARKED = re.compile(rf"\n{_MARK} (\d+)[.,](\d+)\n")
_END = "END-OF-THE-FILE-ON-THE-PAGE"


class Command(NamedTuple):
    """A command of a page, and the lines that the page shows behind it."""

    text: str
    shown: tuple[str, ...]


class Block(NamedTuple):
    """A console block of a page, which begins at this line. `varies` are columns and rows."""

    page: str
    line: int
    words: frozenset[str]
    varies: frozenset[str]
    commands: tuple[Command, ...]

    @property
    def first(self) -> str:
        """Its first command, which names it; empty if it has none."""
        return self.commands[0].text if self.commands else ""


class Ran(NamedTuple):
    """A command that was run: the lines that it printed, and how long it took."""

    block: Block
    command: Command
    printed: list[str]
    took_s: float

    @property
    def difference(self) -> str:
        """What is not as the page shows it; empty if everything is."""
        found = compare(self.command.shown, self.printed, self.block.varies)
        return f"{self.block.page}:{self.block.line}: $ {self.command.text}\n{found}" if found else ""


def blocks(page: str, text: str) -> Iterator[Block]:
    """The console blocks of a page, in their order."""
    for found in _FENCE.finditer(text):
        words = found["words"].split()
        names = next((word.removeprefix("varies=") for word in words if word.startswith("varies=")), "")
        yield Block(
            page,
            text.count("\n", 0, found.start()) + 1,
            frozenset(word for word in words if not word.startswith("varies=")),
            frozenset(filter(None, names.split(","))),
            tuple(_commands(found["body"])),
        )


def differences(some: Sequence[Block], directory: Path, environment: Mapping[str, str]) -> list[str]:
    """What is not as these blocks of one page show it, when their commands are run in that directory, in one
    shell.
    """
    return [one.difference for one in ran(some, directory, environment) if one.difference]


def ran(some: Sequence[Block], directory: Path, environment: Mapping[str, str]) -> list[Ran]:
    """The commands of these blocks, run in that directory, in one shell."""
    commands = [(block, command) for block in some for command in block.commands]
    printed = _run([command for _, command in commands], directory, environment)
    return [
        Ran(block, command, lines, took_s)
        for (block, command), (lines, took_s) in zip(commands, printed, strict=True)
    ]


def compare(shown: Sequence[str], printed: Sequence[str], varies: Iterable[str] = ()) -> str:
    """How the two differ; empty if what was printed is what is shown."""
    shown, printed = ([line.rstrip() for line in lines] for lines in (shown, printed))
    if re.fullmatch("".join(_patterns(shown, frozenset(varies))), "".join(f"{line}\n" for line in printed)):
        return ""
    return "\n".join(unified_diff(shown, printed, "the page", "the command", lineterm=""))


def _commands(body: str) -> Iterator[Command]:
    parts = re.split(r"^\$ ", body, flags=re.MULTILINE)
    for part in parts[1:]:
        lines = part.splitlines()
        here = _HERE.search(lines[0])
        length = lines.index(here[1]) + 1 if here else 1
        yield Command("\n".join(lines[:length]), tuple(lines[length:]))


def _run(
    commands: Sequence[Command], directory: Path, environment: Mapping[str, str]
) -> list[tuple[list[str], float]]:
    """What each command prints, on standard output and standard error together, and for how long it runs."""
    try:
        done = subprocess.run(
            ["bash", "-c", "".join(_script(commands))],
            cwd=directory,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as late:
        said, _ = _said(late.output or b"")
        *former, last = said
        at = commands[len(former)].text
        raise AssertionError(f"not over within {TIMEOUT_S} s: $ {at}\n" + "\n".join(last)) from None
    said, at_s = _said(done.stdout)
    return [(lines, end - begin) for lines, (begin, end) in zip(said, pairwise(at_s), strict=False)]


def _said(output: bytes) -> tuple[list[list[str]], list[float]]:
    """What stands behind each mark, and the time in it."""
    _, *found = _MARKED.split(output.decode())
    at_s = [float(f"{whole}.{part}") for whole, part in zip(found[::3], found[1::3], strict=True)]
    return [said.splitlines() for said in found[2::3]], at_s


def _script(commands: Sequence[Command]) -> Iterator[str]:
    mark = f"printf '\\n%s %s\\n' '{_MARK}' \"$EPOCHREALTIME\"\n"
    for command in commands:
        yield mark
        if shows := _CAT.fullmatch(command.text):
            file = "".join(f"{line}\n" for line in command.shown)
            yield f"[ -e {shows[1]} ] || cat > {shows[1]} <<'{_END}'\n{file}{_END}\n"
        yield f"{command.text}\n"
    yield mark


def _patterns(shown: Sequence[str], varies: frozenset[str]) -> Iterator[str]:
    """A regular expression for each line that is shown."""
    varying: list[bool] = []
    for line in shown:
        if line == ANYTHING:
            yield r"(?:.*\n)*"
            continue
        if not varies:
            yield _literal(line) + r"\n"
            continue
        cells = _CELLS.split(line)
        is_row = cells[0] in varies and any(map(_NUMBER.search, cells[1:]))
        if not is_row and varies.intersection(cells):
            varying = [cell in varies for cell in cells]
        changes = [is_row or (at < len(varying) and varying[at]) for at in range(len(cells))]
        yield " +".join(map(_cell, cells, changes)) + r"\n"


def _cell(cell: str, is_varying: bool) -> str:
    if not is_varying:
        return _literal(cell)
    return _NUMBER.pattern.join(map(_literal, _NUMBER.split(cell)))


def _literal(text: str) -> str:
    return ".*".join(map(re.escape, text.split(ANYTHING)))
