"""The contract of every transport. The memory transport is its specification."""

import random

import pytest

from bus.envelope import Token
from bus.errors import BackpressureError, OversizeError
from bus.wire.codec import EPOCH_MASK
from bus.wire.dedup import Dedup
from tests.contract.harness import Harness

ACCEPTED_MAX = 30_000  # more than any buffer on any way takes

WHOLE = bytes(range(256))
LAST_OF_2099_MS = 4_102_444_799_999
EXTREMES = (
    (1, 0, b"", Token(0, 0), ""),
    (2, 1, b"\0", Token(0, 1), "lab"),
    (2**63, 1_800_000_000_999, WHOLE, Token(1, EPOCH_MASK), "köln-2"),
    (2**64 - 1, LAST_OF_2099_MS, WHOLE * 5, Token(2**16 - 1, EPOCH_MASK), "s"),
)


def test_messages_of_a_source_arrive_in_order_and_once(harness: Harness) -> None:
    sent = harness.some(50)
    for envelope in sent:
        harness.send_patiently(envelope)
    arrived = harness.receive(sent[-1])
    assert arrived == [harness.expected(one) for one in sent]


def test_every_attribute_that_the_carrier_promises_survives(harness: Harness) -> None:
    extremes = [
        first._replace(seq=seq, time_ms=time_ms, data=data, token=token, site=site)
        for type_ in harness.types
        for first in harness.some(1, type_=type_)
        for seq, time_ms, data, token, site in EXTREMES
    ]
    for envelope in extremes:
        arrived = harness.exchange([envelope])
        assert arrived == [harness.expected(envelope)]


def test_the_source_is_who_the_carrier_says(harness: Harness) -> None:
    forged = harness.some(1)[0]._replace(source="cfm-9")
    harness.send(forged)
    [arrived] = harness.receive(forged)
    assert arrived.source == (harness.source if harness.attests_source else "cfm-9")


def test_a_message_sent_again_arrives_again_and_counts_once(harness: Harness) -> None:
    first, second, last = harness.some(3)
    arrived = harness.exchange([first, second, first, first, second, last])
    dedup = Dedup()
    assert [one.seq for one in arrived if dedup.is_new(one)] == [first.seq, second.seq, last.seq]
    assert dedup.duplicates == 3


def test_what_is_too_large_is_refused_to_its_sender_and_harms_nothing(harness: Harness) -> None:
    for type_ in harness.types:
        before, after = harness.some(2, type_=type_)
        size = harness.limit(before)
        too_large = before._replace(seq=before.seq + 100, data=bytes(size + 1))
        harness.send(before)
        with pytest.raises(OversizeError) as refusal:
            harness.send(too_large)
        assert (refusal.value.size_bytes, refusal.value.size_bytes_max) == (size + 1, size)
        harness.send(after)
        assert harness.receive(after) == [harness.expected(before), harness.expected(after)]
    assert harness.undelivered == []


def test_the_largest_message_of_each_class_arrives_whole(harness: Harness) -> None:
    source = random.Random(7)
    for type_ in harness.types:
        envelope = harness.some(1, type_=type_)[0]
        envelope = envelope._replace(
            data=source.randbytes(harness.limit(envelope))
        )  # nothing that compresses
        assert harness.exchange([envelope]) == [harness.expected(envelope)]


def test_backpressure_is_reported_and_what_was_accepted_arrives_or_is_counted(harness: Harness) -> None:
    harness.exchange(harness.some(1))
    lost = harness.lost
    harness.stall()
    accepted = harness.fill(ACCEPTED_MAX)
    assert len(accepted) > 1
    if harness.refuses_when_full:
        with pytest.raises(BackpressureError):
            harness.send(harness.some(1)[0])
    harness.resume()
    last = harness.some(1)[0]
    harness.send_patiently(last)
    arrived = harness.receive(last)
    sent = [harness.expected(one) for one in (*accepted, last)]
    if harness.refuses_when_full:
        assert arrived == sent
    assert [one.seq for one in arrived] == sorted({one.seq for one in arrived} & {one.seq for one in sent})
    assert len(sent) - len(arrived) <= harness.lost - lost
    assert harness.undelivered == []


def test_what_cannot_be_decoded_is_counted_and_the_good_message_behind_it_arrives(harness: Harness) -> None:
    harness.exchange(harness.some(1))
    garbage = harness.undecodable + harness.inject_garbage()
    harness.until(lambda: harness.undecodable >= garbage, "the garbage to be counted")
    good = harness.some(1)
    assert harness.exchange(good) == [harness.expected(good[0])]
    assert harness.undecodable == garbage
