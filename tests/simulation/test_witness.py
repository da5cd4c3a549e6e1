"""The rule of the bus, and the witness who asks it."""

from typing import Any

import pytest

from bus.effects import Effect, Publish, Reply, Send
from bus.envelope import Envelope, Token
from bus.messages import Entry, LocalRequest, Received, Undelivered, WallClock
from bus.testing.checkers import Crashed, Numbered, Started, Tick, ViolationError, Witness, WorldStep
from bus.testing.trace import TAIL_MAX
from fileid.row import HELLO
from heartbeat.liveness.beat import BEAT


def step(*effects: Effect, node: str = "cfm-1", incarnation: int = 1) -> WorldStep:
    return WorldStep(1.0, node, incarnation, Tick(), list(effects))


def envelope(seq: int, *, type_: str = BEAT, source: str = "cfm-1", data: bytes = b"") -> Envelope:
    return Envelope(type_, source, 1, seq, 0, data)


def beat(seq: int, **fields: Any) -> Publish:
    return Publish(envelope(seq, **fields), "key")


def hello(seq: int, **fields: Any) -> Send:
    return Send("cfm-2", envelope(seq, type_=HELLO, **fields))


SENT = hello(1)


@pytest.mark.parametrize(
    "effects",
    [
        [beat(1), beat(2), beat(3)],
        [hello(1), beat(1), hello(2), beat(2)],
        [hello(2), hello(1), hello(2), hello(5)],
    ],
    ids=["in order", "per class", "retries and gaps point to point"],
)
def test_numbers_that_are_right(effects: list[Any]) -> None:
    numbered = Numbered()
    assert [numbered(step(effect)) for effect in effects] == [None] * len(effects)
    assert numbered(WorldStep(2.0, "cfm-1", 1, Crashed(), [])) is None


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
def test_numbers_that_are_wrong(effects: list[Any], fault: str) -> None:
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
    witness.see(WorldStep(1.0, "a", 1, Started(), []))
    before = witness.trace_hash()
    with pytest.raises(ViolationError, match=r"no \(seed 5, at 2.000000 s; replay: again 5\)") as caught:
        witness.see(WorldStep(2.0, "b", 1, "boo", [SENT]))
    assert (caught.value.seed, caught.value.now, caught.value.what) == (5, 2.0, "no")
    assert asked == ["a", "b"]
    assert witness.trace_hash() != before
    assert witness.tail == ["1.0 a#1 Started() -> []", f"2.0 b#1 'boo' -> {[SENT]!r}"]
    assert witness.steps == 2


def test_what_does_not_travel_is_not_in_the_hash() -> None:
    hashes = set()
    for silent in (Started(), Tick(), WallClock(1.0), "anything"):
        witness = Witness(1, "")
        witness.see(WorldStep(1.0, "a", 1, silent, [SENT, silent]))
        witness.see(WorldStep(2.0, "a", 1, silent, [silent]))
        hashes.add(witness.trace_hash())
    assert len(hashes) == 1


def test_asking_for_the_hash_does_not_change_it() -> None:
    asked, other = Witness(1, ""), Witness(1, "")
    for number in range(5_000):
        for witness in (asked, other):
            witness.see(step(hello(number)))
        if number % 500 == 0:
            asked.trace_hash()
    assert asked.trace_hash() == other.trace_hash()


SAID = envelope(1, data=b"x")
CHANGED = [SAID._replace(data=b"y"), SAID._replace(token=Token(0, 1)), SAID._replace(site="s")]


@pytest.mark.parametrize(
    ("said", "others"),
    [
        (Received(SAID, ""), [*(Received(one, "") for one in CHANGED), Received(SAID, b"way")]),
        (Undelivered(SAID, "", "no"), [Undelivered(CHANGED[0], "", "no"), Undelivered(SAID, "a", "no")]),
        (Entry("failover", 1, SAID), [Entry("failover", 2, SAID), Entry("failover", 1, CHANGED[0])]),
        (Entry("failover", 1, None), [Entry("failover", 2, None), Entry("failover", 1, SAID)]),
        (Send("a", SAID), [Send("b", SAID), Send("a", CHANGED[0])]),
        (Publish(SAID, "a"), [Publish(SAID, "b"), Publish(CHANGED[0], "a")]),
        (LocalRequest(1, {"op": "a"}), [LocalRequest(2, {"op": "a"}), LocalRequest(1, {"op": "b"})]),
        (Reply(1, {"id": 1}), [Reply(2, {"id": 1}), Reply(1, {"id": None}), LocalRequest(1, {"id": 1})]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_hash_tells_every_message_and_effect_from_others(said: Any, others: list[Any]) -> None:
    def after(*steps: WorldStep) -> str:
        witness = Witness(1, "")
        for one in steps:
            witness.see(one)
        return witness.trace_hash()

    base = WorldStep(1.0, "cfm-1", 1, said, [said])
    assert after(base) == after(base._replace(effects=[said]))
    changed = [
        base._replace(now=1.0000001),
        base._replace(node="cfm-2"),
        base._replace(incarnation=2),
        base._replace(effects=[]),
        base._replace(effects=[said, said]),
        *(base._replace(message=other) for other in others),
        *(base._replace(effects=[other]) for other in others),
    ]
    hashes = {after(base, one) for one in (base, *changed)}
    assert len(hashes) == 1 + len(changed)


def test_the_tail_is_bounded_and_readable() -> None:
    witness = Witness(1, "")
    for number in range(2 * TAIL_MAX):
        witness.note(float(number), f"note {number}")
    assert len(witness.tail) == TAIL_MAX
    assert witness.tail[-1] == f"{2 * TAIL_MAX - 1}.0 note {2 * TAIL_MAX - 1}"
