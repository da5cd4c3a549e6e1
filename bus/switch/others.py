"""What the other instances of the fleet say of a switch, in their beats."""

from collections.abc import Collection, Iterator
from typing import NamedTuple

from bus.switch.standing import SwitchStanding

FRESH_S = 2.0  # four beats: who was not heard for that long does not confirm


class _Said(NamedTuple):
    standing: SwitchStanding | None
    at: float
    number: tuple[int, int]


class Others:
    """The other instances, by what each said last. A standing is None of a release that cannot switch."""

    def __init__(self, members: Collection[str]) -> None:
        self.members = frozenset(members)
        self._said: dict[str, _Said] = {}

    def keep_to(self, members: Collection[str]) -> None:
        """These alone are the others from now on."""
        self.members = frozenset(members)
        self._said = {name: said for name, said in self._said.items() if name in members}

    def heard(
        self, name: str, standing: SwitchStanding | None, now: float, number: tuple[int, int] = (0, 0)
    ) -> None:
        """Take where one stands, from its beat of this incarnation and number. An older one that comes late
        says nothing.
        """
        known = self._said.get(name)
        is_late = known is not None and number < known.number and now < known.at + FRESH_S
        if name in self.members and not is_late:
            self._said[name] = _Said(standing, now, number)

    def said(self, *, of: Collection[str] | None = None) -> Iterator[tuple[str, SwitchStanding]]:
        """Where each stood when it was heard last, however long ago; of these alone, if they are named."""
        for name, one in self._said.items():
            if one.standing is not None and (of is None or name in of):
                yield name, one.standing

    def standing(self, name: str) -> SwitchStanding | None:
        """Where it stood when it was heard last, however long ago."""
        return self._said[name].standing if name in self._said else None

    def fresh(self, now: float) -> dict[str, SwitchStanding | None]:
        """Where each stands that is not silent."""
        return {name: one.standing for name, one in self._said.items() if now < one.at + FRESH_S}

    def all(self) -> list[tuple[str, SwitchStanding | None, float]]:
        """Each that was heard: where it stood then, and when that was."""
        return [(name, one.standing, one.at) for name, one in sorted(self._said.items())]
