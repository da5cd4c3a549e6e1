"""An operator's orders about the role: lock, drain, promote, a new era.

A lock and a drain hold over restarts, so each is on the disk before it is answered, and one that could not be
kept changes nothing.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from bus.effects import Effect, Keep
from bus.errors import DecodeError, StateError, TryAgainError
from bus.messages import LocalRequest
from heartbeat.roles.holder import RoleHolder
from heartbeat.roles.log.records import is_key
from heartbeat.roles.states import HOLDING
from services.instance.local_api import answer, refuse
from services.sidecar.role.record import StoreFailover


class _Asked(NamedTuple):
    """An order that waits for the disk: its record, its request, and its words."""

    record: StoreFailover
    request: LocalRequest
    order: str


class Operator:
    """The orders of an operator. `record` is the record to keep on the disk with them."""

    def __init__(self, holder: RoleHolder, kept: StoreFailover, record: Callable[[], StoreFailover]) -> None:
        self.locked = kept.locked
        self.drained = kept.drained
        self.operations: dict[str, Callable[[LocalRequest, float], list[Effect]]] = {
            "failover.drain": lambda request, _: self._set(request, "drain", "drained"),
            "failover.lock": lambda request, _: self._set(request, "lock", "locked"),
            "failover.promote": self._promote,
            "failover.era": self._era,
        }
        self._asked: _Asked | None = None
        self._given = 0
        self.last_order = ""
        """The last order since the start, and who gave it."""
        self._holder = holder
        self._record = record

    def kept(self, record: StoreFailover) -> None:
        """This record is on the disk: now it takes effect."""
        self.locked, self.drained = record.locked, record.drained
        if self._asked is not None and self._asked.record is record:
            self._note(self._asked.request, self._asked.order)
            self._asked = None

    def _set(self, request: LocalRequest, verb: str, field: str) -> list[Effect]:
        """A drained sidecar gives the role back, and takes it no more. A locked one takes no role; it keeps
        one that it won, but an appointed primary stops.
        """
        is_on = _switch(request)
        changed: dict[str, Any] = {field: is_on}
        record = self._record()._replace(**changed)
        self._asked = _Asked(record, request, verb if is_on else f"{verb} --off")
        return [Keep(record, (answer(request, **changed, vacant=self._is_vacant(record)),))]

    def _is_vacant(self, record: StoreFailover) -> bool:
        """Whether we are the appointed primary and stand still by these orders, so nobody holds the role."""
        is_appointed = self._holder.is_by_hand and self._holder.claim.epoch >= 0
        return is_appointed and (record.locked or record.drained)

    def _promote(self, request: LocalRequest, now: float) -> list[Effect]:
        """An operator's own order stands in the way of a promotion until it is taken back."""
        if self._holder.is_exclusive:
            is_held = self._holder.state in HOLDING
            if self.drained or (self.locked and not is_held):
                return [refuse(request, "refused", self._orders())]
        try:
            promoting = self._holder.promote(now, lambda: _names(request, "absent"))
        except TryAgainError as error:
            return [refuse(request, "try_again", str(error))]
        except StateError as error:
            return [refuse(request, "refused", str(error))]
        self._note(request, "promote")
        return [answer(request, promoting=promoting, state=str(self._holder.state))]

    def _era(self, request: LocalRequest, now: float) -> list[Effect]:
        """An era begins in the name of the user who asks, by the kernel's word."""
        revoke = _names(request, "revoke")
        if not all(map(is_key, revoke)):
            raise DecodeError("revoke: is not a list of public keys in hex")
        try:
            era = self._holder.begin_era(request.user.name, now, revoke)
            self._note(request, f"era {era}")
            return [answer(request, era=era)]
        except (TryAgainError, StateError) as error:  # also that no era is left
            return [refuse(request, "try_again", str(error))]

    def _orders(self) -> str:
        """The orders that keep us from taking the role, and the way to take them back."""
        orders = {"drained": ("drain", self.drained), "locked": ("lock", self.locked)}
        given = {state: verb for state, (verb, is_on) in orders.items() if is_on}
        back = " and ".join(f"provbus failover {verb} --off" for verb in given.values())
        return f"it is {' and '.join(given)}: take it back with {back}, then promote it"

    def _note(self, request: LocalRequest, order: str) -> None:
        self._given += 1
        self.last_order = f"{order}, by {request.user.name} (order {self._given} since the start)"


def _switch(request: LocalRequest) -> bool:
    is_on = request.body.get("on", True)
    if not isinstance(is_on, bool):
        raise DecodeError("on: is not true or false")
    return is_on


def _names(request: LocalRequest, field: str) -> list[str]:
    names = request.body.get(field, [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise DecodeError(f"{field}: is not a list of texts")
    return names
