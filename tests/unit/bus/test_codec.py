"""Envelopes written down and read back; and whatever else a network may hand us."""

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.envelope import Envelope, Token
from bus.errors import DecodeError
from bus.wire.codec import (
    FRAME_HEADER,
    KINDS,
    NAMES_BYTES_MAX,
    Headers,
    from_frame,
    from_headers,
    pack_token,
    to_frame,
    to_headers,
    unpack_token,
)

ENVELOPE = Envelope(
    "provbus.fileid.rows.v1",
    "dhcp-1",
    incarnation=7,
    seq=258,
    time_ms=1_700_000_000_123,
    data=b"row",
    token=Token(2, 3),
)
FRAME = bytes.fromhex(
    "03010000"  # version, kind, no proof
    "0000000000000102"  # seq
    "0000000000000007"  # incarnation
    "0000018bcfe5687b"  # time
    "0002000000000003"  # era, epoch
    "726f77"
)
RECORD = ENVELOPE._replace(type="provbus.audit.batch.v1", site="north")

tokens = st.builds(Token, st.integers(0, 2**16 - 1), st.integers(0, 2**48 - 1))
envelopes = st.builds(
    Envelope,
    type=st.sampled_from(sorted(KINDS.values())),
    source=st.from_regex(r"[a-z0-9][a-z0-9-]{0,20}", fullmatch=True),
    incarnation=st.integers(0, 2**64 - 1),
    seq=st.integers(0, 2**64 - 1),
    time_ms=st.integers(0, 4_102_444_800_000),  # to the year 2100
    data=st.binary(max_size=64),
    token=tokens,
    site=st.from_regex(r"[a-z0-9-]{0,8}", fullmatch=True),
)
seeded = settings(derandomize=True, max_examples=200, deadline=None)


def altered(headers: Headers, name: str, text: bytes | None) -> Headers:
    return [(key, text if key == name else value) for key, value in headers]


def test_the_frame_is_laid_out_as_documented() -> None:
    assert to_frame(ENVELOPE) == FRAME
    assert from_frame(FRAME, "dhcp-1") == ENVELOPE


@seeded
@given(envelopes)
def test_a_frame_carries_all_but_what_the_connection_knows(envelope: Envelope) -> None:
    assert from_frame(to_frame(envelope), envelope.source) == envelope._replace(site="")


def test_the_source_of_a_frame_is_its_connections() -> None:
    assert from_frame(to_frame(ENVELOPE), "mps-1").source == "mps-1"


@pytest.mark.parametrize(
    ("frame", "complaint"),
    [
        (b"", "0 bytes"),
        (FRAME[: FRAME_HEADER.size - 1], "35 bytes"),
        (b"\0" + FRAME[1:], "version 0"),
        (b"\1" + FRAME[1:], "version 1"),
        (b"\2" + FRAME[1:], "version 2"),
        (FRAME[:1] + b"\0" + FRAME[2:], "kind 0"),
        (FRAME[:1] + b"\xff" + FRAME[2:], "kind 255"),
    ],
)
def test_a_frame_that_is_none_is_refused(frame: bytes, complaint: str) -> None:
    with pytest.raises(DecodeError, match=complaint):
        from_frame(frame, "dhcp-1")


def test_a_frame_without_data_is_complete() -> None:
    assert from_frame(FRAME[: FRAME_HEADER.size], "dhcp-1").data == b""


def test_random_frames_are_read_or_refused() -> None:
    rng = random.Random(1)
    outcomes = set()
    for _ in range(3_000):
        frame = FRAME if rng.random() < 0.5 else rng.randbytes(rng.randrange(64))
        for _ in range(rng.randrange(3)):
            start, end = rng.randrange(len(frame) + 1), rng.randrange(len(frame) + 1)
            frame = frame[:start] + rng.randbytes(1) + frame[end:]
        try:
            envelope = from_frame(frame, "dhcp-1")
        except DecodeError:
            outcomes.add("refused")
        else:
            outcomes.add("read")
            written = to_frame(envelope)
            assert (written[:2], written[4:]) == (frame[:2], frame[4:])
    assert outcomes == {"read", "refused"}


