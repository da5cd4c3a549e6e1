"""A machine around a machine: of a message that came by both columns it is told once.

While both columns are heard a peer's message may come twice. The first copy counts, and `Parity` notes both;
a copy of a type in `Route.each_copy` is delivered each time, for it is answered on the column on which it
came. A message of a signed class is noted only once its writer is proven: else anybody who may write to a
topic could use up the numbers of others.

A column by which messages begin to leave, or that begins to lead, may have other settings than those in
force. So the machine is told `Recreated`: a minter looks at what is there, and writes
again what is in force.
"""

from collections import deque
from collections.abc import Sequence
from typing import Any

from bus.effects import Effect
from bus.fleet.trust import Believing, UnprovenError
from bus.machine import AnyMachine
from bus.messages import Received, Recreated
from bus.routes import SIGNED, Column, route
from bus.switch.parity import Parity, digest_of


class Ways:
    """Delivers to `inner`, which may be replaced while it runs. `own` is our own name."""

    def __init__(self, inner: AnyMachine, parity: Parity, trust: Believing, own: str) -> None:
        self.inner = inner
        self.is_double = False
        """Whether both columns are heard."""
        self._parity = parity
        self._trust = trust
        self._own = own
        self._news: deque[Any] = deque()

    def tell_anew(self, traffic: str) -> None:
        """Tell the machine soon that what a class holds is not what it was."""
        self._news.append(Recreated(traffic))

    def receive(self, message: Any, now: float) -> Sequence[Effect]:
        """Hand on what is no second copy."""
        if self._news:
            effects = self._told(now)
            return [*effects, *self.receive(message, now)]
        if self.is_double and type(message) is Received:
            if not self._is_first(message, now):
                return ()
            if message.via and message.envelope.type not in route(message.envelope.traffic).each_copy:
                # The answer goes by both columns, so to the instance and not to a place of one of them.
                message = message._replace(via=message.envelope.source)
        return self.inner.receive(message, now)

    def tick(self, now: float) -> Sequence[Effect]:
        """Tell the news, then tick the machine."""
        effects = self._told(now)
        due = self.inner.deadline()
        return [*effects, *self.inner.tick(now)] if due is not None and due <= now else effects

    def deadline(self) -> float | None:
        """At once while there are news."""
        return 0.0 if self._news else self.inner.deadline()

    def _told(self, now: float) -> list[Effect]:
        effects: list[Effect] = []
        while self._news:
            effects += self.inner.receive(self._news.popleft(), now)
        return effects

    def _is_first(self, message: Received, now: float) -> bool:
        envelope, column = message.envelope, message.column
        traffic = envelope.traffic
        if traffic == "config":
            if column == Column.BUS:
                self._parity.note_settings(digest_of(envelope), Column.BUS)
            return True
        if not column or envelope.source == self._own:
            return True
        one = route(traffic)
        is_overheard = traffic not in SIGNED and not message.via  # it goes to another, by one column only
        if not one.in_both or envelope.type in one.by_one or is_overheard:
            return True
        if traffic in SIGNED:
            try:
                self._trust.check(envelope, now)
            except UnprovenError:
                return False  # counted by who does not believe it
        is_first = self._parity.note(envelope, column, now)
        return is_first or envelope.type in one.each_copy
