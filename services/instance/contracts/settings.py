"""The settings: the catalogue in force, and an operator's request to put another one in force."""

from typing import Annotated, Any, Literal

from pydantic import Field

from services.instance.contracts.field import Asked, Count, Generation, Told
from services.settings.catalogue import CLASS_NAME
from services.settings.record import (
    AUTHOR_MAX,
    COMMENT_MAX,
    GENERATION_MAX,
    RECORD_COMMENT_MAX,
    TIME_MS_MAX,
    Line,
)

Author = Annotated[Line, Field(max_length=AUTHOR_MAX)]
ClassName = Annotated[str, Field(pattern=rf"^{CLASS_NAME.pattern}$")]
Comment = Annotated[Line, Field(max_length=COMMENT_MAX)]
Definition = dict[str, Any]
RecordComment = Annotated[Line, Field(max_length=RECORD_COMMENT_MAX)]
TimeMs = Annotated[int, Field(ge=0, le=TIME_MS_MAX)]


class SettingsRequest(Asked):
    """Secrets are masked, unless they are asked for."""

    reveal: bool = Field(
        default=False, description="Whether secrets are shown. The audit stream says who asked for that."
    )


class SettingsAnswer(Told):
    """The catalogue in force."""

    generation: Generation = Field(description="It grows with each change; 0: there is no catalogue.")
    digest: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")] = Field(
        description="SHA-256 over classes and lookup, salted where they have secrets; 64 hex digits, empty"
        " without a catalogue."
    )
    time_ms: TimeMs = Field(description="When it was made, Unix time in ms; 0: not known.")
    author: Author = Field(
        description="Who made it: `USER@INSTANCE`, the user by the kernel's word and the instance that wrote"
        " it. The instance alone: it wrote the first settings from a file. Empty: not known."
    )
    comment: RecordComment = Field(description="What its author says to it; often empty.")
    classes: dict[ClassName, Definition] = Field(
        description="The classes of service by name, each as a settings file defines it, without fragments."
    )
    lookup: list[Definition] = Field(description="The rules that say whose each class is.")
    masked: Count = Field(description="How many secret values are masked in classes and lookup.")


class PastSettings(Told):
    """A generation that is kept, in force or not."""

    generation: Generation = Field(description="Its number.")
    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] = Field(
        description="SHA-256 over its classes and lookup, 64 hex digits."
    )
    time_ms: TimeMs = Field(description="When it was made, Unix time in ms; 0: not known.")
    author: Author = Field(description="Who made it, as in `settings`.")
    comment: RecordComment = Field(description="What its author says to it; often empty.")
    classes: Count = Field(description="How many classes of service it has.")
    in_force: bool = Field(description="Whether it is the one in force.")


class HistoryAnswer(Told):
    """The generations that the instance has read and still keeps, the newest first."""

    history: list[PastSettings] = Field(description="At most 50, and at most 8 MiB of them.")


class RollbackRequest(Asked):
    """It is put in force as a new generation, as by `settings.apply`, whose answers it has."""

    generation: Annotated[int, Field(ge=1, le=GENERATION_MAX)] = Field(
        description="The generation whose classes and rules are wanted back."
    )
    comment: Comment = Field(default="", description="Why, for people: one line of printable characters.")


class ApplyRequest(Asked):
    """The catalogue is taken whole or not at all. The answer comes when it was read back from the settings
    topic; after 10 s nobody knows.
    """

    classes: dict[ClassName, Definition] = Field(
        min_length=1, description="The classes of service by name, each as a settings file defines it."
    )
    lookup: list[Any] = Field(
        default_factory=list, description="The rules that say whose each class is. None: no device has one."
    )
    comment: Comment = Field(default="", description="Why, for people: one line of printable characters.")


class ApplyAnswer(Told):
    """It is in force."""

    applied: Literal[True] = Field(description="Whether anything has changed.")
    generation: Generation = Field(description="The generation in force now.")
    was: Generation = Field(description="The generation that was in force before.")


class UnchangedAnswer(Told):
    """It was in force already."""

    applied: Literal[False] = Field(description="Whether anything has changed.")
    generation: Generation = Field(description="The generation in force now.")
