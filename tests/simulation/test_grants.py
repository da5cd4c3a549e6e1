"""Grants in virtual time: voters and candidates under loss, cuts, crashes, pauses and drifting clocks.

A small loop of its own: datagrams only, and every node has its own clock, which begins anew at every start.
A seed draws the plant, its weather and its troubles; then everything is repaired, and somebody must hold the
role. After every event the rules are checked:

- at most one candidate says that it holds the role, in true time and by its own clock;
- what is won has a higher token than all that was won before;
- a voter's ballots only grow, and what it grants is on its disk when it answers, also where disks are full.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from heapq import heappop, heappush
from random import Random
from typing import Any, NamedTuple

import pytest

from bus.envelope import Token
from heartbeat.roles.claim import Claim
from heartbeat.roles.granted.grants import (
    VOTER_LEASE_S,
    Candidate,
    Granted,
    Lost,
    Promise,
    Refused,
    StorePromises,
    Tell,
    Voter,
    Won,
)

ROLE = "dhcp/lab"
STORM_S = 16.0
TROUBLES_MAX = 12
WELL, FULL, LYING = "well", "full", "lying"  # a lying disk refuses what it then has
AGAIN_S = 1.0  # as `bus.telemetry.keeping` tries a refused record
HOLDER_WITHIN_S = VOTER_LEASE_S + 5.0
DRIFT = 0.001
TIMER_LAG_S = 1e-6  # a timer is never early, whatever the rounding
BLOCKS = 8
SEEDS_PER_BLOCK = 100


class Weather(NamedTuple):
    """How datagrams fare: probabilities, and seconds."""

    loss: float = 0.0
    duplication: float = 0.0
    slow: float = 0.0
    delay_s_max: float = 0.002
    slow_s_max: float = 4.0


CALM = Weather()


class Node:
    """A process that can die, its clock, and the disk that survives it (None: no record)."""

    def __init__(self, name: str, start: Callable[["Node", float], Any], disk: Any = None) -> None:
        self.name = name
        self.start = start
        self.disk = disk
        self.disk_is = WELL
        self.machine: Any = None
        self.paused_until = 0.0
        self.wake_at: float | None = None
        self._rate, self._true_s, self._local_s = 1.0, 0.0, 0.0

    def local(self, now: float) -> float:
        return self._local_s + (now - self._true_s) * self._rate

    def true(self, local_s: float) -> float:
        return self._true_s + (local_s - self._local_s) / self._rate

    def set_clock(self, now: float, local_s: float, rate: float) -> None:
        self._true_s, self._local_s, self._rate, self.wake_at = now, local_s, rate, None


class Plant:
    """The voters and candidates of one role."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.random = Random(seed)
        self.now = 0.0
        self.met: Counter[str] = Counter()
        self.weather = CALM
        self.late_s: dict[str, float] = {}  # for everything that this node is told
        self._cuts: set[tuple[str, str]] = set()
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._pushed = 0
        self._won = Token(0, 0)
        voters = [f"cfm-{number}" for number in range(1, 1 + self.random.randint(3, 5))]
        self.voters = [Node(name, self._voter, disk={}) for name in voters]
        self.candidates = [
            Node(f"dhcp-{index}", partial(self._candidate, index, voters))
            for index in range(self.random.randint(2, 3))
        ]
        self.nodes = {node.name: node for node in (*self.voters, *self.candidates)}
        for node in self.nodes.values():
            self.start(node)

    def holder(self) -> Node | None:
        """Who says that it holds the role; more than one is the end of the run."""
        holders = [
            node
            for node in self.candidates
            if node.machine is not None and node.machine.held(node.local(self.now)) is not None
        ]
        if len(holders) > 1:
            self.fail(f"{' and '.join(node.name for node in holders)} hold the role")
        return holders[0] if holders else None

    def is_held(self) -> bool:
        return self.holder() is not None

    def fail(self, what: str) -> None:
        raise AssertionError(f"{what} (seed {self.seed}, at {self.now:.6f} s)")

    def at(self, at: float, action: Callable[[], None]) -> None:
        self._pushed += 1
        heappush(self._heap, (max(at, self.now), self._pushed, action))

    def run(self, until: float, goal: Callable[[], bool] | None = None) -> bool:
        """Run until then, or until the goal is reached; returns whether it was."""
        while self._heap and self._heap[0][0] <= until:
            self.now, _, action = heappop(self._heap)
            action()
            self.holder()
            if goal is not None and goal():
                return True
        self.now = until
        return False

    # What can happen to a node

    def start(self, node: Node) -> None:
        if node.machine is None:
            rate = 1.0 + self.random.choice((-DRIFT, 0.0, DRIFT))
            node.set_clock(self.now, self.random.uniform(0.0, 1e6), rate)
            node.paused_until = 0.0
            node.machine = node.start(node, node.local(self.now))
            self._arm(node)

    def crash(self, node: Node) -> None:
        if node.machine is not None:
            self.met["crash of the holder" if self.holder() is node else "crash"] += 1
            node.machine = None

    def pause(self, node: Node, until: float) -> None:
        self.met["pause of the holder" if self.holder() is node else "pause"] += 1
        node.paused_until = max(node.paused_until, until)

    def drift(self, node: Node) -> None:
        rate = 1.0 + self.random.uniform(-DRIFT, DRIFT)
        node.set_clock(self.now, node.local(self.now), rate)
        self._arm(node)

    def cut(self, source: str, target: str) -> None:
        self._cuts.add((source, target))

    def mend(self, source: str, target: str) -> None:
        self._cuts.discard((source, target))

    def release(self, node: Node) -> None:
        if node.machine is not None:
            self.perform(node, node.machine.release(node.local(self.now)))

    def stand(self, node: Node) -> None:
        if node.machine is not None:
            node.machine.stand(node.local(self.now))
            self._arm(node)

    def wipe(self, node: Node) -> None:
        """The disk of at most one voter is lost, as a majority of them must remember."""
        if all(voter.disk is not None for voter in self.voters):
            self.crash(node)
            node.disk = None
            self.met["wipe"] += 1

    def admit(self, node: Node) -> None:
        """An operator, who read what all others promised."""
        if node.machine is not None and node.disk is None:
            promised = [voter.disk[ROLE].ballot for voter in self.voters if voter.disk and ROLE in voter.disk]
            floors = {ROLE: max(promised, key=lambda ballot: ballot.token)} if promised else {}
            self.perform(node, node.machine.admit(floors, node.local(self.now)))

    # How messages and time get to it

    def _arrive(self, node: Node, message: Any) -> None:
        if node.machine is None:
            return
        if node.paused_until > self.now:
            self.at(node.paused_until, partial(self._arrive, node, message))
            return
        if isinstance(message, Refused) and message.promised is not None:
            self.met["refused"] += 1
        self.perform(node, node.machine.receive(message, node.local(self.now)))

    def _wake(self, node: Node, wake_at: float) -> None:
        if node.machine is None or node.wake_at != wake_at:
            return
        if node.paused_until > self.now:
            self.at(node.paused_until, partial(self._wake, node, wake_at))
            return
        node.wake_at = None
        self.perform(node, node.machine.tick(node.local(self.now)))

    def _arm(self, node: Node) -> None:
        due = node.machine.deadline() if isinstance(node.machine, Candidate) else None
        if due is not None and due != node.wake_at:
            node.wake_at = due
            self.at(node.true(due) + TIMER_LAG_S, partial(self._wake, node, due))

    def perform(self, node: Node, effects: list[Any]) -> None:
        """One effect after the other, as the runner does; what follows a promise waits for it to be kept."""
        if effects and isinstance(effects[0], StorePromises) and not self._keep(node, effects.pop(0)):
            return
        for effect in effects:
            if isinstance(effect, Tell):
                self._tell(node, effect)
            else:
                self.met[effect.reason if isinstance(effect, Lost) else "won"] += 1
                if isinstance(effect, Won):
                    self._win(effect.ballot)
        self._arm(node)

    def _keep(self, node: Node, record: StorePromises) -> bool:
        """Whether the disk has it, as far as the voter is told."""
        if node.disk_is is not FULL:
            self._store(node, record.promises)
        if node.disk_is is WELL:
            node.machine.kept(record, node.local(self.now))
            return True
        self.met[f"promise and a {node.disk_is} disk"] += 1
        node.machine.unkept(record)
        self.at(self.now + AGAIN_S, partial(self._try_again, node, node.machine))
        return False

    def _try_again(self, node: Node, machine: Voter) -> None:
        if node.machine is machine and (record := machine.record()) is not None:
            self.perform(node, [record])

    def _store(self, node: Node, promises: Mapping[str, Promise]) -> None:
        before = node.disk.get(ROLE) if node.disk else None
        after = promises.get(ROLE)
        if before is not None and (after is None or after.ballot.token < before.ballot.token):
            self.fail(f"{node.name} promises {after} after {before}")
        node.disk = promises

    def _win(self, ballot: Claim) -> None:
        if ballot.token <= self._won:
            self.fail(f"{ballot} is won after {self._won}")
        self._won = ballot.token

    def _tell(self, node: Node, told: Tell) -> None:
        message, weather = told.message, self.weather
        if isinstance(message, Granted) and node.disk.get(ROLE) != Promise(message.ballot, told.to):
            self.fail(f"{node.name} grants {message.ballot} and has {node.disk} on its disk")
        if (node.name, told.to) in self._cuts or self.random.random() < weather.loss:
            return
        for _ in range(1 + (self.random.random() < weather.duplication)):
            delay_s = self.late_s.get(told.to, 0.0) + self.random.uniform(0.0, weather.delay_s_max)
            if self.random.random() < weather.slow:
                delay_s += self.random.uniform(0.0, weather.slow_s_max)
            self.at(self.now + delay_s, partial(self._arrive, self.nodes[told.to], message))

    def _voter(self, node: Node, now: float) -> Voter:
        return Voter(node.name, (ROLE,), node.disk, now)

    def _candidate(self, index: int, voters: list[str], node: Node, now: float) -> Candidate:
        random = Random(self.random.getrandbits(64))
        candidate = Candidate(node.name, ROLE, index=index, voters=voters, random=random)
        candidate.stand(now)
        return candidate


