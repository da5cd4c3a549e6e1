"""The runner: one thread that gives a machine messages and time, and performs its effects.

Theory of operation
-------------------
The loop waits for the first of: a message, the machine's deadline, a signal. The machine gets all messages of
one wake-up, then `tick` if its deadline has come, so messages that arrived together can leave together. The
handler of its type performs each effect. A handler that fails for now raises a `TransportError` (or
`OversizeError`), and the machine is told `Undelivered`: it decides whether to try again.

A record to keep on the disk (`Keep`) is written before the machine's next message, and the machine is told
the outcome first. A disk that refuses is a warning, and again the machine decides: no process ends for it.

What arrives comes from others, and an error that a handler raises at it is a fault of ours that they know how
to bring about. So it costs that message, and an error of an effect costs that effect: counted and told
(`bus.telemetry.own_faults`), never the process. A message that did not leave is `Undelivered`, a record that
was not written is `Unkept`, and a request of the local socket is answered that its outcome is not known. An
error of `tick` ends the process: no message is to blame that could be left out, the same tick would be due
again at once, and a start from the disk is the better state.

A wake-up that brought several messages is followed by others at once. Waking for each alone costs more than
the work on it, so after `BUSY_MESSAGES` in one wake-up the next is put off by `GATHER_S`, as network cards
moderate their interrupts. A lone message, such as a hand-off in quiet times, never waits.

The first signal asks the machine to drain: it is told `Draining`, and the loop goes on until it returns
`Exit` or `DRAIN_S` are over. A second signal ends the loop at once. Either way `Stopping` is the last
message.

`now` is CLOCK_BOOTTIME: it never jumps and it counts while a machine is suspended, as leases need.
"""

import errno
import gc
import logging
import math
import signal
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from bus.effects import Effect, Exit, Keep, Publish, Reply, Send
from bus.errors import ConfigError, OversizeError, TransportError, UnavailableError
from bus.machine import AnyMachine
from bus.messages import (
    Draining,
    Kept,
    Lacking,
    LocalRequest,
    Received,
    Stopping,
    Undelivered,
    Unkept,
    WallClock,
)
from bus.reason import Reason
from bus.runtime.notify import Notifier
from bus.state_file import DoubtError
from bus.telemetry.log import Sparing
from bus.telemetry.metrics import Sample
from bus.telemetry.own_faults import brief
from bus.transport.poller import Poller

DRAIN_S = 10.0  # a modem's download takes milliseconds, and one that waits for its row is forgotten after 4 s
WALL_EVERY_S = 1.0
BUSY_MESSAGES = 4
GATHER_S = 0.008
GARBAGE_MAX = (
    20_000  # objects between two collections: messages and effects have no cycles, so little is found
)
WARN_EVERY_S = 60.0  # of one kind of record: the disk is tried every second
_WAIT_S_MAX = 1.0
_ABOUT_MAX = 120  # characters of a peer's words in a line of the log
_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_log = logging.getLogger("provbus.runner")

Handler = Callable[[Any], None]


