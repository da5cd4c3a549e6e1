"""The reasons why an instance is not ready, or degraded.

A reason is a sentence for people, with what it was found with, and a code for programs and other instances,
which never changes. The codes are rows of one table (`services.instance.reasons`), as metrics are.
"""

from typing import Self


class Reason(str):
    """A sentence; `code` names its row in the table of reasons."""

    __slots__ = ("code",)
    code: str

    def __new__(cls, code: str, text: str) -> Self:
        """A reason of this code, in these words."""
        made = super().__new__(cls, text)
        made.code = code
        return made

    def document(self) -> dict[str, str]:
        """Both, for a program."""
        return {"code": self.code, "text": str(self)}
