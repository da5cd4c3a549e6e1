"""The steps of a switch, where beats come and the log is a list; whole plants are in the simulation."""

import itertools
from collections.abc import Callable

import pytest

from bus.errors import StateError, TryAgainError
from bus.routes import Column
from bus.switch.carrying import single
from bus.switch.machine import FREEZE_S_MAX, RANK_S, Begun, Switch, WriteEra
from bus.switch.standing import Plan, Step, StoreSwitch, SwitchStanding

BUS, GROUP = Column.BUS, Column.MULTICAST
MINTERS = {"dhcp-1": 0, "dhcp-2": 1}
NAMES = (*MINTERS, "cfm-1")
TURN_S = 0.1
LINGER_S = 60.0


class Parts:
    """The parts of one instance: they stand still when they are told to, and read the fleet's log."""

    def __init__(self, log: list[WriteEra]) -> None:
        self.calls: list[str] = []
        self.era = 0
        self._log = log

    def cannot_lead(self, column: Column) -> str:
        return ""

    def known_era(self) -> int:
        return self.era

    def begun(self) -> Begun | None:
        return Begun(*max(self._log)) if self._log else None

    def is_log_read(self) -> bool:
        return True

    def freeze(self, plan: Plan, now: float) -> bool:
        self.calls.append("freeze")
        return True

    def frozen(self, now: float) -> None:
        self.calls.append("frozen")

    def thaw(self) -> None:
        self.calls.append("thaw")

    def begin(self, record: StoreSwitch, now: float) -> None:
        self.calls.append(f"begin {record.era} {record.carrying.leads}")


class Fleet:
    """Three instances that hear each other's beats each turn. `writes` is asked whether an ERA lands."""

    def __init__(self, writes: Callable[[WriteEra], bool] = lambda era: True) -> None:
        self.now = 0.0
        self.log: list[WriteEra] = []
        self.silent: set[str] = set()
        self.seen: list[Step | None] = []
        self._writes = writes
        self._ids = (f"{number:016x}" for number in itertools.count(1))
        self.parts = {name: Parts(self.log) for name in NAMES}
        self.switches = {name: self.one(name, StoreSwitch(single(BUS))) for name in NAMES}
        self.turn()

    def one(self, name: str, kept: StoreSwitch, can: tuple[Column, ...] = tuple(Column)) -> Switch:
        """An instance that begins where its disk says."""
        return Switch(
            name,
            kept,
            self.parts[name],
            can=can,
            members=[other for other in NAMES if other != name],
            minters=MINTERS,
            not_green=lambda now: [],
            new_id=lambda: next(self._ids),
            linger_s=LINGER_S,
        )

    def turn(self) -> None:
        """Each beat is heard, and each instance does what is due."""
        self.now += TURN_S
        alive = {name: one for name, one in self.switches.items() if name not in self.silent}
        told = {name: one.standing() for name, one in alive.items()}
        for name, one in alive.items():
            for other, standing in told.items():
                if other != name:
                    one.others.heard(other, standing, self.now)
            for effect in one.tick(self.now):
                if isinstance(effect, StoreSwitch):
                    one.kept(effect, self.now)
                elif self._writes(effect):
                    self.log.append(effect)
        self.seen.append(self.switches["cfm-1"].record.step)

    def turn_for(self, seconds: float) -> None:
        for _ in range(round(seconds / TURN_S)):
            self.turn()

    def until(self, step: Step, name: str = "dhcp-1") -> None:
        for _ in range(200):
            if self.switches[name].record.step is step:
                return
            self.turn()
        raise AssertionError(f"{name} does not come to {step!r}: {self.switches[name].record}")

    def modes(self) -> set[str]:
        return {one.record.carrying.mode for one in self.switches.values()}


