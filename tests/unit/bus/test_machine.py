"""What every machine may be told is in one table, and a handler of each is asked for."""

from dataclasses import fields
from typing import Any, get_args

import pytest

from bus.machine import Hears, nothing
from bus.messages import Arriving, CaughtUp


def test_a_machine_says_of_each_message_what_it_does_with_it() -> None:
    hears: Hears[Any] = Hears(**{one.name: nothing for one in fields(Hears)})
    assert set(hears.table()) == set(get_args(Arriving))
    assert len(fields(Hears)) == len(hears.table())


def test_a_message_that_is_forgotten_is_an_argument_that_is_missing() -> None:
    some = {one.name: nothing for one in fields(Hears) if one.name != "caught_up"}
    with pytest.raises(TypeError, match="caught_up"):
        Hears(**some)


def test_each_message_reaches_its_own_handler() -> None:
    told: list[object] = []

    def hear(message: object, now: float) -> list[Any]:
        told.append(message)
        return []

    others: dict[str, Any] = {one.name: nothing for one in fields(Hears)}
    table = Hears(**{**others, "caught_up": hear}).table()
    for kind, handle in table.items():
        assert handle(CaughtUp("config") if kind is CaughtUp else object(), 0.0) == []
    assert told == [CaughtUp("config")]
