"""The roster: the fleet's instances as they said, and nobody else."""

from collections.abc import Callable

import pytest

from bus.envelope import Envelope
from bus.errors import DecodeError
from heartbeat.liveness.beat import Load
from heartbeat.liveness.detector import SUSPECT_AFTER_S, PeerChanged, PeerState
from heartbeat.liveness.roster import TWICE_BEATS, Peer, Roster

ALIVE, SUSPECT, DEAD, LEFT = PeerState

MakeBeat = Callable[..., Envelope]


def names(peers: list[Peer]) -> list[str]:
    return [peer.name for peer in peers]


def test_who_beats_is_alive_with_what_it_said(roster: Roster, beat: MakeBeat) -> None:
    said = {"fileid": "tcp://127.0.0.11:7000", "tftp": "127.0.0.11"}
    assert roster.receive(beat("cfm-1", generation=3, endpoints=said), 0.0) == [PeerChanged("cfm-1", ALIVE)]
    peer = roster.peer("cfm-1")
    assert peer is not None
    assert (peer.name, peer.incarnation, peer.beat.generation, peer.beat.endpoints) == ("cfm-1", 1, 3, said)
    assert roster.is_alive("cfm-1")
    assert roster.state("cfm-1") is ALIVE
    assert [*roster.describe(0.0)] == ["cfm-1"]


def test_the_newest_beat_replaces_the_one_before(roster: Roster, beat: MakeBeat) -> None:
    roster.receive(beat("cfm-1", draining=False), 0.0)
    assert roster.receive(beat("cfm-1", draining=True), 0.5) == []
    (peer,) = roster.alive("cfm")
    assert peer.beat.draining
    assert roster.deadline() == 0.5 + SUSPECT_AFTER_S


def test_services_are_told_apart(roster: Roster, beat: MakeBeat) -> None:
    roster.receive(beat("cfm-1"), 0.0)
    roster.receive(beat("dhcp-1", service="dhcp"), 0.0)
    assert names(roster.alive("cfm")) == ["cfm-1"]
    assert names(roster.alive("dhcp")) == ["dhcp-1"]
    assert roster.alive("mps") == []


@pytest.mark.parametrize(
    ("source", "service"), [("cfm-99", "cfm"), ("", "cfm"), ("dhcp-1", "cfm"), ("cfm-1", "dhcp")]
)
def test_a_stranger_or_a_false_service_does_not_get_in(
    roster: Roster, beat: MakeBeat, source: str, service: str
) -> None:
    with pytest.raises(DecodeError):
        roster.receive(beat(source, service=service), 0.0)
    assert [*roster.describe(0.0)] == []
    assert roster.deadline() is None


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b'{"service":"tftp"}'])
def test_what_is_no_beat_is_refused_and_the_last_one_stays(
    roster: Roster, beat: MakeBeat, data: bytes
) -> None:
    roster.receive(beat("cfm-1", generation=3), 0.0)
    with pytest.raises(DecodeError):
        roster.receive(beat("cfm-1")._replace(data=data), 1.0)
    peer = roster.peer("cfm-1")
    assert peer is not None
    assert peer.beat.generation == 3
    assert roster.deadline() == SUSPECT_AFTER_S


def test_the_silent_are_not_alive_but_still_known(roster: Roster, beat: MakeBeat) -> None:
    roster.receive(beat("cfm-1"), 0.0)
    roster.receive(beat("cfm-2"), 1.0)
    assert roster.tick(SUSPECT_AFTER_S) == [PeerChanged("cfm-1", SUSPECT)]
    assert names(roster.alive("cfm")) == ["cfm-2"]
    roster.tick(100.0)
    assert roster.alive("cfm") == []
    assert roster.state("cfm-2") is DEAD
    assert [*roster.describe(0.0)] == ["cfm-1", "cfm-2"]
    assert roster.peer("cfm-1") is not None
    assert not roster.is_alive("cfm-1")


def test_a_restart_counts_and_its_predecessors_late_beat_does_not(roster: Roster, beat: MakeBeat) -> None:
    roster.receive(beat("cfm-1", incarnation=5, generation=3), 0.0)
    roster.receive(beat("cfm-1", incarnation=6, generation=0), 1.0)
    roster.receive(beat("cfm-1", incarnation=5, generation=4), 1.4)
    peer = roster.peer("cfm-1")
    assert peer is not None
    assert (peer.incarnation, peer.beat.generation) == (6, 0)
    assert roster.tick(1.0 + SUSPECT_AFTER_S) == [PeerChanged("cfm-1", SUSPECT)]


def test_a_peer_whose_incarnation_went_back_is_heard_again_once_it_was_forgotten(
    roster: Roster, beat: MakeBeat
) -> None:
    roster.receive(beat("cfm-1", incarnation=6, generation=9, draining=True), 0.0)
    roster.tick(1_000.0)
    roster.receive(beat("cfm-1", incarnation=5, generation=1), 1_001.0)
    (peer,) = roster.alive("cfm")
    assert (peer.incarnation, peer.beat.generation, peer.beat.draining) == (5, 1, False)


def test_of_nobody_nothing_is_known(roster: Roster) -> None:
    assert roster.peer("cfm-1") is None
    assert roster.state("cfm-1") is None
    assert not roster.is_alive("cfm-1")
    assert roster.tick(1.0) == []