def storm(plant: Plant) -> None:
    """Draw the troubles of the first `STORM_S` seconds, and the repair of them all."""
    random = plant.random
    plant.weather = Weather(
        loss=random.choice((0.0, 0.05, 0.3)),
        duplication=random.choice((0.0, 0.1, 0.4)),
        slow=random.choice((0.0, 0.0, 0.05, 0.2)),
        delay_s_max=random.choice((0.002, 0.002, 0.05, 0.4)),
    )
    for _ in range(random.randint(2, TROUBLES_MAX)):
        since_s = random.uniform(0.0, STORM_S)
        end_s = min(STORM_S, since_s + random.choice((0.2, 1.0, 4.0, 8.0)) * random.uniform(0.5, 1.5))
        node, voter, stander = (
            random.choice(nodes) for nodes in ([*plant.nodes.values()], plant.voters, plant.candidates)
        )
        there, back = (stander.name, voter.name), (voter.name, stander.name)
        pairs: list[tuple[Callable[[], None], Callable[[], None]]] = [
            (partial(plant.crash, node), partial(plant.start, node)),
            (partial(plant.crash, stander), partial(plant.start, stander)),
            (partial(plant.pause, node, end_s), partial(plant.drift, node)),
            (partial(plant.pause, stander, end_s), partial(plant.drift, stander)),
            (partial(plant.cut, *there), partial(plant.mend, *there)),
            (partial(plant.cut, *back), partial(plant.mend, *back)),
            (partial(isolate, plant, stander), partial(rejoin, plant, stander)),
            (partial(plant.release, stander), partial(plant.stand, stander)),
            (partial(plant.wipe, voter), partial(plant.start, voter)),
            (partial(delay, plant, stander, 1.4), partial(delay, plant, stander, 0.0)),
            *[(partial(fill, plant, random.choice((FULL, LYING))), partial(empty, plant))] * 2,
            *[(partial(strike, plant), partial(rejoin, plant, stander))] * 4,
        ]
        trouble, repair = random.choice(pairs)
        plant.at(since_s, trouble)
        plant.at(end_s, repair)
        plant.at(random.uniform(end_s, STORM_S), partial(plant.admit, voter))
    plant.at(STORM_S, partial(repair_all, plant))


