"""Whoever follows a FileID through the sources seldom turns back; and the tracer sees it when he has to."""

import sys
from collections.abc import Callable
from typing import Any

import pytest

from bus.errors import DecodeError
from bus.machine import AnyMachine
from fileid.given import Given
from fileid.row import Row, cut, pack_rows
from fileid.seal import Opener
from fileid.sender import Senders
from fileid.table import Table
from services.cfm.building import Builder
from services.settings.held import HeldSettings
from services.settings.vault import Vault
from tests.simulation.journey import CFM, Journey, Tracer, journeys

RETURNS_MAX = 2


class Detour:
    """Asks a machine three times when it is due before it passes a message on."""

    def __init__(self, machine: AnyMachine) -> None:
        self._machine = machine

    def receive(self, message: Any, now: float) -> list[Any]:
        for _ in range(3):
            self._machine.deadline()
        return [*self._machine.receive(message, now)]

    def tick(self, now: float) -> list[Any]:
        return [*self._machine.tick(now)]

    def deadline(self) -> float | None:
        return self._machine.deadline()


@pytest.fixture(scope="module")
def found() -> dict[str, Journey]:
    """Every journey by its name."""
    return {journey.name: journey for journey in journeys()}


def entered(function: Callable[..., object], *arguments: object) -> list[str]:
    """The functions by which modules are entered while this one is called."""
    tracer = Tracer()
    tracer.call(function, *arguments)
    return [entrance.function for entrance in tracer.entrances]


def test_no_module_is_returned_to_more_than_twice(found: dict[str, Journey]) -> None:
    assert {"create", "hand-off", "row", "ack", "read"} <= found.keys()
    too_often = {
        name: journey.lines() for name, journey in found.items() if journey.returns_max() > RETURNS_MAX
    }
    assert too_often == {}


def test_a_read_leads_from_the_request_to_the_audit_stream(found: dict[str, Journey]) -> None:
    modules = [*found["read"].entered()]
    assert modules[:3] == ["services.cfm.machine", "services.cfm.serving", "services.tftp.server_core"]
    assert modules[-3:] == ["services.cfm.reading.audit_events", "bus.device", "bus.telemetry.audit"]


def test_how_a_read_ended_is_told_once(found: dict[str, Journey]) -> None:
    told = {name for name, journey in found.items() if journey.entered()["services.cfm.reading.audit_events"]}
    assert told == {
        "read",
        "last block",
        "spent",
        "foreign address",
        "foreign name",
        "netascii",
        "given up",
        "done",
    }
    assert {found[name].entered()["services.cfm.reading.audit_events"] for name in told} == {1}


def test_a_detour_is_seen() -> None:
    straight, row = (
        next(journey for journey in walked if journey.name == "row")
        for walked in (
            journeys(),
            journeys(lambda name, machine: Detour(machine) if name == CFM else machine),
        )
    )
    entered = straight.entered()["services.cfm.machine"] + 3
    assert row.entered()["services.cfm.machine"] == entered > 3
    assert row.returns_max() == entered - 1
    assert row.lines()[-1].startswith(f"row: at most {entered - 1} returns, ")


def test_a_module_that_has_control_back_is_not_entered() -> None:
    frame = pack_rows([Row(b"name", b"no body of ours")])
    sender = Senders(Opener([]), Given(), ()).find(bytes(4), 0)
    accepted = ["Table.accept", "split_rows", "Sender.objection", "head_bytes"]
    assert entered(Table().accept, frame, sender, 0.0) == accepted


def test_what_is_read_as_a_field_or_a_value_is_not_entered_but_what_it_calls_is() -> None:
    table, builder = Table(), Builder(b"secret", HeldSettings(Vault()))
    assert entered(lambda: len(table)) == []
    assert entered(lambda: builder.generation) == ["version"]


def test_a_generator_is_entered_once() -> None:
    assert entered(lambda: len([*cut("row" * 3, len, 1)])) == ["cut"]


def test_what_raised_has_been_left() -> None:
    tracer, opener = Tracer(), Opener([])
    for _ in range(2):
        with pytest.raises(DecodeError):
            tracer.call(opener.open, b"modem.bin")
    assert [entrance.module for entrance in tracer.entrances] == ["fileid.seal"] * 2


def test_another_profile_goes_on_afterwards() -> None:
    def profile(*_: object) -> None:
        pass

    former = sys.getprofile()
    sys.setprofile(profile)
    try:
        Tracer().call(len, b"")
        assert sys.getprofile() is profile
    finally:
        sys.setprofile(former)
