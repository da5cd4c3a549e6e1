"""Remarks on a text of another tool: mistakes and notes."""

from __future__ import annotations

from typing import NamedTuple


class ImportRemark(NamedTuple):
    """A remark on a line of a text; `path` is the setting: `UsServiceFlow.MaxRateSustained`."""

    line: int
    path: str
    reason: str

    @property
    def sentence(self) -> str:
        """The remark without its line."""
        return f"{self.path}: {self.reason}" if self.path else self.reason

    def __str__(self) -> str:
        return f"{self.line}: {self.sentence}"


class SettingError(ValueError):
    """One setting cannot be imported for `reason`; a caller that knows its place makes an `ImportRemark` of
    it.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
