"""The states of an instance in the election of its role, and the causes that change them.

This table is the only place that changes a state. `heartbeat/DESIGN.md` describes each state for operators;
its diagram is drawn from here (`diagram`).
"""

from enum import StrEnum


class State(StrEnum):
    """Where an instance stands."""

    BOOT = "boot"  # the log was not reached yet
    CATCHUP = "catchup"  # reading to the end that it had when we began
    STANDBY = "standby"  # somebody else holds the role, or nobody does and it is not our turn
    CANDIDATE = "candidate"  # the holder is silent, or the role is free: probing, then claiming
    SETTLE = "settle"  # the role is ours; reading the settings to their end
    ACTIVE = "active"  # the primary
    SUSPENDED = "suspended"  # the role is ours, the lease is over: no effects
    AUTONOMOUS = "autonomous"  # the log is away; a majority of the CFMs vouches for us
    FENCED = "fenced"  # somebody else was given the role
    HALT = "halt"  # the log is lost, or readers disagree; only a restart leads out


class Cause(StrEnum):
    """The cause of a change of state."""

    FOUND = "the log was reached"
    READ = "the log is read to its end"
    STAND = "silence, or a free role"
    HEARD = "the holder was heard, or another claim won"
    LATE = "our claim did not come back in time"
    WITHDRAWN = "not able any more, or told to stay away"
    WON = "our claim came back and won"
    SETTLED = "the settings are read"
    EXPIRED = "no renewal came back in time"
    RENEWED = "a renewal came back in time"
    VOUCHED = "a majority of the CFMs vouches for us"
    DOUBTED = "no majority vouches any more"
    RELEASED = "we gave the role back"
    NAMED = "an era that a switch began names us"
    DEPOSED = "a later claim, or an era, was read"
    RESTED = "a lease's time has passed"
    BROKEN = "an offset is missing, or the log is another"


_HOLDING = (State.SETTLE, State.ACTIVE, State.SUSPENDED, State.AUTONOMOUS)
HOLDING = frozenset(_HOLDING)
"""States in which the role is ours, as far as we know."""

TABLE: dict[tuple[State, Cause], State] = {
    (State.BOOT, Cause.FOUND): State.CATCHUP,
    (State.BOOT, Cause.VOUCHED): State.AUTONOMOUS,
    (State.CATCHUP, Cause.READ): State.STANDBY,
    (State.STANDBY, Cause.STAND): State.CANDIDATE,
    (State.CANDIDATE, Cause.HEARD): State.STANDBY,
    (State.CANDIDATE, Cause.LATE): State.STANDBY,
    (State.CANDIDATE, Cause.WITHDRAWN): State.STANDBY,
    (State.CANDIDATE, Cause.WON): State.SETTLE,
    (State.SETTLE, Cause.SETTLED): State.ACTIVE,
    (State.SETTLE, Cause.EXPIRED): State.SUSPENDED,
    (State.ACTIVE, Cause.EXPIRED): State.SUSPENDED,
    (State.SUSPENDED, Cause.RENEWED): State.ACTIVE,
    (State.SUSPENDED, Cause.VOUCHED): State.AUTONOMOUS,
    (State.AUTONOMOUS, Cause.DOUBTED): State.SUSPENDED,
    (State.AUTONOMOUS, Cause.RENEWED): State.ACTIVE,
    **{
        (state, Cause.NAMED): State.SUSPENDED
        for state in (State.STANDBY, State.CANDIDATE, State.FENCED, *_HOLDING)
    },
    **{(held, Cause.RELEASED): State.STANDBY for held in _HOLDING},
    **{(held, Cause.DEPOSED): State.FENCED for held in _HOLDING},
    (State.FENCED, Cause.RESTED): State.STANDBY,
}
"""`BROKEN` leads from everywhere to HALT and is not in it."""


def after(state: State, cause: Cause) -> State:
    """The state after this cause; `KeyError` if it cannot happen there."""
    return State.HALT if cause is Cause.BROKEN else TABLE[state, cause]


def diagram() -> str:
    """The table as a Mermaid state diagram."""
    lines = [f"    {state} --> {target}: {cause}" for (state, cause), target in TABLE.items()]
    return "\n".join(["stateDiagram-v2", "    [*] --> boot", *lines])
