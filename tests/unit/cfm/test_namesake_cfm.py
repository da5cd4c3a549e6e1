"""A CFM whose name another process has: it takes no rows, and serves what it has."""

from collections.abc import Callable
from typing import Any

from bus.contract import decode, encode
from bus.effects import Keep, Publish, Send, TakeIncarnation
from bus.envelope import Envelope
from bus.messages import Received, Unkept
from fileid.handoff import ACKED_SEQ
from fileid.table import RowStatus
from heartbeat.liveness.beat import BEAT, Beat
from heartbeat.liveness.namesake import SILENT_S
from services.cfm.machine import Cfm
from services.tftp.effects import Datagram

Make = Callable[..., Any]


def beat(source: str = "cfm-1", incarnation: int = 99) -> Received:
    """A beat of a process of this name; ours is of incarnation 4."""
    return Received(Envelope(BEAT, source, incarnation, 1, 0, encode(Beat(service="cfm"))), "")


def statuses(effects: list[Any]) -> bytes:
    (ack,) = (one.envelope for one in effects if isinstance(one, Send))
    return ack.data[ACKED_SEQ.size :]


def test_it_takes_no_rows_and_serves_those_that_it_has(
    cfm: Cfm, mint: Make, hand_off: Make, rrq: Make
) -> None:
    row, later = mint(), mint()
    cfm.tick(0.0)
    assert statuses(cfm.receive(hand_off(row), 1.0)) == bytes([RowStatus.STORED])
    cfm.receive(beat(), 2.0)
    assert statuses(cfm.receive(hand_off(later, seq=2), 2.0)) == bytes([RowStatus.UNVERIFIED_EPOCH])
    served = cfm.receive(rrq(row), 2.0)
    assert any(isinstance(one, Datagram) for one in served)


def test_it_says_so_and_comes_back_when_the_other_one_is_silent(cfm: Cfm) -> None:
    cfm.tick(0.0)
    cfm.receive(beat(), 2.0)
    assert "later incarnation 99" in cfm.status.missing()[0]
    said = [one.envelope for one in cfm.tick(2.5) if isinstance(one, Publish)]
    assert [decode(Beat, one.data).namesake for one in said if one.type == BEAT] == ["yielded"]
    (taken,) = (one.record for one in cfm.tick(2.0 + SILENT_S) if isinstance(one, Keep))
    assert isinstance(taken, TakeIncarnation)
    assert taken.incarnation > 99
    assert cfm.receive(Unkept(taken, (), "No space left on device"), 13.0) == []
    assert cfm.status.missing()


def test_beats_of_others_and_our_own_are_nothing_to_it(cfm: Cfm) -> None:
    cfm.tick(0.0)
    for one in (beat("cfm-2"), beat(incarnation=4)):
        assert cfm.receive(one, 6.0) == []
    assert cfm.status.missing() == []
    assert not any("its name" in one for one in cfm.status.degraded())
