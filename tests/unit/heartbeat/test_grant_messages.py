"""The datagrams of grants: what comes out is what went in, and nobody speaks for another."""

import json
from typing import Any

import pytest

from bus.envelope import Envelope, Stamp
from bus.errors import DecodeError
from bus.wire.datagram import DATA_BYTES_MAX
from heartbeat.roles.claim import BY_GRANTS, EPOCH_MAX, Claim
from heartbeat.roles.granted.grants import Ask, Granted, Refused, Release
from heartbeat.roles.granted.messages import (
    ANSWERS,
    ASK,
    GRANTED,
    NUMBER_MAX,
    QUESTIONS,
    REFUSED,
    RESIGN,
    pack_grant,
    unpack_answer,
    unpack_question,
)

ROLE = "dhcp/lab"
ROLES = {"dhcp-1": ROLE, "dhcp-2": ROLE, "mps-1": "mps/lab"}
CFMS = ("cfm-1", "cfm-2", "cfm-3")
BALLOT, OTHER = Claim(1, 64, "a" * 16, BY_GRANTS), Claim(0xFFFF, EPOCH_MAX, "b" * 16, BY_GRANTS)
LONGEST = f"dhcp/{'s' * 63}"


def written(**changes: Any) -> dict[str, Any]:
    """The fields of a refusal, which has all there are."""
    ballot = {"era": 1, "epoch": 64, "claim_id": "a" * 16}
    return {"role": ROLE, "ballot": ballot, "number": 1, "promised": None} | changes


def envelope(type_: str, source: str, body: dict[str, Any]) -> Envelope:
    return Envelope(type_, source, 1, 1, 0, json.dumps(body).encode())


def question(**changes: Any) -> Envelope:
    body = written(**changes)
    del body["promised"]
    return envelope(ASK, "dhcp-1", body)


@pytest.mark.parametrize(
    ("message", "type_"),
    [(Ask(ROLE, BALLOT, "dhcp-1", 7), ASK), (Release(ROLE, BALLOT, "dhcp-1"), RESIGN)],
)
def test_a_candidate_is_understood(message: Ask | Release, type_: str) -> None:
    sent = pack_grant(Stamp("dhcp-1", "lab", 1), message)
    assert sent.type == type_
    assert sent.type in QUESTIONS
    assert unpack_question(sent, ROLES) == message


@pytest.mark.parametrize(
    ("message", "type_"),
    [
        (Granted(ROLE, BALLOT, 7, "cfm-2"), GRANTED),
        (Refused(ROLE, BALLOT, 7, "cfm-2", None), REFUSED),
        (Refused(ROLE, BALLOT, NUMBER_MAX, "cfm-2", OTHER), REFUSED),
        (Refused(ROLE, BALLOT, 7, "cfm-2", Claim(1, 65, "", BY_GRANTS)), REFUSED),
    ],
    ids=["granted", "knows of none", "greatest numbers", "a floor"],
)
def test_a_voter_is_understood(message: Granted | Refused, type_: str) -> None:
    sent = pack_grant(Stamp("cfm-2", "lab", 1), message)
    assert sent.type == type_
    assert sent.type in ANSWERS
    assert unpack_answer(sent, CFMS, ROLE) == message


def test_the_longest_message_fits_into_a_datagram() -> None:
    message = Refused(LONGEST, OTHER, NUMBER_MAX, "cfm-2", OTHER)
    assert len(pack_grant(Stamp("cfm-2", "lab", 1), message).data) <= DATA_BYTES_MAX


@pytest.mark.parametrize("type_", sorted(QUESTIONS))
@pytest.mark.parametrize("source", ["mps-1", "cfm-1", "dhcp-9"])
def test_nobody_asks_for_a_role_that_is_not_his(type_: str, source: str) -> None:
    body = written()
    del body["promised"]
    if type_ == RESIGN:
        del body["number"]
    with pytest.raises(DecodeError, match="not its role"):
        unpack_question(envelope(type_, source, body), ROLES)


def test_a_field_of_a_later_release_is_left_out() -> None:
    ballot = {"era": 1, "epoch": 64, "claim_id": "a" * 16}
    known, later = (unpack_question(question(ballot=one), ROLES) for one in (ballot, ballot | {"weight": 3}))
    assert known == later == unpack_question(question(ballot=ballot, site="lab"), ROLES)


@pytest.mark.parametrize("source", ["dhcp-2", "cfm-9"])
def test_nobody_answers_who_has_no_vote(source: str) -> None:
    with pytest.raises(DecodeError, match="no vote"):
        unpack_answer(envelope(REFUSED, source, written()), CFMS, ROLE)


def test_an_answer_for_another_role_is_refused() -> None:
    with pytest.raises(DecodeError, match="we stand for"):
        unpack_answer(envelope(REFUSED, "cfm-1", written(role="mps/lab")), CFMS, ROLE)


@pytest.mark.parametrize(
    "changes",
    [
        {"ballot": {"era": 0x10000, "epoch": 64, "claim_id": "a" * 16}},
        {"ballot": {"era": -1, "epoch": 64, "claim_id": "a" * 16}},
        {"ballot": {"era": 1, "epoch": EPOCH_MAX + 1, "claim_id": "a" * 16}},
        {"ballot": {"era": 1, "epoch": -1, "claim_id": "a" * 16}},
        {"ballot": {"era": 1, "epoch": 64, "claim_id": ""}},
        {"ballot": {"era": 1, "epoch": 64, "claim_id": "g" * 16}},
        {"number": 0},
        {"number": NUMBER_MAX + 1},
        {"role": "cfm/lab"},
    ],
    ids=repr,
)
def test_what_is_out_of_range_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(DecodeError):
        unpack_question(question(**changes), ROLES)


@pytest.mark.parametrize("epoch", [-1, EPOCH_MAX + 1])
def test_a_promise_out_of_range_is_refused(epoch: int) -> None:
    promised = {"era": 1, "epoch": epoch, "claim_id": "b" * 16}
    with pytest.raises(DecodeError):
        unpack_answer(envelope(REFUSED, "cfm-1", written(promised=promised)), CFMS, ROLE)


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"\xff"])
def test_what_is_no_message_is_refused(data: bytes) -> None:
    with pytest.raises(DecodeError):
        unpack_question(Envelope(ASK, "dhcp-1", 1, 1, 0, data), ROLES)
    with pytest.raises(DecodeError):
        unpack_answer(Envelope(GRANTED, "cfm-1", 1, 1, 0, data), CFMS, ROLE)
