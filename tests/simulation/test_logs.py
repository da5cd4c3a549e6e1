"""Logs in the world: what their readers are given, and what they suffer."""

from collections.abc import Sequence
from typing import Any

import pytest

from bus.effects import CatchUp
from bus.errors import LocalError
from bus.messages import CaughtUp, Entry, LogBounds, LogLost, Received, Recreated, Undelivered
from bus.testing.faults import (
    BROKER,
    Crash,
    Cut,
    Echo,
    Fault,
    Mend,
    Pause,
    Recreate,
    Restart,
    Retain,
    Skip,
    SlowLog,
    Stall,
    Truncate,
    clear,
    storm,
)
from bus.testing.log_troubles import LOG_TROUBLES
from bus.testing.topics import MESSAGE_TIMEOUT_S
from bus.testing.world import World
from tests.simulation.toys import CATALOGUE, RENEW, Box, Toy, announce

LOG = "failover"
SEEDS = range(20)


def plant(box: Box, seed: int = 3) -> World:
    """`writer` reads nothing; `reader` reads the log."""
    world = World(seed)
    world.add("writer", box.start("writer"), has_clock=False)
    world.add("reader", box.start("reader"), reads=(LOG, "config"), has_clock=False)
    world.run(0.1)
    return world


def write(world: World, texts: Sequence[bytes], name: str = "writer") -> None:
    """Publish these records, and let a second pass."""
    for text in texts:
        world.deliver(name, announce(text, RENEW))
    world.run(world.now + 1.0)


def numbers(count: int, since: int = 0) -> list[bytes]:
    return [b"%d" % number for number in range(since, since + count)]


def ask_to_catch_up(toy: Toy) -> list[Any]:
    return [CatchUp(LOG)]


def of_log(box: Box, name: str = "reader") -> list[Any]:
    """What a toy was told of the log."""
    return [message for _, message in box[name].got if getattr(message, "traffic", LOG) == LOG]


def contents(box: Box, name: str = "reader") -> list[tuple[int, bytes]]:
    entries = box[name].messages(Entry)
    return [(entry.offset, entry.envelope.data) for entry in entries if entry.envelope is not None]


def restart(world: World, name: str = "reader") -> None:
    for fault in (Crash(name), Restart(name)):
        world.inflict(fault)
    world.run(world.now + 1.0)


def test_an_empty_log_has_bounds_and_is_caught_up_with(box: Box) -> None:
    plant(box)
    assert of_log(box) == [LogBounds(LOG, 0, 0), CaughtUp(LOG)]


def test_a_reader_is_given_bounds_then_entries_then_told_that_it_caught_up(box: Box) -> None:
    world = plant(box)
    write(world, [b"a", b"b"])
    restart(world)
    write(world, [b"c"])
    told = of_log(box)
    assert told[0] == LogBounds(LOG, 0, 2)
    assert told[3] == CaughtUp(LOG)
    assert contents(box) == [(0, b"a"), (1, b"b"), (2, b"c")]
    assert box["reader"].messages(Received) == []
    assert [envelope.data for envelope in world.log(LOG)] == [b"a", b"b", b"c"]


def test_bounds_wait_until_the_broker_answers(box: Box) -> None:
    world = plant(box)
    world.inflict(Cut(BROKER, "reader"))
    restart(world)
    write(world, [b"a"])
    assert of_log(box) == []
    world.inflict(Mend(BROKER, "reader"))
    world.run(world.now + 1.0)
    assert of_log(box)[0] == LogBounds(LOG, 0, 1)


def test_offsets_survive_retention(box: Box) -> None:
    world = plant(box)
    write(world, numbers(5))
    world.inflict(Retain(LOG, 2))
    restart(world)
    write(world, [b"5"])
    assert of_log(box)[0] == LogBounds(LOG, 3, 5)
    assert box["reader"].offsets() == [3, 4, 5]
    assert len(world.log(LOG)) == 6


