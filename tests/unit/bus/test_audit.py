"""The audit stream: 256 events or 200 ms, in order, never lost in silence."""

import json
from typing import Any

import pytest

from bus.contract import decode
from bus.effects import Publish
from bus.envelope import Stamp
from bus.errors import DecodeError
from bus.routes import route
from bus.telemetry.audit import AUDIT, DELAY_S, EVENTS_MAX, FOUND_MAX, Audit, AuditBatch


def audit() -> Audit:
    return Audit(Stamp("cfm-1", "lab", incarnation=7))


def fill(stream: Audit, count: int, now: float) -> None:
    for number in range(count):
        stream.record({"event": "download.completed", "number": number}, now)


def numbers(batch: Publish) -> list[int]:
    return [event["number"] for event in decode(AuditBatch, batch.envelope.data).events]


def test_without_events_nothing_is_due() -> None:
    stream = audit()
    assert stream.deadline() is None
    assert stream.tick(1e9, 0.0) == []


def test_a_single_event_waits_for_company() -> None:
    stream = audit()
    stream.record({"event": "x"}, 10.0)
    assert stream.deadline() == 10.0 + DELAY_S
    assert stream.tick(10.0 + DELAY_S - 0.001, 0.0) == []
    (batch,) = stream.tick(10.0 + DELAY_S, 1_700_000_000.5)
    assert batch.envelope.type == AUDIT
    assert batch.envelope.time_ms == 1_700_000_000_500
    assert json.loads(batch.envelope.data) == {"events": [{"event": "x"}]}


def test_later_events_do_not_put_it_off() -> None:
    stream = audit()
    stream.record({"event": "x"}, 10.0)
    stream.record({"event": "y"}, 10.1)
    assert stream.deadline() == 10.0 + DELAY_S


@pytest.mark.parametrize(("count", "is_due"), [(EVENTS_MAX - 1, False), (EVENTS_MAX, True)])
def test_a_full_batch_does_not_wait(count: int, is_due: bool) -> None:
    stream = audit()
    fill(stream, count, 10.0)
    assert bool(stream.tick(10.0, 0.0)) is is_due


@pytest.mark.parametrize(
    ("count", "sizes"),
    [(1, [1]), (256, [256]), (257, [256, 1]), (512, [256, 256]), (800, [256, 256, 256, 32])],
)
def test_events_leave_in_order_in_batches(count: int, sizes: list[int]) -> None:
    stream = audit()
    fill(stream, count, 10.0)
    batches = stream.tick(10.0 + DELAY_S, 0.0)
    assert [len(numbers(batch)) for batch in batches] == sizes
    assert [number for batch in batches for number in numbers(batch)] == list(range(count))
    assert [batch.envelope.seq for batch in batches] == list(range(1, len(sizes) + 1))
    assert len({batch.key for batch in batches}) == len(sizes)


def test_what_left_is_not_sent_again() -> None:
    stream = audit()
    fill(stream, 3, 10.0)
    assert stream.tick(11.0, 0.0)
    assert stream.deadline() is None
    assert stream.tick(12.0, 0.0) == []
    stream.record({"event": "next"}, 13.0)
    assert stream.deadline() == 13.0 + DELAY_S


def test_a_batch_of_ordinary_events_fits_its_class() -> None:
    stream = audit()
    for _ in range(EVENTS_MAX):
        stream.record({"event": "x" * 900}, 0.0)
    (batch,) = stream.tick(0.0, 0.0)
    assert len(batch.envelope.data) <= route("audit").payload_bytes_max


def test_a_batch_that_was_not_taken_is_counted_event_by_event() -> None:
    stream = audit()
    fill(stream, EVENTS_MAX + 6, 0.0)
    taken, refused = stream.tick(1.0, 0.0)
    stream.undelivered(refused.envelope.data)
    assert stream.dropped == 6
    stream.undelivered(taken.envelope.data)
    assert stream.dropped == EVENTS_MAX + 6


def events(stream: Audit, **asked: Any) -> list[dict[str, Any]]:
    """What the stream remembers."""
    found: list[dict[str, Any]] = stream.answer({"id": 3, **asked})["events"]
    return found


def happened(device: int, fileid: int, number: int = 0) -> dict[str, Any]:
    return {"device": f"0000.0000.{device:04x}", "fileid": f"{fileid:016x}", "number": number}


def test_what_happened_is_remembered_sent_or_not() -> None:
    stream = audit()
    stream.record(happened(1, 7), 0.0)
    stream.record(happened(2, 8), 0.0)
    stream.tick(1.0, 0.0)
    stream.record(happened(1, 9), 2.0)
    assert events(stream, device="0000.0000.0001") == [happened(1, 7), happened(1, 9)]
    assert events(stream, device="00:00:00-00-00-01") == [happened(1, 7), happened(1, 9)]
    assert events(stream, fileid=f"{8:016x}") == [happened(2, 8)]
    assert events(stream, fileid=f"{10:016x}") == []
    assert stream.answer({"device": "0000.0000.0002"})["instance"] == "cfm-1"


def test_a_device_in_another_field_is_not_that_device() -> None:
    stream = audit()
    stream.record({**happened(1, 7), "reason": "0000.0000.0002"}, 0.0)
    assert events(stream, device="0000.0000.0002") == []


def test_the_oldest_batch_is_forgotten_first() -> None:
    stream = Audit(Stamp("cfm-1", "lab", incarnation=7), kept_max=2 * EVENTS_MAX)
    for batch in range(5):
        for number in range(EVENTS_MAX):
            stream.record(happened(1, batch, number), float(batch))
        stream.tick(float(batch), 0.0)
    assert {event["fileid"] for event in events(stream, device="0000.0000.0001")} == {
        f"{batch:016x}" for batch in (3, 4)
    }


def test_an_answer_holds_the_newest_events_only() -> None:
    stream = audit()
    for number in range(FOUND_MAX + 5):
        stream.record(happened(1, 1, number), 0.0)
    assert [event["number"] for event in events(stream, fileid=f"{1:016x}")] == list(range(5, FOUND_MAX + 5))


@pytest.mark.parametrize(
    "asked",
    [{}, {"device": "0000.0000.0001", "fileid": "0" * 16}, {"device": "0000.0000.000"},
     {"device": 1}, {"fileid": "0" * 15}, {"fileid": '0" * 1600000000'}],
)  # fmt: skip
def test_what_is_no_trace_is_refused(asked: dict[str, Any]) -> None:
    with pytest.raises(DecodeError, match=r"^trace takes a 'device'"):
        audit().answer({"id": 3, **asked})


@pytest.mark.parametrize("value", ["ünïcode", None, 1.5, [1, {"a": "b"}]])
def test_an_event_may_hold_whatever_json_can(value: Any) -> None:
    stream = audit()
    stream.record({"event": "x", "value": value}, 0.0)
    (batch,) = stream.tick(1.0, 0.0)
    assert decode(AuditBatch, batch.envelope.data).events == [{"event": "x", "value": value}]