@seeded
@given(tokens, tokens)
def test_packed_tokens_order_as_tokens_do(one: Token, other: Token) -> None:
    assert unpack_token(pack_token(one)) == one
    assert (pack_token(one) < pack_token(other)) == (one < other)


def test_headers_are_cloudevents_in_binary_mode() -> None:
    assert to_headers(RECORD) == [
        ("ce_specversion", b"1.0"),
        ("ce_id", b"audit-7-258"),
        ("ce_source", b"/north/dhcp-1"),
        ("ce_type", b"provbus.audit.batch.v1"),
        ("ce_time", b"2023-11-14T22:13:20.123Z"),
        ("ce_incarnation", b"7"),
        ("ce_seq", b"258"),
        ("ce_era", b"2"),
        ("ce_epoch", b"3"),
        ("content-type", b"application/json"),
    ]


@seeded
@given(envelopes)
def test_headers_carry_everything(envelope: Envelope) -> None:
    headers = to_headers(envelope)
    assert from_headers(headers, envelope.data) == envelope
    assert dict(headers)["ce_id"] == envelope.id.encode()


def test_order_of_headers_and_foreign_ones_do_not_matter() -> None:
    headers: Headers = [("traceparent", b"\xff"), ("ce_datacontenttype", None), *reversed(to_headers(RECORD))]
    assert from_headers(headers, RECORD.data) == RECORD


def test_a_record_without_value_has_no_data() -> None:
    assert from_headers(to_headers(RECORD), None).data == b""


REQUIRED = ("ce_source", "ce_type", "ce_time", "ce_incarnation", "ce_seq", "ce_era", "ce_epoch")


@pytest.mark.parametrize("name", REQUIRED)
def test_a_record_without_a_required_attribute_is_refused(name: str) -> None:
    headers = to_headers(RECORD)
    for lacking in ([pair for pair in headers if pair[0] != name], altered(headers, name, None)):
        with pytest.raises(DecodeError, match=name):
            from_headers(lacking, b"")


@pytest.mark.parametrize("headers", [None, []])
def test_a_record_without_headers_is_refused(headers: Headers | None) -> None:
    with pytest.raises(DecodeError):
        from_headers(headers, b"{}")


@pytest.mark.parametrize("name", ["ce_incarnation", "ce_seq", "ce_era", "ce_epoch"])
@pytest.mark.parametrize("text", [b"", b"-1", b"+1", b" 1", b"1_0", b"1.0", "²".encode(), b"9" * 21, b"\xff"])
def test_a_number_is_digits_and_not_too_many(name: str, text: bytes) -> None:
    with pytest.raises(DecodeError):
        from_headers(altered(to_headers(RECORD), name, text), b"")


@pytest.mark.parametrize(
    ("name", "bits"),
    [("ce_incarnation", 64), ("ce_seq", 64), ("ce_era", 16), ("ce_epoch", 48)],
)
def test_a_number_that_no_frame_could_hold_is_refused(name: str, bits: int) -> None:
    headers = to_headers(ENVELOPE)
    largest = from_headers(altered(headers, name, str(2**bits - 1).encode()), b"")
    assert from_frame(to_frame(largest), largest.source) == largest
    with pytest.raises(DecodeError, match=name):
        from_headers(altered(headers, name, str(2**bits).encode()), b"")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("ce_source", b"dhcp-1"),
        ("ce_source", b"/dhcp-1"),
        ("ce_source", b"/north/"),
        ("ce_source", b"/north/\xff"),
        ("ce_type", b""),
        ("ce_type", b"provbus"),
        ("ce_type", b"provbus.audit"),
        ("ce_type", b"com.example.audit.v1"),
        ("ce_type", b"\xff.audit.batch.v1"),
        ("ce_time", b""),
        ("ce_time", b"yesterday"),
        ("ce_time", b"2023-13-01T00:00:00Z"),
        ("ce_time", b"2023-11-14T22:13:20.+12Z"),
        ("ce_time", b"2023-11-14T22:13:20.123X"),
        ("ce_time", b"\xff"),
    ],
)
def test_an_attribute_that_is_not_ours_is_refused(name: str, text: bytes) -> None:
    with pytest.raises(DecodeError):
        from_headers(altered(to_headers(RECORD), name, text), b"")


