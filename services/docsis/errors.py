"""The one error of this package: a template, a device value or a file that breaks the specification.

A name that does not exist is mostly a slip, and people want to be told what they meant. To find that costs a
comparison with every name there is, and a catalogue can hold thousands of wrong ones. So a reason only
remembers the names (`Misnamed`); the command line looks for the one that was meant.
"""

from __future__ import annotations

from collections.abc import Iterable

SHOWN_CHARACTERS_MAX = 60
"""The length to which a message cuts a wrong value."""

PROBLEMS_MAX = 100
"""The number of errors of one definition that are collected; a file with more is the wrong file."""


class DocsisError(ValueError):
    """The value at `path` is wrong for `reason`; the author of that place must act.

    `path` points into the definition, through every list (`body[3].upstream_service_flow[0].reference`), at
    a device value by its name, or into a file's bytes (`byte 17`); it may be empty.

    >>> str(DocsisError("body[1].max_cpe", "must be a number from 0 to 255, not 'four'"))
    "body[1].max_cpe: must be a number from 0 to 255, not 'four'"
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}" if self.path else self.reason


class Misnamed(str):
    """The reason why a name is wrong: it is none of `known`. `what` is the reason without `otherwise`, which
    tells how to go on if no name is near.

    >>> Misnamed("there is no class 'dat'", "dat", ["data"], "see the list")
    "there is no class 'dat'; see the list"
    """

    __slots__ = ("known", "name", "what")
    what: str
    name: str
    known: Iterable[str]

    def __new__(cls, what: str, name: str, known: Iterable[str], otherwise: str = "") -> Misnamed:
        """A reason in these words; `known` is only looked at if somebody wants a hint."""
        made = super().__new__(cls, f"{what}; {otherwise}" if otherwise else what)
        made.what, made.name, made.known = what, name, known
        return made


def shown(value: object) -> str:
    """A wrong value for a message: its repr, cut to SHOWN_CHARACTERS_MAX."""
    try:
        text = repr(value)
    except ValueError:  # an int of more than sys.get_int_max_str_digits()
        return "a number of thousands of digits"
    return text if len(text) <= SHOWN_CHARACTERS_MAX else text[:SHOWN_CHARACTERS_MAX] + "…"
