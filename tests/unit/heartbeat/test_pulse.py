"""Our own beat: when it is due and what it says."""

from bus.contract import decode
from bus.envelope import Stamp, Token
from heartbeat.liveness.beat import BEAT, Beat, Load
from heartbeat.liveness.detector import BEAT_EVERY_S
from heartbeat.liveness.pulse import Pulse
from tests.stamps import stamp_under

BEAT_OF_CFM = Beat(service="cfm", load=Load(in_flight=3, p99_ms=4.5, capacity=6), generation=7)


def test_a_beat_says_what_its_instance_is() -> None:
    publish = Pulse(stamp_under(Token(1, 2), "cfm-1", "lab", 9)).tick(BEAT_OF_CFM, now=5.0, wall_s=1000.25)
    envelope = publish.envelope
    assert publish.key == "cfm-1"
    assert decode(Beat, envelope.data) == BEAT_OF_CFM
    assert (envelope.type, envelope.source, envelope.site, envelope.incarnation) == (BEAT, "cfm-1", "lab", 9)
    assert envelope.token == Token(1, 2)
    assert envelope.time_ms == 1_000_250


def test_the_first_beat_is_due_at_once_and_the_others_follow_in_step() -> None:
    pulse = Pulse(Stamp("cfm-1", "lab", 9))
    assert pulse.deadline() <= 0.0
    first = pulse.tick(BEAT_OF_CFM, 100.0, 0.0)
    assert pulse.deadline() == 100.0 + BEAT_EVERY_S
    second = pulse.tick(BEAT_OF_CFM, 100.5, 0.0)
    assert [first.envelope.seq, second.envelope.seq] == [1, 2]


def test_missed_beats_are_not_made_up_for() -> None:
    pulse = Pulse(Stamp("cfm-1", "lab", 9))
    pulse.tick(BEAT_OF_CFM, 0.0, 0.0)
    pulse.tick(BEAT_OF_CFM, 60.0, 0.0)
    assert pulse.deadline() == 60.0 + BEAT_EVERY_S


def test_news_make_a_beat_due_at_once() -> None:
    pulse = Pulse(Stamp("cfm-1", "lab", 9))
    pulse.tick(BEAT_OF_CFM, 100.0, 0.0)
    pulse.hurry()
    assert pulse.deadline() <= 100.0
    pulse.tick(BEAT_OF_CFM, 100.1, 0.0)
    assert pulse.deadline() == 100.1 + BEAT_EVERY_S


def test_who_drains_says_so_at_once_and_counts_how_often() -> None:
    pulse = Pulse(Stamp("cfm-1", "lab", 9))
    pulse.tick(BEAT_OF_CFM, 100.0, 0.0)
    assert (pulse.is_draining, pulse.draining_beats) == (False, 0)
    pulse.drain()
    assert pulse.deadline() <= 100.0
    for count in (1, 2):
        said = decode(Beat, pulse.tick(BEAT_OF_CFM, 100.0 + count, 0.0).envelope.data)
        assert said == BEAT_OF_CFM.model_copy(update={"draining": True})
        assert pulse.draining_beats == count
