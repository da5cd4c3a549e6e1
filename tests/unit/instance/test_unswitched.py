"""An instance with one column for good: it says which, and takes no step."""

import pytest

from bus.effects import Reply
from bus.envelope import Stamp
from bus.messages import LocalRequest
from bus.routes import Column
from bus.switch.carrying import single
from bus.switch.standing import StoreSwitch, SwitchStanding
from services.instance.switching import Switching, unswitched


def with_one(column: Column) -> Switching:
    return unswitched(Stamp("cfm-1", "lab", 1), StoreSwitch(single(column)))


@pytest.mark.parametrize("column", Column)
def test_its_beats_say_the_column_that_it_has(column: Column) -> None:
    assert with_one(column).standing() == SwitchStanding(can=[column], hears=[column], leads=column)


def test_it_is_never_due_and_takes_no_step() -> None:
    switching = with_one(Column.BUS)
    assert switching.deadline() is None
    assert [switching.tick(now) for now in (5.0, 6.0, 7.0)] == [[], [], []]
    assert (switching.deadline(), switching.facts(), switching.degraded()) == (None, {}, [])


def test_its_status_counts_from_its_start() -> None:
    switching = with_one(Column.MULTICAST)
    switching.tick(1000.0)
    (told,) = switching.operations["transport.status"](LocalRequest(1, {}), 1002.5)
    assert isinstance(told, Reply)
    assert (told.body["mode"], told.body["since_s"], told.body["is_over"]) == ("multicast", 2.5, True)
