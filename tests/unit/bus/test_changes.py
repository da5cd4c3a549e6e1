"""Changes of state: one line each, a few at once, and the last one always in the end."""

from bus.telemetry.changes import EVERY_S, LINES_AT_ONCE, Changes


def flapping(count: int) -> list[str]:
    """So many states of a role, each another one than the last."""
    return [f"role: state {number}" for number in range(count)]


def test_a_change_has_one_line() -> None:
    changes = Changes()
    assert changes.lines({"role": "role: standby"}, 0.0) == ["role: standby"]
    assert changes.lines({"role": "role: standby"}, 1.0) == []
    assert changes.lines({"role": "role: active"}, 2.0) == ["role: active"]
    assert changes.lines({"role": "role: active"}, 3.0) == []


def test_what_did_not_change_has_none_beside_what_did() -> None:
    changes = Changes()
    changes.lines({"role": "role: standby", "keys": "keys: none"}, 0.0)
    assert changes.lines({"role": "role: active", "keys": "keys: none"}, 1.0) == ["role: active"]


def test_what_is_forgotten_is_said_once_and_may_come_back() -> None:
    changes = Changes()
    changes.lines({"peer cfm-1": "peer cfm-1: alive"}, 0.0)
    assert changes.lines({}, 1.0) == ["peer cfm-1: forgotten"]
    assert changes.lines({}, 2.0) == []
    assert changes.lines({"peer cfm-1": "peer cfm-1: alive"}, 3.0) == ["peer cfm-1: alive"]


def test_a_burst_is_held_back_and_the_last_state_is_told_with_the_count() -> None:
    changes = Changes()
    states = flapping(LINES_AT_ONCE + 5)
    told = [line for state in states for line in changes.lines({"role": state}, 0.0)]
    assert told == states[:LINES_AT_ONCE]
    last = {"role": states[-1]}
    assert changes.lines(last, EVERY_S - 0.1) == []
    assert changes.lines(last, EVERY_S) == [f"{states[-1]} (5 more changes were left out)"]
    assert changes.lines(last, 10 * EVERY_S) == []


def test_the_count_begins_anew_with_each_line_that_says_it() -> None:
    changes = Changes()
    for state in flapping(LINES_AT_ONCE + 2):
        changes.lines({"role": state}, 0.0)
    changes.lines({"role": "role: one more"}, EVERY_S)
    assert changes.lines({"role": "role: and one"}, 2 * EVERY_S) == ["role: and one"]


def test_going_back_and_forth_is_counted_too() -> None:
    changes = Changes()
    states = flapping(LINES_AT_ONCE)
    for state in states:
        changes.lines({"role": state}, 0.0)
    for state in ("role: lost", states[-1], "role: lost", states[-1]):
        assert changes.lines({"role": state}, 0.0) == []
    told = changes.lines({"role": "role: lost"}, EVERY_S)
    assert told == ["role: lost (4 more changes were left out)"]


def test_lines_come_back_with_time_and_never_more_than_at_first() -> None:
    changes = Changes()
    for state in flapping(LINES_AT_ONCE):
        changes.lines({"role": state}, 0.0)
    late = 100 * LINES_AT_ONCE * EVERY_S
    told = [
        line
        for number in range(LINES_AT_ONCE + 1)
        for line in changes.lines({"role": f"late {number}"}, late)
    ]
    assert len(told) == LINES_AT_ONCE


def test_a_family_shares_an_allowance_and_others_have_their_own() -> None:
    changes = Changes()
    peers = {f"peer cfm-{number}": f"peer cfm-{number}: alive" for number in range(LINES_AT_ONCE + 3)}
    told = changes.lines({**peers, "role": "role: standby"}, 0.0)
    assert told == [*[*peers.values()][:LINES_AT_ONCE], "role: standby"]
    late: list[str] = []
    for times in range(1, 5):
        late += changes.lines({**peers, "role": "role: standby"}, times * EVERY_S)
    assert [line.partition(" (")[0] for line in late] == [*peers.values()][LINES_AT_ONCE:]


def test_one_that_was_forgotten_in_a_burst_is_said_to_be_later() -> None:
    changes = Changes()
    changes.lines({"peer cfm-1": "peer cfm-1: alive"}, 0.0)
    for number in range(LINES_AT_ONCE):
        changes.lines({"peer cfm-1": "peer cfm-1: alive", "peer cfm-2": f"state {number}"}, 0.0)
    assert changes.lines({}, 0.0) == []
    told = [line for times in (1, 2, 3) for line in changes.lines({}, times * EVERY_S)]
    assert [line.partition(" (")[0] for line in told] == ["peer cfm-1: forgotten", "peer cfm-2: forgotten"]