def boottime() -> float:
    """Seconds of CLOCK_BOOTTIME."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Runner:
    """Drives one machine until it exits or `stop` is called."""

    def __init__(
        self,
        machine: AnyMachine,
        poller: Poller,
        handlers: Mapping[type, Handler],
        *,
        notifier: Notifier | None = None,
        drain_s: float = DRAIN_S,
        reload: Callable[[], None] | None = None,
        spare: Callable[[], AbstractContextManager[None]] = nullcontext,
        lacks: Callable[[], Iterable[Reason]] = tuple,
        every_second: Callable[[], None] | None = None,
    ) -> None:
        """`reload` is called within a second of a SIGHUP, between two rounds. The machine is told what
        `lacks` returns, each time that it changes.
        """
        self.undelivered = 0
        self._faults = poller.faults
        self._spare = spare
        self._reload = reload
        self._lacks = lacks
        self._told: tuple[Reason, ...] = ()
        self._every_second = every_second
        self._is_reload_wanted = False
        self._notifier = notifier or Notifier({})
        self._drain_s = drain_s
        self._asked = ""
        self._machine = machine
        self._poller = poller
        self._handlers: dict[type, Handler] = {**handlers, Exit: self._leave}
        self._warnings = Sparing(_log, WARN_EVERY_S)
        self._exit: Exit | None = None
        self._wall_due = 0.0
        self._due = 0.0

    def _leave(self, effect: Exit) -> None:
        self._exit = effect

    def stop(self, code: int = 0, reason: str = "stopped") -> None:
        """Leave the loop after the present round."""
        self._exit = Exit(code, reason)

    def samples(self) -> list[Sample]:
        """Effects that no handler took, and faults of ours."""
        return [Sample("provbus_effects_undelivered_total", self.undelivered), *self._faults.samples()]

    def run(self) -> Exit:
        """Run until the machine returns `Exit` or a signal ends the drain; restore the signal handlers."""
        # The 200,000 objects of start-up stay: the collector need not look at them again and again.
        gc.collect()
        gc.freeze()
        gc.set_threshold(GARBAGE_MAX)
        before = [signal.signal(number, self._stop_on) for number in _SIGNALS]
        hangup = signal.signal(signal.SIGHUP, self._reload_on)
        try:
            self._notifier.ready("running")
            while self._exit is None and not self._asked:
                self.round()
            if self._asked:
                self._drain()
                now = boottime()
                self._perform(self._told_of(Stopping(), now), now)
        finally:
            for number, handler in zip(_SIGNALS, before, strict=True):
                signal.signal(number, handler)
            signal.signal(signal.SIGHUP, hangup)
        return self._exit or Exit(0, self._asked)

    def _stop_on(self, number: int, _: object) -> None:
        name = signal.Signals(number).name
        if self._asked:
            self.stop(reason=name)
        self._asked = name

    def _reload_on(self, _number: int, _frame: object) -> None:
        self._is_reload_wanted = self._reload is not None

    def _reload_now(self) -> None:
        assert self._reload is not None
        self._is_reload_wanted = False
        try:
            self._reload()
        except (ConfigError, UnavailableError) as error:
            _log.error("nothing was reloaded: %s", error)
        else:
            _log.info("reloaded")

    def _drain(self) -> None:
        now = boottime()
        limit = now + self._drain_s
        self._notifier.stopping(f"draining for at most {self._drain_s:g} s")
        self._perform(self._told_of(Draining(), now), now)
        self._due = 0.0
        while self._exit is None and now < limit:
            self.round(min(limit - now, _WAIT_S_MAX))
            now = boottime()
        if self._exit is None:
            _log.warning("stopped after %g s of draining with work left", self._drain_s)

    def round(self, wait_s_max: float = _WAIT_S_MAX) -> None:
        """One wake-up: at most `wait_s_max` of waiting, then everything that is due."""
        machine = self._machine
        wait_s = min(max(0.0, self._due - boottime()), wait_s_max)
        messages = self._poller.poll(wait_s)
        now = boottime()
        if now >= self._wall_due:
            self._wall_due = now + WALL_EVERY_S
            self._perform(self._told_of(WallClock(time.time() - now), now), now)
            self._notifier.alive()
            lacks = (*self._faults.lacks(), *self._lacks())
            if lacks != self._told:
                self._told = lacks
                self._perform(self._told_of(Lacking(lacks), now), now)
            if self._every_second is not None:
                self._every_second()
            if self._is_reload_wanted:
                self._reload_now()
        effects: list[Effect] = []
        for message in messages:
            told = self._told_of(message, now)
            effects += told
            for one in told:
                if type(one) is Keep:  # and the machine hears what became of it before the next message
                    self._perform(effects, now)
                    effects = []
                    break
        self._perform(effects, now)
        due = machine.deadline()
        if due is not None and due <= now:
            self._perform(machine.tick(now), now)
            due = machine.deadline()
        self._due = math.inf if due is None else due
        if max(len(messages), len(effects)) >= BUSY_MESSAGES:
            time.sleep(GATHER_S)

    def _told_of(self, message: Any, now: float) -> Sequence[Effect]:
        """The effects of a message that the machine is told now; none if it raised."""
        try:
            effects: Sequence[Effect] = self._machine.receive(message, now)
        except Exception as error:
            return self._lost(message, error)
        return effects

    def _lost(self, message: Any, error: Exception) -> list[Effect]:
        """Count a message at which the machine raised. Whoever asked over the local socket is told."""
        self._faults.note("message", type(message).__name__, error, _about(message))
        if not isinstance(message, LocalRequest):
            return []
        body = {"id": message.body.get("id"), "error": "indeterminate", "detail": brief(error)}
        return [Reply(message.session, body)]

    def _perform(self, effects: Iterable[Effect], now: float) -> None:
        for effect in effects:
            if type(effect) is Keep:
                self._keep(effect, now)
                continue
            try:
                self._handlers[type(effect)](effect)
            except Exception as error:
                self._failed(effect, error, now)

    def _keep(self, effect: Keep, now: float) -> None:
        record, kind = effect.record, type(effect.record).__name__
        try:
            self._write(record)
        except OSError as error:
            reason = error.strerror or str(error)
            self._warnings.warn(kind, f"cannot write {error.filename}: {reason}; tried again every second")
            self._unkept(effect, reason, now, is_doubtful=isinstance(error, DoubtError))
            return
        except Exception as error:  # a record that cannot be written down; how far it got nobody knows
            self._faults.note("effect", kind, error)
            self._unkept(effect, brief(error), now, is_doubtful=True)
            return
        if self._warnings.is_over(kind):
            _log.warning("the disk takes %s again", kind)
        self._perform(self._told_of(Kept(record), now), now)
        self._perform(effect.then, now)

    def _unkept(self, effect: Keep, reason: str, now: float, *, is_doubtful: bool) -> None:
        failed = Unkept(effect.record, effect.then, reason, is_doubtful)
        self._perform(self._told_of(failed, now), now)

    def _write(self, record: Any) -> None:
        """Write a record; without free descriptors, with the spare ones, which it gives back."""
        write = self._handlers[type(record)]
        try:
            write(record)
        except OSError as error:
            if error.errno != errno.EMFILE:
                raise
            with self._spare():
                write(record)

    def _failed(self, effect: Effect, error: Exception, now: float) -> None:
        """An effect was not performed: the machine is told of a message that did not leave."""
        is_foreseen = isinstance(effect, Send | Publish) and isinstance(error, TransportError | OversizeError)
        reason = str(error) if is_foreseen else brief(error)
        if not is_foreseen:
            self._faults.note("effect", type(effect).__name__, error)
        if isinstance(effect, Send | Publish):
            self.undelivered += 1
            _log.debug("%s: %s", type(effect).__name__, reason)
            to = effect.to if isinstance(effect, Send) else ""
            self._perform(self._told_of(Undelivered(effect.envelope, to, reason), now), now)


def _about(message: object) -> str:
    """What a message was, as far as that is no secret."""
    if isinstance(message, Received):
        return ascii(f"{message.envelope.type} of {message.envelope.source}"[:_ABOUT_MAX])
    if isinstance(message, LocalRequest):
        return ascii(f"{message.body.get('op')} of {message.user.name}"[:_ABOUT_MAX])
    return ""
