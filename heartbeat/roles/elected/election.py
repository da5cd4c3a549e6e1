"""The election of one role, as one instance sees it: claim, hold, give up.

Theory of operation
-------------------
The log decides who holds the role (`heartbeat.roles.log`); this machine decides when we ask for it and how
long we may act on it. Both are counted on our own clock and from our own reading.

A **lease** runs `LEASE_S` from before a renewal was sent, and only once that renewal was read back and
counted. The number of its envelope gives the time when a record was sent, so a record that was written twice
lengthens no lease. A **claim** needs the gate of `campaign`. So a claimant has seen the partition move and
has waited longer than any lease that could be running: every renewal that the holder read back is in the log
before our claim. Either we read it, and it began the silence anew, or we did not, and it makes our claim
lose. A role that was given back needs no silence, nor does one that our own former process held, if it is
proven that this process is gone (`bus.runtime.instance_lock`): a name alone proves nothing, for a machine may
have been cloned.

A claim that comes back after we stopped waiting for it is given back: nobody would renew it.

If the CFMs stand by a claim of another authority (`heartbeat.roles.claim`), this log's claims are stale until
an ERA above it is in the log. The holder of the role, or an instance about to claim it, writes that ERA. A
CFM that stands by a later claim of this very log is no reason for one: the log was cut, and a person has to
look.

We act under a claim only once it is on our disk, and give back one that cannot be kept there. We keep that we
hold no claim before we write RELEASE, for a restart must not resume a claim that was given back.

Without the log the last holder goes on while the CFMs vouch for it (`evidence`); when records come back, its
next renewal decides.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from typing import Any

from bus.contract import encode
from bus.effects import Effect, Publish
from bus.envelope import Stamp
from bus.errors import StateError
from bus.messages import Entry, LogBounds
from bus.routes import Column
from bus.switch.machine import WriteEra
from heartbeat.roles.claim import ERA_MAX, Claim, describe_authority, era_above, log_authority
from heartbeat.roles.elected.campaign import Campaign
from heartbeat.roles.elected.settling import Settling
from heartbeat.roles.evidence import Answer, Evidence
from heartbeat.roles.holder import RoleEffect, StoreClaim
from heartbeat.roles.log.fold import Folded, HaltError, Held
from heartbeat.roles.log.reader import Reader
from heartbeat.roles.log.records import (
    REVOKED_MAX,
    TYPE_OF,
    ClaimRecord,
    Era,
    Logged,
    Named,
    Probe,
    Record,
    Release,
    Renew,
)
from heartbeat.roles.log.writers import Proves
from heartbeat.roles.states import HOLDING, Cause, State, after
from heartbeat.timing import (
    CHECKPOINT_AGAIN_S,
    CHECKPOINT_EVERY,
    HAND_OVER_S,
    LEASE_S,
    PROBE_AFTER_S,
    RANK_S,
    RENEW_EVERY_S,
    SILENCE_S,
    SUSPENDED_S_MAX,
)

PROMOTE_S = 5.0  # the time of our tries when a renewal comes between our reading and our claim
SENT_MAX = 32  # of our records that did not come back

_WATCHING = frozenset((State.STANDBY, State.FENCED))


class Election:
    """Stands for one role. Effects are allowed until `acts_until`; 0.0 unless we may act."""

    def __init__(
        self,
        *,
        role: str,
        stamp: Stamp,
        rank: int,
        cfms: Collection[str],
        new_id: Callable[[], str],
        writers: Proves,
        former: Claim | None = None,
    ) -> None:
        """`rank` is our place among the candidates for the role, `writers` proves who wrote the log,
        `former` is the claim on disk of a process of ours that is proven to be gone.
        """
        self.role = role
        self.state = State.BOOT
        self.since = 0.0
        self.reason = ""
        self.claim = Claim()
        self.acts_until = 0.0
        self.is_able = True
        self.cause = ""
        """Why it is in its state, in words."""
        self.taken: Counter[tuple[State, Cause]] = Counter()
        self.reader = Reader(writers)
        self.evidence = Evidence(cfms)
        self._stamp = stamp
        self._log = log_authority("")
        self._rank = rank
        self._new_id = new_id
        self.former = former
        self._may_resume = former is not None
        self._wall_s = 0.0
        self._out: list[RoleEffect] = []
        self._sent: dict[int, float] = {}
        self._lease_until = 0.0
        self._heard_at = 0.0
        self._read_at = 0.0
        self._reads_since = 0.0
        self._stand_at = 0.0
        self._renew_at = 0.0
        self._promoted_until = 0.0
        self._campaign = Campaign()
        self._claimed_for = ""
        self._settling = Settling()
        self._checkpoint_at = 0.0
        self._era_again_at = 0.0
        self._waits_for_era = False
        self._is_kept = True  # whether the claim that we hold is on the disk
        self._given_back: Claim | None = None  # a claim whose RELEASE waits for the disk
        self._is_switching = False
        self._plan = ""  # the switch for which we stand still
        self._frozen_at = -LEASE_S

    def able(self, is_able: bool) -> None:
        """Set whether we can do the work; if not, we do not stand."""
        self.is_able = is_able

    def switching(self, *, is_under_way: bool) -> None:
        """While a switch is under way, or another column leads, no era is begun by machine: a claim of
        another authority may be of an era of the switch, which we have not read yet.
        """
        self._is_switching = is_under_way

    def freeze(self, plan: str) -> bool:
        """Stand still for this switch, whose era may name us. Whether no claim of ours is under way."""
        self._plan = plan
        return self.state not in (State.CANDIDATE, State.SETTLE)

    def frozen(self, now: float) -> None:
        """Note that others may hear from now on that we stand still: no era of the switch is older."""
        self._frozen_at = now

    def bounds(self, bounds: LogBounds, now: float) -> None:
        """Begin to read the log."""
        self._log = log_authority(bounds.identity)
        self._note_read(now)
        if self.state is State.BOOT:
            self._go(Cause.FOUND, now)
        self._read(lambda: self.reader.begin(bounds.start, bounds.end), now)

    def entry(self, entry: Entry, now: float) -> None:
        """Read a record of the log."""
        if self.state is State.HALT:
            return
        logged = Logged.of(entry.offset, entry.envelope)
        self._note_read(now)
        was_caught_up = self.reader.is_caught_up
        folded = self._read(lambda: self.reader.read(logged), now)
        if was_caught_up and folded is not None and folded.is_proven:
            is_ours = (logged.source, logged.incarnation) == (self._stamp.instance, self._stamp.incarnation)
            sent_at = self._sent.pop(logged.seq, None) if is_ours else None
            self._observe(logged, folded, sent_at, now)

    def broken(self, reason: str, now: float) -> None:
        """Halt: the log is lost, or other readers disagree with us."""
        if self.state is not State.HALT:
            self.reason, self._given_back = reason, None
            self._go(Cause.BROKEN, now)

    def settings_read(self) -> None:
        """Note that the settings were received up to a captured end."""
        self._out += self._settling.caught_up()

    def kept(self, claim: Claim | None, now: float) -> list[Effect]:
        """Note the claim on the disk; None for none."""
        if claim is not None:
            self._is_kept = self._is_kept or claim == self.claim
            return []
        given, self._given_back = self._given_back, None
        return [] if given is None else [self._release_of(given, now)]

    def unkept(self, now: float, *, is_doubtful: bool) -> list[Effect]:
        """Give back a claim that the disk refused."""
        if self.state not in HOLDING or self._is_kept:
            return []
        claim = self._drop(now, SILENCE_S)
        self._is_kept = True
        if is_doubtful:  # it may be there after all: the next `kept` of None says that it is not
            self._given_back = claim
            return []
        return [self._release_of(claim, now)]

    def settings_recreated(self) -> None:
        """Note that the settings' topic was made anew."""
        self._settling.recreated()

    def settings_moved(self) -> None:
        """Note that another column carries the settings from now on."""
        self._settling.moved()

    def answered(self, cfm: str, answer: Answer, asked_at: float, now: float) -> None:
        """Take a CFM's answer about our role."""
        self.evidence.heard(cfm, answer, asked_at, now)
        if self.state is State.AUTONOMOUS:
            self.acts_until = self.evidence.until(self.claim, now)

    def promote(self, now: float) -> None:
        """Claim without waiting for silence: a person wants us to be the primary."""
        self._promoted_until = now + PROMOTE_S
        self._stand_at = 0.0

    def begin_era(
        self,
        authority: str,
        now: float,
        revoke: Collection[str],
        *,
        above: int = 0,
        leads: Column = Column.BUS,
    ) -> int:
        """Begin an era by the authority of this person: all roles are free from here on, and nobody writes by
        one of the keys `revoke` any more. Returns the number of the era, which is greater than any that we or
        the CFMs know, and than `above`; `StateError` if none is left, or no room for so many keys. While
        another column `leads` the log gives nobody a role in it.
        """
        known = self.reader.roles.era if self.reader.roles is not None else 0
        number = era_above(max(known, self.evidence.credible.era, above))
        revoked = {*self._revoked(), *revoke}
        if len(revoked) > REVOKED_MAX:
            raise StateError(f"an era revokes at most {REVOKED_MAX} keys, not {len(revoked)}")
        self._say(Era(number=number, authority=authority, revoked=sorted(revoked), leads=leads), now)
        return number

    def release(self, now: float) -> None:
        """Give the role back. The caller has ended all effects in our name."""
        if self.state in HOLDING:
            self._release(now, HAND_OVER_S)
        elif self.state is State.CANDIDATE:
            self._go(Cause.WITHDRAWN, now)

    def tick(self, now: float, wall_s: float) -> list[RoleEffect]:
        """Records to write and claims to keep. Unix time is for the records' readers."""
        self._wall_s = wall_s
        if now >= self._promoted_until:
            self._promoted_until = 0.0
        if self.state is State.BOOT:
            self._resume(now)
        elif self.state is State.FENCED and now >= self.since + LEASE_S:
            self._go(Cause.RESTED, now)
        elif self.state in HOLDING:
            self._hold(now)
        if self.state is State.STANDBY and now >= self._stands_at():
            self._go(Cause.STAND, now)
        if self.state is State.CANDIDATE:
            self._run(now)
        out, self._out = self._out, []
        return out

    def deadline(self) -> float | None:
        """The time of the next `tick`."""
        if self._out:
            return 0.0
        state = self.state
        if state is State.STANDBY:
            due = self._stands_at()
            return due if due != float("inf") else None
        if state is State.CANDIDATE and self._waits_for_era:
            return self._era_again_at
        if state is State.CANDIDATE:
            return self._campaign.deadline(is_free=self._skips_silence(), heard_at=self._heard_at)
        if state is State.FENCED:
            return self.since + LEASE_S
        if state is State.BOOT and self._may_resume:
            return self._renew_at
        if state not in HOLDING or not self._is_kept:
            return None
        dues = [self._renew_at]
        if state is State.AUTONOMOUS:
            dues.append(self.acts_until)
        if state in (State.SETTLE, State.ACTIVE):
            dues.append(self._lease_until)
        if state is State.SETTLE:
            dues.append(self._settling.deadline())
        return min(dues)

    def describe(self, now: float) -> dict[str, Any]:
        """The status for an operator: our state, its age, and the holder of the role."""
        roles = self.reader.roles
        held = roles.role(self.role) if roles is not None else Held()
        return {
            "role": self.role,
            "state": str(self.state),
            "since_s": round(now - self.since, 3),
            "reason": self.reason or self.reader.no_start,
            "holder": "" if held.released else held.holder,
            "authority": self._log,
            "era": roles.era if roles is not None else 0,
            "epoch": held.epoch,
            "claim_id": held.claim_id,
            "lease_s": round(max(0.0, self.acts_until - now), 3),
            "position": self.reader.position,
            "able": self.is_able,
            "revoked": self._revoked(),
        }

    # Reading

    def _read(self, read: Callable[[], Folded | None], now: float) -> Folded | None:
        """Read on, and change our state if we are caught up or deposed; `_observe` handles single records."""
        try:
            folded = read()
        except HaltError as error:
            self.broken(str(error), now)
            return None
        if self.reader.is_caught_up:
            if self.state is State.CATCHUP:
                self._heard_at = now
                self._may_resume = False
                self._go(Cause.READ, now)
            elif self._is_named():
                self._take_named(now)
            elif self.state in HOLDING and not self._is_ours():
                self._depose(now)
        return folded

    def _note_read(self, now: float) -> None:
        if now >= self._read_at + SILENCE_S:
            self._reads_since = now
        self._read_at = now

    def _observe(self, logged: Logged, folded: Folded, sent_at: float | None, now: float) -> None:
        """Handle a record that was read live, not one that was there when we began."""
        record = logged.record
        is_of_role = isinstance(record, Era) or getattr(record, "role", "") == self.role
        if folded.counts and is_of_role:
            self._heard_at = now
        if self.state is State.CANDIDATE:
            self._observe_as_candidate(record, folded.counts and is_of_role, sent_at, now)
        elif self.state in HOLDING and isinstance(record, Renew) and sent_at is not None and folded.counts:
            self._lease_until = max(self._lease_until, sent_at + LEASE_S)
            if self.state is State.ACTIVE:
                self.acts_until = self._lease_until
        if (
            self.state in _WATCHING
            and sent_at is not None
            and isinstance(record, ClaimRecord)
            and folded.counts
        ):
            self._say(Release(role=self.role, epoch=logged.offset, claim_id=record.claim_id), now)

    def _observe_as_candidate(
        self, record: Record | None, counts: bool, sent_at: float | None, now: float
    ) -> None:
        campaign = self._campaign
        if isinstance(record, Probe) and sent_at is not None:
            if campaign.came_back(sent_at, now):
                self._heard_at = now
        elif sent_at is not None and isinstance(record, ClaimRecord) and record.claim_id == campaign.claim_id:
            if counts:
                self._win(now)
            else:
                self._go(Cause.HEARD, now)
        elif counts:
            self._go(Cause.HEARD, now)

    def _win(self, now: float) -> None:
        assert self.reader.roles is not None
        self.claim = Claim(self.reader.roles.era, self._held().epoch, self._campaign.claim_id, self._log)
        self._lease_until = self._campaign.claimed_at + LEASE_S
        self._renew_at = self._campaign.claimed_at + RENEW_EVERY_S
        self._promoted_until = 0.0
        self._is_kept, self._given_back = False, None
        self._out.append(StoreClaim(self.claim))
        self._out += self._settling.begin(
            now,
            waits_for_leases=self._campaign.skips_silence,
            follows_another=self._campaign.follows_another,
        )
        self._go(Cause.WON, now)
        self.cause = f"claimed: {self._claimed_for}"

    def _is_named(self) -> bool:
        """Whether the era in force names us, for the switch for which we stand still, and that is news."""
        roles, held = self.reader.roles, self._held()
        assert roles is not None
        us = (self._stamp.instance, self._stamp.incarnation)
        is_of_switch = roles.leads is Column.BUS and bool(self._plan) and roles.plan == self._plan
        is_ours = not held.released and (held.holder, held.incarnation) == us and held.epoch == roles.floor
        return is_of_switch and is_ours and held.claim_id != self.claim.claim_id

    def _take_named(self, now: float) -> None:
        """Hold the role by the era's word. Others wait since they read it, which was after we had said that
        we stand still: so our lease runs from then.
        """
        assert self.reader.roles is not None
        held = self._held()
        self._given_back = None
        self._go(Cause.NAMED, now)
        self.claim = Claim(self.reader.roles.era, held.epoch, held.claim_id, self._log)
        self._lease_until = self._frozen_at + LEASE_S
        self._renew_at = now
        self._is_kept = False
        self._settling.resume()
        self._out.append(StoreClaim(self.claim))

    def _depose(self, now: float) -> None:
        self._out.append(StoreClaim(None))
        self._go(Cause.DEPOSED, now)

    # Standing for the role

    def _stands_at(self) -> float:
        """The time of our turn to become a candidate."""
        if not self.is_able:
            return float("inf")
        if self._promoted_until:
            return self._stand_at
        after_s = RANK_S * self._rank if self._is_free() else PROBE_AFTER_S
        return max(self._stand_at, self._heard_at + after_s)

    def _run(self, now: float) -> None:
        campaign = self._campaign
        if self._is_former_self() and not campaign.claim_id:
            campaign.goes_without_probe()
        self._waits_for_era = self._begin_era_above(now)
        if self._waits_for_era:
            return
        if campaign.is_late(now):
            self._stand_at = now + RANK_S * self._rank
            self._go(Cause.LATE, now)
        elif campaign.probe(now):
            self._say(Probe(nonce=self._new_id()), now)
        elif not campaign.claim_id and campaign.may_claim(
            is_free=self._skips_silence(), heard_at=self._heard_at, now=now
        ):
            self._claim(now)

    def _claim(self, now: float) -> None:
        held, claim_id = self._held(), self._new_id()
        reason = "free" if held.released else "restarted" if self._is_former_self() else "silence"
        if reason == "silence" and self._promoted_until:
            reason = "promoted"
        self._claimed_for = reason
        self._campaign.claim(
            claim_id,
            now,
            skips_silence=reason == "promoted" or self._is_forgotten(),
            follows_another=held.holder not in ("", self._stamp.instance) or self._is_forgotten(),
        )
        claim = ClaimRecord(
            role=self.role,
            prev=held.last,
            claim_id=claim_id,
            incarnation=self._stamp.incarnation,
            reason=reason,
        )
        self._say(claim, now)

    def _skips_silence(self) -> bool:
        return self._is_free() or self._promoted_until > 0.0

    def _is_forgotten(self) -> bool:
        """Whether an era freed the role and nobody has claimed it since: its holder may not have read that,
        and may still write records of the role.
        """
        roles = self.reader.roles
        return roles is not None and roles.era > 0 and self._held().epoch < 0

    def _is_free(self) -> bool:
        """Whether nobody but ourselves can hold a lease on the role."""
        return self._held().released or self._is_former_self()

    def _is_former_self(self) -> bool:
        """Whether our own former process held the role and did not give it back."""
        held, roles = self._held(), self.reader.roles
        assert roles is not None
        claim = Claim(roles.era, held.epoch, held.claim_id, self._log)
        return not held.released and claim == self.former

    # Holding it

    def _hold(self, now: float) -> None:
        if not self._is_kept:
            return
        if now >= self._renew_at:
            self._renew_at = now + RENEW_EVERY_S
            if self.state is State.SUSPENDED and now >= self._read_at + SILENCE_S:
                # An instance that is heard but hears nothing would keep the role from those who could act.
                self._say(Probe(nonce=self._new_id()), now)
            else:
                self._say(Renew(role=self.role, epoch=self.claim.epoch, claim_id=self.claim.claim_id), now)
        self._begin_era_above(now)
        has_lease = now < self._lease_until
        if self.state is State.SETTLE and has_lease and self._settling.is_over(now):
            self._go(Cause.SETTLED, now)
        elif self.state in (State.SETTLE, State.ACTIVE) and not has_lease:
            self._go(Cause.EXPIRED, now)
        elif self.state in (State.SUSPENDED, State.AUTONOMOUS) and has_lease and self._settling.is_over(now):
            self._go(Cause.RENEWED, now)
        elif self.state is State.AUTONOMOUS and not self._is_vouched(now):
            self._go(Cause.DOUBTED, now)
        if self.state is State.SUSPENDED and not has_lease:
            if self._is_vouched(now):
                self._go(Cause.VOUCHED, now)
            elif max(self.since, self._reads_since) + SUSPENDED_S_MAX <= now < self._read_at + SILENCE_S:
                self._release(now, SILENCE_S)
        if self.state is State.ACTIVE:
            self.acts_until = self._lease_until
            self._write_checkpoint(now)
        elif self.state is State.AUTONOMOUS:
            self.acts_until = self.evidence.until(self.claim, now)

    def _begin_era_above(self, now: float) -> bool:
        """Write an ERA if the CFMs stand by a claim of another authority; True if they do."""
        if self._is_switching:
            return False
        roles = self.reader.roles
        over = None if roles is None else self.evidence.superseding(self._log, roles.era, now)
        if over is None and roles is not None and roles.leads is not Column.BUS:
            over = Claim(max(roles.era, self.evidence.credible.era))  # a switch that all were stopped after
            if not self.evidence.has_asked_majority(now):
                self._era_again_at = max(self._era_again_at, now + RENEW_EVERY_S)
                return True
        if over is None or over.era >= ERA_MAX or self.state is State.AUTONOMOUS:
            return False
        if now >= self._era_again_at:
            self._era_again_at = now + LEASE_S
            authority = f"{self._stamp.instance}, after {describe_authority(over.authority)}"
            self._say(Era(number=over.era + 1, authority=authority, revoked=self._revoked()), now)
        return True

    def begin_switched(self, began: WriteEra, named: Mapping[str, Named], now: float) -> None:
        """Write the ERA of a switch, in which these hold their roles from the first moment."""
        era = Era(
            number=began.era,
            authority=f"{self._stamp.instance}, a switch to {began.leads}",
            revoked=self._revoked(),
            leads=began.leads,
            plan=began.plan,
            named=dict(named),
        )
        self._say(era, now)

    def _is_vouched(self, now: float) -> bool:
        """Whether the log is away for us too, and a majority of the CFMs names our claim."""
        return now >= self._read_at + SILENCE_S and now < self.evidence.until(self.claim, now)

    def _release(self, now: float, pause_s: float) -> None:
        """End our lease for good before the record is sent, and let others stand first for `pause_s`."""
        self._given_back = self._drop(now, pause_s)
        self._out.append(StoreClaim(None))

    def _drop(self, now: float, pause_s: float) -> Claim:
        claim = self.claim
        self._lease_until = 0.0
        self._stand_at = now + pause_s
        self._go(Cause.RELEASED, now)
        return claim

    def _resume(self, now: float) -> None:
        """Go on under our former process's claim from before the log went away, if the CFMs vouch for it."""
        if self.former is None or not self._may_resume or now < self._renew_at:
            return
        self._renew_at = now + RENEW_EVERY_S
        if now < self.evidence.until(self.former, now):
            self.claim, self._may_resume = self.former, False
            self._settling.resume()
            self._go(Cause.VOUCHED, now)
            self.acts_until = self.evidence.until(self.claim, now)

    def _write_checkpoint(self, now: float) -> None:
        roles, reader = self.reader.roles, self.reader
        assert roles is not None
        # A reader that comes later shall find the revoked keys by the word of one whom its fleet file has.
        is_due = bool(roles.revoked) and reader.checkpointed < roles.floor
        is_due = is_due or roles.position - reader.checkpointed >= CHECKPOINT_EVERY
        if is_due and now >= self._checkpoint_at:
            self._checkpoint_at = now + CHECKPOINT_AGAIN_S
            self._say(roles.checkpoint(), now)

    # Small things

    def _held(self) -> Held:
        assert self.reader.roles is not None
        return self.reader.roles.role(self.role)

    def _revoked(self) -> list[str]:
        """The keys that the era in force revokes."""
        return [] if self.reader.roles is None else [*self.reader.roles.revoked]

    def _is_ours(self) -> bool:
        roles, held = self.reader.roles, self._held()
        assert roles is not None
        return not held.released and (roles.era, held.epoch, held.claim_id, self._log) == self.claim

    def _release_of(self, claim: Claim, now: float) -> Publish:
        return self._record(Release(role=self.role, epoch=claim.epoch, claim_id=claim.claim_id), now)

    def _say(self, record: Record, now: float) -> None:
        self._out.append(self._record(record, now))

    def _record(self, record: Record, now: float) -> Publish:
        envelope = self._stamp.envelope(
            TYPE_OF[type(record)], encode(record), time_ms=int(self._wall_s * 1000)
        )
        self._sent[envelope.seq] = now
        if len(self._sent) > SENT_MAX:
            del self._sent[next(iter(self._sent))]
        return Publish(envelope, self.role, Column.BUS)

    def _go(self, cause: Cause, now: float) -> None:
        self.taken[self.state, cause] += 1
        if cause is not Cause.SETTLED:  # what matters is still why the role was claimed
            self.cause = str(cause)
        self.state = after(self.state, cause)
        self.since = now
        if self.state not in (State.ACTIVE, State.AUTONOMOUS):
            self.acts_until = 0.0
        if self.state not in HOLDING:
            self.claim = Claim()
        if self.state is State.CANDIDATE:
            self._campaign = Campaign()
