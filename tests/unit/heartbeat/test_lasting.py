"""A trouble counts once it has lasted, without a break."""

from heartbeat.liveness.lasting import Lasting


def test_a_trouble_of_a_moment_is_none() -> None:
    lasting = Lasting(2.0)
    assert lasting.at(0.0) == []
    lasting.note(["cfm-1"], 1.0)
    assert lasting.at(2.9) == []
    assert lasting.at(3.0) == ["cfm-1"]


def test_it_counts_from_its_beginning() -> None:
    lasting = Lasting(2.0)
    for at in (1.0, 2.0, 3.0):
        lasting.note(["cfm-1"], at)
    assert lasting.at(3.0) == ["cfm-1"]


def test_a_break_begins_it_anew() -> None:
    lasting = Lasting(2.0)
    lasting.note(["cfm-1", "cfm-2"], 0.0)
    lasting.note(["cfm-2"], 1.0)
    lasting.note(["cfm-1", "cfm-2"], 1.5)
    assert lasting.at(3.0) == ["cfm-2"]
    assert lasting.at(3.5) == ["cfm-1", "cfm-2"]
    lasting.note([], 4.0)
    assert lasting.at(100.0) == []
