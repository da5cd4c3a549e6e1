"""The world: real machines in virtual time, over a network that a seed decides.

Theory of operation
-------------------
The world runs the same machines as `bus.runtime.runner` and calls the same three methods, but its clock is a
heap of coming events. It takes the earliest entry, moves the clock there, and gives a node a message or a
tick. That is a **step**: the checkers see it, then the handlers of their types perform its effects. Messages
of the bus go through the codecs and over `bus.testing.network.Network`; with `on` a test gives the handlers
of a service's own effects (a datagram, an answer to its host).

All events follow from one `Random(seed)` and from the order of the heap, in which equal times keep the order
of their making. So a seed replays a run exactly, in any process: the hash over all steps proves it, and a
violation names the seed.

A message to one incarnation never reaches the next, neither on a connection (`bus.testing.connections`) nor
on a topic (`bus.testing.topics`). Messages sent with `carry` are datagrams: they go to the incarnation that
runs when they arrive.
"""

from collections.abc import Callable, Sequence
from functools import partial
from random import Random
from typing import Any, NoReturn

from bus.effects import CatchUp, Connect, Effect, Exit, Keep, Publish, Send
from bus.envelope import Envelope
from bus.errors import LocalError, OversizeError, TransportError
from bus.messages import Kept, Received, Stopping, Undelivered, Unkept, WallClock
from bus.testing import faults
from bus.testing.checkers import Checker, Crashed, Paused, Started, Tick, Witness, WorldStep
from bus.testing.connections import Connections
from bus.testing.faults import CALM, Fault, Timed, Weather
from bus.testing.network import Network
from bus.testing.node import SimulatedNode, Start
from bus.testing.timeline import Alarm, Timeline
from bus.testing.topics import Topics

UNIX_S = 1_700_000_000.0
"""Unix time at the world's beginning."""
IDLE_TICKS_MAX = 50  # a machine whose deadline stays in the past would stop the clock


