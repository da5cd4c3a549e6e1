"""A sidecar that is asked over its local socket. The role log and the settings topic give back at once what
it writes there, and cfm-1 takes every row.
"""

from collections.abc import Callable
from typing import Any

from bus.effects import CatchUp, Effect, Publish, Reply, Send
from bus.envelope import Envelope
from bus.messages import CaughtUp, Entry, LocalRequest, LogBounds, Received
from fileid.row import HELLO, ROWS
from heartbeat.roles.claim import Claim
from heartbeat.roles.evidence import Answer
from heartbeat.roles.hello import STANDING, pack_standing, unpack_hello
from services.settings.record import CATALOGUE
from services.sidecar.minter import Minter
from tests.unit.disk import Disk

Make = Callable[..., Any]
STEP_S = 0.05
PATIENCE_S = 15.0
"""Longer than anything is answered after."""


class Talk:
    """A conversation with a sidecar. `beat` and `ack` make what cfm-1 says, `highest` is the claim that it
    knows at first. Without a `topic` the settings are not read to their end.
    """

    def __init__(
        self, minter: Minter, beat: Make, ack: Make, *, highest: Claim | None = None, topic: bool = True
    ) -> None:
        self.minter, self.disk, self.now = minter, Disk(), 0.0
        self.reads_back = True  # what is written to the topic of the settings
        self._beat, self._ack, self._highest = beat, ack, highest or Claim()
        self._log: list[Envelope] = []
        self._replies: list[Reply] = []
        self.give(LogBounds("failover", 0, 0))
        if topic:
            self.give(CaughtUp("config"))
        self.give(beat())

    def ask(self, operation: str, session: int = 1, **body: Any) -> dict[str, Any]:
        """The answer to a request, when it comes."""
        self._replies.clear()
        self.give(LocalRequest(session, {"op": operation, **body}))
        until = self.now + PATIENCE_S
        while not self._replies:
            assert self.now < until, f"{operation} is not answered"
            self.wait(STEP_S)
        return self._replies[0].body

    def give(self, message: Any) -> None:
        """The sidecar is told this."""
        self._perform(self.disk.receive(self.minter, message, self.now))

    def wait(self, seconds: float) -> None:
        """Let time pass; cfm-1 goes on beating."""
        until = self.now + seconds
        while self.now < until:
            self.now = min(until, self.now + STEP_S)
            self.give(self._beat())
            self._perform(self.disk.tick(self.minter, self.now))

    def _perform(self, effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Reply):
                self._replies.append(effect)
            elif isinstance(effect, CatchUp):
                self.give(CaughtUp(effect.traffic))
            elif isinstance(effect, Publish):
                self._published(effect.envelope)
            elif isinstance(effect, Send) and effect.envelope.type == ROWS:
                self.give(self._ack(effect))
            elif isinstance(effect, Send) and effect.envelope.type == HELLO:
                claim, asked_us = unpack_hello(effect.envelope.data)
                self._highest = max(self._highest, claim)
                data = pack_standing(Answer(self._highest, False, -1), asked_us)
                self.give(Received(Envelope(STANDING, "cfm-1", 1, 1, 0, data), ""))

    def _published(self, envelope: Envelope) -> None:
        if envelope.traffic == "failover":
            self._log.append(envelope)
            self.give(Entry("failover", len(self._log) - 1, envelope))
        elif envelope.type == CATALOGUE and self.reads_back:
            self.give(Received(envelope, ""))
