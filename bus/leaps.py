"""Leaps: how far a number that only grows may go up at once, and where it ends.

The highest incarnation, era and epoch count, so whoever may say a number could say the last one, and nothing
would ever be later. How much of that a message may do depends on its speaker. One that is *proven* by the
connection's key or by a signature may say what it likes: the holder of a key answers for it, and to refuse
the truth would lock out an instance whose clock was wrong once. From any other speaker an era that leaps is
refused (`LeapError`), and so is an epoch without a log, whoever says it: no candidate gets so far.

An instance that knows nothing yet has nothing to measure a leap by, and takes any number up to its end.
"""

from enum import StrEnum
from typing import NamedTuple

from bus.errors import DecodeError


class Number(StrEnum):
    """What only grows."""

    INCARNATION = "incarnation"
    ERA = "era"
    EPOCH = "epoch"


class Growth(NamedTuple):
    """How far a number may go up at once, and the last one that there is."""

    leap_max: int
    last: int


GROWTH: dict[Number, Growth] = {
    Number.INCARNATION: Growth(60_000, (1 << 64) - 1),  # ms ahead of our clock, from which starts take it
    Number.ERA: Growth(1 << 10, (1 << 16) - 1),  # each is begun by a person, or by a change of mode
    Number.EPOCH: Growth(1 << 32, (1 << 48) - 1),  # 64 an election: one a second for two years
}
REFUSED = (Number.ERA, Number.EPOCH)
"""Those whose leap may be refused. An incarnation comes in signed beats and counts; its leap is an alarm."""


class LeapError(DecodeError):
    """A number goes up further than the word of its speaker is worth."""

    def __init__(self, number: Number, source: str, known: int, said: int) -> None:
        self.number = number
        super().__init__(f"{source} says {number} {said}, and {known} is known: a leap")


def is_leap(number: Number, known: int, said: int) -> bool:
    """Whether a number goes up further than it may at once.

    >>> is_leap(Number.ERA, 3, 3 + 1024), is_leap(Number.ERA, 3, 65535)
    (False, True)
    """
    return said > known + GROWTH[number].leap_max


def check_leap(number: Number, source: str, known: int, said: int, *, is_proven: bool) -> None:
    """`LeapError` if the number leaps and nothing proves who says it."""
    if not is_proven and is_leap(number, known, said):
        raise LeapError(number, source, known, said)