def test_catch_up_tells_when_what_the_log_held_then_was_received(box: Box) -> None:
    world = plant(box)
    world.inflict(Cut(BROKER, "reader"))
    write(world, [b"a", b"b"])
    world.deliver("reader", ask_to_catch_up)
    world.run(world.now + 1.0)
    assert box["reader"].messages(CaughtUp).count(CaughtUp(LOG)) == 1
    world.inflict(Mend(BROKER, "reader"))
    world.run(world.now + 1.0)
    assert of_log(box)[-1] == CaughtUp(LOG)
    assert box["reader"].offsets() == [0, 1]


def test_catch_up_with_what_was_received_long_ago_is_told_at_once(box: Box) -> None:
    world = plant(box)
    write(world, [b"a"])
    for _ in range(2):
        world.deliver("reader", ask_to_catch_up)
    world.run(world.now + 0.1)
    assert of_log(box)[-2:] == [CaughtUp(LOG), CaughtUp(LOG)]


def test_any_class_that_is_read_can_be_caught_up_with_and_no_other(box: Box) -> None:
    world = plant(box)
    world.deliver("reader", lambda toy: [CatchUp("config")])
    world.run(world.now + 1.0)
    assert box["reader"].messages(CaughtUp).count(CaughtUp("config")) == 2
    world.deliver("writer", ask_to_catch_up)
    with pytest.raises(LocalError, match="writer does not read failover"):
        world.run(world.now + 1.0)


def test_a_topic_made_anew_loses_a_log_and_is_read_from_the_first_record_otherwise(box: Box) -> None:
    world = plant(box)
    write(world, [b"a"])
    world.deliver("writer", announce(b"old", CATALOGUE))
    world.run(world.now + 1.0)
    world.deliver("reader", lambda toy: [CatchUp("config")])
    for traffic in (LOG, "config"):
        world.inflict(Recreate(traffic))
    world.deliver("writer", announce(b"new", CATALOGUE))
    write(world, [b"b"])
    assert LogLost(LOG, "the topic was deleted and made anew") in of_log(box)
    told = [message for _, message in box["reader"].got if getattr(message, "traffic", "config") == "config"]
    anew = told[told.index(Recreated("config")) :]
    assert CaughtUp("config") in anew
    assert box["reader"].texts()[-1] == b"new"


@pytest.mark.parametrize("paused", [False, True], ids=["cut off", "cut off and paused"])
def test_a_reader_that_retention_overtook_is_told_that_the_log_is_lost(box: Box, paused: bool) -> None:
    world = plant(box)
    write(world, [b"0"])
    world.inflict(Cut(BROKER, "reader"))
    write(world, numbers(3, 1))
    world.inflict(Retain(LOG, 1))
    world.inflict(Mend(BROKER, "reader"))
    if paused:
        world.inflict(Pause("reader", 2.0))
    write(world, [b"4"])
    world.run(world.now + 3.0)
    assert of_log(box)[-1] == LogLost(LOG, "offset 1 is out of range: the log starts at 3")
    assert box["reader"].offsets() == [0]
    world.deliver("reader", ask_to_catch_up)
    world.run(world.now + 1.0)
    assert isinstance(of_log(box)[-2], LogLost)


def test_a_reader_at_the_end_is_not_cut_by_retention(box: Box) -> None:
    world = plant(box)
    write(world, numbers(3))
    world.inflict(Retain(LOG, 0))
    write(world, [b"3"])
    assert box["reader"].offsets() == [0, 1, 2, 3]
    assert box["reader"].messages(LogLost) == []


def test_a_reader_of_no_log_goes_on_where_the_topic_begins_now(box: Box) -> None:
    world = plant(box)
    world.inflict(Cut(BROKER, "reader"))
    for number in numbers(3):
        world.deliver("writer", announce(number, CATALOGUE))
    world.run(world.now + 1.0)
    world.inflict(Retain("config", 1))
    world.inflict(Mend(BROKER, "reader"))
    world.run(world.now + 1.0)
    assert box["reader"].texts() == [b"2"]


