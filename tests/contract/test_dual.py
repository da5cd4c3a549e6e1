"""What comes by both columns: a machine is told of it once, and of rows twice, for each copy is answered."""

from collections import Counter
from collections.abc import Iterator
from functools import partial

import pytest

from bus.envelope import Envelope
from bus.messages import Received
from bus.routes import Column
from fileid.row import ACK, HELLO, PULLED, ROWS
from heartbeat.liveness.beat import BEAT
from tests.contract.brokers import Brokers
from tests.contract.carriers import DualEnd, DualPair


@pytest.fixture(scope="module")
def pair(embedded_cluster: Brokers) -> Iterator[DualPair]:
    opened = DualPair(embedded_cluster)
    try:
        opened.open()
        yield opened
    finally:
        opened.close()


def came_by_both(end: DualEnd, source: str, traffic: str) -> int:
    """How many messages of this class came from there by both columns."""
    peers = end.carrier.report(0.0)["peers"]
    return int(peers.get(source, {}).get(traffic, {"both": 0})["both"])


def until_both_came(pair: DualPair, end: DualEnd, source: str, traffic: str, before: int) -> None:
    """Take turns until one more did than before."""
    pair.until(lambda: came_by_both(end, source, traffic) > before, "both copies")


def copies(end: DualEnd, sent: Envelope) -> list[Received]:
    """This message, each time that the end's machine was told of it."""
    known = (sent.source, sent.id)
    return [one for one in end.machine.received() if (one.envelope.source, one.envelope.id) == known]


@pytest.mark.parametrize("type_", [HELLO, PULLED])
def test_of_what_is_sent_to_a_peer_by_both_it_is_told_once(pair: DualPair, type_: str) -> None:
    before = came_by_both(pair.cfm, "dhcp-1", "fileid")
    sent = pair.minter.message(type_, b"once")
    pair.minter.carrier.send("cfm-1", sent)
    until_both_came(pair, pair.cfm, "dhcp-1", "fileid", before)
    (told,) = copies(pair.cfm, sent)
    assert told.via == "dhcp-1", "an answer goes by both, so to the instance"


@pytest.mark.parametrize("speaker", ["minter", "cfm"])
def test_of_what_is_published_by_both_others_are_told_once(pair: DualPair, speaker: str) -> None:
    end, other = (pair.minter, pair.cfm) if speaker == "minter" else (pair.cfm, pair.minter)
    before = came_by_both(other, end.stamp.instance, "heartbeat")
    beat = end.message(BEAT, b'{"service":"cfm"}')
    end.carrier.publish(beat, end.stamp.instance)
    until_both_came(pair, other, end.stamp.instance, "heartbeat", before)
    assert len(copies(other, beat)) == 1


def test_rows_are_told_by_each_column_and_each_copy_is_answered_by_its_own(pair: DualPair) -> None:
    rows = pair.minter.message(ROWS, b"rows")
    pair.minter.carrier.send("cfm-1", rows)
    pair.until(lambda: len(copies(pair.cfm, rows)) == len(Column), "both copies")
    assert Counter(one.column for one in copies(pair.cfm, rows)) == Counter(Column)
    for told in copies(pair.cfm, rows):
        ack = pair.cfm.message(ACK, b"ack")
        pair.cfm.carrier.send(told.via, ack, told.column)
        pair.until(partial(copies, pair.minter, ack), "the ack")
        assert [one.column for one in copies(pair.minter, ack)] == [told.column]
