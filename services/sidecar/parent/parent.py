"""The parent of a sidecar: it does no work, and gives back the role of a child that died with it.

Theory of operation
-------------------
A sidecar that dies keeps the role until its lease is over and others have waited for silence. Its parent can
be quicker, for the kernel tells it for certain that the child has ended (`bus.runtime.child`), and with the
child every effect in its name: the host's session closes with its socket, and with that the host's right.

    WAITING ──ended──> REACHING ──the leader answers──> MARKING ──on the disk──> OVER, and RELEASE is sent
                           └── it does not ──> OVER        └── refused ──> OVER

The role log's leader is reached first. If nobody answers, nobody could read a RELEASE either, and the claim
stays: a restart may resume it. Then the claim is taken off the disk, so that no later process ever renews or
resumes it. Only then RELEASE is sent, once: whether it arrives or not, nobody acts under that claim again.

The parent never starts another child, and ends with the child's exit code. What starts both, systemd or
Kubernetes, begins anew.
"""

from collections.abc import Callable
from enum import Enum, auto
from typing import Any, NamedTuple

from bus.contract import encode
from bus.effects import Exit, Keep, Publish
from bus.envelope import Stamp
from bus.messages import Kept, Unkept
from heartbeat.roles.claim import Claim
from heartbeat.roles.log.records import TYPE_OF, Release
from services.sidecar.role.record import StoreFailover

SIGNALLED = 128  # a shell's exit code of a process that a signal ended is this and the signal's number


class ParentState(Enum):
    """What the parent waits for."""

    WAITING = auto()
    REACHING = auto()
    MARKING = auto()
    OVER = auto()


class Signalled(NamedTuple):
    """Message: somebody sent the parent this signal."""

    number: int


class Estate(NamedTuple):
    """What a child left behind: its role, the claim that it held, its record on the disk, and the stamp of
    the one record that its parent may write.
    """

    role: str
    claim: Claim
    kept: StoreFailover
    stamp: Stamp


class Ended(NamedTuple):
    """Message: the child has ended and was waited for. `exit_code` is below 0 for a signal; `estate` is None
    if it held no claim of a role log, another process has its state directory, or nobody can read that.
    """

    exit_code: int
    estate: Estate | None


class Reached(NamedTuple):
    """Message: whether the leader of the role log answers."""

    is_there: bool


class HandOn(NamedTuple):
    """Effect: send the child this signal."""

    number: int


class ReachLog(NamedTuple):
    """Effect: ask the leader of the role log for an answer; `Reached` follows."""


Arriving = Signalled | Ended | Reached | Kept | Unkept
Effect = HandOn | ReachLog | Keep | Publish | Exit


class Parent:
    """One parent. `wall_s` tells the Unix time, for the readers of its record."""

    def __init__(self, wall_s: Callable[[], float]) -> None:
        self.state = ParentState.WAITING
        self._wall_s = wall_s
        self._estate: Estate | None = None
        self._exit = Exit(0, "")
        self._hears: dict[type, Callable[[Any], list[Effect]]] = {
            Signalled: self._signalled,
            Ended: self._ended,
            Reached: self._reached,
            Kept: self._marked,
            Unkept: lambda unkept: self._leave(f"its claim stays on a disk that refuses: {unkept.reason}"),
        }

    def receive(self, message: Arriving) -> list[Effect]:
        """Take a signal, the child's end, or the outcome of an effect."""
        return self._hears[type(message)](message)

    def _signalled(self, one: Signalled) -> list[Effect]:
        return [HandOn(one.number)] if self.state is ParentState.WAITING else []

    def _ended(self, ended: Ended) -> list[Effect]:
        code = ended.exit_code
        self._exit = Exit(code if code >= 0 else SIGNALLED - code, "")
        estate = ended.estate
        if estate is None:
            return self._leave("")
        self.state, self._estate = ParentState.REACHING, estate
        return [ReachLog()]

    def _reached(self, reached: Reached) -> list[Effect]:
        if not reached.is_there:
            return self._leave("its claim stays, for no leader of the role log answers")
        assert self._estate is not None
        self.state = ParentState.MARKING
        return [Keep(self._estate.kept._replace(claim=None))]

    def _marked(self, _: Kept) -> list[Effect]:
        assert self._estate is not None
        role, claim, _kept, stamp = self._estate
        release = Release(role=role, epoch=claim.epoch, claim_id=claim.claim_id)
        envelope = stamp.envelope(TYPE_OF[Release], encode(release), time_ms=round(self._wall_s() * 1000))
        return [Publish(envelope, role), *self._leave(f"{role} is given back")]

    def _leave(self, reason: str) -> list[Effect]:
        self.state = ParentState.OVER
        return [self._exit._replace(reason=reason)]