def test_after_a_truncation_offsets_are_used_again_and_some_readers_do_not_notice() -> None:
    lost = []
    for seed in SEEDS:
        box = Box()
        world = plant(box, seed)
        write(world, numbers(3))
        world.inflict(Truncate(LOG, 2))
        world.run(world.now + 1.0)
        write(world, [b"x", b"y", b"z"])
        assert [envelope.data for envelope in world.log(LOG)] == [b"0", b"x", b"y", b"z"]
        lost.append(bool(box["reader"].messages(LogLost)))
        after = [] if lost[-1] else [(3, b"z")]
        assert contents(box) == [(0, b"0"), (1, b"1"), (2, b"2"), *after]
    assert {True, False} == set(lost)


def test_a_truncation_by_one_record_can_be_noticed_by_who_has_read_it() -> None:
    lost: set[bool] = set()
    for seed in SEEDS:
        box = Box()
        world = plant(box, seed)
        write(world, numbers(3))
        world.inflict(Truncate(LOG, 1))
        world.run(world.now + 1.0)
        lost.add(LogLost(LOG, "offset 3 is out of range: the log ends at 2") in of_log(box))
    assert lost == {True, False}


def test_a_reader_that_had_not_got_so_far_knows_nothing_of_a_truncation() -> None:
    for seed in SEEDS:
        box = Box()
        world = plant(box, seed)
        world.inflict(Cut(BROKER, "reader"))
        write(world, numbers(3))
        world.inflict(Truncate(LOG, 2))
        world.inflict(Mend(BROKER, "reader"))
        write(world, [b"x"])
        assert contents(box) == [(0, b"0"), (1, b"x")]


def test_a_truncation_takes_nothing_that_retention_took(box: Box) -> None:
    world = plant(box)
    write(world, numbers(3))
    world.inflict(Retain(LOG, 1))
    world.inflict(Truncate(LOG, 10))
    restart(world)
    assert of_log(box)[0] == LogBounds(LOG, 2, 2)


def test_a_reader_that_skips_misses_one_record(box: Box) -> None:
    world = plant(box)
    write(world, [b"0"])
    world.inflict(Skip("reader", LOG))
    write(world, numbers(3, 1))
    write(world, [b"4"])
    assert box["reader"].offsets() == [0, 2, 3, 4]


def test_an_echo_is_a_copy_of_an_earlier_record_of_that_source(box: Box) -> None:
    world = plant(box)
    write(world, [b"mine"], "reader")
    write(world, numbers(3))
    for _ in range(5):
        world.inflict(Echo(LOG, "reader"))
        world.inflict(Echo(LOG))
    world.inflict(Echo(LOG, "nobody"))
    world.run(world.now + 1.0)
    log = world.log(LOG)
    assert [envelope.data for envelope in log[4::2]] == [b"mine"] * 5
    assert len(log) == 14
    assert set(log[4:]) <= set(log[:4])
    assert box["reader"].offsets() == list(range(14))
    assert world.injected["Echo"] == 10


def test_a_stalled_log_takes_and_gives_nothing_and_then_everything(box: Box) -> None:
    world = plant(box)
    world.inflict(Stall(LOG, is_on=True))
    world.deliver("writer", announce(b"other", CATALOGUE))
    write(world, numbers(20))
    assert world.log(LOG) == []
    assert box["reader"].texts() == [b"other"]
    world.inflict(Stall(LOG, is_on=False))
    world.run(world.now + 5.0)
    assert contents(box) == list(enumerate(numbers(20)))
    assert box["writer"].messages(Undelivered) == []


def test_what_is_in_a_stalled_log_cannot_be_read(box: Box) -> None:
    world = plant(box)
    world.inflict(Cut(BROKER, "reader"))
    write(world, [b"0"])
    world.inflict(Stall(LOG, is_on=True))
    world.inflict(Mend(BROKER, "reader"))
    world.run(world.now + 2.0)
    assert box["reader"].offsets() == []
    world.inflict(Stall(LOG, is_on=False))
    world.run(world.now + 1.0)
    assert box["reader"].offsets() == [0]


