"""What the kinds of role holders have in common, and the one that nobody contests."""

import pytest

from bus.envelope import Stamp
from bus.errors import DecodeError, StateError, TryAgainError
from bus.messages import LogLost
from heartbeat.roles.appointed.holder import AppointedHolder
from heartbeat.roles.claim import Claim
from heartbeat.roles.elected.holder import ElectedHolder
from heartbeat.roles.evidence import Answer
from heartbeat.roles.granted.holder import GrantedHolder
from heartbeat.roles.holder import RoleHolder, SoleHolder
from heartbeat.roles.switched.holder import SwitchedHolder


def test_there_are_four_kinds_and_one_that_changes_between_them() -> None:
    kinds = {ElectedHolder, GrantedHolder, AppointedHolder, SoleHolder, SwitchedHolder}
    assert set(RoleHolder.__subclasses__()) == kinds


def test_where_nobody_else_stands_one_may_always_act() -> None:
    holder = SoleHolder()
    assert holder.acts_until > 1e9
    assert (holder.claim, holder.is_released, holder.is_exclusive) == (Claim(), True, False)
    assert (holder.tick(0.0, 0.0), holder.deadline(), [*holder.samples()]) == ([], None, [])
    assert (holder.log_position(), holder.standing()) == (None, None)
    assert holder.describe(0.0) == {"role": "", "state": "static"}


def test_what_others_say_changes_nothing_there() -> None:
    holder = SoleHolder()
    holder.able(False)
    holder.answered("cfm-1", Answer(Claim(1, 1, "a" * 16), False, -1), 0.0, 0.0)
    holder.release(0.0)
    assert holder.receive(LogLost("failover", "cut"), 0.0) == []
    assert (holder.kept(None, True, 0.0), holder.unkept(0.0, is_doubtful=False)) == ([], [])
    assert (holder.lost(), holder.waits_for(0.0), holder.acts_until > 1e9) == ([], [], True)


def test_there_is_nothing_to_promote_nor_to_vote_on() -> None:
    holder = SoleHolder()
    with pytest.raises(StateError, match="nobody else"):
        holder.promote(0.0)
    with pytest.raises(TryAgainError):
        holder.begin_era("somebody", 0.0, ())
    with pytest.raises(DecodeError, match="nobody grants"):
        holder.voted(Stamp("cfm-1", "lab", 1).envelope("provbus.failover.granted.v1", b"", time_ms=0), 0.0)
