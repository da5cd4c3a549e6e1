"""The contract of every carrier, both ways and with a machine at each end."""

from collections.abc import Iterator
from contextlib import suppress
from functools import partial

import pytest

from bus.effects import Publish
from bus.envelope import Envelope
from bus.errors import LocalError, OversizeError, TransportError, UnavailableError
from bus.messages import CaughtUp, Received
from bus.telemetry.exposition import Exposition
from fileid.row import ACK, ROWS
from heartbeat.liveness.beat import BEAT
from services.instance.metrics import METRICS
from services.settings.record import CATALOGUE
from tests.contract.carriers import PAIRS, End, Pair
from tests.fleets import fleet_of

TURNS = 20  # a message arrives within one or two


@pytest.fixture(params=[pytest.param(one, id=one.name) for one in PAIRS], scope="module")
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    """Each kind in turn, open."""
    opened: Pair = request.param(*(request.getfixturevalue(name) for name in request.param.needs))
    try:
        opened.open()
        yield opened
    finally:
        opened.close()


def heard(pair: Pair, end: End, sent: Envelope) -> Received:
    """This message as the end's machine was told of it."""

    def found() -> list[Received]:
        known = (sent.source, sent.id)
        return [one for one in end.machine.received() if (one.envelope.source, one.envelope.id) == known]

    pair.until(found, f"{sent.type} at {end.stamp.instance}")
    return found()[0]


def test_what_is_sent_to_a_peer_arrives_and_its_way_back_leads_back(pair: Pair) -> None:
    rows = pair.minter.message(ROWS, b"rows")
    pair.minter.carrier.send("cfm-1", rows)
    arrived = heard(pair, pair.cfm, rows)
    assert arrived.envelope == rows._replace(site="")
    ack = pair.cfm.message(ACK, b"ack")
    pair.cfm.carrier.send(arrived.via, ack)
    assert heard(pair, pair.minter, ack).envelope.data == b"ack"


@pytest.mark.parametrize("speaker", ["minter", "cfm"])
def test_what_is_published_reaches_the_readers_and_has_no_way_back(pair: Pair, speaker: str) -> None:
    end, other = (pair.minter, pair.cfm) if speaker == "minter" else (pair.cfm, pair.minter)
    beat = end.message(BEAT, b'{"service":"cfm"}')
    end.carrier.publish(beat, end.stamp.instance)
    assert heard(pair, other, beat).envelope.data == beat.data


def test_what_a_machine_publishes_it_reads_back_where_it_reads_the_class(pair: Pair) -> None:
    record = pair.minter.message(CATALOGUE, b'{"mine":1}')
    pair.minter.machine.wants.append(Publish(record, "catalogue"))
    assert heard(pair, pair.minter, record).envelope.data == record.data
    assert heard(pair, pair.cfm, record).envelope.data == record.data


def test_a_class_is_caught_up_with_when_that_is_asked(pair: Pair) -> None:
    for end in (pair.minter, pair.cfm):
        before = end.machine.told.count(CaughtUp("config"))
        end.carrier.catch_up("config")
        pair.until(partial(is_told_again, end, before), "the end")


def is_told_again(end: End, before: int) -> bool:
    return end.machine.told.count(CaughtUp("config")) > before


def test_what_is_not_read_has_no_end(pair: Pair) -> None:
    with pytest.raises(LocalError):
        pair.minter.carrier.catch_up("audit")


def test_the_largest_message_arrives_and_a_larger_one_is_refused(pair: Pair) -> None:
    limit = pair.minter.carrier.data_bytes_max
    rows = pair.minter.message(ROWS, bytes(limit))
    pair.minter.carrier.send("cfm-1", rows)
    assert len(heard(pair, pair.cfm, rows).envelope.data) == limit
    with pytest.raises(OversizeError):
        pair.minter.carrier.send("cfm-1", pair.minter.message(ROWS, bytes(pair.too_many_bytes())))


def test_who_is_not_there_is_not_sent_to(pair: Pair) -> None:
    with pytest.raises(UnavailableError):
        pair.minter.carrier.send("cfm-9", pair.minter.message(ROWS))


def test_with_its_identity_read_again_a_carrier_goes_on(pair: Pair) -> None:
    for end in (pair.minter, pair.cfm):
        end.carrier.renew(pair.identity(end.stamp.instance))()
    rows = pair.minter.message(ROWS, b"after")
    pair.minter.carrier.send("cfm-1", rows)
    assert heard(pair, pair.cfm, rows).envelope.data == b"after"


def test_a_carrier_describes_itself_in_declared_samples(pair: Pair) -> None:
    for one in pair.described():
        assert Exposition(METRICS, one.samples).render()
        assert one.lacks() == []


@pytest.mark.parametrize("speaker", ["minter", "cfm"])
def test_who_is_taken_out_of_the_fleet_is_not_heard_and_not_sent_to(pair: Pair, speaker: str) -> None:
    """The last one of this page: the two do not meet again."""
    gone, end = (pair.minter, pair.cfm) if speaker == "minter" else (pair.cfm, pair.minter)
    name = gone.stamp.instance
    identity = pair.identity(end.stamp.instance)
    rest = {other: one for other, one in identity.fleet.instances.items() if other != name}
    end.carrier.renew(identity._replace(fleet=fleet_of(rest)))()
    with pytest.raises(UnavailableError):
        end.carrier.send(name, end.message(ACK))
    with suppress(TransportError):
        gone.carrier.send(end.stamp.instance, gone.message(ACK, b"unheard"))
    for _ in range(TURNS):
        end.turn()
    assert [one for one in end.machine.received() if one.envelope.data == b"unheard"] == []
