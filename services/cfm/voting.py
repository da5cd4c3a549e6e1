"""This CFM as a voter: its vote on the holder of each role, and its admission by a person.

A new CFM, and one whose disk was lost, might have promised anything to anybody: it abstains until a person
admits it (`failover.admit`). It then grants nothing up to the claims under which it takes rows itself, nor up
to the floors that the person read from the other CFMs' status.
"""

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from bus.effects import Effect, Keep, Send
from bus.envelope import Envelope, Stamp
from bus.errors import DecodeError, StateError
from bus.messages import Kept, LocalRequest, Received, Unkept
from bus.routes import Column
from heartbeat.roles.claim import Claim, check_unlogged
from heartbeat.roles.granted.grants import StorePromises, Tell, Voter
from heartbeat.roles.granted.messages import QUESTIONS, Ballot, pack_grant, unpack_question
from services.instance.local_api import answer, refuse

_FLOORS = TypeAdapter(dict[str, Ballot])


class Voting:
    """Puts a `Voter` between envelopes and effects. `roles` is the role of each instance that may stand."""

    def __init__(self, stamp: Stamp, voter: Voter, roles: Mapping[str, str]) -> None:
        self._stamp = stamp
        self._voter = voter
        self._roles = roles

    @property
    def types(self) -> Mapping[str, Callable[[Received, float], list[Effect]]]:
        """The messages of candidates that it hears, and their handlers."""
        return dict.fromkeys(QUESTIONS, self._asked)

    @property
    def votes(self) -> bool:
        """Whether it grants anything; else it abstains."""
        return self._voter.votes

    def receive(self, envelope: Envelope, now: float) -> list[Effect]:
        """Answer a proven candidate that asks or resigns; `DecodeError` if that makes no sense,
        `LeapError` if its ballot cannot have come so far. A promise is kept before it is answered.
        """
        question = unpack_question(envelope, self._roles)
        promised = self._voter.promises.get(question.role)
        known = None if promised is None else promised.ballot
        check_unlogged(envelope.source, known, question.ballot, is_proven=True)
        told = self._voter.receive(question, now)
        sends = [
            Send(one.to, pack_grant(self._stamp, one.message), Column.MULTICAST)
            for one in told
            if isinstance(one, Tell)
        ]
        if told and isinstance(told[0], StorePromises):
            return [Keep(told[0], tuple(sends))]
        return [*sends]

    def _asked(self, message: Received, now: float) -> list[Effect]:
        return self.receive(message.envelope, now)

    @property
    def voter(self) -> Voter:
        """The voter behind it."""
        return self._voter

    def record(self) -> StorePromises | None:
        """The record to keep on the disk; None if we were never admitted."""
        return self._voter.record()

    def stored(self, message: Kept | Unkept, now: float) -> list[Effect]:
        """The disk took our promises, or refused them."""
        if isinstance(message, Kept):
            self._voter.kept(message.record, now)
        else:
            self._voter.unkept(message.record)
        return []

    def admit(self, request: LocalRequest, accepted: Mapping[str, Claim], now: float) -> list[Effect]:
        """Vote from now on, by a person's word. `accepted` is by role the latest claim under which we take
        rows; `DecodeError` for floors that are none.
        """
        try:
            said = _FLOORS.validate_python(request.body.get("floors", {}))
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(map(str, ("floors", *first["loc"])))
            raise DecodeError(f"{place}: {first['msg']}") from error
        floors = {role: claim for role, claim in accepted.items() if role in self._shared}
        for role, ballot in said.items():
            if role not in self._shared:
                raise DecodeError(f"floors.{role}: is not one of {', '.join(sorted(self._shared))}")
            floors[role] = max(floors.get(role, Claim()), ballot.claim())
        try:
            (record,) = self._voter.admit(floors, now)
        except StateError as error:
            return [refuse(request, "refused", str(error))]
        return [Keep(record, (answer(request, votes=True),))]

    def describe(self) -> dict[str, Any]:
        """The vote and the promises, for an operator; the promises are floors for another CFM's admission."""
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