@pytest.mark.parametrize(
    ("text", "time_ms"),
    [
        (b"2023-11-14T22:13:20.123Z", 1_700_000_000_123),
        (b"2023-11-14T22:13:20Z", 1_700_000_000_000),
        (b"2023-11-14T23:13:20.123+01:00", 1_700_000_000_123),
        (b"2023-11-14T22:13:20.123456Z", 1_700_000_000_123),
        (b"1969-12-31T23:59:59.999Z", -1),
    ],
)
def test_a_time_is_read_as_anybody_may_write_it(text: bytes, time_ms: int) -> None:
    assert from_headers(altered(to_headers(RECORD), "ce_time", text), b"").time_ms == time_ms


def test_what_two_incarnations_say_is_told_apart() -> None:
    changes: list[dict[str, Any]] = [
        {"source": "dhcp-2"},
        {"site": "south"},
        {"type": "provbus.heartbeat.beat.v1"},
        {"incarnation": 8},
        {"token": Token(2, 4)},
    ]
    for envelope in (RECORD, *(RECORD._replace(**change) for change in changes), RECORD):
        assert from_headers(to_headers(envelope), envelope.data) == envelope


@pytest.mark.parametrize(
    ("name", "head"), [("ce_type", b"provbus.audit."), ("ce_source", b"/north/")], ids=["type", "source"]
)
def test_a_name_without_end_is_refused(name: str, head: bytes) -> None:
    other = {"ce_type": RECORD.source, "ce_source": RECORD.type}[name]
    room = NAMES_BYTES_MAX - len(head) - len(other) - (len("/north/") if name == "ce_type" else 0)
    headers = to_headers(RECORD)
    from_headers(altered(headers, name, head + b"x" * room), b"")
    with pytest.raises(DecodeError, match=f"{NAMES_BYTES_MAX + 1} bytes"):
        from_headers(altered(headers, name, head + b"x" * (room + 1)), b"")


def test_random_headers_are_read_or_refused() -> None:
    rng = random.Random(2)
    outcomes = set()
    for _ in range(3_000):
        headers = to_headers(RECORD)
        for _ in range(rng.randrange(4)):
            place = rng.randrange(len(headers))
            text = headers[place][1] or b""
            assert isinstance(text, bytes)
            cut = rng.randrange(len(text) + 1)
            fresh = text[:cut] + rng.choice((rng.randbytes(1), b"9", b"/", b".", b"")) + text[cut + 1 :]
            headers[place] = (headers[place][0], rng.choice((fresh, fresh, None)))
        try:
            envelope = from_headers(headers, rng.randbytes(8))
        except DecodeError:
            outcomes.add("refused")
        else:
            outcomes.add("read")
            again = from_headers(to_headers(envelope), envelope.data)
            assert abs(again.time_ms - envelope.time_ms) <= 1  # the year 9000 has no exact milliseconds
            assert again._replace(time_ms=envelope.time_ms) == envelope
    assert outcomes == {"read", "refused"}


@seeded
@given(st.lists(st.tuples(st.text(max_size=8), st.none() | st.binary(max_size=16))), st.none() | st.binary())
def test_foreign_records_are_refused(headers: Headers, value: bytes | None) -> None:
    with pytest.raises(DecodeError):
        from_headers(headers, value)
