"""The switch of the transport in an instance under test: its parts agree to all that they are asked."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from bus.envelope import Envelope
from bus.routes import Column
from bus.switch.carrying import sending_both
from bus.switch.machine import Switch
from bus.switch.parity import Parity
from bus.switch.standing import Plan, Step, StoreSwitch, SwitchStanding
from heartbeat.liveness.beat import BEAT
from services.instance.switching import NoParty, Switching

PLAN = Plan(id="0123456789abcdef", era=5, by="dhcp-1", leads=Column.BUS, to="multicast")
BOTH = SwitchStanding(can=sorted(Column), hears=sorted(Column), leads=Column.BUS)
"""Where an instance stands that hears both columns."""


class _Willing(NoParty):
    def is_log_read(self) -> bool:
        return True

    def freeze(self, plan: Plan, now: float) -> bool:
        return True


class _Watched:
    """Both columns, by which a beat of cfm-1 came."""

    def __init__(self) -> None:
        self._parity = Parity()
        for column in Column:
            self._parity.note(Envelope(BEAT, "cfm-1", 1, 1, 0, b"{}"), column, 0.0)
            self._parity.note_settings("350e16c640af088b", column)

    def not_green(self, wanted: Mapping[str, Iterable[str]], now: float) -> list[str]:
        return self._parity.lacks(wanted, now)

    def silent(self) -> list[str]:
        return []

    def report(self, now: float) -> dict[str, Any]:
        return {"carrying": sending_both(Column.BUS).describe(), **self._parity.report(now)}


def switching(own: str, step: Step | None = None, members: Collection[str] = ()) -> Switching:
    """That of an instance which hears and sends by both; with a `step` it has taken that one of `PLAN`."""
    kept = StoreSwitch(sending_both(Column.BUS), plan=None if step is None else PLAN, step=step)
    party = _Willing()
    switch = Switch(
        own,
        kept,
        party,
        can=[*Column],
        members=members,
        minters={PLAN.by: 0},
        not_green=lambda now: [],
        new_id=lambda: PLAN.id,
        linger_s=3600.0,
    )
    return Switching(switch, party, _Watched())
