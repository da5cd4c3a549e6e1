"""The frame of a machine: what arrives is handed on by type and operation, and a tick is its moves in
order."""

from typing import Any, NamedTuple

import pytest

from bus.contract import encode
from bus.effects import Exit, Publish, Reply
from bus.envelope import Stamp
from bus.errors import DecodeError
from bus.fleet.trust import Trust
from bus.messages import Draining, LocalRequest, Received, Stopping, Undelivered, WallClock
from bus.routes import SIGNED
from bus.telemetry.audit import AUDIT
from bus.telemetry.keeping import Subject
from heartbeat.liveness.beat import BEAT, Beat
from services.instance.frame import Frame
from services.instance.local_api import unknown
from tests.fleets import fleet_of, member, signing_of
from tests.trusting import ANYBODY
from tests.unit.bus.well import Well

ROWS, PULL = "provbus.fileid.rows.v1", "provbus.fileid.pull.v1"


class Record(NamedTuple):
    """Something on the disk."""


def framed(*moves: Any, overhears: bool = False, **types: Any) -> Frame[Any]:
    frame: Frame[Any] = Frame(
        Stamp("cfm-1", "lab", 7),
        "cfm",
        trust=ANYBODY,
        counts=("undecodable",),
        keeps={Record: Subject("record", Record)},
    )
    known = {"rows": ROWS, "pull": PULL, "beat": BEAT}
    frame.serve(
        {known[name]: handle for name, handle in types.items()},
        {"status": lambda request, now: [Reply(request.session, request.body)], "trace": fail},
        moves=moves,
        beat=lambda now: Beat(service="cfm"),
        status=Well(),
        overhears=overhears,
    )
    return frame


def fail(*_: Any) -> list[Any]:
    raise DecodeError("that makes no sense")


def message(type_: str, data: bytes = b"", source: str = "dhcp-1", incarnation: int = 1) -> Received:
    return Received(Stamp(source, "lab", incarnation).envelope(type_, data, time_ms=0), "way")


def test_what_is_forged_is_not_remembered() -> None:
    """Else the true message with its number would be taken for a copy of it."""
    one = member("dhcp-1", "dhcp", ["a" * 40])
    frame: Frame[Any] = Frame(
        Stamp("cfm-1", "lab", 7),
        "cfm",
        trust=Trust(fleet_of({"dhcp-1": one})),
        counts=("undecodable",),
        keeps={},
    )
    heard: list[Received] = []
    frame.serve(
        {BEAT: frame.once(lambda message, now: [heard.append(message)])},
        {},
        moves=(),
        beat=lambda now: Beat(service="cfm"),
        status=Well(),
    )
    stamp = Stamp("dhcp-1", "lab", 1)
    stamp.signs(signing_of("dhcp-1", one).signer(), SIGNED)
    true = Received(stamp.envelope(BEAT, encode(Beat(service="dhcp")), time_ms=0), "")
    frame.received(Received(true.envelope._replace(data=encode(Beat(service="dhcp", leaves=True))), ""), 0.0)
    frame.received(Received(true.envelope._replace(source="dhcp-9"), ""), 0.0)
    nothing = true.envelope._replace(type="provbus.heartbeat.nothing.v1", seq=2**62, proof=b"")
    frame.received(Received(nothing, ""), 0.0)
    assert (heard, frame.counts) == ([], {"undecodable": 0})
    frame.received(true, 0.0)
    frame.received(true, 0.0)
    assert [message.envelope for message in heard] == [true.envelope]


def test_a_message_goes_to_the_handler_of_its_type() -> None:
    frame = framed(rows=lambda message, now: [message.envelope.type, now])
    assert [*frame.received(message(ROWS), 3.0)] == [ROWS, 3.0]
    assert frame.counts == {"undecodable": 0}


@pytest.mark.parametrize(("overhears", "counted"), [(False, 1), (True, 0)])
def test_one_of_no_type_that_is_served_is_a_mistake_unless_it_is_overheard(
    overhears: bool, counted: int
) -> None:
    frame = framed(overhears=overhears)
    pull = message(PULL)
    assert [*frame.received(pull, 0.0), *frame.received(pull, 0.0)] == []
    assert frame.counts == {"undecodable": counted}