def test_a_fleet_goes_there_step_by_step_and_back_quickly() -> None:
    fleet = Fleet()
    fleet.switches["dhcp-1"].order("multicast", fleet.now)
    fleet.until(Step.MOVE)
    fleet.turn_for(1.0)
    assert [*dict.fromkeys(fleet.seen)] == [None, *(step for step in Step if step <= Step.MOVE)]
    assert fleet.modes() == {"multicast"}
    plan = fleet.switches["dhcp-2"].order("bus", fleet.now)
    assert plan.quick
    fleet.seen.clear()
    fleet.turn_for(2.0)
    assert Step.PARITY not in fleet.seen
    assert fleet.modes() == {"bus"}
    assert [(era.era, era.leads) for era in fleet.log] == [(1, GROUP), (2, BUS)]


def test_who_stands_still_begins_before_others_hear_of_it() -> None:
    fleet = Fleet()
    fleet.switches["dhcp-1"].order("multicast", fleet.now)
    fleet.until(Step.MOVE)
    calls = [one for one in fleet.parts["dhcp-2"].calls if one != "thaw"]
    assert calls == ["freeze", "frozen", "begin 1 multicast"]


@pytest.mark.parametrize("step", [Step.HEAR, Step.SEND])
def test_before_anybody_stands_still_it_is_called_off_by_any_minter(step: Step) -> None:
    fleet = Fleet()
    fleet.switches["dhcp-1"].order("multicast", fleet.now)
    fleet.until(step, "dhcp-2")
    fleet.switches["dhcp-2"].drop(fleet.now)
    fleet.turn_for(2.0)
    assert fleet.modes() == {"bus"}
    assert all(one.record.is_over and len(one.record.carrying.hears) == 1 for one in fleet.switches.values())
    assert fleet.log == []
    assert fleet.switches["dhcp-1"].because


def test_called_off_when_its_coordinator_stands_still_already_the_log_takes_it_back() -> None:
    fleet = Fleet()
    fleet.switches["dhcp-1"].order("multicast", fleet.now)
    fleet.until(Step.PARITY, "dhcp-2")
    fleet.switches["dhcp-2"].drop(fleet.now)
    fleet.turn_for(FREEZE_S_MAX + 2.0)
    assert fleet.modes() == {"bus"}
    assert all(one.record.is_over for one in fleet.switches.values())


def test_an_era_that_does_not_come_is_taken_back_in_the_log() -> None:
    fleet = Fleet(writes=lambda era: era.era != 1)
    fleet.switches["dhcp-1"].order("multicast", fleet.now)
    fleet.until(Step.FREEZE)
    fleet.turn_for(FREEZE_S_MAX + RANK_S + 1.0)
    assert (fleet.log[0].era, fleet.log[0].leads) == (2, BUS)
    assert fleet.modes() == {"bus"}
    fleet.log.append(WriteEra(1, fleet.log[0].plan, GROUP))  # the first one lands late
    fleet.turn_for(1.0)
    assert fleet.modes() == {"bus"}
    assert {one.record.era for one in fleet.switches.values()} == {2}


def test_who_stands_still_may_be_told_to_go_back() -> None:
    fleet = Fleet(writes=lambda era: era.era != 1)
    fleet.switches["dhcp-1"].order("multicast", fleet.now)
    fleet.until(Step.FREEZE, "dhcp-2")
    fleet.switches["dhcp-2"].drop(fleet.now)
    fleet.turn_for(0.5)
    assert fleet.modes() == {"bus"}


def test_what_has_begun_is_not_called_off() -> None:
    fleet = Fleet()
    fleet.switches["dhcp-1"].order("multicast", fleet.now)
    fleet.until(Step.BEGIN)
    with pytest.raises(TryAgainError, match="era 1 has begun"):
        fleet.switches["dhcp-1"].drop(fleet.now)


def test_of_two_orders_at_once_one_wins_and_the_other_is_told() -> None:
    fleet = Fleet()
    for name in MINTERS:
        fleet.switches[name].order("multicast", fleet.now)
    fleet.turn_for(5.0)
    assert fleet.modes() == {"multicast"}
    assert fleet.switches["dhcp-2"].lost_to == "dhcp-1"
    assert len({era.plan for era in fleet.log}) == 1


