"""The reasons of `/readyz`, read from the sources: what an instance may say of itself when it lacks
something.

A reason is a text in a function that says what is lacking, which is known by its name, or one that is put
into an attribute which such a function tells, or a constant of a module that has `troubles`. What is filled
into it is `...`.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
_SAYS = re.compile(r"missing|degraded|_?lacks\w*|lost|_refused|_?troubles?|waits_for|without_\w+")
_TOLD = frozenset(("trouble", "_unkept"))
_PACKAGES = ("bus", "heartbeat", "services")
_ELSEWHERE = (
    "bus/testing",
    "services/cli",
    "services/dhcp/kea/doctor",
    "services/docsis",
    "services/lab",
    "services/operator",
    "services/tftp",
)
"""Where functions of such names speak of files, of a run or of somebody else."""
OTHERS = frozenset(
    (
        # Parts of a reason:
        ", and ... more",
        "era ... epoch ... of ...",
        "no claim",
        # No trouble yet:
        "Kea was not asked yet",
        # Answers to somebody who asked for something:
        "nothing was changed: its ... cannot be kept on disk (...)",
        "the catalogue has ... mistakes",
    )
)
"""Texts of such functions that are no reasons."""


def said() -> set[str]:
    """Every reason."""
    found: set[str] = set()
    for path in (path for name in _PACKAGES for path in (ROOT / name).rglob("*.py")):
        if not str(path.relative_to(ROOT)).startswith(_ELSEWHERE):
            found.update(in_module(ast.parse(path.read_text())))
    return found - OTHERS


def in_module(module: ast.Module) -> Iterator[str]:
    """Every reason that a module has, and some texts that are none."""
    functions = [one for one in ast.walk(module) if isinstance(one, ast.FunctionDef)]
    says = [one for one in functions if _SAYS.fullmatch(one.name)]
    for one in says:
        yield from _texts(*one.body)
    if any(one.name == "troubles" for one in says):
        yield from _texts(*(one for one in module.body if isinstance(one, ast.Assign)))
    for node in ast.walk(module):
        if isinstance(node, ast.Assign) and any(_name(target) in _TOLD for target in node.targets):
            yield from _texts(node.value)


def _name(target: ast.expr) -> str:
    """The attribute that is set, or of which an item is set."""
    whole = target.value if isinstance(target, ast.Subscript) else target
    return whole.attr if isinstance(whole, ast.Attribute) else ""


def _texts(*ahead: ast.AST) -> Iterator[str]:
    """The texts that people may read: of several words, or the one that has a word of its own."""
    todo = [*ahead]
    while todo:
        node = todo.pop()
        text = ""
        if isinstance(node, ast.JoinedStr):
            text = "".join(str(one.value) if isinstance(one, ast.Constant) else "..." for one in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value
        elif not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):  # a docstring
            todo += ast.iter_child_nodes(node)
        if " " in text or text == "settings":
            yield text.replace("......", "...")
