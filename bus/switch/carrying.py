"""What an instance hears, and how its messages leave."""

from typing import Any, NamedTuple

from bus.routes import Column

DUAL = "dual"
"""The mode in which messages leave by both columns."""
OTHER = {Column.BUS: Column.MULTICAST, Column.MULTICAST: Column.BUS}


class Carrying(NamedTuple):
    """The columns that are heard, and those by which messages leave, the leading one first."""

    hears: frozenset[Column]
    sends: tuple[Column, ...]

    @property
    def leads(self) -> Column:
        """The column of the classes of which there is one stream only, and that decides the roles."""
        return self.sends[0]

    @property
    def mode(self) -> str:
        """The `transport.mode` that this is."""
        return DUAL if len(self.sends) > 1 else str(self.leads)

    def describe(self) -> dict[str, Any]:
        """For people and programs."""
        return {"hears": sorted(map(str, self.hears)), "sends": [str(one) for one in self.sends]}


def single(column: Column) -> Carrying:
    """One column, and no other."""
    return Carrying(frozenset({column}), (column,))


def hearing_both(column: Column) -> Carrying:
    """Both are heard, and messages leave by this one."""
    return Carrying(frozenset(Column), (column,))


def sending_both(leads: Column) -> Carrying:
    """Both are heard, and messages leave by both."""
    return Carrying(frozenset(Column), (leads, OTHER[leads]))
