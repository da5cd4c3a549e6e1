"""The world itself: what it promises to machines, to tests, and to whoever replays a seed."""

from itertools import pairwise
from random import Random
from typing import Any, NamedTuple

import pytest

from bus.effects import Connect, Exit, Keep, Send
from bus.errors import LocalError, UnavailableError
from bus.messages import Kept, Received, Stopping, Unkept, WallClock
from bus.testing.checkers import Crashed, Paused, Started, Tick, ViolationError, WorldStep
from bus.testing.faults import (
    CALM,
    Crash,
    Drift,
    Full,
    Pause,
    Restart,
    SetClock,
    Stop,
    Wipe,
)
from bus.testing.local_clock import LocalClock
from bus.testing.world import UNIX_S, World
from tests.simulation.toys import Box, Toy, mute, say

LATER = 10.0
ROUGH = CALM._replace(loss=0.3, duplication=0.3, slow=0.3, slow_s_max=0.5)


def test_a_crash_forgets_and_a_restart_counts(pair: World, box: Box) -> None:
    pair.inflict(Crash("right"))
    pair.inflict(Crash("right"))
    assert pair.incarnation("right") == 0
    pair.deliver("right", say("left", b"never"))
    pair.run(2.0)
    pair.inflict(Restart("right"))
    pair.inflict(Restart("right"))
    assert (pair.incarnation("right"), len(box.toys["right"])) == (2, 2)
    assert box["right"].stamp.incarnation == 2
    assert box["right"].got == []


def test_a_node_that_is_stopped_says_its_last_word(pair: World, box: Box) -> None:
    def farewell(toy: Toy, message: Any, now: float) -> list[Any]:
        return [toy.publish(b"farewell")] if isinstance(message, Stopping) else []

    pair.add("third", box.start("third", farewell))
    pair.run(2.0)
    pair.inflict(Stop("third"))
    pair.inflict(Stop("third"))
    assert pair.incarnation("third") == 0
    pair.run(LATER)
    assert [envelope.data for envelope in pair.log("heartbeat")] == [b"farewell"]


class Vow(NamedTuple):
    """A record of these tests."""

    text: str


def test_a_record_is_kept_and_told_before_anything_follows(pair: World, box: Box) -> None:
    disk: list[tuple[str, Vow]] = []
    pair.on(Vow, lambda name, record: disk.append((name, record)))
    vow = Vow("x")
    pair.deliver("right", lambda toy: [Keep(vow, (toy.publish(b"acted"),))])
    pair.run(LATER)
    assert disk == [("right", vow)]
    assert Kept(vow) in [message for _, message in box["right"].got]
    assert [envelope.data for envelope in pair.log("heartbeat")] == [b"acted"]


@pytest.mark.parametrize("lies", [False, True])
def test_a_full_disk_refuses_and_nothing_follows_nor_starts(pair: World, box: Box, lies: bool) -> None:
    disk: list[tuple[str, Vow]] = []
    pair.on(Vow, lambda name, record: disk.append((name, record)))
    vow = Vow("x")
    pair.inflict(Full("right", True, lies))
    pair.deliver("right", lambda toy: [Keep(vow, (toy.publish(b"acted"),))])
    pair.run(LATER)
    (told,) = (message for _, message in box["right"].got if isinstance(message, Unkept))
    assert (told.record, len(told.then), told.is_doubtful) == (vow, 1, lies)
    assert (len(disk), pair.log("heartbeat")) == (int(lies), [])
    pair.inflict(Crash("right"))
    pair.inflict(Restart("right"))
    assert pair.incarnation("right") == 0
    pair.inflict(Full("right", False))
    pair.inflict(Restart("right"))
    assert pair.incarnation("right") == 2


def test_a_paused_node_finds_its_mail_and_its_timers_late(pair: World, box: Box) -> None:
    right, since = box["right"], pair.now

    def want_tick(toy: Toy) -> list[Any]:
        toy.due = since + 1.0
        return []

    pair.deliver("right", want_tick)
    pair.plan([(since + 0.5, Pause("right", 2.0))])
    for number in range(3):
        pair.deliver("right", number, 0.6 + number / 10)
    pair.run(LATER)
    late = [(now, message) for now, message in right.got if now > since]
    assert [now for now, _ in late] == pytest.approx([since + 2.5] * 4)
    assert [message for _, message in late if message is not None] == [0, 1, 2]
    assert (late.count((since + 2.5, None))) == 1


def test_wall_clocks_are_told_at_the_start_and_when_they_jump(box: Box) -> None:
    world = World(5)
    world.add("node", box.start("node"))
    world.plan([(1.0, SetClock("node", 90.0)), (1.1, SetClock("node", 0.0)), (5.0, SetClock("node", -3.0))])
    world.run(LATER)
    clocks = [clock.offset_s - UNIX_S for clock in box["node"].messages(WallClock)]
    assert clocks[0] == 0.0
    assert clocks[-2:] == [0.0, -3.0]
    world.inflict(Crash("node"))
    world.inflict(Restart("node"))
    assert box["node"].messages(WallClock) == [WallClock(UNIX_S - 3.0)]


