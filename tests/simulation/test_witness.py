"""The rule of the bus, and the witness who asks it."""

from typing import Any

import pytest

from bus.envelope import Envelope
from bus.machine import Effect, Publish, Send
from bus.messages import BEAT
from bus.testing.checkers import Crashed, Numbered, Started, Step, Tick, ViolationError, Witness
from fileid.row import HELLO


def step(*effects: Effect, node: str = "cfm-1", incarnation: int = 1) -> Step:
    return Step(1.0, node, incarnation, Tick(), list(effects))


def envelope(seq: int, *, type_: str = BEAT, source: str = "cfm-1", data: bytes = b"") -> Envelope:
    return Envelope(type_, source, 1, seq, 0, data)


def beat(seq: int, **fields: Any) -> Publish:
    return Publish(envelope(seq, **fields), "key")


def hello(seq: int, **fields: Any) -> Send:
    return Send("cfm-2", envelope(seq, type_=HELLO, **fields))


@pytest.mark.parametrize(
    "effects",
    [
        [beat(1), beat(2), beat(3)],
        [hello(1), beat(1), hello(2), beat(2)],
        [hello(2), hello(1), hello(2), hello(5)],
    ],
    ids=["in order", "per class", "retries and gaps point to point"],
)
def test_numbers_that_are_right(effects: list[Effect]) -> None:
    numbered = Numbered()
    assert [numbered(step(effect)) for effect in effects] == [None] * len(effects)
    assert numbered(Step(2.0, "cfm-1", 1, Crashed(), [])) is None


@pytest.mark.parametrize(
    ("effects", "fault"),
    [
        ([beat(1), beat(3)], "cfm-1 publishes heartbeat 3 after 1"),
        ([beat(2)], "cfm-1 publishes heartbeat 2 after 0"),
        ([beat(1), beat(1)], "cfm-1 publishes heartbeat 1 after 1"),
        ([hello(1), hello(1, data=b"other")], "cfm-1 says fileid-1-1 twice with different content"),
        ([beat(1, source="cfm-2")], "cfm-1 speaks as cfm-2, incarnation 1"),
        (
            [beat(1)._replace(envelope=envelope(1)._replace(incarnation=2))],
            "cfm-1 speaks as cfm-1, incarnation 2",
        ),
    ],
    ids=["gap", "not from 1", "twice", "other content", "other source", "other incarnation"],
)
def test_numbers_that_are_wrong(effects: list[Effect], fault: str) -> None:
    assert Numbered()(step(*effects)) == fault


def test_what_numbered_remembers_is_bounded() -> None:
    numbered = Numbered(remembered_max=2)
    assert numbered(step(hello(1), hello(2), hello(3), hello(1, data=b"forgotten"))) is None
    assert numbered(step(hello(3, data=b"not forgotten"))) is not None


def test_a_witness_asks_every_checker_and_keeps_the_trace() -> None:
    witness = Witness(5, "again {seed}")
    asked: list[str] = []
    witness.checkers += [
        lambda seen: asked.append(seen.node),
        lambda seen: "no" if seen.node == "b" else None,
    ]
    witness.see(Step(1.0, "a", 1, Started(), []))
    before = witness.trace_hash()
    with pytest.raises(ViolationError, match=r"no \(seed 5, at 2.000000 s; replay: again 5\)") as caught:
        witness.see(Step(2.0, "b", 1, "boo", ["effect"]))
    assert (caught.value.seed, caught.value.now, caught.value.what) == (5, 2.0, "no")
    assert asked == ["a", "b"]
    assert witness.trace_hash() != before
    assert list(witness.tail) == ["1.0 a#1 Started() -> []", "2.0 b#1 'boo' -> ['effect']"]
    assert witness.steps == 2
