"""Alive, suspect, dead, forgotten: one deadline per peer, moved by its beats."""

from heartbeat.liveness.detector import (
    DEAD_AFTER_S,
    PHI_MAX,
    STRETCH_MAX,
    SUSPECT_AFTER_S,
    Detector,
    PeerChanged,
    PeerState,
)

ALIVE, SUSPECT, DEAD, LEFT = PeerState


def detector() -> Detector:
    return Detector(suspect_after_s=3.0, dead_after_s=6.0, forget_after_s=60.0)


def test_a_silent_peer_goes_through_every_state_at_its_moment() -> None:
    peers = detector()
    assert peers.heard("a", 1, 10.0) == [PeerChanged("a", ALIVE)]
    steps = [
        (12.999, [], ALIVE, 13.0),
        (13.0, [PeerChanged("a", SUSPECT)], SUSPECT, 16.0),
        (15.999, [], SUSPECT, 16.0),
        (16.0, [PeerChanged("a", DEAD)], DEAD, 70.0),
        (69.999, [], DEAD, 70.0),
        (70.0, [], None, None),
        (1000.0, [], None, None),
    ]
    for now, changes, state, deadline in steps:
        assert peers.tick(now) == changes
        assert peers.state("a") is state
        assert peers.deadline() == deadline


def test_a_beat_moves_the_deadline_and_is_news_only_after_a_silence() -> None:
    peers = detector()
    peers.heard("a", 1, 0.0)
    assert peers.heard("a", 1, 2.0) == []
    assert peers.deadline() == 5.0
    assert peers.tick(4.0) == []
    peers.tick(5.0)
    assert peers.heard("a", 1, 5.5) == [PeerChanged("a", ALIVE)]
    peers.tick(30.0)
    assert peers.state("a") is DEAD
    assert peers.heard("a", 1, 31.0) == [PeerChanged("a", ALIVE)]
    assert peers.state("a") is ALIVE


def test_a_late_tick_reports_every_step_that_was_missed() -> None:
    peers = detector()
    peers.heard("a", 1, 0.0)
    assert peers.tick(10.0) == [PeerChanged("a", SUSPECT), PeerChanged("a", DEAD)]
    peers.heard("b", 1, 10.0)
    assert peers.tick(100.0) == [PeerChanged("b", SUSPECT), PeerChanged("b", DEAD)]
    assert peers.deadline() is None


def test_each_peer_has_a_deadline_of_its_own() -> None:
    peers = detector()
    peers.heard("a", 1, 0.0)
    peers.heard("b", 1, 1.0)
    assert peers.deadline() == 3.0
    assert peers.tick(3.0) == [PeerChanged("a", SUSPECT)]
    assert peers.deadline() == 4.0
    assert peers.tick(4.0) == [PeerChanged("b", SUSPECT)]


def test_an_older_incarnation_says_nothing_about_the_newer_one() -> None:
    peers = detector()
    peers.heard("a", 5, 0.0)
    assert peers.heard("a", 4, 2.0) == []
    assert peers.deadline() == 3.0
    peers.tick(3.0)
    assert peers.heard("a", 4, 3.5) == []
    assert peers.state("a") is SUSPECT


def test_a_newer_incarnation_is_alive_at_once() -> None:
    peers = detector()
    peers.heard("a", 5, 0.0)
    peers.tick(10.0)
    assert peers.heard("a", 6, 10.0) == [PeerChanged("a", ALIVE)]
    assert peers.heard("a", 5, 11.0) == []


def test_a_peer_that_was_forgotten_starts_anew() -> None:
    peers = detector()
    peers.heard("a", 5, 0.0)
    peers.tick(60.0)
    assert peers.heard("a", 4, 61.0) == [PeerChanged("a", ALIVE)]


def test_nobody_has_no_deadline() -> None:
    peers = detector()
    assert peers.deadline() is None
    assert peers.tick(5.0) == []
    assert peers.state("a") is None


def test_the_silence_before_suspicion_is_three_beats() -> None:
    peers = Detector()
    peers.heard("a", 1, 0.0)
    assert peers.deadline() == SUSPECT_AFTER_S == 1.5
    peers.tick(SUSPECT_AFTER_S)
    assert peers.deadline() == DEAD_AFTER_S


def test_nobody_is_suspected_while_our_own_beats_do_not_come_back() -> None:
    peers = detector()
    peers.heard("a", 1, 0.0)
    peers.echo(0.5)
    assert peers.tick(1000.0) == []
    assert peers.deadline() is None
    peers.echo(3.4)
    assert peers.tick(1000.0) == []  # we doubt ourselves first: twice as long
    peers.echo(6.0)
    assert peers.tick(1000.0) == []


def test_silence_counts_up_to_our_last_echo() -> None:
    peers = detector()
    peers.heard("a", 1, 0.0)
    for turn in range(7):
        peers.echo(turn / 2)
    assert peers.deadline() == 3.0
    assert peers.tick(3.0) == [PeerChanged("a", SUSPECT)]


def test_slow_echoes_stretch_every_limit_and_quick_ones_mend_it() -> None:
    peers = detector()
    peers.echo(0.0)
    for turn in range(1, 10):
        peers.echo(turn * 2.0)
    assert peers.stretch == STRETCH_MAX
    peers.heard("a", 1, 18.0)
    assert peers.tick(18.0 + 3.0 * STRETCH_MAX - 0.1) == []
    for turn in range(1, 10):
        peers.echo(18.0 + turn / 2)
    assert peers.stretch == 1


def test_who_leaves_is_not_suspected_and_forgotten_in_the_end() -> None:
    peers = detector()
    peers.heard("a", 1, 0.0)
    assert peers.heard("a", 1, 0.1, leaves=True) == [PeerChanged("a", LEFT)]
    assert peers.tick(50.0) == []
    assert peers.state("a") is LEFT
    peers.tick(60.1)
    assert peers.state("a") is None


def test_phi_grows_with_the_silence_and_is_bounded() -> None:
    peers = detector()
    for turn in range(20):
        peers.heard("a", 1, turn / 2)
    said = [peers.phi("a", 9.5 + silence) for silence in (0.0, 0.5, 1.0, 2.0, 5.0, 1e6)]
    assert said == sorted(said)
    assert said[1] < 1.0
    assert said[-1] == PHI_MAX
    assert peers.phi("nobody", 1.0) == 0.0
