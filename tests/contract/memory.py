"""The memory transport for the contract: what it does here is what the others have to do."""

from typing import Any

from bus.envelope import Envelope
from bus.routes import Medium, route
from bus.telemetry.audit import AUDIT
from bus.transport.memory import Hub, Memory
from bus.wire.codec import KINDS
from heartbeat.liveness.beat import BEAT
from services.settings.record import CATALOGUE
from tests.contract.harness import Harness

GARBAGE: tuple[Any, ...] = (b"", b"garbage", ([], b"{}"), ([("ce_type", b"x")], None))


class MemoryHarness(Harness):
    """Two members of one hub."""

    name = "memory"
    types = (KINDS[1], BEAT, CATALOGUE, AUDIT)
    attests_source = True
    _sender: Memory
    _receiver: Memory

    def start(self) -> None:
        hub = Hub(queue_max=100)
        self._sender, self._receiver = Memory(hub, self.source), Memory(hub, "cfm-1")
        self.parts.callback(self._sender.close)
        self.parts.callback(self._receiver.close)

    def send(self, envelope: Envelope) -> None:
        self._sender.send("cfm-1", envelope)

    def break_peer(self) -> None:
        self._receiver.close()

    def inject_garbage(self) -> int:
        for raw in GARBAGE:
            self._receiver.put(self.source, raw)
        return len(GARBAGE)

    @property
    def undecodable(self) -> int:
        return self._receiver.undecodable

    def poll_far(self) -> list[Any]:
        return self._receiver.receive()

    def expected(self, envelope: Envelope) -> Envelope:
        if route(envelope.traffic).medium is Medium.KAFKA:
            return envelope
        return envelope._replace(source=self.source, site="")
