"""What candidates and voters of `grants` say to each other, as datagrams to one instance.

Who speaks is the source of the envelope, which the transport authenticated, so no message names its sender:
nobody asks, resigns or answers for another. JSON as all of class `failover`; every number has its range here,
so the machines behind need not doubt one.
"""

from collections.abc import Collection, Mapping
from typing import Annotated

from pydantic import Field

from bus.envelope import Envelope, Stamp
from bus.errors import DecodeError
from bus.messages import Contract, decode, encode
from heartbeat.grants import Ask, Granted, Refused, Release
from heartbeat.role_records import ClaimId, RoleName
from heartbeat.stand import BY_GRANTS, Stand
from heartbeat.static import EPOCH_MAX

ASK = "provbus.failover.ask.v1"
RESIGN = "provbus.failover.resign.v1"  # the role log has a record `release` with other fields
GRANTED = "provbus.failover.granted.v1"
REFUSED = "provbus.failover.refused.v1"
QUESTIONS = frozenset({ASK, RESIGN})
ANSWERS = frozenset({GRANTED, REFUSED})

NUMBER_MAX = (1 << 63) - 1  # of asks of one claim, two a second


class Ballot(Contract):
    """What a voter stands by: a claim, or a floor that a person set without knowing its id."""

    era: Annotated[int, Field(ge=0, le=0xFFFF)]
    epoch: Annotated[int, Field(ge=0, le=EPOCH_MAX)]
    claim_id: ClaimId | Annotated[str, Field(max_length=0)] = ""

    def stand(self) -> Stand:
        """The claim."""
        return Stand(self.era, self.epoch, self.claim_id, BY_GRANTS)


class _Claim(Ballot):
    claim_id: ClaimId


class _Resign(Contract):
    role: RoleName
    ballot: _Claim


class _Ask(_Resign):
    number: Annotated[int, Field(ge=1, le=NUMBER_MAX)]


class _Refused(_Ask):
    promised: Ballot | None


def pack_grant(stamp: Stamp, message: Ask | Release | Granted | Refused) -> Envelope:
    """The message as its sender, whose stamp this is, sends it."""
    role, ballot = message.role, _Claim.model_validate(to_ballot(message.ballot).model_dump())
    contract: Contract
    if isinstance(message, Release):
        type_, contract = RESIGN, _Resign(role=role, ballot=ballot)
    elif isinstance(message, Refused):
        promised = None if message.promised is None else to_ballot(message.promised)
        type_ = REFUSED
        contract = _Refused(role=role, ballot=ballot, number=message.number, promised=promised)
    else:
        type_ = ASK if isinstance(message, Ask) else GRANTED
        contract = _Ask(role=role, ballot=ballot, number=message.number)
    return stamp.envelope(type_, encode(contract), time_ms=0)


def unpack_question(envelope: Envelope, roles: Mapping[str, str]) -> Ask | Release:
    """What a candidate says to a voter; `roles` is the role of each instance that may hold one.

    `DecodeError` if it is malformed, or if the role is not its sender's.
    """
    source = envelope.source
    is_ask = envelope.type == ASK
    found = decode(_Ask if is_ask else _Resign, envelope.data)
    if roles.get(source) != found.role:
        raise DecodeError(f"{source} asks for {found.role}, which is not its role")
    ballot = found.ballot.stand()
    if isinstance(found, _Ask):
        return Ask(found.role, ballot, source, found.number)
    return Release(found.role, ballot, source)


def unpack_answer(envelope: Envelope, voters: Collection[str], role: str) -> Granted | Refused:
    """What a voter says to a candidate for this role; `DecodeError` if it is malformed, of another role, or
    if its sender has no vote.
    """
    source = envelope.source
    if source not in voters:
        raise DecodeError(f"{source} has no vote")
    is_refusal = envelope.type == REFUSED
    found: _Ask = decode(_Refused if is_refusal else _Ask, envelope.data)
    if found.role != role:
        raise DecodeError(f"{source} answers for {found.role}, we stand for {role}")
    ballot = found.ballot.stand()
    if isinstance(found, _Refused):
        promised = None if found.promised is None else found.promised.stand()
        return Refused(role, ballot, found.number, source, promised)
    return Granted(role, ballot, found.number, source)


def to_ballot(stand: Stand) -> Ballot:
    """The claim as it is written down."""
    return Ballot(era=stand.era, epoch=stand.epoch, claim_id=stand.claim_id)
