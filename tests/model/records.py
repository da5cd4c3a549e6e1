"""The records of the model's log."""

from bus.contract import decode
from bus.envelope import Envelope
from heartbeat.roles.log.records import TYPES, Record
from tests.model.interned import Interned


class Records:
    """Every record that was ever sent, by number."""

    def __init__(self) -> None:
        self._envelopes: Interned[Envelope] = Interned(lambda one: one)
        self._said: dict[int, Record] = {}

    def number(self, envelope: Envelope) -> int:
        """The number of this record."""
        return self._envelopes.number(envelope)

    def envelope(self, number: int) -> Envelope:
        """The record of this number."""
        return self._envelopes[number]

    def record(self, number: int) -> Record:
        """What the record of this number says."""
        known = self._said.get(number)
        if known is None:
            known = self._said[number] = record_of(self._envelopes[number])
        return known

    def writer(self, number: int) -> tuple[str, int]:
        """Whose records stay in order with this one: the incarnation of an instance."""
        envelope = self._envelopes[number]
        return envelope.source, envelope.incarnation


def record_of(envelope: Envelope) -> Record:
    """What a record says."""
    return decode(TYPES[envelope.type], envelope.data)
