"""A step is taken as a whole: its columns are open and it is on the disk, or nothing has changed."""

from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest

from bus.columns.columns import Columns
from bus.columns.switch_file import load_switch, take_step
from bus.errors import UnavailableError
from bus.machine import AnyMachine
from bus.routes import Column
from bus.switch.carrying import Carrying, hearing_both, single
from bus.switch.standing import StoreSwitch
from bus.transport.carrier import ColumnCarrier, Sends
from tests.trusting import ANYBODY


class Opened:
    """A column's carrier that is opened and closed, and nothing more."""

    def __init__(self, column: Column, calls: list[str]) -> None:
        self.endpoint, self.scheme = "", str(column)
        self._column = column
        self._calls = calls

    def begin_live(self) -> None:
        self._calls.append(f"open {self._column}")

    def leave(self) -> None:
        self._calls.append(f"leave {self._column}")

    def around(self, machine: AnyMachine) -> AnyMachine:
        return machine

    def catch_up(self, traffic: str) -> None:
        pass


class Instance:
    """One that hears the bus, and would open the group. What was done to its columns."""

    def __init__(self, directory: Path, carrying: Carrying, *, has_group: bool = True) -> None:
        self.calls: list[str] = []
        self.directory = directory

        def opened(column: Column, _: Sends) -> ColumnCarrier:
            if column is Column.MULTICAST and not has_group:
                raise UnavailableError("no such interface")
            return cast(ColumnCarrier, Opened(column, self.calls))

        self.columns = Columns(
            {column: partial(opened, column) for column in Column},
            lambda: frozenset(Column),
            carrying,
            ANYBODY,
            "cfm-1",
            handlers={},
        )
        self.columns.around(cast(Any, object()))

    def take(self, wanted: Carrying) -> None:
        take_step(self.columns, self.directory, StoreSwitch(wanted, configured="bus"))


def a_file(directory: Path) -> Path:
    """A state directory that takes nothing."""
    found = directory / "file"
    found.touch()
    return found


BUS = single(Column.BUS)
BOTH = hearing_both(Column.BUS)


def test_columns_open_before_a_step_is_kept_and_close_after_it(tmp_path: Path) -> None:
    one = Instance(tmp_path, BUS)
    for wanted, calls in ((BOTH, ["open multicast"]), (BUS, ["open multicast", "leave multicast"])):
        one.take(wanted)
        kept = load_switch(tmp_path)
        assert kept is not None
        assert (one.columns.carrying, kept.carrying, one.calls) == (wanted, wanted, calls)


def test_a_column_that_cannot_be_opened_changes_nothing(tmp_path: Path) -> None:
    one = Instance(tmp_path, BUS, has_group=False)
    with pytest.raises(OSError, match="no such interface"):
        one.take(BOTH)
    assert (one.columns.carrying, load_switch(tmp_path), one.calls) == (BUS, None, [])


def test_a_disk_that_refuses_to_hear_more_is_heard_as_before(tmp_path: Path) -> None:
    one = Instance(a_file(tmp_path), BUS)
    with pytest.raises(OSError, match="File exists"):
        one.take(BOTH)
    assert (one.columns.carrying, one.calls) == (BUS, ["open multicast", "leave multicast"])


def test_a_disk_that_refuses_closes_no_column(tmp_path: Path) -> None:
    """The way back would have to open it again, and might not be able to."""
    one = Instance(a_file(tmp_path), BOTH)
    with pytest.raises(OSError, match="File exists"):
        one.take(BUS)
    assert (one.columns.carrying, one.calls) == (BOTH, [])
