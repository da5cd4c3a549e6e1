"""The file name and the server that Kea gives a device, each from the first giver that has it.

Theory of operation
-------------------
Kea fills `file` and `siaddr` field by field: from the reservation, else from the first class that has the
field, else from subnet, shared network and global level (`Dhcpv4Srv::setFixedFields`; tried with 2.2.0, 2.6.3
and 3.0.4). A *path* is the list of givers for a device of some classes in one subnet.

The classes of a device are known only as far as their tests tell (`doctor.classes`). A device that is in a
class is in each class that follows from it; a class of which this is unknown is *open*.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from services.dhcp.kea.doctor.client_classes import (
    KINDS,
    Classes,
    ClientClass,
    Facts,
    Membership,
    guards,
    required,
)
from services.dhcp.kea.doctor.levels import NO_SERVER, Level, Scope

Giver = tuple[str, Level]
"""The name of a place, and the reservation or class there."""


class ToldFile(NamedTuple):
    """File name and server, and the place that gives each; empty where none does."""

    name: str
    named_by: str
    server: str
    served_by: str


class Path(NamedTuple):
    """A device in a subnet: the classes that it is in, in Kea's order, and those that it may be in."""

    scope: Scope
    givers: tuple[Giver, ...]
    open: tuple[Giver, ...]


def tell(givers: Sequence[Giver], scope: Scope) -> ToldFile:
    """The file and the server for these givers in this subnet."""
    named_by, name = next(((place, named) for place, one in givers if (named := name_of(one))), scope.name())
    served_by, server = next(((at, there) for at, one in givers if (there := server_of(one))), scope.server())
    return ToldFile(name, named_by, server, served_by)


def name_of(one: Level) -> str:
    """The file name there, empty if it has none."""
    return one.get("boot-file-name") or ""


def server_of(one: Level) -> str:
    """The server there, empty if it has none."""
    server = one.get("next-server") or ""
    return "" if server == NO_SERVER else server


class Handing:
    """The givers for the devices of each subnet."""

    def __init__(self, classes: Classes) -> None:
        self.classes = classes
        self._early = sorted((one for one in classes if self._is_early(one)), key=classes.rank)

    def active(self, scope: Scope) -> list[ClientClass]:
        """The classes that a device may be in here without a reservation, in Kea's order."""
        asked_for = map(self.classes.get, required(scope))
        return [*self._early, *(one for one in asked_for if one and self._is_late(one, scope))]

    def path(self, scope: Scope, one: ClientClass | None, kind: str) -> Path | None:
        """The path of a device of this kind that is in this class, or in no known one; None if it is not
        served here.
        """
        active = self.active(scope)
        for_all = {
            Membership(other.name, True) for other in active if not other.test and is_for_all(other, scope)
        }
        facts = self._facts(one, kind) | for_all
        if not self.serves(scope, facts):
            return None
        givers: list[Giver] = []
        opens: list[Giver] = []
        for other in active:
            is_in = self.classes.is_in(facts, other.name)
            if is_in:
                givers.append((other.place, other.said))
            elif is_in is None:
                opens.append((other.place, other.said))
        return Path(scope, tuple(givers), tuple(opens))

    def kinds_of(self, one: ClientClass) -> Iterator[str]:
        """The kinds of devices that may be in a class."""
        return (kind for kind, facts in KINDS.items() if self.classes.is_in(facts, one.name) is not False)

    def serves(self, scope: Scope, facts: Facts) -> bool:
        """Whether subnet and shared network let such a device in, and a pool has an address for it."""
        if not self.lets_in(scope, facts):
            return False
        pools = scope.subnet.get("pools")
        return pools is None or any(self._passes(pool, facts) for pool in pools)

    def lets_in(self, scope: Scope, facts: Facts) -> bool:
        """Whether subnet and shared network let such a device in."""
        return all(self._passes(level, facts) for _, level in scope.levels[:-1])

    def _passes(self, level: Level, facts: Facts) -> bool:
        names = guards(level)
        return not names or any(self.classes.is_in(facts, name) is not False for name in names)

    def _facts(self, one: ClientClass | None, kind: str) -> Facts:
        """The facts of a device of the class; those of its kind are left out where the class denies them."""
        if one is None:
            return KINDS[kind]
        facts = self.classes.facts(one)
        return facts if self.classes.is_in(KINDS[kind], one.name) is False else facts | KINDS[kind]

    def _is_early(self, one: ClientClass) -> bool:
        return not one.only_if_required and (bool(one.test) or one.is_given_by_kea)

    def _is_late(self, one: ClientClass, scope: Scope) -> bool:
        """Whether a class is asked for here. From 3.0 on one without a test has every device."""
        if self._is_early(one):
            return False
        return bool(one.test) or is_for_all(one, scope)


def is_for_all(one: ClientClass, scope: Scope) -> bool:
    """Whether every device here is in this class, if it has no test."""
    levels = [level for _, level in scope.levels[:-1]]
    return any(
        one.name in (level.get("evaluate-additional-classes") or ())
        for level in (*levels, *(scope.subnet.get("pools") or []))
    )