def test_what_was_given_up_during_a_stall_may_be_appended_later_in_order(box: Box) -> None:
    world = plant(box)
    world.inflict(Stall(LOG, is_on=True))
    write(world, [b"%02d" % number for number in range(40)])
    world.run(world.now + MESSAGE_TIMEOUT_S)
    assert len(box["writer"].messages(Undelivered)) == 40
    world.inflict(Crash("writer"))
    world.inflict(Stall(LOG, is_on=False))
    world.run(world.now + 5.0)
    late = [envelope.data for envelope in world.log(LOG)]
    assert 5 < len(late) < 35
    assert late == sorted(late)


def test_a_slow_log_appends_later_and_in_order(box: Box) -> None:
    world = plant(box)
    world.inflict(SlowLog(LOG, 1.5))
    write(world, [b"0"])
    assert world.log(LOG) == []
    world.inflict(SlowLog(LOG, 0.0))
    write(world, [b"1"])
    assert contents(box) == [(0, b"0"), (1, b"1")]
    began = world.now
    write(world, [b"2"])
    ((arrived, _),) = [(now, message) for now, message in box["reader"].got if now > began]
    assert arrived < began + 0.1
    assert box["writer"].messages(Undelivered) == []


def test_a_log_that_is_too_slow_is_given_up_and_appends_all_the_same(box: Box) -> None:
    world = plant(box)
    world.inflict(SlowLog(LOG, MESSAGE_TIMEOUT_S + 1.0))
    write(world, [b"0"])
    world.run(world.now + 5.0)
    assert [one.envelope.data for one in box["writer"].messages(Undelivered)] == [b"0"]
    assert contents(box) == [(0, b"0")]


def test_a_node_that_hears_nothing_of_the_broker_is_heard_all_the_same(box: Box) -> None:
    world = plant(box)
    world.inflict(Cut(BROKER, "reader"))
    write(world, [b"0"], "reader")
    world.run(world.now + 5.0)
    assert [envelope.data for envelope in world.log(LOG)] == [b"0"]
    assert box["reader"].offsets() == []
    assert [one.envelope.data for one in box["reader"].messages(Undelivered)] == [b"0"]


@pytest.mark.parametrize(
    ("faults", "counted"),
    [
        ((Stall(LOG, is_on=True), Stall(LOG, is_on=True), Stall(LOG, is_on=False)), {"Stall": 2}),
        ((SlowLog(LOG, 1.0), SlowLog(LOG, 1.0)), {"SlowLog": 1}),
        ((Retain(LOG, 1), Retain(LOG, 1)), {"Retain": 1}),
        ((Truncate(LOG, 5), Truncate(LOG, 5)), {"Truncate": 1}),
        ((Skip("reader", LOG), Skip("writer", LOG)), {"Skip": 1}),
        ((Crash("reader"), Crash("reader"), Skip("reader", LOG)), {"Crash": 1}),
    ],
    ids=lambda value: type(value[0]).__name__ if isinstance(value, tuple) else "",
)
def test_only_what_changed_something_is_counted(
    box: Box, faults: Sequence[Fault], counted: dict[str, int]
) -> None:
    world = plant(box)
    write(world, numbers(3))
    world.injected.clear()
    for fault in faults:
        world.inflict(fault)
    assert world.injected == counted


def test_a_history_with_faults_of_logs_is_one_per_seed() -> None:
    def every_tenth(toy: Toy, message: Any, now: float) -> list[Any]:
        toy.due = now + 0.1
        return [toy.publish(b"%d" % len(toy.got), RENEW)] if message is None else []

    def play(seed: int) -> str:
        box, world = Box(), World(seed)
        nodes = ("one", "two")
        for name in nodes:
            world.add(name, box.start(name, every_tenth), reads=(LOG,))
        storms = storm(world.random, nodes, until_s=20.0, count=10, troubles=LOG_TROUBLES)
        world.plan([*storms, *clear(nodes, 20.0)])
        world.run(25.0)
        assert len(world.log(LOG)) > 50
        return world.trace_hash()

    assert play(1) == play(1) != play(2)
