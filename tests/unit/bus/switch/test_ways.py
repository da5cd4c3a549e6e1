"""Of a message that comes by both columns a machine is told once; of rows each time."""

from typing import Any

from bus.columns.ways import Ways
from bus.envelope import Envelope
from bus.messages import Received, Recreated
from bus.routes import Column
from bus.switch.parity import Parity
from fileid.row import ACK, HELLO, ROWS
from heartbeat.liveness.beat import BEAT
from tests.trusting import ANYBODY

BUS, GROUP = Column.BUS, Column.MULTICAST


class Told:
    """A machine that remembers what it was told."""

    def __init__(self) -> None:
        self.messages: list[Any] = []

    def receive(self, message: Any, now: float) -> list[Any]:
        self.messages.append(message)
        return []

    def tick(self, now: float) -> list[Any]:
        return []

    def deadline(self) -> float | None:
        return None


def ways() -> tuple[Ways, Told]:
    told = Told()
    found = Ways(told, Parity(), ANYBODY, "cfm-1")
    found.is_double = True
    return found, told


def message(type_: str, column: Column, *, number: int = 1, via: str | bytes = "dhcp-1") -> Received:
    return Received(Envelope(type_, "dhcp-1", 7, number, 0, b"x"), via, column=column)


def test_a_second_copy_is_not_told() -> None:
    both, told = ways()
    both.receive(message(BEAT, BUS, via=""), 0.0)
    both.receive(message(BEAT, GROUP, via=""), 0.1)
    assert [one.column for one in told.messages] == [BUS]


def test_every_copy_of_rows_is_told_with_its_own_way_back() -> None:
    both, told = ways()
    copies = [message(ROWS, BUS, via=b"route"), message(ROWS, GROUP)]
    for one in copies:
        both.receive(one, 0.0)
    assert told.messages == copies


def test_acks_are_no_copies_of_each_other() -> None:
    both, told = ways()
    for number, column in ((1, BUS), (2, GROUP)):
        both.receive(message(ACK, column, number=number), 0.0)
    assert len(told.messages) == 2


def test_an_answer_to_what_came_by_both_goes_by_both() -> None:
    both, told = ways()
    both.receive(message(HELLO, BUS, via=b"route"), 0.0)
    assert told.messages[0].via == "dhcp-1"


def test_what_is_overheard_comes_by_one_column_only() -> None:
    both, told = ways()
    for _ in range(2):
        both.receive(message(ROWS, GROUP, via=""), 0.0)
    assert len(told.messages) == 2


def test_while_one_column_is_heard_nothing_is_held_back() -> None:
    both, told = ways()
    both.is_double = False
    for _ in range(2):
        both.receive(message(BEAT, BUS, via=""), 0.0)
    assert len(told.messages) == 2


def test_news_of_a_column_are_told_before_what_comes_next() -> None:
    both, told = ways()
    both.tell_anew("config")
    assert both.deadline() == 0.0
    both.receive(message(BEAT, BUS, via=""), 0.0)
    assert told.messages[0] == Recreated("config")
    assert both.deadline() is None
