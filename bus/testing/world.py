"""The world: real machines in virtual time, over a network that a seed decides.

Theory of operation
-------------------
The world runs the same machines as `bus.runner` and asks them the same three things, but its clock is a heap
of what comes next. It takes the earliest entry, moves the clock there, and gives a node a message or a tick.
That is a **step**: the checkers see it, then its effects are performed by the handler of their type. Messages
of the bus go through the codecs and over `bus.testing.faults.Network`; what a service's own effects mean (a
datagram, an answer to its host) the test tells with `on`.

Everything that happens comes from one `Random(seed)` and from the order of the heap, in which equal times
keep the order of their making. So a seed replays a run exactly, in any process: the hash over all steps is
the proof, and a violation names the seed.

What was said to one incarnation never reaches the next, neither on a connection (`bus.testing.connections`)
nor on a topic (`bus.testing.topics`). Messages carried with `carry` are datagrams: they go to whoever is
there when they arrive.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from heapq import heappop, heappush
from random import Random
from typing import Any, NoReturn

from bus.errors import LocalError, OversizeError, TransportError
from bus.machine import (
    Connect,
    Disconnect,
    Effect,
    Exit,
    Machine,
    Publish,
    Received,
    Send,
    Stopping,
    Undelivered,
    WallClock,
)
from bus.testing.checkers import Checker, Crashed, Paused, Started, Step, Tick, Witness
from bus.testing.connections import Connections
from bus.testing.faults import (
    CALM,
    Crash,
    Cut,
    Fault,
    Mend,
    Network,
    Pause,
    Restart,
    SetClock,
    SetWeather,
    Slow,
    Stop,
    Timed,
    Weather,
)
from bus.testing.topics import Topics

UNIX_S = 1_700_000_000.0
"""Unix time at the world's beginning."""
IDLE_TICKS_MAX = 50  # a machine whose deadline stays in the past would stop the clock

Start = Callable[[int, Random], Machine]
"""Makes the machine of an incarnation, with a random source of its own."""


@dataclass(slots=True, eq=False)
class _Node:
    name: str
    start: Start
    reads: Sequence[str]
    has_clock: bool
    machine: Machine | None = None
    incarnation: int = 0
    paused_until: float = 0.0
    clock_error_s: float = 0.0
    wake_at: float | None = None
    wakes: int = 0
    idle_ticks: int = 0


