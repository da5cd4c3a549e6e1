"""Envelopes: identity, order of tokens, numbering without gaps."""

import pytest

from bus.envelope import NO_TOKEN, Envelope, Stamp, Token
from tests.stamps import stamp_under


@pytest.mark.parametrize(
    ("type_", "traffic"),
    [
        ("provbus.fileid.rows.v1", "fileid"),
        ("provbus.heartbeat.beat.v1", "heartbeat"),
        ("provbus.audit.batch.v1", "audit"),
    ],
)
def test_the_class_is_the_second_word_of_the_type(type_: str, traffic: str) -> None:
    envelope = Envelope(type_, "cfm-1", 0x1F, 9, 0, b"")
    assert envelope.traffic == traffic
    assert envelope.id == f"{traffic}-1f-9"


def test_each_class_is_numbered_from_one_without_gaps() -> None:
    stamp = Stamp("cfm-1", "lab", incarnation=7)
    types = ("provbus.audit.batch.v1", "provbus.fileid.ack.v1", "provbus.audit.batch.v1")
    envelopes = [stamp.envelope(type_, b"", time_ms=0) for type_ in types]
    assert [(one.traffic, one.seq) for one in envelopes] == [("audit", 1), ("fileid", 1), ("audit", 2)]


def test_types_of_one_class_share_its_numbers() -> None:
    stamp = Stamp("cfm-1", "lab", incarnation=7)
    types = ("provbus.fileid.ack.v1", "provbus.fileid.pull.v1", "provbus.fileid.ack.v1")
    assert [stamp.envelope(type_, b"", time_ms=0).seq for type_ in types] == [1, 2, 3]


def test_a_stamp_writes_who_where_and_by_what_authority() -> None:
    stamp = stamp_under(Token(2, 5), "dhcp-1", "north", 7)
    envelope = stamp.envelope("provbus.fileid.rows.v1", b"x", time_ms=3)
    assert envelope == Envelope("provbus.fileid.rows.v1", "dhcp-1", 7, 1, 3, b"x", Token(2, 5), "north")


def test_a_later_token_compares_greater() -> None:
    assert NO_TOKEN < Token(0, 1) < Token(1, 0) < Token(1, 900) < Token(2, 0)


def test_an_envelope_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Envelope("provbus.audit.batch.v1", "cfm-1", 1, 1, 0, b"").seq = 2  # type: ignore[misc]
