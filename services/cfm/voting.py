"""This CFM as a voter: its vote on who holds which role, and what a person says of it.

A new CFM, and one whose disk was lost, might have promised anything to anybody: it abstains until a person
admits it (`failover.admit`). It then grants nothing up to the claims that it takes rows under itself, nor up
to the floors that the person read from the other CFMs' status.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from bus.envelope import Envelope, Stamp
from bus.errors import DecodeError, StateError
from bus.machine import Effect, Keep, Kept, LocalRequest, Reply, Send, Unkept
from heartbeat.grant_messages import Ballot, pack_grant, unpack_question
from heartbeat.grants import StorePromises, Tell, Voter
from heartbeat.stand import Stand

_FLOORS = TypeAdapter(dict[str, Ballot])


class Voting:
    """Puts a `Voter` between envelopes and effects. `roles` is the role of each instance that may stand."""

    def __init__(self, stamp: Stamp, voter: Voter, roles: Mapping[str, str]) -> None:
        self._stamp = stamp
        self._voter = voter
        self._roles = roles

    @property
    def votes(self) -> bool:
        """Whether it grants anything; else it abstains."""
        return self._voter.votes

    def receive(self, envelope: Envelope, now: float) -> list[Effect]:
        """A candidate asks or resigns; `DecodeError` if that makes no sense. A promise is kept before it is
        answered.
        """
        told = self._voter.receive(unpack_question(envelope, self._roles), now)
        sends = [Send(one.to, pack_grant(self._stamp, one.message)) for one in told if isinstance(one, Tell)]
        if told and isinstance(told[0], StorePromises):
            return [Keep(told[0], tuple(sends))]
        return [*sends]

    def record(self) -> StorePromises | None:
        """What belongs on the disk; None if we were never admitted."""
        return self._voter.record()

    def kept(self, message: Kept | Unkept, now: float) -> None:
        """The disk took our promises, or refused them."""
        if isinstance(message, Kept):
            self._voter.kept(message.record, now)
        else:
            self._voter.unkept(message.record)

    def admit(self, request: LocalRequest, accepted: Mapping[str, Stand], now: float) -> list[Effect]:
        """A person admits us. `accepted` is by role the latest claim under which we take rows; `DecodeError`
        for floors that are none.
        """
        try:
            said = _FLOORS.validate_python(request.body.get("floors", {}))
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(map(str, ("floors", *first["loc"])))
            raise DecodeError(f"{place}: {first['msg']}") from error
        floors = {role: stand for role, stand in accepted.items() if role in self._shared}
        for role, ballot in said.items():
            if role not in self._shared:
                raise DecodeError(f"floors.{role}: is not one of {', '.join(sorted(self._shared))}")
            floors[role] = max(floors.get(role, Stand()), ballot.stand())
        answer: dict[str, Any] = {"id": request.body.get("id")}
        try:
            (record,) = self._voter.admit(floors, now)
        except StateError as error:
            return [Reply(request.session, answer | {"error": "refused", "detail": str(error)})]
        return [Keep(record, (Reply(request.session, answer | {"votes": True}),))]

    def describe(self) -> dict[str, Any]:
        """What an operator wants to know, and the floors of a CFM that is admitted elsewhere."""
        return {
            "votes": self.votes,
            "promises": {
                role: {**promise.ballot._asdict(), "candidate": promise.candidate}
                for role, promise in self._voter.promises.items()
            },
        }

    @property
    def _shared(self) -> set[str]:
        return {*self._roles.values()}
