"""The highest incarnations of peers, on the disk: a start of ours does not even ask lower ones.

It is a copy: the handshake (`bus.wire.proof`) refuses a tape without it too.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import Field

from bus import state_file
from bus.contract import Contract, Name, encode
from bus.effects import Keep
from bus.machine import AnyMachine
from bus.messages import Kept, Unkept
from bus.reason import Reason
from bus.telemetry.keeping import Keeping, Subject
from bus.telemetry.metrics import Sample
from bus.wire.proof import Proofs

FILE = "incarnations.json"
KEEP_EVERY_S = 1.0  # the whole fleet starts within seconds, and each writing costs a sync of the disk


class _Kept(Contract):
    highest: dict[Name, int] = Field(default_factory=dict)


class StoreIncarnations(NamedTuple):
    """A record to `Keep`: the highest incarnation of each peer."""

    highest: Mapping[str, int]


def load_incarnations(directory: Path) -> dict[str, int]:
    """The incarnations that were kept last (the errors of `bus.state_file`)."""
    kept = state_file.load(directory / FILE, _Kept) or _Kept()
    return dict(kept.highest)


def save_incarnations(directory: Path, found: StoreIncarnations) -> None:
    """Keep them (`OSError`)."""
    state_file.keep(directory / FILE, encode(_Kept(highest=dict(found.highest))))


class Remembering:
    """A machine around a machine, which has what `proofs` find kept. Our own name `own` is not kept: another
    process of it must be heard whatever its incarnation.
    """

    def __init__(self, inner: AnyMachine, proofs: Proofs, own: str) -> None:
        self._inner = inner
        self._proofs = proofs
        self._own = own
        self._keeping = Keeping({StoreIncarnations: Subject("incarnations", self._record)})
        self._asked = proofs.changes
        self._due = 0.0

    def receive(self, message: Any, now: float) -> Sequence[Any]:
        """Note how a record of ours fared; give any other message to the inner machine."""
        if isinstance(message, Kept | Unkept) and isinstance(message.record, StoreIncarnations):
            return self._keeping.receive(message, now)
        return self._inner.receive(message, now)

    def tick(self, now: float) -> list[Any]:
        """The record, if it changed, once in a while, or was refused; and what the inner machine does."""
        keeps = self._keeping.tick(now)
        if not keeps and self._has_changed() and now >= self._due:
            keeps = [Keep(self._record())]
        if keeps:
            self._asked, self._due = self._proofs.changes, now + KEEP_EVERY_S
        due = self._inner.deadline()
        return [*keeps, *(self._inner.tick(now) if due is not None and due <= now else ())]

    def deadline(self) -> float | None:
        """The earliest deadline of ours and the inner machine's."""
        ours = self._due if self._has_changed() else None
        dues = (ours, self._keeping.deadline(), self._inner.deadline())
        return min((due for due in dues if due is not None), default=None)

    def lacks(self) -> list[Reason]:
        """Why the disk does not have them."""
        why = self._keeping.why(StoreIncarnations)
        if not why:
            return []
        text = f"a disk for the incarnations of its peers, so a restart asks older ones too ({why})"
        return [Reason("disk-incarnations", text)]

    def samples(self) -> Iterator[Sample]:
        """Refusals of the disk, and whether it is behind."""
        return self._keeping.samples()

    def _has_changed(self) -> bool:
        return self._asked != self._proofs.changes

    def _record(self) -> StoreIncarnations:
        found = self._proofs.highest
        return StoreIncarnations({name: one for name, one in found.items() if name != self._own})