def test_an_operator_is_told_what_we_know_of_everybody(roster: Roster, beat: MakeBeat) -> None:
    roster.receive(beat("cfm-1", incarnation=7, load=Load(in_flight=3, capacity=9), draining=True), 10.0)
    roster.receive(beat("cfm-2", generation=4), 9.0)
    roster.tick(10.5)
    told = roster.describe(10.5)
    assert told["cfm-1"] == {
        "state": "alive",
        "twice": False,
        "service": "cfm",
        "incarnation": 7,
        "draining": True,
        "load": {"in_flight": 3, "p99_ms": 0.0, "capacity": 9},
        "generation": 0,
        "sealed": "",
        "endpoints": {},
        "beat_age_s": 0.5,
        "longest_gap_s": 0.0,
        "phi": 0.3,
        "clock_skew_s": 0.0,
        "verdict": "ready",
        "reason": "",
        "version": "",
        "transport": "",
        "keys": {"fleet": "", "seal": "", "seals": "", "group": "", "settings": ""},
        "standing": None,
    }
    assert (told["cfm-2"]["state"], told["cfm-2"]["beat_age_s"]) == ("suspect", 1.5)
    roster.tick(700.0)
    forgotten = roster.describe(700.0)["cfm-1"]
    assert (forgotten["state"], forgotten["beat_age_s"], forgotten["incarnation"]) == (None, None, 7)


def test_who_leaves_is_gone_at_once_and_may_come_back(roster: Roster, beat: MakeBeat) -> None:
    roster.receive(beat("cfm-1"), 1.0)
    assert roster.receive(beat("cfm-1", leaves=True), 1.2) == [PeerChanged("cfm-1", LEFT)]
    assert roster.alive("cfm") == []
    assert roster.tick(100.0) == []
    assert roster.receive(beat("cfm-1", incarnation=2), 101.0) == [PeerChanged("cfm-1", ALIVE)]


def test_a_wall_clock_that_differs_is_told(roster: Roster, beat: MakeBeat) -> None:
    message = beat("cfm-1")._replace(time_ms=1_700_000_006_500)
    roster.receive(message, 1.0, 1_700_000_000.0)
    assert roster.skewed() == {"cfm-1": 6.5}
    roster.receive(beat("cfm-2"), 1.0, 1_700_000_000.0)  # it does not say when it was
    assert roster.skewed() == {"cfm-1": 6.5, "cfm-2": 0.0}


def test_our_own_beats_show_that_beats_come_at_all(beat: MakeBeat) -> None:
    roster = Roster({"dhcp-1": "dhcp", "cfm-1": "cfm"}, own="dhcp-1")
    roster.receive(beat("dhcp-1", service="dhcp"), 1.0)
    roster.receive(beat("cfm-1"), 1.0)
    assert roster.tick(60.0) == []
    roster.receive(beat("dhcp-1", service="dhcp"), 61.0)
    assert PeerChanged("cfm-1", SUSPECT) in roster.tick(61.0)


def test_two_processes_of_one_name_are_shown_once_the_older_one_goes_on(
    roster: Roster, beat: MakeBeat
) -> None:
    for at in range(2 * TWICE_BEATS):
        roster.receive(beat("cfm-1", incarnation=9), 0.5 * at)
        assert not roster.describe(0.5 * at)["cfm-1"]["twice"] or at >= TWICE_BEATS
        roster.receive(beat("cfm-1", incarnation=7), 0.5 * at)
    assert roster.describe(8.0)["cfm-1"]["twice"]
    assert roster.describe(8.0)["cfm-1"]["incarnation"] == 9
    assert not roster.describe(10.0)["cfm-1"]["twice"]  # the older one is gone
    roster.receive(beat("cfm-1", incarnation=10), 10.0)
    assert not roster.is_twice("cfm-1", 8.0)


def test_who_is_taken_out_is_forgotten_at_once_and_does_not_get_in_again(
    roster: Roster, beat: MakeBeat
) -> None:
    for name in ("cfm-1", "cfm-2"):
        roster.receive(beat(name), 0.0)
    roster.keep_to({"cfm-1": "cfm"})
    assert names(roster.alive("cfm")) == ["cfm-1"]
    assert [*roster.describe(0.0)] == [*roster.states()] == ["cfm-1"]
    with pytest.raises(DecodeError):
        roster.receive(beat("cfm-2"), 0.5)
    roster.tick(100.0)
    assert roster.state("cfm-2") is None
    roster.keep_to({"cfm-1": "cfm", "cfm-2": "cfm"})
    roster.receive(beat("cfm-2"), 101.0)
    assert names(roster.alive("cfm")) == ["cfm-2"]


def test_without_an_echo_silence_is_counted_up_to_now(beat: MakeBeat) -> None:
    """After a switch to the group a beat of ours that was on its way through Kafka is no echo."""
    roster = Roster({"dhcp-1": "dhcp", "cfm-1": "cfm"}, own="dhcp-1")
    roster.receive(beat("dhcp-1", service="dhcp"), 0.0)
    roster.receive(beat("cfm-1"), 0.0)
    roster.expect_echo(is_expected=False)
    roster.receive(beat("dhcp-1", service="dhcp"), 0.1)
    roster.tick(10.0)
    assert not roster.is_alive("cfm-1")