def test_a_coordinator_that_restarts_goes_on_where_its_disk_says() -> None:
    fleet = Fleet()
    fleet.switches["dhcp-1"].order("multicast", fleet.now)
    fleet.until(Step.PARITY)
    fleet.switches["dhcp-1"] = fleet.one("dhcp-1", fleet.switches["dhcp-1"].record)
    fleet.turn_for(5.0)
    assert fleet.modes() == {"multicast"}


def test_the_former_column_is_closed_by_a_word_or_by_time() -> None:
    for finish in (True, False):
        fleet = Fleet()
        fleet.switches["dhcp-1"].order("multicast", fleet.now)
        fleet.until(Step.MOVE)
        fleet.turn_for(1.0)
        if finish:
            fleet.switches["dhcp-2"].finish(fleet.now)
        fleet.turn_for(1.0 if finish else LINGER_S)
        assert {len(one.record.carrying.hears) for one in fleet.switches.values()} == {1}
        with pytest.raises(StateError):
            fleet.switches["dhcp-1"].finish(fleet.now)


def test_who_cannot_hear_the_new_column_is_named_and_nothing_changes() -> None:
    fleet = Fleet()
    fleet.switches["cfm-1"].can([BUS])
    fleet.turn()
    with pytest.raises(StateError, match="cfm-1 has no section for mode multicast"):
        fleet.switches["dhcp-1"].order("multicast", fleet.now)
    assert fleet.switches["dhcp-1"].obstacles("unicast", fleet.now) != []
    fleet.turn_for(1.0)
    assert fleet.modes() == {"bus"}


def test_it_waits_for_who_is_silent_unless_a_person_says_that_it_is_gone() -> None:
    fleet = Fleet()
    fleet.silent.add("dhcp-2")
    fleet.turn_for(3.0)
    with pytest.raises(StateError, match="dhcp-2 is silent"):
        fleet.switches["dhcp-1"].order("multicast", fleet.now)
    fleet.switches["dhcp-1"].order("multicast", fleet.now, absent=["dhcp-2"])
    fleet.until(Step.MOVE)


def test_a_step_that_cannot_be_taken_is_said_and_tried_again() -> None:
    fleet = Fleet()
    one = fleet.switches["dhcp-1"]
    one.order("multicast", fleet.now)
    (record,) = one.tick(fleet.now)
    assert isinstance(record, StoreSwitch)
    one.unkept(record, "no room", fleet.now)
    assert one.standing().lacks == "no room"
    assert one.because == "it could not begin: no room"
    assert one.record.step is None


def test_a_cfm_gives_no_orders() -> None:
    fleet = Fleet()
    with pytest.raises(StateError, match="give the order at a sidecar"):
        fleet.switches["cfm-1"].order("multicast", fleet.now)
    fleet.switches["dhcp-1"].order("multicast", fleet.now)
    fleet.until(Step.HEAR, "cfm-1")
    for order in (fleet.switches["cfm-1"].drop, fleet.switches["cfm-1"].finish):
        with pytest.raises(StateError, match="give the order at a sidecar"):
            order(fleet.now)


def test_a_plan_whose_coordinator_lost_its_disk_is_left() -> None:
    fleet = Fleet()
    fleet.switches["dhcp-1"].order("multicast", fleet.now)
    fleet.until(Step.SEND, "cfm-1")
    fleet.switches["dhcp-1"] = fleet.one("dhcp-1", StoreSwitch(single(BUS)))
    fleet.turn_for(1.0)
    assert all(one.record.plan is None for one in fleet.switches.values())
    assert fleet.modes() == {"bus"}
    fleet.switches["dhcp-2"].order("multicast", fleet.now)
    fleet.until(Step.MOVE)


