"""A role that the log decides while the bus leads, and another authority while the group does.

Theory of operation
-------------------
Two holders stand behind this one, and one of them leads. The election reads the role log as soon as that is
heard, whoever leads, and stands for nothing until it does. An ERA of a switch (`bus.switch`) says in the log
which one leads from there on, and whom it names as the holder:

    who                   under the new authority
    the process named     acts on at once: its lease runs from when it said that it stands still
    anybody else          stands `SILENCE_S` after a majority of the CFMs has come to its era: until then
                          one that has not read the ERA may have been given its last lease

Between the ERA and our first lease in it we act on under the former one for as long as that lasts: it was
ours alone, and is over before anybody else may stand.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from math import inf
from typing import Any

from bus.effects import Effect
from bus.envelope import Envelope
from bus.errors import TryAgainError
from bus.messages import Arriving, Entry, LogBounds
from bus.reason import Reason
from bus.routes import Column
from bus.switch.machine import Begun, WriteEra
from bus.telemetry.metrics import Sample
from heartbeat.liveness.beat import LogPosition, RoleState
from heartbeat.roles.claim import Claim
from heartbeat.roles.elected.election import Election
from heartbeat.roles.elected.holder import ElectedHolder
from heartbeat.roles.evidence import Answer
from heartbeat.roles.holder import Absent, Claimed, RoleEffect, RoleHolder, StoreClaim
from heartbeat.roles.log.records import Named
from heartbeat.roles.states import HOLDING, State
from heartbeat.timing import LEASE_S, SILENCE_S

LOOK_S = 0.25
SWITCHES = "a switch of the transport is under way; see provbus transport status"


class SwitchedHolder(RoleHolder):
    """Puts both holders behind the interface; `candidates` are those of the role, in their order."""

    def __init__(
        self,
        instance: str,
        incarnation: Callable[[], int],
        leads: Column,
        elect: Callable[[], Election],
        unlogged: RoleHolder,
        candidates: Collection[str],
        era: int = 0,
    ) -> None:
        """`elect` makes an election that has read nothing yet; `era` is that of the last switch here."""
        self._instance = instance
        self._incarnation = incarnation
        self._elect = elect
        self._elected = ElectedHolder(elect())
        self._unlogged = unlogged
        self._candidates = [*candidates]
        self._leads = leads
        self._era = era
        self._is_able = False
        self._is_frozen = self._is_overtaken = self._is_under_way = False
        self._frozen_at = -LEASE_S
        self._carried: Claim | None = None
        self._carried_until = 0.0
        self._carried_into = 0  # the era into which we act on under the former claim
        self._come_at = inf  # when a majority of the CFMs had come to the era for which we wait
        self._look_at = 0.0
        self._waits_for_era = 0
        self._owed: list[RoleEffect] = []  # the election's claims for the disk, until it leads
        self._show()

    # The switch

    @property
    def leads(self) -> Column:
        """The column whose authority decides."""
        return self._leads

    def begun(self) -> Begun | None:
        """The era of a switch that the log is in; None if it is in none, or is not read to its end."""
        reader = self._elected.election.reader
        if reader.roles is None or not reader.is_caught_up or not reader.roles.plan:
            return None
        return Begun(reader.roles.era, reader.roles.plan, reader.roles.leads)

    @property
    def is_log_read(self) -> bool:
        """Whether the role log is read to its end, and is the one it was."""
        election = self._elected.election
        return election.reader.is_caught_up and election.state is not State.HALT

    @property
    def has_no_start(self) -> bool:
        """Whether retention left no beginning of the role log."""
        return bool(self._elected.election.reader.no_start)

    def known_era(self) -> int:
        """The greatest era that we, the log, or the CFMs know."""
        roles = self._elected.election.reader.roles
        known = (self.claim.era, self.evidence.credible.era, 0 if roles is None else roles.era)
        return max(known)

    def freeze(self, plan: str, now: float) -> bool:
        """Stand still, whoever leads."""
        self._is_frozen = True
        self._settle(now)
        self._elected.freeze(plan, now)
        return self._now.freeze(plan, now)

    def frozen(self, now: float) -> None:
        """Note that others may hear from now on that we stand still."""
        self._frozen_at = now
        self._elected.frozen(now)

    def thaw(self) -> None:
        """Stand as ever."""
        self._is_frozen = False
        self._unlogged.thaw()

    def note(self, *, is_overtaken: bool, is_under_way: bool) -> None:
        """Set whether a switch went on without us, where whom a person appointed before would act for ever;
        and whether one is under way, where an era of a person would hide that of the switch from others.
        """
        self._is_overtaken, self._is_under_way = is_overtaken, is_under_way

    def lead(self, leads: Column, era: int, now: float) -> None:
        """This column decides from this era on, whose ERA was read in the log."""
        if leads is not self._leads:
            self._elected.election.settings_moved()
        self._leads, self._era = leads, era
        self._show()
        if leads is Column.MULTICAST:
            self._owed = []
            if self._elected.state is State.CANDIDATE:
                self._elected.release(now)
        named = self._named(era)
        is_us = named is not None and named.is_us
        self._come_at, self._waits_for_era = inf, 0 if is_us else era
        if leads is Column.MULTICAST:
            self._unlogged.begin(era, named, now)
        self._settle(now)

    def write_era(self, began: WriteEra, named: Mapping[str, Named], now: float) -> None:
        """Write the ERA of a switch into the log."""
        self._elected.election.begin_switched(began, named, now)

    def _named(self, era: int) -> Claimed | None:
        """Whom this era, which the log is in, names as our role's holder."""
        roles = self._elected.election.reader.roles
        held = None if roles is None or roles.era != era else roles.held.get(self._elected.role)
        if held is None or held.holder not in self._candidates:
            return None
        is_us = (held.holder, held.incarnation) == (self._instance, self._incarnation())
        return Claimed(held.holder, self._candidates.index(held.holder), held.claim_id, is_us)

    def _show(self) -> None:
        """Show what is so of the holder that leads."""
        now = self._now
        self.is_exclusive, self.must_keep, self.is_by_hand = now.is_exclusive, now.must_keep, now.is_by_hand
        self.role, self.evidence = now.role, now.evidence

    # The interface

    @property
    def _now(self) -> RoleHolder:
        return self._elected if self._leads is Column.BUS else self._unlogged

    @property
    def state(self) -> State:
        """As of the holder that leads; ACTIVE while we act on under the former authority."""
        return self._now.state if self._carried is None else State.ACTIVE

    @property
    def claim(self) -> Claim:
        """The claim under which we act."""
        return self._now.claim if self._carried is None else self._carried

    @property
    def acts_until(self) -> float:
        """The end of the lease, or of the former one."""
        return max(self._now.acts_until, 0.0 if self._carried is None else self._carried_until)

    @property
    def greets_under(self) -> Claim:
        """As of the holder that leads."""
        return self._now.greets_under

    @property
    def is_released(self) -> bool:
        """As of the holder that leads; who acts on under the former authority has a role to give back."""
        return self._now.is_released and self._carried is None

    def able(self, is_able: bool) -> None:
        """Set whether we can do the work; who does not lead does not stand, nor who must wait."""
        self._is_able = is_able

    def receive(self, message: Arriving, now: float) -> list[Effect]:
        """Take news; a log that begins anew is read anew."""
        election = self._elected.election
        if type(message) is LogBounds and election.state is not State.BOOT:
            self._elected = ElectedHolder(self._elect())
            self._show()
        if type(message) is not Entry:
            return [*self._elected.receive(message, now), *self._unlogged.receive(message, now)]
        before, claim, until = self._era_read(), self.claim, self.acts_until
        effects = self._elected.receive(message, now)
        era = self._era_read()
        named = self._named(era) if era > before else None
        if named is not None and named.is_us and now < until:
            # The ERA ended the claim. Nobody else may stand before that lease is over.
            self._carried = claim
            self._carried_until = min(until, self._frozen_at + LEASE_S)
            self._carried_into = era
        return effects

    def _era_read(self) -> int:
        begun = self.begun()
        return 0 if begun is None else begun.era

    def heard(self, peer: str, log: LogPosition | None, now: float) -> bool:
        """Compare a peer's mark of the log."""
        return self._elected.heard(peer, log, now)

    def stands(self, peer: str, now: float, *, holds: bool) -> None:
        """Tell the holder that leads."""
        self._now.stands(peer, now, holds=holds)

    def answered(self, cfm: str, answer: Answer, asked_at: float, now: float) -> None:
        """Take a CFM's answer. While we stand still one that is ahead of us ends nothing: its era names us,
        or whoever holds the role then, and we read that in the log.
        """
        if self._is_frozen and self._leads is Column.MULTICAST:
            self.evidence.heard(cfm, answer, asked_at, now)
        else:
            self._now.answered(cfm, answer, asked_at, now)

    def voted(self, envelope: Envelope, now: float) -> None:
        """Take a voter's answer; one that is late is none, and no mistake of its sender."""
        if self._leads is Column.MULTICAST:
            self._unlogged.voted(envelope, now)

    def kept(self, claim: Claim | None, is_ours: bool, now: float) -> list[Effect]:
        """Note the claim on the disk."""
        return self._now.kept(claim, is_ours, now)

    def unkept(self, now: float, *, is_doubtful: bool) -> list[Effect]:
        """Note that the disk refused our claim."""
        return self._now.unkept(now, is_doubtful=is_doubtful)

    def promote(self, now: float, absent: Absent = tuple) -> bool:
        """As of the holder that leads; not during a switch."""
        if self._is_frozen:
            raise TryAgainError(SWITCHES)
        return self._now.promote(now, absent)

    def begin_era(self, authority: str, now: float, revoke: Collection[str]) -> int:
        """As of the holder that leads; not during a switch. While the group leads the log goes on to give
        nobody a role, and the era is the beginning of a log that retention emptied meanwhile: without one
        nobody could switch to it any more.
        """
        if self._is_frozen or self._is_under_way:
            raise TryAgainError(SWITCHES)
        election = self._elected.election
        if self._leads is Column.BUS or election.state in (State.BOOT, State.HALT):
            return self._now.begin_era(authority, now, revoke)
        if not self.evidence.has_asked_majority(now):
            raise TryAgainError("no majority of the CFMs says which eras it has known")
        above = self.known_era()
        return election.begin_era(authority, now, revoke, above=above, leads=self._leads)

    def release(self, now: float) -> None:
        """Give the role back."""
        self._carried = None
        self._now.release(now)

    def tick(self, now: float, wall_s: float) -> list[RoleEffect]:
        """The effects of both; the election's words for the disk only while it leads."""
        self._settle(now)
        has_lease = self._era >= self._carried_into and now < self._now.acts_until
        if self._carried is not None and (now >= self._carried_until or has_lease):
            self._carried = None
        elected = self._elected.tick(now, wall_s)
        if self._leads is Column.BUS:
            owed, self._owed = self._owed, []
            return [*owed, *elected]
        claims: list[RoleEffect] = [one for one in elected if isinstance(one, StoreClaim)]
        self._owed = claims[-1:] or self._owed
        return [*(one for one in elected if one not in claims), *self._unlogged.tick(now, wall_s)]

    def deadline(self) -> float | None:
        """The earliest of both, and the end of what we wait for."""
        dues = [self._elected.deadline(), self._now.deadline()]
        dues += [None if self._carried is None else self._carried_until]
        dues += [self._look_at if self._waits_for_era else None]
        dues += [0.0 if self._owed and self._leads is Column.BUS else None]
        return min((due for due in dues if due is not None), default=None)

    def log_position(self) -> LogPosition | None:
        """Our position in the log."""
        return self._elected.log_position()

    def standing(self) -> RoleState | None:
        """Our state in the role, for our beat."""
        standing, claim = self._now.standing(), self.claim
        if standing is None:  # nobody else stands, so who reads the log is told of it, too
            standing = self._elected.standing()
        if standing is None:
            return None
        return standing.model_copy(update={"state": str(self.state), "era": claim.era, "epoch": claim.epoch})

    def grant(self) -> dict[str, Any]:
        """The role's fields for a host, of the claim under which it may act."""
        if self._carried is None:
            return self._now.grant()
        claim = self._carried
        told = {"era": max(0, claim.era), "epoch": claim.epoch, "claim_id": claim.claim_id}
        return {"role": self._elected.role, "state": str(self.state), **told}

    def describe(self, now: float) -> dict[str, Any]:
        """The status for an operator."""
        return self._now.describe(now)

    def lost(self) -> list[Reason]:
        """As of the holder that leads."""
        return self._now.lost()

    def waits_for(self, now: float) -> list[Reason]:
        """As of the holder that leads."""
        return self._now.waits_for(now) if self._carried is None else []

    def fact(self) -> str:
        """As of the holder that leads."""
        return self._now.fact()

    @property
    def cause(self) -> str:
        """As of the holder that leads."""
        return self._now.cause

    def worries(self, now: float) -> list[Reason]:
        """As of the holder that leads."""
        return self._now.worries(now)

    def samples(self) -> Iterator[Sample]:
        """As of the holder that leads."""
        return self._now.samples()

    def _wait(self, era: int, now: float) -> None:
        """The former authority's last lease may be as late as the answer of the CFM that makes a majority.
        Voters of grants that have come to the era wait until it is over by themselves.
        """
        if self._come_at == inf and self.evidence.has_come_to(era, now):
            self._come_at = now
        is_by_voters = self._leads is Column.MULTICAST and not self._unlogged.is_by_hand
        over_at = self._come_at + (0.0 if is_by_voters else SILENCE_S)
        self._look_at = min(over_at, now + LOOK_S)
        is_over = now >= over_at
        if is_over or self._now.state in HOLDING or self._is_given_back(era):
            self._waits_for_era = 0

    def _is_given_back(self, era: int) -> bool:
        """Whether whom the era named has given the role back in the log, so nobody has a lease."""
        roles = self._elected.election.reader.roles
        held = None if roles is None or roles.era != era else roles.held.get(self._elected.role)
        return held is not None and held.released and self._leads is Column.BUS

    def _settle(self, now: float) -> None:
        """Who may stand now: the one that leads, unless it must wait."""
        if self._waits_for_era:
            self._wait(self._waits_for_era, now)
        is_behind = self._era_read() > self._era  # the switch's record is not on our disk yet
        is_able = self._is_able and not self._is_overtaken
        may = is_able and not self._is_frozen and not self._waits_for_era and not is_behind
        leads_bus = self._leads is Column.BUS
        self._elected.election.switching(is_under_way=self._is_frozen or is_behind or not leads_bus)
        self._elected.able(may and leads_bus)
        goes_on = is_able and self._unlogged.state in HOLDING
        self._unlogged.able((may or goes_on) and not leads_bus)