class World(Timeline):
    """A clock, a network and named machines. `injected` counts the faults that happened by the names of their
    types, and those of the weather: loss, duplication, slow, reorder.
    """

    def __init__(self, seed: int, *, weather: Weather = CALM, replay: str = "-") -> None:
        """`replay` is the command that runs this seed again; a `{seed}` in it is filled in."""
        super().__init__()
        self.random = Random(seed)
        self.network = Network(self.random, self, weather)
        self.injected = self.network.injected
        self.witness = Witness(seed, replay)
        self.topics = topics = Topics(self.network, self, self.random)
        self._connections = connections = Connections(self.network, self.incarnation, self._arrive_after)
        self._nodes: dict[str, SimulatedNode] = {}
        self._refusing: dict[str, faults.Full] = {}
        self._wiped: Callable[[str], None] = lambda name: None
        self._handlers: dict[type, Callable[[str, Any], None]] = {
            Send: connections.send,
            Publish: self._publish,
            CatchUp: lambda name, effect: topics.catch_up(name, effect.traffic),
            Connect: lambda name, effect: connections.connect(name, effect.peer),
            Exit: self._exit,
            Keep: self._keep,
        }
        # Each returns whether it changed anything.
        self._faults: dict[type, Callable[..., bool]] = {
            faults.Crash: self._crash,
            faults.Stop: self._stop,
            faults.Restart: lambda name: self._start(self._nodes[name]),
            faults.Pause: self._pause,
            faults.Wipe: self._wipe,
            faults.Full: self._fill,
            faults.SetClock: self._set_clock,
            faults.Drift: self._drift,
            faults.Cut: self.network.cut,
            faults.Mend: self.network.mend,
            faults.Slow: self.network.slow,
            faults.SetWeather: self.network.change,
            faults.Stall: topics.stall,
            faults.SlowLog: topics.slow,
            faults.Retain: topics.retain,
            faults.Truncate: topics.truncate,
            faults.Recreate: topics.recreate,
            faults.Skip: topics.skip,
            faults.Echo: topics.echo,
        }

    def add(
        self, name: str, start: Start, *, reads: Sequence[str] = (), has_clock: bool = True, at: float = 0.0
    ) -> None:
        """Add a node that starts at `at`, reads these classes and, with `has_clock`, gets the time of day."""
        if name in self._nodes:
            raise LocalError(f"there is a node {name} already")
        alarm = Alarm(self, lambda: self._wake(node))
        node = self._nodes[name] = SimulatedNode(name, start, reads, has_clock, alarm)
        self.at(at, lambda: self._start(node))

    def on(self, effect: type, handler: Callable[[str, Any], None]) -> None:
        """Perform effects of this type, or keep records of it, with `handler(node, effect)`; a
        `TransportError` in it is told to the node if it was a send.
        """
        self._handlers[effect] = handler

    def on_wipe(self, handler: Callable[[str], None]) -> None:
        """Call `handler(node)` to erase the disk of a node when it is lost; the node is down then."""
        self._wiped = handler

    def check(self, checker: Checker) -> None:
        """Show every step from now on to this checker."""
        self.witness.checkers.append(checker)

    def plan(self, faults: Sequence[Timed]) -> None:
        """Inflict these faults at their times."""
        for at, fault in faults:
            self.at(at, partial(self.inflict, fault))

    def inflict(self, fault: Fault) -> None:
        """Inflict this fault now."""
        self.witness.note(self.now, repr(fault))
        kind = type(fault)
        if self._faults[kind](*fault):
            self.injected[kind.__name__] += 1

    def deliver(self, name: str, message: Any, delay_s: float = 0.0) -> None:
        """Give a message to the incarnation that runs after the delay; without one it is lost."""
        self.after(delay_s, partial(self._arrive, self._nodes[name], None, message))

    def hand(self, name: str, incarnation: int, message: Any) -> None:
        """Give a message that arrived to this incarnation of a node, if that still runs."""
        self._arrive(self._nodes[name], incarnation, message)

    def carry(self, source: str, target: str, message: Any) -> None:
        """Send a message as a datagram: it may be lost, doubled, late."""
        for delay_s in self.network.copies(source, target):
            self.deliver(target, message, delay_s)

    def incarnation(self, name: str) -> int:
        """The running incarnation of this node; 0 if it is down or unknown."""
        node = self._nodes.get(name)
        return node.incarnation if node is not None and node.machine is not None else 0

    def local(self, name: str) -> float:
        """The time of the node's own clock."""
        return self._nodes[name].clock.local(self.now)

    def log(self, traffic: str) -> list[Envelope]:
        """Every envelope of a topic, in order: each at the place of its offset, however few are retained."""
        return self.topics.log(traffic)

    def fail(self, what: str) -> NoReturn:
        """Raise the `ViolationError` that names this world's seed."""
        self.witness.fail(what, self.now)

    def trace_hash(self) -> str:
        """A hash over all steps: equal for equal seeds, in any process."""
        return self.witness.trace_hash()

    def _start(self, node: SimulatedNode) -> bool:
        if node.machine is not None or node.name in self._refusing:
            return False
        node.incarnation += 1
        node.machine = node.start(node.incarnation, Random(self.random.getrandbits(64)))
        node.paused_until, node.idle_ticks = 0.0, 0
        self._step(node, Started(), [])
        if node.has_clock:
            self._give(node, WallClock(UNIX_S + node.clock_error_s))
        give = partial(self._arrive, node, node.incarnation)
        for traffic in node.reads:
            self.topics.open(node.name, traffic, give)
        node.arm(self.network.lag_s)
        return True

    def _crash(self, name: str) -> bool:
        node = self._nodes[name]
        if node.machine is None:
            return False
        node.lie_down()
        self._connections.forget(name)
        self.topics.close(name)
        self._step(node, Crashed(), [])
        return True

    def _exit(self, name: str, _: Exit) -> None:
        self._crash(name)

    def _stop(self, name: str) -> bool:
        node = self._nodes[name]
        if node.machine is None:
            return False
        self._give(node, Stopping())
        self._crash(name)
        return True

    def _wipe(self, name: str) -> bool:
        self._crash(name)
        self._wiped(name)
        return True

    def _fill(self, name: str, is_on: bool, lies: bool) -> bool:
        had = self._refusing.pop(name, None)
        if is_on:
            self._refusing[name] = faults.Full(name, is_on, lies)
        return is_on or had is not None

    def _pause(self, name: str, pause_s: float) -> bool:
        node = self._nodes[name]
        if node.machine is None:
            return False
        node.paused_until = max(node.paused_until, self.now + pause_s)
        self._step(node, Paused(pause_s), [])
        return True

    def _set_clock(self, name: str, error_s: float) -> bool:
        node = self._nodes[name]
        if node.clock_error_s == error_s:
            return False
        node.clock_error_s = error_s
        # The runner looks at the clock once a second.
        self.after(self.random.random(), lambda: self._tell_time(node))
        return True

    def _drift(self, name: str, rate: float) -> bool:
        node = self._nodes[name]
        if not node.clock.run_at(rate, self.now):
            return False
        node.due = None  # or the alarm would stay at the time computed from the old rate
        node.arm(self.network.lag_s)
        return True

    def _tell_time(self, node: SimulatedNode) -> None:
        if node.has_clock:
            self._arrive(node, None, WallClock(UNIX_S + node.clock_error_s))

    def _arrive_after(self, delay_s: float, name: str, incarnation: int, message: Any) -> None:
        self.after(delay_s, partial(self._arrive, self._nodes[name], incarnation, message))

    def _arrive(self, node: SimulatedNode, incarnation: int | None, message: Any) -> None:
        """Give a node a message that arrived, if this incarnation runs; None means any."""
        if node.machine is None or (incarnation is not None and incarnation != node.incarnation):
            return
        if node.paused_until > self.now:
            self.at(node.paused_until, partial(self._arrive, node, node.incarnation, message))
            return
        self._give(node, message)
        node.arm(self.network.lag_s)

    def _give(self, node: SimulatedNode, message: Any, then: Sequence[Effect] = ()) -> None:
        assert node.machine is not None
        if type(message) is Received and message.via:
            self._connections.heard(node.name, message)
        node.idle_ticks = 0
        effects = node.machine.receive(message, node.clock.local(self.now))
        self._step(node, message, [*effects, *then])

    def _wake(self, node: SimulatedNode) -> None:
        assert node.machine is not None
        if node.paused_until > self.now:
            node.alarm.set(node.paused_until)
            return
        node.due = None
        due, now = node.machine.deadline(), node.clock.local(self.now)
        if due is not None and due <= now:
            self._step(node, Tick(), node.machine.tick(now))
            self._check_progress(node)
        node.arm(self.network.lag_s)

    def _check_progress(self, node: SimulatedNode) -> None:
        due = node.machine.deadline() if node.machine is not None else None
        is_idle = due is not None and due <= node.clock.local(self.now)
        node.idle_ticks = node.idle_ticks + 1 if is_idle else 0
        if node.idle_ticks > IDLE_TICKS_MAX:
            self.fail(f"{node.name} leaves its deadline at {due!r}, however often it is ticked")

    def _step(self, node: SimulatedNode, message: Any, effects: Sequence[Effect]) -> None:
        self.witness.see(WorldStep(self.now, node.name, node.incarnation, message, effects))
        machine = node.machine
        for effect in effects:
            if node.machine is not machine:
                return  # it ended at one of them
            try:
                self._handlers[type(effect)](node.name, effect)
            except (TransportError, OversizeError) as error:
                self._refuse(node, effect, error)

    def _keep(self, name: str, effect: Keep) -> None:
        """Keep a record as the runner does: the node is told the outcome before any other message. An
        `OSError` of the record's handler is a refusal, as of a column that cannot be opened.
        """
        node, record = self._nodes[name], effect.record
        full = self._refusing.get(name)
        refusal = "" if full is None else "the disk is full"
        if full is None or full.lies:
            try:
                self._handlers[type(record)](name, record)
            except OSError as error:
                refusal = str(error)
        if node.machine is None:  # a process that has ended is not told the outcome
            return
        if not refusal:
            self._give(node, Kept(record), effect.then)
        else:
            is_doubtful = full is not None and full.lies
            self._give(node, Unkept(record, effect.then, refusal, is_doubtful))

    def _refuse(self, node: SimulatedNode, effect: Effect, error: Exception) -> None:
        if not isinstance(effect, Send | Publish):
            raise error
        to = effect.to if isinstance(effect, Send) else ""
        if node.machine is not None:
            self._give(node, Undelivered(effect.envelope, to, str(error)))

    def _publish(self, name: str, effect: Publish) -> None:
        node = self._nodes[name]
        give = partial(self._arrive, node, self.incarnation(name))
        self.topics.publish(name, effect.envelope, give)
