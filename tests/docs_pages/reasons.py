"""The reasons of `/readyz`: the table of the page, and those that the sources say.

What is filled into the sentence of a reason is `...`. Where a sentence comes from elsewhere (an attribute),
only its code is compared.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

from services.instance.reasons import REASONS

ROOT = Path(__file__).parents[2]
_PACKAGES = ("bus", "heartbeat", "services")
_ALL = ("dhcp", "mps", "cfm")

NEVER_TOLD = {("kea-silent", "Kea was not asked yet")}

Said = tuple[str, str]
"""A reason's code, and its sentence; empty if that comes from elsewhere."""


def table(_: str) -> str:
    """The table of all reasons."""
    lines = ["| code | who | verdict | sentence | what it means | what to do |", "|---|---|---|---|---|---|"]
    for code, row in REASONS.items():
        who = "all" if row.services == _ALL else ", ".join(row.services)
        cells = (f"`{code}`", who, row.weight, f"`{row.text}`", row.means, row.do)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def said() -> set[Said]:
    """Every reason that the sources say."""
    found: set[Said] = set()
    for path in (path for name in _PACKAGES for path in (ROOT / name).rglob("*.py")):
        found.update(in_module(ast.parse(path.read_text())))
    return found - NEVER_TOLD


def in_module(module: ast.Module) -> Iterator[Said]:
    """Every reason that a module says. A sentence that has a name is the last one above that got it."""
    named = [
        (node.lineno, target.id, node.value)
        for node in ast.walk(module)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    ]
    for node in ast.walk(module):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Reason":
            code, text = node.args
            assert isinstance(code, ast.Constant), f"the code is a word: {ast.unparse(node)}"
            if isinstance(text, ast.Name):
                above = [one for one in named if one[1] == text.id and one[0] <= node.lineno]
                text = max(above)[2] if above else text
            yield str(code.value), _sentence(text)


def _sentence(node: ast.expr) -> str:
    if isinstance(node, ast.JoinedStr):
        parts = (str(one.value) if isinstance(one, ast.Constant) else "..." for one in node.values)
        return "".join(parts).replace("......", "...")
    return str(node.value) if isinstance(node, ast.Constant) else ""
