"""The interface of a fault that a schedule does to a running lab."""

from typing import Protocol


class Fault(Protocol):
    """A fault of one kind. It hits one victim, lasts for a while, and is then taken back."""

    @property
    def costs_role(self) -> bool:
        """Whether a primary that it hits loses its role."""

    def victim(self) -> str | None:
        """The name of whom it hits now; None if nobody is there to be hit."""

    def begin(self, victim: str) -> None:
        """Do it."""

    def end(self, victim: str) -> None:
        """Take it back: the victim is let go, or started again. It may not wait."""

    def lacks(self, victim: str) -> str:
        """What is still missing after that, in a few words; empty once all is as before, and then it is not
        asked again: a process says only once that it is ready.
        """
