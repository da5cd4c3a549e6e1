"""Leaps: a number that only grows goes up step by step, or somebody has to prove who he is."""

from random import Random

import pytest

from bus.contract import encode
from bus.envelope import Envelope
from bus.errors import DecodeError
from bus.leaps import GROWTH, LeapError, Number, check_leap
from heartbeat.liveness.balance import Balancer
from heartbeat.liveness.beat import BEAT, Beat
from heartbeat.liveness.namesake import Namesake, NamesakeState
from heartbeat.liveness.roster import Roster
from heartbeat.roles.claim import (
    BY_APPOINTMENT,
    BY_GRANTS,
    EPOCH_MAX,
    ERA_MAX,
    Claim,
    check_unlogged,
    log_authority,
)
from heartbeat.roles.evidence import Answer, Evidence
from heartbeat.roles.log.fence import Fence
from heartbeat.roles.log.records import Checkpoint, Holding
from tests.trusting import anybody

ROLE = "dhcp/lab"
CFMS = ("cfm-1", "cfm-2", "cfm-3")
WALL_S = 1_700_000_000.0
FIRST = Claim(2, 64, "1" * 16, BY_GRANTS)
ERA_LEAP, EPOCH_LEAP = GROWTH[Number.ERA].leap_max, GROWTH[Number.EPOCH].leap_max
LAST = Claim(ERA_MAX, 64, "f" * 16, BY_GRANTS)


@pytest.mark.parametrize("number", Number)
def test_only_a_speaker_who_is_proven_leaps(number: Number) -> None:
    leap = GROWTH[number].leap_max
    check_leap(number, "x", 7, 7 + leap, is_proven=False)
    check_leap(number, "x", 7, 8 + leap, is_proven=True)
    with pytest.raises(LeapError, match=f"x says {number} {8 + leap}, and 7 is known: a leap"):
        check_leap(number, "x", 7, 8 + leap, is_proven=False)


@pytest.mark.parametrize(
    ("known", "said", "is_proven", "leaps"),
    [
        (FIRST, Claim(2, 64 + EPOCH_LEAP), False, None),
        (FIRST, Claim(2, 65 + EPOCH_LEAP), True, Number.EPOCH),
        (FIRST, Claim(3, EPOCH_LEAP), False, None),
        (FIRST, Claim(3, EPOCH_MAX), True, Number.EPOCH),
        (FIRST, Claim(2 + ERA_LEAP, 0), False, None),
        (FIRST, Claim(3 + ERA_LEAP, 0), False, Number.ERA),
        (FIRST, Claim(3 + ERA_LEAP, 0), True, None),
        (FIRST, Claim(), False, None),
        (None, LAST, False, None),
        (Claim(), LAST, False, None),
    ],
)
def test_a_claim_that_no_log_decided_goes_up_step_by_step(
    known: Claim | None, said: Claim, is_proven: bool, leaps: Number | None
) -> None:
    if leaps is None:
        check_unlogged("dhcp-2", known, said, is_proven=is_proven)
        return
    with pytest.raises(LeapError) as caught:
        check_unlogged("dhcp-2", known, said, is_proven=is_proven)
    assert caught.value.number is leaps


def test_a_greeting_that_leaps_leaves_the_fence_as_it_is() -> None:
    """Its claim would be kept on the disk, and every row of the true primary would be stale for good."""
    fence = Fence({"dhcp-1": ROLE, "dhcp-2": ROLE}, writers=None)
    (kept,) = fence.hello("dhcp-1", FIRST, WALL_S, is_proven=False)
    fence.kept(kept)
    before = fence.tokens("dhcp-1")
    for claim in (LAST, Claim(2, EPOCH_MAX, "f" * 16, BY_GRANTS)):
        with pytest.raises(LeapError):
            fence.hello("dhcp-2", claim, WALL_S, is_proven=False)
    assert fence.tokens("dhcp-1") == before
    assert fence.highest() == {ROLE: FIRST}
    assert fence.tokens("dhcp-2") == (b"", b"")


def test_an_epoch_of_the_log_counts_whatever_it_is() -> None:
    """With a log the greeting decides nothing, so it may name any epoch."""
    fence = Fence({"dhcp-1": ROLE}, writers=anybody)
    assert (
        fence.hello("dhcp-1", Claim(0, EPOCH_MAX, "f" * 16, log_authority("")), WALL_S, is_proven=False) == []
    )


def evidence(*named: Claim) -> Evidence:
    """What CFMs named lately, one each."""
    found = Evidence(CFMS)
    for cfm, claim in zip(CFMS, named, strict=False):
        found.heard(cfm, Answer(claim, False, 0), 0.0, 0.1)
    return found


