"""Markdown as the generated pages write it."""

import re
import textwrap
from collections.abc import Iterable, Iterator

WIDTH = 138
_BETWEEN_SENTENCES = re.compile(r"(?<=\.)\s+(?=[A-Z`*])")


def wrapped(text: str) -> str:
    """A paragraph, or an item of a list: a line for each sentence, or more if it is long."""
    later = "  " if text.startswith("- ") else ""
    return "\n".join(_lines(text, later)).removeprefix(later)


def _lines(text: str, indent: str) -> Iterator[str]:
    for sentence in _BETWEEN_SENTENCES.split(" ".join(text.split())):
        yield from textwrap.wrap(
            sentence,
            WIDTH,
            initial_indent=indent,
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        )


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A table with a line for each row."""
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("|".join(("", *(f" {cell} " for cell in line), "")) for line in lines).replace(
        "| --- ", "|---"
    )


def cell(text: str) -> str:
    """A text in a cell of a table, in one line."""
    return " ".join(text.split()).replace("|", r"\|")


def code(text: str) -> str:
    """The same, as it is typed."""
    return f"`{cell(text)}`"


def slug(heading: str) -> str:
    """The anchor of a heading."""
    kept = "".join(one for one in heading.strip().lower() if one.isalnum() or one in " -_")
    return kept.replace(" ", "-")