def test_a_beat_from_before_the_order_that_comes_late_says_nothing() -> None:
    fleet = Fleet()
    before = fleet.switches["dhcp-1"].standing()
    plan = fleet.switches["dhcp-1"].order("multicast", fleet.now)
    fleet.until(Step.HEAR, "cfm-1")
    cfm = fleet.switches["cfm-1"]
    cfm.others.heard("dhcp-1", fleet.switches["dhcp-1"].standing(), fleet.now, (1, 9))
    cfm.others.heard("dhcp-1", before, fleet.now, (1, 8))
    assert cfm.tick(fleet.now) == []
    assert cfm.record.plan == plan


def test_an_order_whose_era_another_one_used_up_is_dropped() -> None:
    fleet = Fleet()
    fleet.switches["dhcp-1"].order("multicast", fleet.now)
    fleet.until(Step.HEAR, "cfm-1")
    for parts in fleet.parts.values():
        parts.era = 1
    fleet.turn_for(1.0)
    assert fleet.modes() == {"bus"}
    assert "another era began" in fleet.switches["dhcp-1"].because
    assert fleet.switches["dhcp-1"].order("multicast", fleet.now).era == 2


def test_who_was_absent_while_the_others_switched_is_overtaken() -> None:
    fleet = Fleet()
    fleet.silent.add("cfm-1")
    fleet.turn_for(2.5)
    fleet.switches["dhcp-1"].order("multicast", fleet.now, ["cfm-1"])
    fleet.until(Step.MOVE)
    late = fleet.switches["cfm-1"]
    assert not late.is_overtaken(fleet.now)
    ahead = fleet.switches["dhcp-1"].standing()
    late.others.heard("dhcp-1", ahead, fleet.now)
    assert late.is_overtaken(fleet.now)
    late.others.heard("dhcp-2", late.standing(), fleet.now)
    assert not late.is_overtaken(fleet.now)  # one of two that it hears may be wrong, or lie
    late.others.heard("dhcp-2", ahead, fleet.now)
    assert late.is_overtaken(fleet.now + 60.0)  # they fall silent where it hears them
    fleet.silent.clear()
    fleet.until(Step.MOVE, "dhcp-2")
    fleet.turn_for(1.0)
    assert fleet.modes() == {"multicast"}
    assert not late.is_overtaken(fleet.now)


def test_whoever_was_absent_is_said_to_be_left_behind_by_those_who_hear_it() -> None:
    fleet = Fleet()
    fleet.silent.add("cfm-1")
    fleet.turn_for(2.5)
    absent = fleet.switches["cfm-1"].standing()
    fleet.switches["dhcp-1"].order("multicast", fleet.now, ["cfm-1"])
    fleet.until(Step.MOVE)
    one = fleet.switches["dhcp-1"]
    one.others.heard("cfm-1", absent, fleet.now)
    assert one.left_behind(fleet.now) == []  # it may be about to read the era
    fleet.turn_for(3.0)
    one.others.heard("cfm-1", absent, fleet.now)
    assert one.left_behind(fleet.now) == [("cfm-1", Column.BUS)]
    assert one.left_behind(fleet.now + 3.0) == []  # it is silent


def test_last_words_of_the_dead_say_nothing_against_what_the_living_say() -> None:
    fleet = Fleet()
    one = fleet.switches["cfm-1"]
    one.others.keep_to({"a", "b", "c", "d"})
    ours, ahead, back = (
        SwitchStanding(leads=leads, era=era) for leads, era in ((BUS, 0), (GROUP, 1), (BUS, 2))
    )
    for name in ("a", "b", "c"):
        one.others.heard(name, ours, 0.0)
    one.others.heard("d", ahead, 100.0)
    assert one.is_overtaken(100.0)  # who died beside us does not stand there any more
    for name in ("a", "b", "c"):
        one.others.heard(name, ahead, 101.0)
    assert one.is_overtaken(200.0)
    one.others.heard("d", back, 300.0)
    assert not one.is_overtaken(400.0)  # they came back, whoever did not live to say so