class World:
    """A clock, a network and named machines."""

    def __init__(self, seed: int, *, weather: Weather = CALM, replay: str = "-") -> None:
        """`replay` is the command that runs this seed again; a `{seed}` in it is filled in."""
        self.now = 0.0
        self.random = Random(seed)
        self.network = Network(self.random, weather)
        self.witness = Witness(seed, replay)
        self._topics = Topics(self.network, self.after)
        self._connections = Connections(self.network, self.incarnation, self._arrive_after)
        self._nodes: dict[str, _Node] = {}
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._pushed = 0
        self._handlers: dict[type, Callable[[str, Any], None]] = {
            Send: self._connections.send,
            Publish: self._publish,
            Connect: lambda name, effect: self._connections.connect(name, effect.peer),
            Disconnect: lambda name, effect: self._connections.disconnect(name, effect.peer),
            Exit: lambda name, effect: self._crash(self._nodes[name]),
        }
        self._faults: dict[type, Callable[[Any], None]] = {
            Crash: lambda fault: self._crash(self._nodes[fault.node]),
            Stop: lambda fault: self._stop(self._nodes[fault.node]),
            Restart: lambda fault: self._start(self._nodes[fault.node]),
            Pause: self._pause,
            Cut: lambda fault: self.network.cut(*fault),
            Mend: lambda fault: self.network.mend(*fault),
            Slow: lambda fault: self.network.slow(*fault),
            SetClock: self._set_clock,
            SetWeather: lambda fault: self.network.change(fault.weather),
        }

    def add(
        self, name: str, start: Start, *, reads: Sequence[str] = (), has_clock: bool = True, at: float = 0.0
    ) -> None:
        """A node that starts at `at`, reads these classes and, with `has_clock`, is told the time of day."""
        if name in self._nodes:
            raise LocalError(f"there is a node {name} already")
        node = self._nodes[name] = _Node(name, start, reads, has_clock)
        self._at(at, lambda: self._start(node))

    def on(self, effect: type, handler: Callable[[str, Any], None]) -> None:
        """Perform effects of this type with `handler(node, effect)`; a `TransportError` in it is told to the
        node if it was a send.
        """
        self._handlers[effect] = handler

    def check(self, checker: Checker) -> None:
        """Show every step from now on to this checker."""
        self.witness.checkers.append(checker)

    def plan(self, faults: Sequence[Timed]) -> None:
        """Let these faults happen."""
        for at, fault in faults:
            self._at(at, partial(self.inflict, fault))

    def inflict(self, fault: Fault) -> None:
        """Let this fault happen now."""
        self.witness.note(self.now, repr(fault))
        self._faults[type(fault)](fault)

    def after(self, delay_s: float, action: Callable[[], None]) -> None:
        """Call `action` after so many seconds of virtual time."""
        self._at(self.now + delay_s, action)

    def deliver(self, name: str, message: Any, delay_s: float = 0.0) -> None:
        """Give a message to whoever is `name` after this delay; if nobody is, it is gone."""
        self.after(delay_s, partial(self._arrive, self._nodes[name], message, None))

    def carry(self, source: str, target: str, message: Any) -> None:
        """Send a message as a datagram: it may be lost, doubled, late."""
        for delay_s in self.network.copies(source, target):
            self.deliver(target, message, delay_s)

    def incarnation(self, name: str) -> int:
        """Which start of this node is running; 0 if it is down or unknown."""
        node = self._nodes.get(name)
        return node.incarnation if node is not None and node.machine is not None else 0

    def log(self, traffic: str) -> list[Any]:
        """Every envelope of a topic, in order."""
        return self._topics.log(traffic)

    def run(self, until: float, goal: Callable[[], bool] | None = None) -> bool:
        """Run until the clock shows `until`, or sooner when the goal is reached; returns whether it was."""
        while goal is None or not goal():
            if not self._heap or self._heap[0][0] > until:
                self.now = max(self.now, until)
                return False
            self.now, _, action = heappop(self._heap)
            action()
        return True

    def fail(self, what: str) -> NoReturn:
        """Raise the `ViolationError` that names this world's seed."""
        self.witness.fail(what, self.now)

    def trace_hash(self) -> str:
        """A hash over everything that happened: equal for equal seeds, in any process."""
        return self.witness.trace_hash()

    def _at(self, at: float, action: Callable[[], None]) -> None:
        self._pushed += 1
        heappush(self._heap, (max(at, self.now), self._pushed, action))

    def _start(self, node: _Node) -> None:
        if node.machine is not None:
            return
        node.incarnation += 1
        node.machine = node.start(node.incarnation, Random(self.random.getrandbits(64)))
        node.paused_until, node.wake_at, node.idle_ticks = 0.0, None, 0
        self._step(node, Started(), [])
        if node.has_clock:
            self._give(node, WallClock(UNIX_S + node.clock_error_s))
        incarnation = node.incarnation
        give = partial(self._arrive, node, incarnation=incarnation)
        for traffic in node.reads:
            self._topics.open(node.name, traffic, give, lambda: self.incarnation(node.name) == incarnation)
        self._arm(node)

    def _crash(self, node: _Node) -> None:
        if node.machine is not None:
            node.machine = None
            self._connections.forget(node.name)
            self._step(node, Crashed(), [])

    def _stop(self, node: _Node) -> None:
        if node.machine is not None:
            self._give(node, Stopping())
            self._crash(node)

    def _pause(self, fault: Pause) -> None:
        node = self._nodes[fault.node]
        if node.machine is not None:
            node.paused_until = max(node.paused_until, self.now + fault.pause_s)
            self._step(node, Paused(fault.pause_s), [])

    def _set_clock(self, fault: SetClock) -> None:
        node = self._nodes[fault.node]
        if node.clock_error_s != fault.error_s:
            node.clock_error_s = fault.error_s
            # The runner looks at the clock once a second.
            self.after(self.random.random(), lambda: self._tell_time(node))

    def _tell_time(self, node: _Node) -> None:
        if node.has_clock:
            self._arrive(node, WallClock(UNIX_S + node.clock_error_s), None)

    def _arrive_after(self, delay_s: float, name: str, incarnation: int, message: Any) -> None:
        self.after(delay_s, partial(self._arrive, self._nodes[name], message, incarnation))

    def _arrive(self, node: _Node, message: Any, incarnation: int | None) -> None:
        """A message reached a node; None as the incarnation means whichever there is."""
        if node.machine is None or incarnation not in (None, node.incarnation):
            return
        if node.paused_until > self.now:
            self._at(node.paused_until, partial(self._arrive, node, message, node.incarnation))
            return
        self._give(node, message)
        self._arm(node)

    def _give(self, node: _Node, message: Any) -> None:
        assert node.machine is not None
        if isinstance(message, Received):
            self._connections.heard(node.name, message)
        node.idle_ticks = 0
        self._step(node, message, node.machine.receive(message, self.now))

    def _arm(self, node: _Node) -> None:
        """Have the node woken at its deadline."""
        due = node.machine.deadline() if node.machine is not None else None
        if due != node.wake_at:
            node.wake_at = due
            node.wakes += 1
            if due is not None:
                self._at(due + self.network.lag_s(), partial(self._wake, node, node.wakes))

    def _wake(self, node: _Node, wake: int) -> None:
        if node.machine is None or wake != node.wakes:
            return
        if node.paused_until > self.now:
            self._at(node.paused_until, partial(self._wake, node, wake))
            return
        node.wake_at = None
        due = node.machine.deadline()
        if due is not None and due <= self.now:
            self._step(node, Tick(), node.machine.tick(self.now))
            self._check_progress(node)
        self._arm(node)

    def _check_progress(self, node: _Node) -> None:
        due = node.machine.deadline() if node.machine is not None else None
        node.idle_ticks = node.idle_ticks + 1 if due is not None and due <= self.now else 0
        if node.idle_ticks > IDLE_TICKS_MAX:
            self.fail(f"{node.name} leaves its deadline at {due!r}, however often it is ticked")

    def _step(self, node: _Node, message: Any, effects: list[Effect]) -> None:
        self.witness.see(Step(self.now, node.name, node.incarnation, message, effects))
        for effect in effects:
            try:
                self._handlers[type(effect)](node.name, effect)
            except (TransportError, OversizeError) as error:
                self._refuse(node, effect, error)

    def _refuse(self, node: _Node, effect: Effect, error: Exception) -> None:
        if not isinstance(effect, Send | Publish):
            raise error
        to = effect.to if isinstance(effect, Send) else ""
        if node.machine is not None:
            self._give(node, Undelivered(effect.envelope, to, str(error)))

    def _publish(self, name: str, effect: Publish) -> None:
        node, incarnation = self._nodes[name], self.incarnation(name)
        give = partial(self._arrive, node, incarnation=incarnation)
        self._topics.publish(name, effect.envelope, give, self.now)
