"""What is wrong in a text of another tool, and what is worth saying of one that is not wrong."""

from __future__ import annotations

from typing import NamedTuple


class Remark(NamedTuple):
    """A sentence about a line of a text, `path` is the setting: `UsServiceFlow.MaxRateSustained`."""

    line: int
    path: str
    reason: str

    @property
    def sentence(self) -> str:
        """All but the line."""
        return f"{self.path}: {self.reason}" if self.path else self.reason

    def __str__(self) -> str:
        return f"{self.line}: {self.sentence}"


class SettingError(ValueError):
    """One setting cannot be imported for `reason`; whoever knows its place makes a `Remark` of it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
