"""The messages between candidates and voters of `grants`, as datagrams to one instance.

The sender is the source of the envelope, which the transport authenticated, so no message names it: nobody
asks, resigns or answers for another. JSON like all of class `failover`; the range of every number is checked
here, so the machines behind need not check it.
"""

from collections.abc import Collection, Mapping
from typing import Annotated

from pydantic import Field

from bus.contract import Contract, WireContract, decode, encode
from bus.envelope import Envelope, Stamp
from bus.errors import DecodeError
from heartbeat.roles.claim import BY_GRANTS, EPOCH_MAX, Claim, ClaimId, RoleName
from heartbeat.roles.granted.grants import Ask, Granted, Refused, Release

ASK = "provbus.failover.ask.v1"
RESIGN = "provbus.failover.resign.v1"  # the role log has a record `release` with other fields
GRANTED = "provbus.failover.granted.v1"
REFUSED = "provbus.failover.refused.v1"
QUESTIONS = frozenset({ASK, RESIGN})
ANSWERS = frozenset({GRANTED, REFUSED})

NUMBER_MAX = (1 << 63) - 1  # of asks of one claim, two a second


class Ballot(Contract):
    """A voter's promise: a claim, or a floor that a person set without knowing its id."""

    era: Annotated[int, Field(ge=0, le=0xFFFF)]
    epoch: Annotated[int, Field(ge=0, le=EPOCH_MAX)]
    claim_id: ClaimId | Annotated[str, Field(max_length=0)] = ""

    def claim(self) -> Claim:
        """The claim."""
        return Claim(self.era, self.epoch, self.claim_id, BY_GRANTS)


class _WireBallot(Ballot):
    """As a message has it."""

    model_config = WireContract.model_config


class _Claim(_WireBallot):
    claim_id: ClaimId


class _Resign(WireContract):
    role: RoleName
    ballot: _Claim


class _Ask(_Resign):
    number: Annotated[int, Field(ge=1, le=NUMBER_MAX)]


class _Refused(_Ask):
    promised: _WireBallot | None


def pack_grant(stamp: Stamp, message: Ask | Release | Granted | Refused) -> Envelope:
    """The envelope of a message; `stamp` is the sender's."""
    role, ballot = message.role, _Claim.model_validate(to_ballot(message.ballot).model_dump())
    contract: Contract
    if isinstance(message, Release):
        type_, contract = RESIGN, _Resign(role=role, ballot=ballot)
    elif isinstance(message, Refused):
        promised = None
        if message.promised is not None:
            promised = _WireBallot.model_validate(to_ballot(message.promised).model_dump())
        type_ = REFUSED
        contract = _Refused(role=role, ballot=ballot, number=message.number, promised=promised)
    else:
        type_ = ASK if isinstance(message, Ask) else GRANTED
        contract = _Ask(role=role, ballot=ballot, number=message.number)
    return stamp.envelope(type_, encode(contract), time_ms=0)


def unpack_question(envelope: Envelope, roles: Mapping[str, str]) -> Ask | Release:
    """A candidate's message to a voter; `roles` is the role of each instance that may hold one.

    `DecodeError` if it is malformed, or if the role is not its sender's.
    """
    source = envelope.source
    is_ask = envelope.type == ASK
    found = decode(_Ask if is_ask else _Resign, envelope.data)
    if roles.get(source) != found.role:
        raise DecodeError(f"{source} asks for {found.role}, which is not its role")
    ballot = found.ballot.claim()
    if isinstance(found, _Ask):
        return Ask(found.role, ballot, source, found.number)
    return Release(found.role, ballot, source)


def unpack_answer(envelope: Envelope, voters: Collection[str], role: str) -> Granted | Refused:
    """A voter's answer to a candidate for this role; `DecodeError` if it is malformed, of another role, or if
    its sender has no vote.
    """
    source = envelope.source
    if source not in voters:
        raise DecodeError(f"{source} has no vote")
    is_refusal = envelope.type == REFUSED
    found: _Ask = decode(_Refused if is_refusal else _Ask, envelope.data)
    if found.role != role:
        raise DecodeError(f"{source} answers for {found.role}, we stand for {role}")
    ballot = found.ballot.claim()
    if isinstance(found, _Refused):
        promised = None if found.promised is None else found.promised.claim()
        return Refused(role, ballot, found.number, source, promised)
    return Granted(role, ballot, found.number, source)


def to_ballot(claim: Claim) -> Ballot:
    """The ballot of a claim."""
    return Ballot(era=claim.era, epoch=claim.epoch, claim_id=claim.claim_id)