def test_an_exit_is_the_end_of_the_node(pair: World) -> None:
    pair.deliver("left", lambda toy: [Exit(0, "done")])
    pair.run(LATER)
    assert pair.incarnation("left") == 0


def test_ticks_come_at_the_deadline_or_a_little_later(box: Box) -> None:
    def again(toy: Toy, message: Any, now: float) -> list[Any]:
        toy.due = now + 1.0
        return []

    for weather, is_late in ((CALM, False), (CALM._replace(lag_s_max=0.01), True)):
        world = World(2, weather=weather)
        world.add("clock", box.start("clock", again))
        world.run(5.5)
        ticks = [now for now, message in box["clock"].got if message is None]
        assert len(ticks) == 5
        assert (ticks != [1.0, 2.0, 3.0, 4.0, 5.0]) is is_late
        assert ticks == pytest.approx([1.0, 2.0, 3.0, 4.0, 5.0], abs=0.06)


def test_a_machine_that_leaves_its_deadline_behind_is_found(box: Box) -> None:
    def stuck(toy: Toy, message: Any, now: float) -> list[Any]:
        toy.due = 0.0
        return []

    world = World(2)
    world.add("stuck", box.start("stuck", stuck))
    with pytest.raises(ViolationError, match="stuck leaves its deadline"):
        world.run(1.0)


def test_effects_of_a_service_go_to_the_handler_of_the_test(pair: World) -> None:
    seen: list[Any] = []
    pair.on(int, lambda node, effect: seen.append((node, effect)))
    pair.deliver("left", lambda toy: [42])
    pair.run(LATER)
    assert seen == [("left", 42)]


def test_a_refused_effect_that_is_no_message_is_the_tests_business(pair: World) -> None:
    def refuse(node: str, effect: int) -> None:
        raise UnavailableError("no")

    pair.on(int, refuse)
    pair.deliver("left", lambda toy: [42])
    with pytest.raises(UnavailableError):
        pair.run(LATER)


def test_a_name_is_given_once(pair: World, box: Box) -> None:
    with pytest.raises(LocalError):
        pair.add("left", box.start("left"))


def test_run_stops_at_its_goal_or_its_end(pair: World, box: Box) -> None:
    pair.deliver("right", "at last", 3.0)
    assert pair.run(50.0, goal=lambda: bool(box["right"].messages(str)))
    assert pair.now == 4.0
    assert not pair.run(50.0)
    assert pair.now == 50.0


def test_checkers_see_every_step_before_its_effects(pair: World, box: Box) -> None:
    steps: list[WorldStep] = []

    def check(step: WorldStep) -> str | None:
        assert b"check me" not in box["right"].texts()
        steps.append(step)
        return None

    pair.check(check)
    pair.deliver("left", say("right", b"check me"))
    pair.run(pair.now + 0.0001)
    pair.inflict(Pause("left", 1.0))
    pair.inflict(Crash("left"))
    pair.inflict(Restart("left"))
    assert [step.node for step in steps] == ["left"] * 4
    assert [type(effect) for effect in steps[0].effects] == [Send]
    assert [step.message for step in steps[1:]] == [Paused(1.0), Crashed(), Started()]
    assert [step.incarnation for step in steps] == [1, 1, 1, 2]


def test_a_violation_names_its_seed_and_how_to_see_it_again(box: Box) -> None:
    world = World(1234, replay="replay {seed}")
    world.add("node", box.start("node", mute))
    world.check(lambda step: "nothing may happen" if step.message == "boo" else None)
    world.deliver("node", "boo", 2.5)
    with pytest.raises(ViolationError) as caught:
        world.run(LATER)
    assert str(caught.value) == "nothing may happen (seed 1234, at 2.500000 s; replay: replay 1234)"
    assert "boo" in world.witness.tail[-1]


def chatter(seed: int) -> World:
    """Toys that answer at random, in weather that is random too."""

    def answer(toy: Toy, message: Any, now: float) -> list[Any]:
        toy.due = now + toy.random.uniform(0.01, 0.1)
        if message is None:
            return [toy.publish(b"%d" % toy.random.randrange(100)), toy.send("right", b"?")]
        if isinstance(message, WallClock):
            return [Connect("right", "sim://")]
        return [toy.send(message.via, b"!")] if isinstance(message, Received) and message.via else []

    box, world = Box(), World(seed, weather=ROUGH)
    for name in ("left", "right"):
        world.add(name, box.start(name, answer), reads=("heartbeat",))
    world.run(2.0)
    assert b"!" in box["left"].texts()
    return world


