"""The answers, beside `id`, to a request that is refused."""

from typing import Literal

from pydantic import Field

from services.instance.contracts.field import Told


class Refusal(Told):
    """What was asked is not done."""

    error: str = Field(description="The word of the error.")
    detail: str = Field(description="Why, for people.")


class Unknown(Told):
    """There is no such file. Nothing is said of why, for whoever asks might be a stranger."""

    error: Literal["unknown"] = Field(description="The word of the error.")


class BadSettings(Told):
    """The catalogue has mistakes."""

    error: Literal["bad_settings"] = Field(description="The word of the error.")
    detail: str = Field(description="How many mistakes it has, for people.")
    problems: list[tuple[str, str]] = Field(
        description="Each mistake: the path of its place in the catalogue, and what is wrong there."
    )
