"""Findings of the judge: a broken rule, its place, and the CMTS's answer to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from services.docsis.judge.tree import File

CONFIRMATIONS: Final = {
    8: "required parameter not present",
    14: "classifier not found",
    18: "duplicate reference ID or index in message",
    21: "classifier for another service flow",
    22: "PHS for another service flow",
    23: "parameter invalid for context",
    200: "major service flow error",
    201: "major classifier error",
    202: "major PHS rule error",
}
"""Confirmation codes of a registration response, named as Wireshark 4.0 does."""


class Breach(NamedTuple):
    """One place that breaks a rule; `path` points into the definition."""

    path: str
    reason: str


class Rule(NamedTuple):
    """One rule. Breaking it is an error, or a warning that a file may silence by its `code`.

    `confirmation` is the CMTS's answer, None where we know none.
    """

    code: str
    is_error: bool
    confirmation: int | None
    check: Callable[[File], Iterable[Breach]]


class Finding(NamedTuple):
    """A rule that a file breaks.

    >>> rule = Rule("missing-reference", True, 8, lambda file: ())
    >>> str(Finding("body[3]", "has no reference", rule))
    'body[3]: has no reference (missing-reference; CMTS: 8, required parameter not present)'
    """

    path: str
    reason: str
    rule: Rule

    @property
    def text(self) -> str:
        """The reason, the rule's code, and the CMTS's answer."""
        answer = self.rule.confirmation
        known = "" if answer is None else f"; CMTS: {answer}, {CONFIRMATIONS[answer]}"
        return f"{self.reason} ({self.rule.code}{known})"

    def __str__(self) -> str:
        return f"{self.path}: {self.text}" if self.path else self.text
