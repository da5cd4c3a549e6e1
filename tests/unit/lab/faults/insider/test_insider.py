"""The insider looks like a CFM that drains, and forges each kind at the same rate between two orders."""

from bus.contract import decode
from bus.effects import Exit, Publish, Send
from bus.envelope import Stamp
from bus.messages import Draining, Received, Undelivered
from fileid.handoff import ACKED_SEQ
from fileid.row import ACK, HELLO
from heartbeat.liveness.beat import BEAT, Beat
from services.lab.faults.insider.forgery import KINDS
from services.lab.faults.insider.insider import ACKS, GUESSES, Insider
from tests.unit.lab.faults.insider.test_forgery import forger

RATE_PER_S = 50


def insider() -> Insider:
    stamp = Stamp("insider-1", "lab", 7_000)
    return Insider(stamp, lambda: "tcp://127.0.0.98:1", forger(), KINDS["bus"], RATE_PER_S, lambda: 1)


def greeted(one: Insider, minter: str, number: int) -> None:
    stamp = Stamp(minter, "lab", 1)
    for _ in range(number):
        hello = stamp.envelope(HELLO, b"", time_ms=0)
    one.receive(Received(hello, minter), 0.0)


def test_he_beats_as_a_cfm_that_takes_no_rows() -> None:
    (effect,) = insider().tick(0.0)
    assert isinstance(effect, Publish)
    beat = decode(Beat, effect.envelope.data)
    assert (effect.envelope.type, effect.envelope.source) == (BEAT, "insider-1")
    assert (beat.service, beat.draining) == ("cfm", True)


def test_each_kind_leaves_at_the_rate_from_the_first_order_to_the_second() -> None:
    one = insider()
    greeted(one, "dhcp-1", 1)
    one.begin(10.0)
    for turn in range(201):
        one.tick(10.0 + turn / 100)
    assert one.sent == dict.fromkeys((*KINDS["bus"], ACKS), 2 * RATE_PER_S + 1)
    assert one.reasons.total() == one.sent.total()
    one.end()
    one.tick(20.0)
    assert one.sent.total() == 6 * (2 * RATE_PER_S + 1)


def test_he_acks_frames_about_the_number_of_the_last_greeting() -> None:
    one = insider()
    greeted(one, "dhcp-1", 5)
    one.begin(0.0)
    sends = [effect for effect in one.tick(1.0) if isinstance(effect, Send)]
    assert {(effect.to, effect.envelope.type) for effect in sends} == {("dhcp-1", ACK)}
    numbers = {ACKED_SEQ.unpack_from(effect.envelope.data)[0] for effect in sends}
    assert numbers == {*range(6, 6 + GUESSES)}


def test_nobody_who_has_not_greeted_him_gets_an_ack() -> None:
    one = insider()
    one.begin(0.0)
    one.tick(1.0)
    assert (one.is_known, one.sent[ACKS]) == (False, 0)


def test_an_ack_that_did_not_leave_was_not_sent() -> None:
    one = insider()
    greeted(one, "dhcp-1", 1)
    one.begin(0.0)
    (send,) = [effect for effect in one.tick(0.0) if isinstance(effect, Send)]
    one.receive(Undelivered(send.envelope, "dhcp-1", "not there"), 0.0)
    assert one.sent[ACKS] == one.reasons[ACKS] == 0


def test_he_leaves_when_told_to() -> None:
    assert insider().receive(Draining(), 0.0) == [Exit(0, "told to")]
