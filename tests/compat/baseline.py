"""The baseline: the tree of the release that `BASELINE` names, and its answers.

`BASELINE` is moved by hand, to the commit of a release that fleets run, and never over a change of what
travels.
"""

import json
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from services.lab.site.processes import environment_of, python_of

HERE = Path(__file__).parent
PROGRAMS = HERE / "programs"
ANSWERS_S_MAX = 300


class BaselineTree(NamedTuple):
    """A tree with its programs, which run in our Python environment."""

    tree: Path

    def answers(self, program: str, lines: Iterable[Any]) -> list[Any]:
        """The answers of a program of `programs`, run on this tree, to these lines."""
        text = "".join(f"{json.dumps(one)}\n" for one in lines)
        return [json.loads(line) for line in self.said(program, text)]

    def said(self, program: str, text: str = "") -> list[str]:
        """What a program prints."""
        done = subprocess.run(
            [*python_of(self.tree), str(PROGRAMS / f"{program}.py")],
            env=environment_of(self.tree),
            input=text,
            capture_output=True,
            text=True,
            timeout=ANSWERS_S_MAX,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()
