"""An operator's orders about the role: lock, drain, promote, a new era.

A lock and a drain hold over restarts, so each is on the disk before it is answered, and one that could not be
kept changes nothing.
"""

from collections.abc import Callable

from bus.effects import Effect, Keep
from bus.errors import DecodeError, StateError, TryAgainError
from bus.messages import LocalRequest
from heartbeat.roles.holder import RoleHolder
from services.instance.local_api import answer, refuse
from services.sidecar.role.record import StoreFailover


class Operator:
    """The orders of an operator. `record` is the record to keep on the disk with them."""

    def __init__(self, holder: RoleHolder, kept: StoreFailover, record: Callable[[], StoreFailover]) -> None:
        self.locked = kept.locked
        self.drained = kept.drained
        self.operations: dict[str, Callable[[LocalRequest, float], list[Effect]]] = {
            "failover.drain": self._drain,
            "failover.lock": self._lock,
            "failover.promote": self._promote,
            "failover.era": self._era,
        }
        self._holder = holder
        self._record = record

    def kept(self, record: StoreFailover) -> None:
        """This record is on the disk: now it takes effect."""
        self.locked, self.drained = record.locked, record.drained

    def _drain(self, request: LocalRequest, now: float) -> list[Effect]:
        """A drained sidecar gives the role back, and takes it no more."""
        drained = _switch(request)
        return [Keep(self._record()._replace(drained=drained), (answer(request, drained=drained),))]

    def _lock(self, request: LocalRequest, now: float) -> list[Effect]:
        """A locked sidecar takes no role. It keeps one that it won, but an appointed primary stops."""
        locked = _switch(request)
        return [Keep(self._record()._replace(locked=locked), (answer(request, locked=locked),))]

    def _promote(self, request: LocalRequest, now: float) -> list[Effect]:
        try:
            promoting = self._holder.promote(now, lambda: _names(request, "absent"))
        except TryAgainError as error:
            return [refuse(request, "try_again", str(error))]
        except StateError as error:
            return [refuse(request, "refused", str(error))]
        return [answer(request, promoting=promoting, state=str(self._holder.state))]

    def _era(self, request: LocalRequest, now: float) -> list[Effect]:
        """An era begins in the name of the user who asks, by the kernel's word."""
        try:
            return [answer(request, era=self._holder.begin_era(request.user.name, now))]
        except TryAgainError as error:
            return [refuse(request, "try_again", str(error))]
        except StateError as error:
            return [refuse(request, "refused", str(error))]


def _switch(request: LocalRequest) -> bool:
    is_on = request.body.get("on", True)
    if not isinstance(is_on, bool):
        raise DecodeError("on: is not true or false")
    return is_on


def _names(request: LocalRequest, field: str) -> list[str]:
    names = request.body.get(field, [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise DecodeError(f"{field}: is not a list of instances")
    return names
