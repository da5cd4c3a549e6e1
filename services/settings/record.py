"""The record of class `config`: a settings catalogue and who changed it, on the wire and on disk."""

from typing import Annotated, Any, NamedTuple

from pydantic import AfterValidator, Field

from bus.contract import Contract

CATALOGUE = "provbus.config.catalogue.v1"
GENERATION_MAX = 0xFFFFFFFF
COMMENT_MAX = 200
"""Characters of an operator's comment: a sentence and a ticket's number, on one line of a table."""
RECORD_COMMENT_MAX = 240
"""Characters of a record's comment: a rollback says in front of an operator's what it goes back to."""
AUTHOR_MAX = 128
"""Characters of an author: a user's name (64), and an instance's (63)."""
SALT_MAX = 96
"""Characters of a salt: 32 hex digits, and what their seal adds."""
TIME_MS_MAX = (1 << 53) - 1
"""The last number that every reader of JSON takes exactly."""


def wrong_line(text: str, length_max: int) -> str:
    """The reason why this is no printable text on one line of at most so many characters; empty if it is."""
    if len(text) > length_max:
        return f"has {len(text)} characters; {length_max} are the limit"
    return "" if text.isprintable() else "must be one line of printable characters"


def _is_printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must be one line of printable characters")
    return text


Line = Annotated[str, AfterValidator(_is_printable)]
"""Text on one line without control characters, for it goes to terminals."""


class Change(NamedTuple):
    """How a catalogue came to be: the Unix time in ms, its author and a comment. 0 and empty: not known."""

    time_ms: int = 0
    author: str = ""
    comment: str = ""


LONGEST = Change(TIME_MS_MAX, "\U00010000" * AUTHOR_MAX, "\U00010000" * RECORD_COMMENT_MAX)
"""The change that takes the most bytes: a catalogue must have room for any."""


class CatalogueRecord(Contract):
    """A whole settings catalogue: taken whole or not at all. `digest` is SHA-256 over the canonical classes
    and lookup, hex; who changed them, when and why is not part of it. A rule of `lookup` says which class a
    device has. The author is `USER@INSTANCE`, or the instance alone, which wrote the first settings.

    On the topic and on disk each secret value is sealed, and the salt with them (`services.settings.vault`),
    under the key whose id `sealed` has, in hex; the digest is that of the open ones, so a record has one
    version under whatever key it travels.
    """

    generation: int = Field(ge=1, le=GENERATION_MAX)
    digest: str
    time_ms: int = Field(default=0, ge=0, le=TIME_MS_MAX)
    author: Line = Field(default="", max_length=AUTHOR_MAX)
    comment: Line = Field(default="", max_length=RECORD_COMMENT_MAX)
    classes: dict[str, dict[str, Any]]
    lookup: list[dict[str, Any]] = Field(default_factory=list)
    salt: str = Field(default="", max_length=SALT_MAX)
    sealed: str = Field(default="", pattern=r"^([0-9a-f]{2})?$")

    def signed(self, change: Change) -> "CatalogueRecord":
        """The same catalogue with this change."""
        return self.model_copy(update=change._asdict())
