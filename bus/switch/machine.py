"""The switch of one instance: when it takes which step.

Theory of operation
-------------------
A person gives the order at one minter. That one is the **coordinator**: its own step, which stands in its
beats, is the word for everybody to take that step, and it goes on when everybody's beat shows that they have.
A step is on the disk before a beat tells it.

    step     taken when                                       until then
    HEAR     the coordinator's beat names a plan               everything is as before
    SEND     everybody hears both columns                      messages leave by the old one
    PARITY   each message of each peer has come by both        the old column leads
    FREEZE   everybody saw that                                roles change hands as ever
    BEGIN    the ERA of the plan was read in the role log      the holders go on, and nobody else stands
    MOVE     everybody alive has read it                       messages leave by both columns
    FINISH   a person says so                                  the old column is still heard, for `linger_s`

Up to PARITY a plan is **dropped** by any minter's word, or if its coordinator goes on to another one. From
FREEZE on the log decides: the ERA of the plan begins the new column's authority, and an ERA above it, which
names the old column, takes the plan back. Whatever is read first with a greater number counts, at every
reader; so an ERA that was thought lost and comes late does no harm. A minter that is frozen for
`FREEZE_S_MAX` writes that second ERA.

Two orders at once: of two plans of one era that of the lesser name wins. It can have nobody's word against
itself, for no coordinator follows another's plan before it has dropped its own.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import NamedTuple, Protocol

from bus.errors import StateError, TryAgainError
from bus.routes import Column
from bus.switch.carrying import DUAL, OTHER, Carrying, hearing_both, sending_both, single
from bus.switch.others import FRESH_S, Others
from bus.switch.standing import LACKS_BYTES_MAX, TARGETS, Plan, Step, StoreSwitch, SwitchStanding

FREEZE_S_MAX = 3.0
RANK_S = 0.5  # the next minter would take a plan back that much later
AGAIN_S = 1.0  # an ERA that did not come back is written again
DROPPED_MAX = 16
AT_A_CFM = "a CFM does not write the role log: give the order at a sidecar"


class Begun(NamedTuple):
    """The last ERA in the role log that a switch wrote: its number, the plan, and the column that leads."""

    era: int
    plan: str
    leads: Column


class WriteEra(NamedTuple):
    """What the log is to say: this era begins, by this plan, and this column leads."""

    era: int
    plan: str
    leads: Column


class Party(Protocol):
    """What a switch asks of the parts of an instance."""

    def cannot_lead(self, column: Column) -> str:
        """Why this column could not decide the roles here, in a few words; empty if it could."""

    def known_era(self) -> int:
        """The greatest era that is known here."""

    def begun(self) -> Begun | None:
        """The last ERA of a switch; None if there is none, or the log is not read to its end."""

    def is_log_read(self) -> bool:
        """Whether the role log is read to its end."""

    def freeze(self, plan: Plan, now: float) -> bool:
        """Stand for no role from now on. Whether we are in the midst of no candidacy."""

    def frozen(self, now: float) -> None:
        """That is on the disk now: what others do in the new era counts from here."""

    def thaw(self) -> None:
        """Stand for roles as ever."""

    def begin(self, record: StoreSwitch, now: float) -> None:
        """An era was begun, and that is on the disk: its column decides the roles from now on."""


class Switch:
    """`members` are the other instances of the fleet, `minters` those that may give orders, with their ranks;
    `not_green` says of which peers' messages do not come by both columns yet.
    """

    def __init__(
        self,
        own: str,
        kept: StoreSwitch,
        party: Party,
        *,
        can: Collection[Column],
        members: Collection[str],
        minters: Mapping[str, int],
        not_green: Callable[[float], list[str]],
        new_id: Callable[[], str],
        linger_s: float,
    ) -> None:
        self.record = kept
        self.lost_to = ""
        """Whose order won over ours, if one did."""
        self.because = ""
        """Why the last plan ended without its mode, in words."""
        self._own = own
        self._party = party
        self._can = frozenset(can)
        self._minters = minters
        self._not_green = not_green
        self._new_id = new_id
        self._linger_s = linger_s
        self.others = Others(members)
        """What the others say."""
        self._wanted: StoreSwitch | None = None
        self._asked: StoreSwitch | None = None
        self._again_at = 0.0
        self._refused = ""
        self._since = 0.0
        self._frozen_at: float | None = None
        self._write_at = 0.0
        self._absent: frozenset[str] = frozenset()
        self._dropped: list[str] = [kept.dropped] if kept.dropped else []
        self._lacks = ""
        self._has_begun = False

    def awaited(self, now: float) -> frozenset[str]:
        """The other instances whose messages shall come by both columns. Of one that is silent none will:
        whether we go on without it the coordinator decides, whom a person may have told that it is absent.
        """
        if now < self._since + FRESH_S:  # who begins anew has heard nobody yet
            return self.others.members
        return frozenset(self.others.fresh(now))

    def can(self, columns: Collection[Column]) -> None:
        """By its configuration it can hear these from now on."""
        self._can = frozenset(columns)

    # Orders

    def obstacles(self, to: str, now: float, absent: Collection[str] = ()) -> list[str]:
        """What stands in the way of a switch to this mode, in words; empty if nothing does."""
        if to not in TARGETS:
            return [f"there is no mode {to!r}: name one of {', '.join(TARGETS)}"]
        if to == self.record.carrying.mode:
            return [f"the mode is {to} already"]
        found = [f"{name} is no instance of the fleet" for name in absent if name not in self.others.members]
        if not self.record.is_over:
            assert self.record.plan is not None
            found.append(f"{self.record.plan.by} switches to {self.record.plan.to}")
        if self._own not in self._minters:
            found.append(AT_A_CFM)
        wanted = [Column(to)] if to != DUAL else [*Column]
        found += _cannot(self._own, self.standing(), wanted)
        fresh = self.others.fresh(now)
        for name in sorted(self.others.members - {*absent}):
            standing = fresh.get(name)
            if name not in fresh:
                found.append(f"{name} is silent")
            elif standing is None:
                found.append(f"{name} is of a release that cannot switch")
            elif standing.leads is not self.record.carrying.leads:
                found.append(f"{name} is led by {standing.leads}")
            else:
                found += _cannot(name, standing, wanted)
        return found

    def order(self, to: str, now: float, absent: Collection[str] = ()) -> Plan:
        """Begin a switch to this mode, without those that a person names as absent. `StateError` says what
        stands in the way.
        """
        obstacles = self.obstacles(to, now, absent)
        if obstacles:
            raise StateError("; ".join(obstacles))
        both = frozenset(Column)
        others = [one for name, one in self.others.said() if name not in absent]
        is_quick = DUAL not in (to, self.record.carrying.mode) and self.record.carrying.hears == both
        is_quick &= all(frozenset(one.hears) == both for one in others)
        eras = [one.era for one in others]
        era = max([self.record.era, self._party.known_era(), *eras]) + 1
        plan = Plan(
            id=self._new_id(), era=era, by=self._own, leads=self.record.carrying.leads, to=to, quick=is_quick
        )
        self._absent = frozenset(absent)
        self.lost_to = self.because = ""
        self._want(self._at(plan, Step.HEAR))
        return plan

    def drop(self, now: float) -> Plan:
        """Call the switch off that is under way. `StateError`: there is none. `TryAgainError`: its era may
        have begun; a switch back is another one.
        """
        self._check_is_minter()
        plan, step = self.record.plan, self.record.step
        if self.record.is_over or plan is None or step is None:
            raise StateError("no switch is under way")
        if step >= Step.BEGIN:
            raise TryAgainError(f"era {plan.era} has begun: switch back to {plan.leads} once this is over")
        if step is Step.FREEZE:
            self._write_at = now
            assert self._frozen_at is not None
            self._frozen_at = min(self._frozen_at, now - FREEZE_S_MAX - RANK_S * len(self._minters))
        else:
            self._drop("a person called it off", now)
        return plan

    def finish(self, now: float) -> None:
        """Close the old column everywhere. `StateError` if a switch is under way, or nothing lingers."""
        self._check_is_minter()
        record = self.record
        if not self._lingers:
            raise StateError("nothing lingers: only one column is heard, or a switch is under way")
        late = [name for name in sorted(self.others.members - self._absent) if not self._is_beside(name, now)]
        if late:
            raise StateError(f"not there yet: {', '.join(late)}")
        leads = record.carrying.leads
        plan = Plan(id=self._new_id(), era=max(1, record.era), by=self._own, leads=leads, to=leads)
        self._want(self._at(plan, Step.FINISH))

    def _check_is_minter(self) -> None:
        """Nobody heeds what a CFM says of a switch."""
        if self._own not in self._minters:
            raise StateError(AT_A_CFM)

    # What is heard, and what is done

    def kept(self, record: StoreSwitch, now: float) -> None:
        """This record is on the disk, and its columns are open: now we are there."""
        if self._wanted is record:
            self._wanted = None
        before, self.record = self.record, record
        if (record.step, record.plan) != (before.step, before.plan):
            self._since = now
            self._frozen_at = None
            if record.step is Step.FREEZE:
                self._frozen_at, self._write_at = now, 0.0
                self._party.frozen(now)
            else:
                self._party.thaw()
        if record.era > before.era:
            self._party.begin(record, now)

    def unkept(self, record: StoreSwitch, reason: str, now: float) -> None:
        """This record is not on the disk, or a column of it cannot be opened: we are where we were."""
        if self._wanted is record:
            self._wanted, self._again_at, self._refused = None, now + AGAIN_S, reason
            if record.plan is not None and record.step is Step.HEAR and record.plan.by == self._own:
                self.because = f"it could not begin: {reason}"

    def wanted(self) -> StoreSwitch:
        """The record that is to be on the disk now."""
        return self.record

    def tick(self, now: float) -> list[StoreSwitch | WriteEra]:
        """Records to keep, and an ERA to write."""
        if not self._has_begun:
            self._resume(now)
        if self._wanted is None and now >= self._again_at:
            self._refused = ""
            self._move(now)
        out: list[StoreSwitch | WriteEra] = []
        if self._wanted is not None and self._asked is not self._wanted:
            self._asked = self._wanted
            out.append(self._wanted)
        return [*out, *self._writes(now)]

    def standing(self) -> SwitchStanding:
        """Where we stand, as it is on our disk."""
        record = self.record
        return SwitchStanding(
            can=sorted(self._can),
            hears=sorted(record.carrying.hears),
            leads=record.carrying.leads,
            era=record.era,
            plan=record.plan,
            step=0 if record.step is None else int(record.step),
            dropped=record.dropped,
            lacks=_cut(self._refused or self._lacks or self._unable()),
        )

    def _unable(self) -> str:
        """Why the other column could not lead here; while none is under way."""
        return self._party.cannot_lead(OTHER[self.record.carrying.leads]) if self.record.is_over else ""

    def is_overtaken(self, now: float) -> bool:
        """Whether a switch went on without us: by their last words another column leads more of the others,
        in an era later than any that was said of ours, than are beside us now; and we stand still for no
        plan. Who went on is silent where we hear, so his last word counts however long ago it was.
        """
        record, said = self.record, [one for _, one in self.others.said()]
        ours = record.carrying.leads
        era = max([record.era, *(one.era for one in said if one.leads is ours)])
        ahead = sum(one.era > era and one.leads is not ours for one in said)
        beside = sum(one is not None and one.leads is ours for one in self.others.fresh(now).values())
        return record.is_over and ahead > beside

    def left_behind(self, now: float) -> list[tuple[str, Column]]:
        """Whom a switch went on without, ourselves among them, and by which column each goes on sending: the
        others are led by another one, in a later era.
        """
        record = self.record
        if self.is_overtaken(now):
            return [(self._own, record.carrying.leads)]
        if not record.is_over or now < self._since + FRESH_S:  # they may read of the era in a moment
            return []
        return [
            (name, one.leads)
            for name, one in sorted(self.others.fresh(now).items())
            if one is not None and one.era < record.era and one.leads is not record.carrying.leads
        ]

    def waits_for(self, now: float) -> list[str]:
        """Who has not taken our step yet, or why we do not take the next one; in words."""
        plan, step = self.record.plan, self.record.step
        if plan is None or step is None or step >= plan.last:
            return []
        found = [f"{self._own}: {why}"] if (why := self._refused or self._lacks) else []
        for name in self._missing(plan, step, now):
            standing = self.others.standing(name)
            why = standing.lacks if standing is not None else ""
            found.append(f"{name}: {why}" if why else name)
        return found

    def age_s(self, now: float) -> float:
        """How long we have been at our step."""
        return now - self._since

    # Steps

    def _resume(self, now: float) -> None:
        """Begin where the disk says that we are."""
        self._has_begun = True
        self._since = now
        plan, step = self.record.plan, self.record.step
        if plan is not None and step is Step.FREEZE:
            self._party.freeze(plan, now)
            self._party.frozen(now)
            self._frozen_at = now

    def _move(self, now: float) -> None:
        begun = self._party.begun()
        if begun is not None and begun.era > self.record.era:
            self._begin(begun, now)
            return
        self._lacks = ""
        plan = self.record.plan
        if self.record.is_over:
            if not self._follow(now):
                self._let_go(now)
        elif plan is not None and plan.by == self._own and (rival := self._rival(plan)) is not None:
            self.lost_to = rival.by
            self._drop(f"the order of {rival.by} came first", now)
        elif plan is not None and plan.by == self._own and self._is_overtaken(plan):
            self._drop("another era began meanwhile: order it again", now)
        elif plan is not None and self._is_dropped(plan):
            self._drop("it was called off", now)
        elif plan is not None and self._is_left(plan):
            self._leave(f"{plan.by} does not switch any more")
        elif plan is not None:
            self._step(plan, now)

    def _begin(self, begun: Begun, now: float) -> None:
        record, plan = self.record, self.record.plan
        if plan is not None and plan.id == begun.plan and plan.era == begun.era:
            carrying = sending_both(begun.leads)
            self._want(record._replace(carrying=carrying, era=begun.era, step=Step.BEGIN))
            return
        if plan is not None and plan.id == begun.plan:
            self.because = f"era {begun.era} took it back"
        carrying = hearing_both(begun.leads)
        self._want(record._replace(carrying=carrying, era=begun.era, plan=None, step=None))

    def _follow(self, now: float) -> bool:
        """Take the first step of a plan that another minter gives the word for."""
        plans = [one.plan for name, one in self.others.said() if self._is_order(name, one)]
        plan = min((one for one in plans if one is not None), key=lambda one: (one.era, one.by), default=None)
        if plan is None:
            return False
        column = next((one for one in Column if one not in self._can), None)
        if column is not None:
            self._lacks = f"no section for mode {column}"
            return False
        self.because = ""
        self._want(self._at(plan, Step.HEAR))
        return True

    def _is_order(self, name: str, standing: SwitchStanding) -> bool:
        plan = standing.plan
        return (
            plan is not None
            and plan.by == name
            and name in self._minters
            and plan.era > self.record.era
            and plan.leads is self.record.carrying.leads
            and plan.id not in self._dropped
            and standing.dropped != plan.id
            and Step.HEAR <= standing.step < plan.last
        )

    def _rival(self, plan: Plan) -> Plan | None:
        """The order of another minter that wins over ours."""
        for name, one in self.others.said():
            other = one.plan
            if other is None or other.id == plan.id:
                continue
            if self._is_order(name, one) and (other.era, other.by) < (plan.era, plan.by):
                return other if self.record.step is not None and self.record.step < Step.FREEZE else None
        return None

    def _is_dropped(self, plan: Plan) -> bool:
        """Whether a minter has dropped it, and no era of it can have begun."""
        return self._may_go_back and any(
            one.dropped == plan.id for _, one in self.others.said(of=self._minters)
        )

    def _is_overtaken(self, plan: Plan) -> bool:
        """Whether the era of our order can begin no more: a person began it, or a later one."""
        return self._may_go_back and self._party.known_era() >= plan.era

    def _is_left(self, plan: Plan) -> bool:
        """Whether its coordinator is at another one; or at none, for it lost its disk."""
        lead = self.others.standing(plan.by)
        if not self._may_go_back or lead is None:
            return False
        return lead.plan is None or lead.plan.id != plan.id

    @property
    def _may_go_back(self) -> bool:
        """Whether no era of the plan can have begun: from FREEZE on the log decides."""
        return self.record.step is None or self.record.step < Step.FREEZE

    def _step(self, plan: Plan, now: float) -> None:
        step = self.record.step
        assert step is not None
        following = plan.after(step)
        if following is Step.BEGIN:
            return  # the log says it
        if following is Step.MOVE:
            self._move_on(plan, now)
        elif self._has_word(plan, following, now) and self._is_prepared(plan, following, now):
            self._want(self._at(plan, following))

    def _has_word(self, plan: Plan, step: Step, now: float) -> bool:
        """Whether the coordinator wants this step: we are it and all have taken the one before, or it has
        taken it.
        """
        if plan.by == self._own:
            assert self.record.step is not None
            return not self._missing(plan, self.record.step, now)
        lead = self.others.standing(plan.by)
        return lead is not None and lead.is_at(plan, step)

    def _is_prepared(self, plan: Plan, step: Step, now: float) -> bool:
        self._lacks = ""
        if step >= Step.SEND and not self._party.is_log_read():
            self._lacks = self._party.cannot_lead(Column.BUS) or "the role log is not read to its end"
        elif step is Step.PARITY:
            missing = self._not_green(now)
            self._lacks = "" if not missing else f"not by both: {missing[0]}{_more(missing)}"
        elif step is Step.FREEZE and not self._party.freeze(plan, now):
            self._lacks = "a candidacy is under way"
        return not self._lacks

    def _move_on(self, plan: Plan, now: float) -> None:
        """Whoever is alive hears the new column lead: the old one is not needed by anybody."""
        fresh = self.others.fresh(now).values()
        if all(one is not None and one.era >= self.record.era for one in fresh):
            self._want(self._at(plan, Step.MOVE))

    def _let_go(self, now: float) -> None:
        """Close the old column when it has lingered for long enough, or a person says so."""
        if not self._lingers:
            return
        told = [
            one.plan
            for name, one in self.others.said(of=self._minters)
            if one.step == Step.FINISH and self._is_beside(name, now)
        ]
        if told and told[0] is not None:
            self._want(self._at(told[0], Step.FINISH))
        elif now >= self._since + self._linger_s:
            self._want(self.record._replace(carrying=single(self.record.carrying.leads)))

    @property
    def _lingers(self) -> bool:
        """Whether the other column is heard for nothing but the way back."""
        carrying = self.record.carrying
        return self.record.is_over and len(carrying.hears) > len(carrying.sends)

    def _is_beside(self, name: str, now: float) -> bool:
        """Whether a peer stands where we do: by the same column, of the same era."""
        standing, record = self.others.fresh(now).get(name), self.record
        return (
            standing is not None
            and standing.leads is record.carrying.leads
            and standing.era == record.era
            and (standing.plan is None or standing.step >= standing.plan.last)
        )

    def _at(self, plan: Plan, step: Step) -> StoreSwitch:
        """The record of having taken this step."""
        if step is Step.FINISH:
            carrying = single(self.record.carrying.leads)
        elif step is Step.MOVE:
            carrying = hearing_both(self.record.carrying.leads)
        elif step in (Step.SEND, Step.PARITY) or (step >= Step.FREEZE and not plan.quick):
            carrying = sending_both(self.record.carrying.leads)
        else:
            carrying = Carrying(frozenset(Column), self.record.carrying.sends)
        before = self.record.carrying if step is Step.HEAR else self.record.before
        return self.record._replace(carrying=carrying, plan=plan, step=step, before=before)

    def _drop(self, because: str, now: float) -> None:
        plan = self.record.plan
        assert plan is not None
        self._dropped = [*self._dropped, plan.id][-DROPPED_MAX:]
        self._leave(because, plan.id)

    def _leave(self, because: str, dropped: str = "") -> None:
        """Go back to where we were before the plan."""
        self.because = because
        record = self.record
        carrying = record.before or record.carrying
        self._want(
            record._replace(carrying=carrying, plan=None, step=None, dropped=dropped or record.dropped)
        )

    def _want(self, record: StoreSwitch) -> None:
        self._wanted = record

    def _missing(self, plan: Plan, step: Step, now: float) -> list[str]:
        """The members that have not confirmed this step, or are silent."""
        fresh = self.others.fresh(now)
        return [
            name
            for name in sorted(self.others.members - self._absent)
            if (standing := fresh.get(name)) is None or not standing.is_at(plan, step)
        ]

    def _writes(self, now: float) -> Iterable[WriteEra]:
        """The ERA that is ours to write: that of the plan, or the one that takes it back."""
        plan = self.record.plan
        if plan is None or self.record.step is not Step.FREEZE or self._frozen_at is None:
            return
        if self._own not in self._minters or now < self._write_at:
            return
        is_late = now >= self._frozen_at + FREEZE_S_MAX + RANK_S * self._minters[self._own]
        if is_late:
            self._write_at = now + AGAIN_S
            yield WriteEra(plan.era + 1, plan.id, plan.leads)
            return
        is_ours = plan.by == self._own and now < self._frozen_at + FREEZE_S_MAX
        if is_ours and not self._missing(plan, Step.FREEZE, now):
            self._write_at = now + AGAIN_S
            yield WriteEra(plan.era, plan.id, Column(plan.to))


def _cannot(name: str, standing: SwitchStanding, wanted: Iterable[Column]) -> list[str]:
    found = [f"{name} has no section for mode {one}" for one in wanted if one not in standing.can]
    return found or ([f"{name}: {standing.lacks}"] if standing.lacks else [])


def _cut(text: str) -> str:
    """As much of it as a beat has room for, in UTF-8."""
    return text.encode()[:LACKS_BYTES_MAX].decode(errors="ignore")


def _more(names: Collection[str]) -> str:
    return f" and {len(names) - 1} more" if len(names) > 1 else ""
