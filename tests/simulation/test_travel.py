"""How messages travel in the world: point to point, and by topic."""

from collections.abc import Callable
from typing import Any

import pytest

from bus.effects import Publish, Send
from bus.errors import LocalError
from bus.messages import CaughtUp, Received, Undelivered
from bus.testing.faults import (
    BROKER,
    CALM,
    Crash,
    Cut,
    Mend,
    Restart,
    SetWeather,
    Slow,
)
from bus.testing.world import World
from tests.simulation.toys import AUDIT, CATALOGUE, Box, Toy, announce, say

LATER = 10.0
ROUGH = CALM._replace(loss=0.3, duplication=0.3, slow=0.3, slow_s_max=0.5)


def test_a_send_arrives_and_its_via_leads_back(pair: World, box: Box) -> None:
    (message,) = box["right"].messages(Received)
    assert (message.envelope.source, message.envelope.data) == ("left", b"hello")
    pair.deliver("right", say(message.via, b"by via"))
    pair.deliver("right", say("left", b"by name"), 0.5)
    pair.run(LATER)
    assert box["left"].texts() == [b"by via", b"by name"]
    assert {message.via for message in box["left"].messages(Received)} == {"right"}


@pytest.mark.parametrize(
    "change",
    [
        lambda world: world.inflict(Crash("right")),
        lambda world: world.inflict(Cut("left", "right")),
    ],
    ids=["crashed", "cut off"],
)
def test_a_send_that_cannot_leave_is_refused(pair: World, box: Box, change: Callable[[World], None]) -> None:
    change(pair)
    pair.deliver("left", say("right", b"lost"), 0.1)
    pair.run(LATER)
    (refused,) = box["left"].messages(Undelivered)
    assert (refused.to, refused.envelope.data) == ("right", b"lost")
    assert b"lost" not in box["right"].texts()


@pytest.mark.parametrize("fault", [Crash("right"), Cut("left", "right")])
def test_or_it_vanishes_as_the_weather_has_it(pair: World, box: Box, fault: Crash | Cut) -> None:
    pair.inflict(SetWeather(CALM._replace(refusal=0.0)))
    pair.inflict(fault)
    pair.deliver("left", say("right", b"lost"))
    pair.run(LATER)
    assert box["left"].messages(Undelivered) == []
    assert b"lost" not in box["right"].texts()


def test_nobody_can_be_addressed_who_has_not_connected(box: Box) -> None:
    world = World(1)
    for name in ("left", "right"):
        world.add(name, box.start(name))
    for to in ("right", "nobody", b"right#1", b"rubbish"):
        world.deliver("left", say(to, b"?"), 0.1)
    world.run(1.0)
    assert [refused.to for refused in box["left"].messages(Undelivered)] == [
        "right",
        "nobody",
        b"right#1",
        b"rubbish",
    ]


def test_what_was_said_to_one_incarnation_does_not_reach_the_next(pair: World, box: Box) -> None:
    via = box["right"].messages(Received)[0].via
    pair.inflict(Slow("right", "left", 1.0))
    pair.deliver("right", say("left", b"under way"))
    pair.plan([(pair.now + 0.2, Crash("left")), (pair.now + 0.3, Restart("left"))])
    pair.deliver("right", say(via, b"to the old via"), 2.0)
    pair.deliver("right", say("left", b"to the old name"), 2.0)
    pair.run(LATER)
    assert box["left"].texts() == []
    assert len(box["right"].messages(Undelivered)) == 2


def test_a_cut_is_one_way_and_ends(pair: World, box: Box) -> None:
    pair.inflict(Cut("right", "left"))
    pair.deliver("left", say("right", b"there"))
    pair.deliver("right", say("left", b"back"))
    pair.run(pair.now + 1.0)
    assert box["right"].texts() == [b"hello", b"there"]
    assert box["left"].texts() == []
    pair.inflict(Mend("right", "left"))
    pair.deliver("right", say("left", b"again"))
    pair.run(LATER)
    assert box["left"].texts() == [b"again"]


def test_bad_weather_loses_doubles_and_reorders(pair: World, box: Box) -> None:
    pair.inflict(SetWeather(ROUGH))
    sent = [b"%03d" % number for number in range(200)]
    for number, text in enumerate(sent):
        pair.deliver("left", say("right", text), number * 0.01)
    pair.run(LATER)
    arrived = box["right"].texts()[1:]
    assert 100 < len(set(arrived)) < 200
    assert len(arrived) > len(set(arrived))
    assert arrived != sorted(arrived)