def test_one_seed_is_one_history() -> None:
    hashes = [chatter(seed).trace_hash() for seed in (1, 1, 2)]
    assert hashes[0] == hashes[1] != hashes[2]


def test_each_incarnation_has_a_random_source_of_its_own(pair: World, box: Box) -> None:
    pair.inflict(Crash("left"))
    pair.inflict(Restart("left"))
    drawn = {toy.random.random() for toys in box.toys.values() for toy in toys}
    assert len(drawn) == 3
    assert isinstance(box["left"].random, Random)


def test_a_tick_is_a_step_too(box: Box) -> None:
    def once(toy: Toy, message: Any, now: float) -> list[Any]:
        toy.due = 1.0 if now < 1.0 else None
        return []

    world = World(1)
    messages: list[Any] = []
    world.check(lambda step: messages.append(step.message))
    world.add("node", box.start("node", once))
    world.run(2.0)
    assert messages == [Started(), WallClock(UNIX_S), Tick()]


def test_a_drifting_node_lives_by_its_own_clock(box: Box) -> None:
    world = World(2)
    world.add("quick", box.start("quick"), has_clock=False)
    world.run(9.5)
    world.inflict(Drift("quick", 1.001))
    world.inflict(Drift("quick", 1.001))
    assert world.local("quick") == 9.5
    world.run(1_009.5)
    assert world.local("quick") == pytest.approx(1_010.5)
    world.deliver("quick", "what time is it?")
    world.run(world.now)
    ((shown, _),) = box["quick"].got
    assert shown == world.local("quick")
    assert world.injected["Drift"] == 1


def ticks_of_a_drifting_node(rate: float) -> list[tuple[float, float]]:
    """When a toy that wants to be ticked every second was: in the world's time and in its own."""
    box, world = Box(), World(2)
    steps: list[float] = []

    def again(toy: Toy, message: Any, now: float) -> list[Any]:
        if message is None or isinstance(message, str):
            toy.due = now + 1.0
        return []

    world.add("node", box.start("node", again), has_clock=False)
    world.check(lambda step: steps.append(step.now) if isinstance(step.message, Tick) else None)
    world.deliver("node", "begin", 0.3)
    world.plan([(50.0, Drift("node", rate)), (150.0, Drift("node", 1.0))])
    world.run(200.0)
    return list(zip(steps, (now for now, message in box["node"].got if message is None), strict=True))


@pytest.mark.parametrize("rate", [0.999, 1.0003, 1.001])
def test_deadlines_of_a_drifting_node_are_its_own(rate: float) -> None:
    ticks = ticks_of_a_drifting_node(rate)
    own = [local for _, local in ticks]
    assert [later - earlier for earlier, later in pairwise(own)] == pytest.approx([1.0] * (len(own) - 1))
    during = [now for now, _ in ticks if 51.5 < now < 149.0]
    gaps = [later - earlier for earlier, later in pairwise(during)]
    assert gaps == pytest.approx([1.0 / rate] * len(gaps))
    after = [now for now, _ in ticks if now > 151.5]
    assert [later - earlier for earlier, later in pairwise(after)] == pytest.approx([1.0] * (len(after) - 1))


def test_a_drifting_node_is_never_ticked_before_its_deadline() -> None:
    random, clock, now = Random(1), LocalClock(), 0.0
    for _ in range(2_000):
        now += random.uniform(0.0, 10.0)
        before = clock.local(now)
        clock.run_at(random.uniform(0.999, 1.001), now)
        assert clock.local(now) == before
        due = before + random.uniform(0.0, 100.0)
        assert clock.local(clock.true(due)) >= due
        assert clock.local(clock.true(due)) == pytest.approx(due)


def test_a_wipe_is_a_crash_that_loses_the_disk(pair: World) -> None:
    wiped: list[tuple[str, int]] = []
    pair.on_wipe(lambda name: wiped.append((name, pair.incarnation(name))))
    pair.inflict(Wipe("right"))
    pair.inflict(Crash("left"))
    pair.inflict(Wipe("left"))
    assert wiped == [("right", 0), ("left", 0)]
    assert pair.injected == {"Wipe": 2, "Crash": 1}


def test_a_deadline_that_moves_all_the_time_is_met_where_it_was_last(box: Box) -> None:
    def put_off(toy: Toy, message: Any, now: float) -> list[Any]:
        toy.due = message
        return []

    world = World(2)
    world.add("node", box.start("node", put_off), has_clock=False)
    for at, due in ((0.1, 5.0), (0.2, 3.0), (0.3, 4.0), (0.4, 6.0), (3.5, 3.7), (3.6, 8.0), (8.5, None)):
        world.deliver("node", due, at)
    world.run(20.0)
    assert [now for now, message in box["node"].got if message is None and now != 8.5] == [8.0]
