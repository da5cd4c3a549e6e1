"""Blocks: the parts of a page that are generated, each between two comments, with prose by hand around them.

    <!-- generated: command provbus keys new -->
    ...
    <!-- end -->

The first comment names what the block holds.
"""

import re
from collections.abc import Callable, Mapping

_BLOCK = re.compile(
    r"^<!-- generated: (\w+)(?: ([^\n]+?))? -->\n(?:.*?\n)??<!-- end -->$", re.DOTALL | re.MULTILINE
)

Makers = Mapping[str, Callable[[str], str]]
"""What makes a block of each kind, of what stands behind the kind."""


def fill(page: str, makers: Makers) -> str:
    """The page with every block made anew."""

    def made(found: re.Match[str]) -> str:
        kind, what = found[1], found[2] or ""
        return f"{found[0].splitlines()[0]}\n\n{makers[kind](what)}\n\n<!-- end -->"

    return _BLOCK.sub(made, page)


def named(page: str, kind: str) -> list[str]:
    """What the blocks of this kind are about, in their order."""
    return [what or "" for found, what in _BLOCK.findall(page) if found == kind]
