"""The one error of this package: a template, a device value or a file that breaks the specification."""

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


def shown(value: object) -> str:
    """A wrong value for a message: its repr, cut to SHOWN_CHARACTERS_MAX."""
    try:
        text = repr(value)
    except ValueError:  # an int of more than sys.get_int_max_str_digits()
        return "a number of thousands of digits"
    return text if len(text) <= SHOWN_CHARACTERS_MAX else text[:SHOWN_CHARACTERS_MAX] + "…"
