"""A transport in the hands of the contract's tests: one sender, one receiver, and what can happen to them.

Theory of operation
-------------------
The tests know nothing of any transport. A `Harness` opens both ends in this process, drives them by turns
(the machines' thread is the test's own), and offers what the contract talks about: sending, a receiver that
does not read, a peer that is gone, bytes that mean nothing. A new transport is one new class here and one
entry in `tests.contract.conftest`.

Nothing is waited for by time. `until` takes turns until a condition holds and fails after `DEADLINE_S`. That
something did *not* arrive is shown by what was sent behind it: order per source holds, so whatever is missing
when the later message is there will not come.
"""

import itertools
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, ClassVar

from bus.envelope import Envelope, Token
from bus.errors import BackpressureError
from bus.messages import CaughtUp, Received, Undelivered
from bus.routes import route
from bus.transport.poller import Poller
from tests.stamps import stamp_under

DEADLINE_S = 30.0  # for a starved machine; a healthy one needs milliseconds
TURN_S = 0.01
REFUSALS = 10
_incarnations = itertools.count(1)


class Harness(ABC):
    """One sender and one receiver, joined by a transport."""

    name: ClassVar[str]
    needs: ClassVar[tuple[str, ...]] = ()
    """The fixtures whose values the constructor takes."""
    types: ClassVar[tuple[str, ...]]
    """The message types that this transport carries; the first is used where any will do."""
    attests_source: ClassVar[bool]
    """Whether the carrier says who sent a message. If not, the message itself does."""
    confirms: ClassVar[bool] = False
    """Whether a message that was accepted and did not arrive comes back. If not, only an ack tells."""
    refuses_when_full: ClassVar[bool] = True
    """Whether a sender is told that nobody takes its messages. If not, the receiver counts what it missed."""
    source: ClassVar[str] = "dhcp-1"
    bulk_bytes: ClassVar[int] = 2
    """The size of a message of which not too many fill every buffer on the way."""
    delivery_s = 20.0
    """How long the transport may try before a message counts as undelivered; set it before `open`."""

    near: Poller
    """The sender's poller."""
    far: Poller
    """The receiver's poller."""

    parts: ExitStack
    """What is open, the newest closed first."""

    def __init__(self) -> None:
        self._reads = True
        self.renew()

    def renew(self) -> None:
        """Begin another incarnation of the sender; what still comes from earlier ones is not looked at."""
        self.arrived: list[Envelope] = []
        self.undelivered: list[Envelope] = []
        self.caught_up: list[str] = []
        self.stamp = stamp_under(Token(2, 77), self.source, "lab", next(_incarnations))

    def open(self) -> None:
        """Start both ends; returns when they are joined."""
        self.near, self.far = Poller(), Poller()
        self.parts = ExitStack()
        self.parts.callback(self.near.close)
        self.parts.callback(self.far.close)
        try:
            self.start()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Stop both ends; afterwards `open` may be called again."""
        self.parts.close()

    @abstractmethod
    def start(self) -> None:
        """Open the transport on `near` and `far` and join the ends; what has to be closed goes to `parts`."""

    @abstractmethod
    def send(self, envelope: Envelope) -> None:
        """Hand a message to the transport, with the transport's own errors."""

    @abstractmethod
    def break_peer(self) -> None:
        """Make the sender's peer unreachable, for good."""

    @abstractmethod
    def inject_garbage(self) -> int:
        """Let bytes arrive that are no messages; returns how many times."""

    @property
    @abstractmethod
    def undecodable(self) -> int:
        """How many times the receiver skipped what it could not decode."""

    @property
    def lost(self) -> int:
        """How many messages the receiver knows that it missed."""
        return 0

    def limit(self, envelope: Envelope) -> int:
        """The bytes of data that an envelope of this class may have."""
        return route(envelope.traffic).payload_bytes_max

    def stall(self) -> None:
        """Whoever takes the messages from the sender stops doing so."""
        self._reads = False

    def resume(self) -> None:
        """The end of `stall`."""
        self._reads = True

    def expected(self, envelope: Envelope) -> Envelope:
        """What the carrier promises to deliver of this envelope."""
        return envelope

    def turn(self) -> None:
        """Give both ends their turn and note what came out."""
        self._note(self.near.poll(0))
        if self._reads:
            self._note(self.poll_far())

    def poll_far(self) -> list[Any]:
        """What the receiver's machine would be given; waits at most `TURN_S`."""
        return self.far.poll(TURN_S)

    def until(self, condition: Callable[[], object], wanted: str) -> None:
        """Take turns until the condition holds; a failure says what was wanted."""
        deadline = time.monotonic() + DEADLINE_S
        while not condition():
            assert time.monotonic() < deadline, f"{self.name}: waited in vain for {wanted}"
            self.turn()

    def envelopes(self, data: bytes = b"{}", type_: str = "") -> Iterator[Envelope]:
        """The messages of this sender, one after the other."""
        while True:
            yield self.stamp.envelope(type_ or self.types[0], data, time_ms=1_800_000_000_123)

    def some(self, count: int, data: bytes = b"{}", type_: str = "") -> list[Envelope]:
        """The next `count` messages of this sender."""
        return list(itertools.islice(self.envelopes(data, type_), count))

    def send_patiently(self, envelope: Envelope) -> None:
        """Send as a machine does that keeps a refused message and tries again."""

        def is_accepted() -> bool:
            try:
                self.send(envelope)
            except BackpressureError:
                return False
            return True

        self.until(is_accepted, f"room for {envelope.id}")

    def fill(self, count_max: int) -> list[Envelope]:
        """Send to a stalled receiver until nothing more is taken; returns what was.

        One refusal proves little: whoever sends faster than the carrier's thread works is refused as well. It
        is full when it takes nothing during `REFUSALS` turns.
        """
        accepted: list[Envelope] = []
        data = bytes(self.bulk_bytes)
        for envelope in itertools.islice(self.envelopes(data), count_max):
            for _ in range(REFUSALS):
                try:
                    self.send(envelope)
                except BackpressureError:
                    self._note(self.near.poll(TURN_S))
                else:
                    accepted.append(envelope)
                    break
            else:
                return accepted
        assert not self.refuses_when_full, f"{self.name} took {count_max} messages that nobody read"
        return accepted

    def receive(self, last: Envelope) -> list[Envelope]:
        """Everything that arrived since the last call, waiting until `last` is among it."""
        arrived: list[Envelope] = []

        def is_there() -> bool:
            fresh, self.arrived = self.arrived, []
            arrived.extend(fresh)
            return any(one.id == last.id for one in fresh)

        self.until(is_there, f"{last.id} to arrive")
        return arrived

    def exchange(self, envelopes: list[Envelope]) -> list[Envelope]:
        """Send these and receive until the last of them is there."""
        for envelope in envelopes:
            self.send(envelope)
        return self.receive(envelopes[-1])

    def meet(self) -> None:
        """Exchange one message, however many come back before: suspended brokers recover slowly."""
        while not self.arrived:
            self.undelivered.clear()
            self.send(self.some(1)[0])
            self.until(lambda: self.arrived or self.undelivered, "a message to arrive or to come back")
        self.renew()

    def _note(self, messages: list[Any]) -> None:
        for message in messages:
            if isinstance(message, CaughtUp):
                self.caught_up.append(message.traffic)
            elif message.envelope.incarnation == self.stamp.incarnation:
                known = {Received: self.arrived, Undelivered: self.undelivered}
                known[type(message)].append(message.envelope)