def delay(plant: Plant, node: Node, late_s: float) -> None:
    plant.late_s[node.name] = late_s


def fill(plant: Plant, disk: str) -> None:
    """The disks of most voters are full, and one that is restarted in between has room again."""
    for voter in plant.random.sample(plant.voters, len(plant.voters) // 2 + 1):
        voter.disk_is = disk
    if plant.random.random() < 0.5:
        voter = plant.random.choice(plant.voters)
        since_s = plant.now + plant.random.uniform(0.0, 4.0)
        plant.at(since_s, partial(plant.crash, voter))
        plant.at(since_s, partial(setattr, voter, "disk_is", WELL))
        plant.at(since_s + 0.1, partial(plant.start, voter))


def empty(plant: Plant) -> None:
    for voter in plant.voters:
        voter.disk_is = WELL


def isolate(plant: Plant, node: Node) -> None:
    for voter in plant.voters:
        plant.cut(node.name, voter.name)
        plant.cut(voter.name, node.name)


def strike(plant: Plant) -> None:
    """The worst moment: the holder is cut off, and while it still holds, voters start anew."""
    holder = plant.holder()
    if holder is not None:
        isolate(plant, holder)
        plant.met["strike"] += 1
        for voter in plant.random.sample(plant.voters, plant.random.choice((0, 1, len(plant.voters)))):
            since_s = plant.now + plant.random.uniform(0.0, 1.0)
            plant.at(since_s, partial(plant.random.choice((plant.crash, plant.crash, plant.wipe)), voter))
            plant.at(since_s + 0.1, partial(plant.start, voter))
            plant.at(since_s + 0.1, partial(plant.admit, voter))
        plant.at(plant.now + 8.0, partial(rejoin, plant, holder))


def rejoin(plant: Plant, node: Node) -> None:
    for voter in plant.voters:
        plant.mend(node.name, voter.name)
        plant.mend(voter.name, node.name)


def repair_all(plant: Plant) -> None:
    plant.weather = CALM
    plant.late_s.clear()
    empty(plant)
    for node in plant.nodes.values():
        plant.start(node)
    for node in plant.candidates:
        rejoin(plant, node)
        plant.stand(node)
    for node in plant.voters:
        plant.admit(node)


@pytest.mark.soak
@pytest.mark.parametrize("block", range(BLOCKS))
def test_never_two_and_soon_one(block: int) -> None:
    """Nothing is violated; and the block went where it can hurt, or it would prove nothing."""
    met: Counter[str] = Counter()
    for seed in range(block * SEEDS_PER_BLOCK, (block + 1) * SEEDS_PER_BLOCK):
        plant = Plant(seed)
        storm(plant)
        plant.run(STORM_S)
        if not plant.run(STORM_S + HOLDER_WITHIN_S, plant.is_held):
            plant.fail(f"nobody holds the role {HOLDER_WITHIN_S} s after the storm")
        plant.run(STORM_S + HOLDER_WITHIN_S)
        met += plant.met
    wanted = {"won", "refused", "released", "no majority renewed it in time", "strike", "wipe"}
    wanted |= {"crash of the holder", "pause of the holder"}
    wanted |= {f"promise and a {disk} disk" for disk in (FULL, LYING)}
    assert wanted <= met.keys(), met


def test_the_same_seed_is_the_same_run() -> None:
    runs = []
    for _ in range(2):
        plant = Plant(7)
        storm(plant)
        plant.run(STORM_S)
        runs.append((plant.met, plant._pushed, plant._won))
    assert runs[0] == runs[1]


def test_in_calm_weather_the_first_holder_keeps_the_role() -> None:
    for seed in range(10):
        plant = Plant(seed)
        assert plant.run(HOLDER_WITHIN_S, plant.is_held)
        plant.run(plant.now + 60.0)
        assert plant.met["won"] == 1


def test_a_dead_holder_has_a_successor_in_time() -> None:
    for seed in range(50):
        plant = Plant(seed)
        assert plant.run(HOLDER_WITHIN_S, plant.is_held)
        plant.run(plant.now + plant.random.uniform(1.0, 2.0))
        dead = plant.holder()
        assert dead is not None
        plant.crash(dead)
        assert plant.run(plant.now + HOLDER_WITHIN_S, plant.is_held)
