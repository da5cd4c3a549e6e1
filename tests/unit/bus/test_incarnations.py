"""The incarnations of peers on the disk: written when they change, once a second at most."""

from pathlib import Path
from typing import Any

import pytest

from bus.effects import Keep
from bus.errors import UnavailableError
from bus.messages import Draining, Kept, Unkept
from bus.transport.multicast.incarnations import (
    FILE,
    KEEP_EVERY_S,
    Remembering,
    StoreIncarnations,
    load_incarnations,
    save_incarnations,
)
from bus.wire.proof import SECRET_BYTES, Proofs


class Inner:
    """The machine inside: it notes what it gets, and is due when a test says so."""

    def __init__(self) -> None:
        self.got: list[Any] = []
        self.due: float | None = None

    def receive(self, message: Any, now: float) -> list[Any]:
        self.got.append(message)
        return ["received"]

    def tick(self, now: float) -> list[Any]:
        self.due = None
        return ["ticked"]

    def deadline(self) -> float | None:
        return self.due


@pytest.fixture
def proofs() -> Proofs:
    return Proofs(bytes(SECRET_BYTES), {"dhcp-1": 5})


def prove(proofs: Proofs, name: str, incarnation: int) -> None:
    nonce = proofs.nonce(name, incarnation, "192.0.2.1", 0.0)
    assert proofs.prove(name, incarnation, "192.0.2.1", nonce, 0.0)


def test_nothing_is_written_while_nothing_changes(proofs: Proofs) -> None:
    one = Remembering(Inner(), proofs, "cfm-1")
    prove(proofs, "dhcp-1", 5)
    assert (one.deadline(), one.tick(0.0)) == (None, [])


def test_what_changed_is_written_once_a_second_and_our_own_name_is_not(proofs: Proofs) -> None:
    one = Remembering(Inner(), proofs, "cfm-1")
    prove(proofs, "dhcp-1", 6)
    prove(proofs, "cfm-1", 9)
    assert one.deadline() == 0.0
    assert one.tick(10.0) == [Keep(StoreIncarnations({"dhcp-1": 6}))]
    assert one.receive(Kept(StoreIncarnations({"dhcp-1": 6})), 10.0) == []
    prove(proofs, "cfm-2", 7)
    assert one.deadline() == 10.0 + KEEP_EVERY_S
    assert one.tick(10.0) == []
    assert one.tick(10.0 + KEEP_EVERY_S) == [Keep(StoreIncarnations({"dhcp-1": 6, "cfm-2": 7}))]
    assert one.deadline() is None


def test_what_the_disk_refused_is_said_and_tried_again(proofs: Proofs) -> None:
    one = Remembering(Inner(), proofs, "cfm-1")
    prove(proofs, "dhcp-1", 6)
    (keep,) = one.tick(0.0)
    assert one.receive(Unkept(keep.record, (), "No space left on device"), 0.0) == []
    assert [reason.code for reason in one.lacks()] == ["disk-incarnations"]
    assert [sample.value for sample in one.samples()] == [1, 1.0]
    assert one.deadline() == KEEP_EVERY_S
    assert one.tick(KEEP_EVERY_S) == [keep]
    one.receive(Kept(keep.record), KEEP_EVERY_S)
    assert (one.lacks(), one.deadline()) == ([], None)


def test_everything_else_is_for_the_machine_inside(proofs: Proofs) -> None:
    inner = Inner()
    one = Remembering(inner, proofs, "cfm-1")
    others = [Draining(), Kept("another record"), Unkept("another record", (), "why")]
    assert [one.receive(message, 0.0) for message in others] == [["received"]] * 3
    assert inner.got == others
    inner.due = 3.0
    assert one.deadline() == 3.0
    assert (one.tick(2.9), one.tick(3.0)) == ([], ["ticked"])
    prove(proofs, "dhcp-1", 6)
    inner.due = 3.0
    assert one.deadline() == 0.0
    assert one.tick(3.0) == [Keep(StoreIncarnations({"dhcp-1": 6})), "ticked"]


def test_a_restart_finds_them(tmp_path: Path) -> None:
    assert load_incarnations(tmp_path) == {}
    save_incarnations(tmp_path, StoreIncarnations({"dhcp-1": 2**64 - 1, "cfm-2": 7}))
    assert load_incarnations(tmp_path) == {"dhcp-1": 2**64 - 1, "cfm-2": 7}


@pytest.mark.parametrize("content", ["{", '{"highest": {"dhcp-1": "x"}}', '{"highest": {"../x": 1}}'])
def test_a_damaged_file_is_said(tmp_path: Path, content: str) -> None:
    (tmp_path / FILE).write_text(content)
    with pytest.raises(UnavailableError, match="is damaged"):
        load_incarnations(tmp_path)