@pytest.mark.parametrize(
    ("named", "credible"),
    [
        ((), Claim()),
        ((FIRST,), FIRST),
        ((FIRST, FIRST, LAST), FIRST),
        ((FIRST, LAST, FIRST), FIRST),
        ((LAST,), Claim()),
        ((LAST, FIRST), FIRST),
        ((FIRST, LAST, LAST), LAST),
        ((FIRST, FIRST, Claim(2, EPOCH_MAX, "f" * 16, BY_APPOINTMENT)), FIRST),
        ((FIRST, FIRST, FIRST._replace(epoch=128)), FIRST._replace(epoch=128)),
        ((FIRST, FIRST, FIRST._replace(era=2 + ERA_LEAP)), FIRST._replace(era=2 + ERA_LEAP)),
    ],
)
def test_one_cfm_is_no_majority_for_what_leaps(named: tuple[Claim, ...], credible: Claim) -> None:
    assert evidence(*named).credible == credible


def test_one_cfm_that_names_the_last_era_makes_no_machine_begin_one() -> None:
    found = evidence(FIRST, FIRST, LAST)
    assert found.superseding(log_authority(""), 3, 0.2) is None
    assert found.superseding(log_authority(""), 2, 0.2) == FIRST


def test_one_word_is_enough_to_stop() -> None:
    """It may be the only CFM that has read the next claim."""
    ours = Claim(2, 64, "1" * 16, log_authority(""))
    assert evidence(ours, ours, LAST).until(ours, 10.0) == 0.0


def beat(incarnation: int, name: str = "cfm-1", load: object = None) -> Envelope:
    said = encode(Beat(service="cfm")) if not load else b'{"service":"cfm","load":%s}' % repr(load).encode()
    return Envelope(BEAT, name, incarnation, 1, int(WALL_S * 1000), said.replace(b"'", b'"'))


def test_an_incarnation_that_is_to_come_counts_and_is_an_alarm() -> None:
    """A beat is signed, and to ignore a true one would lock out an instance whose clock was wrong once."""
    roster, soon, late = Roster({"cfm-1": "cfm"}), int(WALL_S * 1000) + 59_000, (1 << 64) - 1
    roster.receive(beat(soon), 0.0, WALL_S)
    assert roster.ahead() == []
    roster.receive(beat(late), 0.0, WALL_S)
    peer = roster.peer("cfm-1")
    assert peer is not None
    assert (peer.incarnation, roster.ahead()) == (late, ["cfm-1"])


@pytest.mark.parametrize("load", [{"in_flight": 10**400}, {"capacity": 10**400}, {"p99_ms": 10**300}])
def test_a_load_that_no_float_has_room_for_is_refused(load: dict[str, object]) -> None:
    """The balance divides by it, at a time when no message is to blame."""
    roster = Roster(dict.fromkeys(CFMS, "cfm"))
    for name in CFMS:
        roster.receive(beat(1, name), 0.0)
    with pytest.raises(DecodeError, match="load"):
        roster.receive(beat(1, load=load), 0.0)
    assert Balancer(roster, Random(1)).choose((), 0) in CFMS


def test_no_incarnation_is_above_the_last_one() -> None:
    """A process beside one of the last incarnation does nothing until a person has ended that one."""
    namesake = Namesake(7)
    namesake.tick(7, 0.0, WALL_S)
    namesake.heard((1 << 64) - 1, "", 1.0)
    assert namesake.tick(7, 20.0, WALL_S) == []
    assert namesake.state is NamesakeState.STOPPED


@pytest.mark.parametrize(
    "wrong", [{"last": 9}, {"epoch": 5}, {"epoch": 1 << 60, "last": 1 << 61}], ids=["last", "epoch", "far"]
)
def test_a_checkpoint_says_nothing_of_what_comes_after_it(wrong: dict[str, int]) -> None:
    """A reader that begins there takes its epoch for one that it has read."""
    fine = {"last": 4, "epoch": 3, "claim_id": "1" * 16, "holder": "x", "incarnation": 1, "released": False}
    assert Checkpoint(as_of=8, era=0, floor=2, roles={ROLE: Holding(**fine)}).roles
    with pytest.raises(ValueError, match="says more than the log up to 8"):
        Checkpoint(as_of=8, era=0, floor=2, roles={ROLE: Holding(**{**fine, **wrong})})
    with pytest.raises(ValueError, match="says more"):
        Checkpoint(as_of=8, era=0, floor=9, roles={})
