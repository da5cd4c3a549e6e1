"""What can be checked and measured, for `docs/reference/checks.md`, from the Makefile, CI and `findings/`."""

import re
from pathlib import Path

from tests.docs_pages.markdown import cell, table

ROOT = Path(__file__).parents[2]
_VERB = re.compile(r"^((?:# .+\n)+)(?:[A-Z]+ \?= .+\n)?([a-z]+):(.*)$", re.MULTILINE)


def verbs(_: str) -> str:
    """Every verb of the Makefile, what its comment says, and whether CI runs it."""
    found = {name: (comment, needs.split()) for comment, name, needs in _VERB.findall(_text("Makefile"))}
    called = re.findall(r"^time make ([a-z]+)", _text(".ci/run"), re.MULTILINE)
    run = {*called, *(need for name in called for need in found[name][1])}
    rows = (
        (f"`make {name}`", cell(comment.replace("# ", "")), "yes" if name in run else "no")
        for name, (comment, _) in found.items()
    )
    return table(("command", "what it does", "CI runs it"), rows)


def findings(_: str) -> str:
    """Every script of `findings/`, with the sentence on its top."""
    rows = (
        (f"`{path.name}`", cell(path.read_text().splitlines()[1].removeprefix("# ")))
        for path in sorted((ROOT / "findings").glob("*.sh"))
    )
    return table(("script", "what it shows"), rows)


def _text(name: str) -> str:
    return (ROOT / name).read_text()
