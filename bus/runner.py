"""The runner: one thread that gives a machine its messages, its time, and its effects their way out.

Theory of operation
-------------------
The loop waits for the first of: a message, the machine's deadline, a signal. Messages of one wake-up are
given to the machine together, then `tick` runs if its deadline has come, so what arrived together can leave
together. Effects are performed by the handler of their type. A handler that cannot do it now raises a
`TransportError` (or `OversizeError`), and the machine is told with `Undelivered`: whether to try again is its
decision.

A wake-up that brought several messages is followed by others at once. Waking for each alone costs more than
working on it, so after `BUSY_MESSAGES` in one wake-up the next is put off by `GATHER_S`, as network cards
moderate their interrupts. A lone message, such as a hand-off in quiet times, never waits.

`now` is CLOCK_BOOTTIME: it never jumps and it counts while a machine is suspended, as leases need.
"""

import gc
import logging
import math
import signal
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from bus.errors import OversizeError, TransportError
from bus.machine import Effect, Exit, Machine, Publish, Send, Stopping, Undelivered, WallClock
from bus.transport.poller import Poller

WALL_EVERY_S = 1.0
BUSY_MESSAGES = 4
GATHER_S = 0.002
GARBAGE_MAX = (
    20_000  # objects between two collections: messages and effects have no cycles, so little is found
)
_WAIT_S_MAX = 1.0
_SIGNALS = {number.name: number for number in (signal.SIGTERM, signal.SIGINT)}
_log = logging.getLogger("provbus.runner")

Handler = Callable[[Any], None]


def boottime() -> float:
    """Seconds of CLOCK_BOOTTIME."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Runner:
    """Drives one machine until it exits or `stop` is called."""

    def __init__(self, machine: Machine, poller: Poller, handlers: Mapping[type, Handler]) -> None:
        self.undelivered = 0
        self._machine = machine
        self._poller = poller
        self._handlers = {**handlers, Exit: self._leave}
        self._exit: Exit | None = None
        self._wall_due = 0.0
        self._due = 0.0

    def _leave(self, effect: Exit) -> None:
        self._exit = effect

    def stop(self, code: int = 0, reason: str = "stopped") -> None:
        """Leave the loop after the present round."""
        self._exit = Exit(code, reason)

    def run(self) -> Exit:
        """Run until the machine says `Exit`, or a signal asks to stop; afterwards signals are as before."""
        # What start-up built stays: the collector need not look at its 200,000 objects again and again.
        gc.collect()
        gc.freeze()
        gc.set_threshold(GARBAGE_MAX)
        numbers = tuple(_SIGNALS.values())
        before = [signal.signal(number, self._stop_on) for number in numbers]
        try:
            while self._exit is None:
                self.round()
            if self._exit.reason in _SIGNALS:
                now = boottime()
                self._perform(self._machine.receive(Stopping(), now), now)
        finally:
            for number, handler in zip(numbers, before, strict=True):
                signal.signal(number, handler)
        return self._exit

    def _stop_on(self, number: int, _: object) -> None:
        self.stop(reason=signal.Signals(number).name)

    def round(self, wait_s_max: float = _WAIT_S_MAX) -> None:
        """One wake-up: at most `wait_s_max` of waiting, then everything that is due."""
        machine = self._machine
        wait_s = min(max(0.0, self._due - boottime()), wait_s_max)
        messages = self._poller.poll(wait_s)
        now = boottime()
        if now >= self._wall_due:
            self._wall_due = now + WALL_EVERY_S
            self._perform(machine.receive(WallClock(time.time() - now), now), now)
        effects: list[Effect] = []
        for message in messages:
            effects += machine.receive(message, now)
        self._perform(effects, now)
        due = machine.deadline()
        if due is not None and due <= now:
            self._perform(machine.tick(now), now)
            due = machine.deadline()
        self._due = math.inf if due is None else due
        if len(messages) >= BUSY_MESSAGES:
            time.sleep(GATHER_S)

    def _perform(self, effects: Iterable[Effect], now: float) -> None:
        for effect in effects:
            try:
                self._handlers[type(effect)](effect)
            except (TransportError, OversizeError) as error:
                self._report(effect, error, now)

    def _report(self, effect: Effect, error: Exception, now: float) -> None:
        self.undelivered += 1
        _log.debug("%s: %s", type(effect).__name__, error)
        if isinstance(effect, Send):
            failed = Undelivered(effect.envelope, effect.to, str(error))
        elif isinstance(effect, Publish):
            failed = Undelivered(effect.envelope, "", str(error))
        else:
            raise error
        self._perform(self._machine.receive(failed, now), now)