def test_what_does_not_decode_is_counted_and_changes_nothing() -> None:
    frame = framed(rows=fail)
    assert [*frame.received(message(ROWS), 0.0)] == []
    assert frame.counts == {"undecodable": 1}


def test_what_is_served_once_is_not_served_again() -> None:
    frame = framed()
    handle = frame.once(lambda message, now: ["served"])
    rows = message(ROWS)
    assert [*handle(rows, 0.0), *handle(rows, 0.0)] == ["served"]
    assert frame.dedup.duplicates == 1


def test_who_yields_to_a_namesake_does_not_hear_what_is_for_one_alone() -> None:
    frame = framed()
    handle = frame.unless_yielding(lambda message, now: ["heard"])
    assert [*handle(message(ROWS), 0.0)] == ["heard"]
    later = message(BEAT, encode(Beat(service="cfm")), source="cfm-1", incarnation=9)
    assert frame.is_namesake(later, 0.0)
    assert [*handle(message(ROWS), 0.0)] == []
    assert frame.missing() == ["its name: another process has it, of the later incarnation 9"]


@pytest.mark.parametrize("source", ["cfm-2", "cfm-1"])
def test_only_a_beat_of_our_name_that_we_did_not_send_is_a_namesakes(source: str) -> None:
    beat = message(BEAT, encode(Beat(service="cfm")), source=source, incarnation=7)
    assert not framed().is_namesake(beat, 0.0)


@pytest.mark.parametrize("body", [{"op": "nothing"}, {"op": ["status"]}, {}])
def test_a_request_of_no_operation_is_refused_with_its_id(body: dict[str, Any]) -> None:
    request = LocalRequest(4, {"id": 3, **body})
    assert framed().requested(request, 0.0) == [unknown(request, "cfm")]


def test_a_request_that_does_not_decode_is_refused() -> None:
    (reply,) = framed().requested(LocalRequest(4, {"id": 3, "op": "trace"}), 0.0)
    assert reply == Reply(4, {"id": 3, "error": "bad_request", "detail": "that makes no sense"})


def test_a_request_goes_to_its_operation() -> None:
    (reply,) = framed().requested(LocalRequest(4, {"op": "status", "id": 3}), 0.0)
    assert reply == Reply(4, {"op": "status", "id": 3})


def test_a_tick_is_the_moves_in_their_order() -> None:
    frame = framed(lambda now: ["first", now], lambda now: [], lambda now: ["last"])
    assert frame.tick(2.0) == ["first", 2.0, "last"]


def test_it_leaves_once_enough_beats_said_so_and_nothing_is_left_to_do() -> None:
    frame = framed()
    idle = [False]
    leave = frame.leave(2, lambda: idle[0])
    frame.drain(Draining(), 0.0)
    frame.beat(0.0)
    idle[0] = True
    assert leave(0.0) == []
    frame.beat(1.0)
    idle[0] = False
    assert leave(1.0) == []
    idle[0] = True
    assert leave(1.0) == [Exit(0, "drained")]


def test_the_end_says_what_was_not_said_yet_and_beats_a_last_time() -> None:
    frame = framed()
    frame.clock(WallClock(1_000.0), 0.0)
    frame.audit.record({"event": "x"}, 1.0)
    batch, beat = frame.stop(Stopping(), 1.0)
    assert isinstance(batch, Publish)
    assert isinstance(beat, Publish)
    assert (batch.envelope.type, batch.envelope.time_ms) == (AUDIT, 1_001_000)
    assert b'"leaves":true' in beat.envelope.data


def test_a_batch_that_did_not_leave_is_counted_and_is_nobody_elses() -> None:
    frame = framed()
    batch = Stamp("cfm-1", "lab", 7).envelope(AUDIT, b'{"events":[{},{}]}', time_ms=0)
    assert frame.undelivered(Undelivered(batch, "", "away"))
    assert frame.audit.dropped == 2
    assert not frame.undelivered(Undelivered(message(ROWS).envelope, "", "away"))