def test_the_log_has_one_order_for_every_reader(pair: World, box: Box) -> None:
    pair.inflict(SetWeather(ROUGH._replace(loss=0.0)))
    for number in range(50):
        for name in ("left", "right"):
            pair.deliver(name, announce(b"%b %d" % (name.encode(), number)), number * 0.001)
    pair.run(LATER)
    log = [envelope.data for envelope in pair.log("heartbeat")]
    assert box["left"].texts() == box["right"].texts()[1:] == log
    for writer in (b"left", b"right"):
        own = [text for text in log if text.startswith(writer)]
        assert own == [b"%b %d" % (writer, number) for number in range(50)]


def test_who_reads_a_history_gets_it_all_and_is_told_when(box: Box) -> None:
    world = World(3)
    world.add("writer", box.start("writer"), has_clock=False)
    for text in (b"1", b"2"):
        world.deliver("writer", announce(text, CATALOGUE), 0.1)
        world.deliver("writer", announce(text), 0.1)
    world.add("reader", box.start("reader"), reads=("config", "heartbeat"), has_clock=False, at=5.0)
    world.deliver("writer", announce(b"3", CATALOGUE), 6.0)
    world.deliver("writer", announce(b"3"), 6.0)
    world.run(LATER)
    told: dict[str, list[bytes | None]] = {"config": [], "heartbeat": []}
    for _, news in box["reader"].got:
        if isinstance(news, CaughtUp):
            told[news.traffic].append(None)
        else:
            told[news.envelope.traffic].append(news.envelope.data)
    assert told == {"config": [b"1", b"2", None, b"3"], "heartbeat": [None, b"3"]}


def test_an_empty_topic_is_caught_up_with_too(box: Box) -> None:
    world = World(3)
    world.add("reader", box.start("reader"), reads=("config",), has_clock=False)
    world.run(1.0)
    assert box["reader"].messages(CaughtUp) == [CaughtUp("config")]


def test_a_reader_that_was_cut_off_misses_nothing(pair: World, box: Box) -> None:
    pair.inflict(Cut(BROKER, "right"))
    pair.deliver("left", announce(b"beat"))
    pair.run(pair.now + 3.0)
    assert b"beat" not in box["right"].texts()
    pair.inflict(Mend(BROKER, "right"))
    pair.run(LATER)
    assert box["right"].texts() == [b"hello", b"beat"]


@pytest.mark.parametrize(
    ("cut", "in_log"),
    [(Cut("left", BROKER), []), (Cut(BROKER, "left"), [b"beat"])],
    ids=["record", "confirmation"],
)
def test_a_record_without_confirmation_comes_back(
    pair: World, box: Box, cut: Cut, in_log: list[bytes]
) -> None:
    pair.inflict(cut)
    pair.deliver("left", announce(b"beat"))
    pair.run(LATER)
    assert [refused.envelope.data for refused in box["left"].messages(Undelivered)] == [b"beat"]
    assert [envelope.data for envelope in pair.log("heartbeat")] == in_log


def test_what_is_too_large_comes_back(pair: World, box: Box) -> None:
    pair.deliver("left", announce(b"x" * 5_000))
    pair.deliver("left", lambda toy: [Send("right", toy.note("provbus.fileid.rows.v1", b"x" * 100_000))])
    pair.run(LATER)
    assert ["exceeds the limit" in refused.reason for refused in box["left"].messages(Undelivered)] == [
        True,
        True,
    ]


@pytest.mark.parametrize(
    "effect",
    [
        lambda toy: [toy.publish(b"", "provbus.fileid.hello.v1")],
        lambda toy: [Send("right", toy.note(AUDIT, b""))],
        lambda toy: [Publish(toy.note("provbus.unheard.of.v1", b""), "")],
    ],
    ids=["publish what is sent", "send what is published", "no route"],
)
def test_a_wrong_route_is_a_mistake_of_the_machine(pair: World, effect: Callable[[Toy], list[Any]]) -> None:
    pair.deliver("left", effect)
    with pytest.raises(LocalError):
        pair.run(LATER)
