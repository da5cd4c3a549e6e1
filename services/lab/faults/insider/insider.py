"""The insider: a member of the fleet that looks well, takes no rows, and forges.

He beats as a CFM that drains, so minters connect to him and hand off nothing. Every kind of forgery leaves at
the same rate, from `begin` to `end`. Minters greet him on their connections, and the number of a greeting
tells him the numbers of the frames that are on their way to others about now: he acks those.
"""

from collections import Counter
from collections.abc import Callable
from typing import Any

from bus.contract import encode
from bus.effects import Effect, Exit, Publish, Send
from bus.envelope import Stamp
from bus.messages import Draining, Received, Undelivered
from fileid.handoff import ACKED_SEQ
from fileid.row import ACK, HELLO
from heartbeat.liveness.beat import BEAT, Beat
from heartbeat.liveness.detector import BEAT_EVERY_S
from services.lab.faults.insider.forgery import FOREIGN_SERVER, Forger

ACKS = "acks"
GUESSES = 8
_STORED = b"\0"


class Insider:
    """A machine that forges `rate_per_s` messages of each kind. `stamp` is his own, `endpoint` gives his own
    for minters; `forger` writes `kinds`, and `clock` gives the Unix time in ms.
    """

    def __init__(
        self,
        stamp: Stamp,
        endpoint: Callable[[], str],
        forger: Forger,
        kinds: tuple[str, ...],
        rate_per_s: float,
        clock: Callable[[], int],
    ) -> None:
        self.sent: Counter[str] = Counter(dict.fromkeys((*kinds, ACKS), 0))
        """The messages of each kind that left."""
        self.reasons: Counter[str] = Counter()
        """The same, by the reason why a reader refuses them."""
        self.is_known = False
        """Whether minters have greeted him."""
        self._stamp = stamp
        self._endpoint = endpoint
        self._forger = forger
        self._kinds = kinds
        self._rate_per_s = rate_per_s
        self._clock = clock
        self._heard: dict[str, int] = {}
        self._beat_due = 0.0
        self._begun_at: float | None = None
        self._turns = 0

    def begin(self, now: float) -> None:
        """Forge from now on."""
        self._begun_at = now

    def end(self) -> None:
        """Forge no more."""
        self._begun_at = None

    def receive(self, message: Any, now: float) -> list[Effect]:
        """Note the greetings of minters and the acks that did not leave, and leave when told to."""
        if isinstance(message, Received) and message.envelope.type == HELLO:
            self._heard[message.envelope.source] = message.envelope.seq
            self.is_known = True
        if isinstance(message, Undelivered) and message.envelope.type == ACK:
            self.sent[ACKS] -= 1
            self.reasons[ACKS] -= 1
        return [Exit(0, "told to")] if isinstance(message, Draining) else []

    def tick(self, now: float) -> list[Effect]:
        """Beat, and forge what is due."""
        effects: list[Effect] = []
        if now >= self._beat_due:
            self._beat_due = now + BEAT_EVERY_S
            effects.append(self._beat())
        while self._begun_at is not None and self._due() <= now:
            self._turns += 1
            effects += [self._forge(kind) for kind in self._kinds]
            effects += self._ack()
        return effects

    def deadline(self) -> float | None:
        """The time of the next beat, or of the next forgeries."""
        return self._beat_due if self._begun_at is None else min(self._beat_due, self._due())

    def _due(self) -> float:
        assert self._begun_at is not None
        return self._begun_at + self._turns / self._rate_per_s

    def _beat(self) -> Publish:
        endpoints = {"fileid": self._endpoint(), "tftp": FOREIGN_SERVER}
        beat = Beat(service="cfm", generation=1, draining=True, endpoints=endpoints)
        return Publish(self._stamp.envelope(BEAT, encode(beat), time_ms=self._clock()), self._stamp.instance)

    def _forge(self, kind: str) -> Publish:
        forged = self._forger.next(kind)
        self.sent[kind] += 1
        self.reasons[forged.reason] += 1
        return Publish(forged.envelope, forged.envelope.source)

    def _ack(self) -> list[Effect]:
        if not self._heard:
            return []
        minters = sorted(self._heard)
        to = minters[self._turns % len(minters)]
        number = self._heard[to] + 1 + self._turns % GUESSES
        self.sent[ACKS] += 1
        self.reasons[ACKS] += 1
        return [Send(to, self._stamp.envelope(ACK, ACKED_SEQ.pack(number) + _STORED, time_ms=0))]
