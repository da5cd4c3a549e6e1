"""Grants: a role without a log, held by a majority of promises.

Theory of operation
-------------------
A role has voters, at least three, and candidates. A candidate asks all voters for the role with a ballot of
its own; a voter that grants promises to grant no lower ballot from then on, and nobody else for
`VOTER_LEASE_S`. A candidate with the promises of a majority holds the role. It is the first half of Paxos,
with leases in place of a value:

    a voter grants              if
    the claim it promised       it was not released
    another claim               its ballot is higher than the promised one, whose lease is over

Two majorities share a voter. That voter counts its lease from its grant, and the holder counts a shorter one
from before it asked; so the first is over before the second begins, unless the voter's clock is faster by a
sixth. And the second ballot is higher, so epochs grow. All this depends on one list of voters: a change of it
begins an era, with everybody stopped for `VOTER_LEASE_S`.

A candidate's era is the highest that it met, if grants decided there, or the next one after that of another
authority (`heartbeat.roles.claim`).

    a candidate   asks every            until                                   then
    waits         -                     its random pause is over                asks
    asks          `RENEW_EVERY_S`       a majority granted                      holds
                                        a majority cannot grant, `ASK_FOR_S`    waits
    holds         `RENEW_EVERY_S`       its lease ends, a higher era            waits

A voter that was cut off for a while may have promised a higher ballot. That alone ends no claim: as long as a
majority renews, the other candidate cannot have one.

Whoever hears that the holder gave the role back asks within `SOON_S_MAX`, whatever its pause is. Whom an era
names asks at once, and for `HOLDER_LEASE_S`: voters come to the era one after the other.

A claim ends before its voters are told, and never comes back: the next has a new ballot. Random pauses end
the deadlock of candidates that have some voters each.

A promise is on the disk before the answer: the effects behind `StorePromises` wait for it, and the promise
counts only when the voter is told that it was `kept`. If a promise was not kept, a restart may find it or
not, so for that role the voter answers only asks that are no lower, until a promise of the role is kept.
Leases are not on the disk: a voter that starts takes the last one for just granted. One without a record
might have promised anything: it abstains until a person admits it.

The lease bounds the effects that a holder begins. The acceptors refuse effects that were under way when it
was paused: they compare tokens.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from random import Random
from typing import NamedTuple

from bus.errors import ConfigError, StateError
from heartbeat.roles.claim import BY_GRANTS, CANDIDATES_MAX, EPOCH_MAX, ERA_MAX, Claim, epoch_above

VOTER_LEASE_S = 3.5  # from the grant, on the voter's clock
HOLDER_LEASE_S = 3.0  # from before the ask, on the holder's clock
RENEW_EVERY_S = 0.5  # six tries in a lease
ASK_FOR_S = 1.5  # three tries
PAUSE_S_MIN, PAUSE_S_MAX = 0.1, 1.0  # much longer than an answer takes: mostly one candidate asks alone
SOON_S_MAX = 0.05  # a release takes no longer to its voters than its news takes to us
VOTERS_MIN = 3  # of two, both are a majority: worse than one voter


class Promise(NamedTuple):
    """The highest claim that a voter granted, and its candidate; empty if a person set it as a floor."""

    ballot: Claim
    candidate: str


class Ask(NamedTuple):
    """A candidate's request for the role, or to renew it. `number` counts the asks of a claim."""

    role: str
    ballot: Claim
    candidate: str
    number: int


class Release(NamedTuple):
    """A candidate's notice that it acts under this claim no more."""

    role: str
    ballot: Claim
    candidate: str


class Granted(NamedTuple):
    """The voter's answer to this ask: yes, for `VOTER_LEASE_S` from its arrival."""

    role: str
    ballot: Claim
    number: int
    voter: str


class Refused(NamedTuple):
    """The voter's answer to this ask: no. `promised` is the claim it stands by, if it knows one."""

    role: str
    ballot: Claim
    number: int
    voter: str
    promised: Claim | None


class Tell(NamedTuple):
    """Effect: a datagram to this instance. It may be lost, doubled, late."""

    to: str
    message: Ask | Release | Granted | Refused


class StorePromises(NamedTuple):
    """Effect: put a voter's whole record, by role, on the disk, synced; later effects wait for it."""

    promises: Mapping[str, Promise]


class Won(NamedTuple):
    """Effect: we hold the role, while `Candidate.held` returns the claim."""

    role: str
    ballot: Claim


class Lost(NamedTuple):
    """Effect: we hold the role no longer. `reason` is for people."""

    role: str
    ballot: Claim
    reason: str


class NamedClaim(NamedTuple):
    """Whom an era names as the holder of a role, and the claim under which he asks for it."""

    holder: str
    claim_id: str


_UNNAMED = NamedClaim("", "")


class _Kept(NamedTuple):
    """A role that is kept for whom the era names: from when his claim is granted, and from when any other."""

    claim_id: str
    his_from: float
    others_from: float


_FREE = _Kept("", 0.0, 0.0)


class Voter:
    """Promises roles to candidates.

    `promises` is the record on its disk, None if there is none: then it abstains until `admit`. It votes on
    these roles only, which bounds its record.
    """

    def __init__(
        self, name: str, roles: Collection[str], promises: Mapping[str, Promise] | None, now: float
    ) -> None:
        self._name = name
        self._promises = None if promises is None else dict(promises)
        self._doubtful: dict[str, Promise] = {}  # promises that may be on the disk, never answered
        # The end of the lease of the promised claim; None: it was released.
        self._lease_ends: dict[str, float | None] = dict.fromkeys(roles, now + VOTER_LEASE_S)
        self._is_at_rest = self._is_frozen = False
        self._kept_for: dict[str, _Kept] = {}
        self._era = 0

    @property
    def votes(self) -> bool:
        """Whether it has a record; without one it abstains."""
        return self._promises is not None

    @property
    def promises(self) -> dict[str, Promise]:
        """The highest claim that it granted, by role."""
        return dict(self._promises or {})

    def admit(self, floors: Mapping[str, Claim], now: float) -> list[StorePromises]:
        """Let a voter without a record (new, or its disk was lost) vote, by the word of a person.

        It grants no ballot up to `floors`, by role the highest that any other voter promised or acceptor saw,
        and none at all for `VOTER_LEASE_S`. `StateError` if it has a record.
        """
        if self._promises is not None:
            raise StateError(f"{self._name} has its record and votes")
        return [StorePromises({role: Promise(ballot, "") for role, ballot in floors.items()})]

    def record(self) -> StorePromises | None:
        """The present record for the disk; None if there is none."""
        return None if self._promises is None else StorePromises({**self._promises, **self._doubtful})

    def kept(self, record: StorePromises, now: float) -> None:
        """Note a record that is on the disk: its new promises count from now on."""
        known = self._promises
        for role in self._lease_ends:
            if known is None or role in self._doubtful or record.promises.get(role) != known.get(role):
                self._lease_ends[role] = now + VOTER_LEASE_S
        self._promises = dict(record.promises)
        self._doubtful.clear()

    def unkept(self, record: StorePromises) -> None:
        """Note a record that the disk refused; it may be there all the same."""
        if self._promises is None:
            return
        for role, promise in record.promises.items():
            if promise != self._promises.get(role):
                self._doubtful[role] = promise

    def rest(self, *, is_at_rest: bool) -> None:
        """Answer nobody from now on: another authority decides; or answer again."""
        self._is_at_rest = is_at_rest

    def freeze(self, *, is_frozen: bool) -> None:
        """Grant nothing but what is granted already from now on, or grant as ever."""
        self._is_frozen = is_frozen

    def begin(self, era: int, named: Mapping[str, NamedClaim], now: float) -> None:
        """An era begins, which names these: grant their roles under no other claim for `VOTER_LEASE_S`, or
        until it is given back. What was granted before the era is not renewed any more; but while its lease
        runs nobody else gets the role, not whom the era names either.
        """
        self._is_at_rest = self._is_frozen = False
        self._era = era
        for role, lease_end in self._lease_ends.items():
            one = named.get(role, _UNNAMED)
            promised = self._doubtful.get(role) or (self._promises or {}).get(role)
            is_anothers = promised is not None and promised.candidate != one.holder
            his_from = lease_end if is_anothers and lease_end is not None else now
            self._kept_for[role] = _Kept(one.claim_id, his_from, now + VOTER_LEASE_S)
        self._lease_ends = dict.fromkeys(self._lease_ends)

    def come_to(self, era: int) -> None:
        """This era was begun before our start: what was given back before it says nothing."""
        self._era = era

    def receive(self, message: Ask | Release, now: float) -> list[StorePromises | Tell]:
        """Take an ask or a release; the edge checked its sender."""
        if self._promises is None or self._is_at_rest or message.role not in self._lease_ends:
            return []
        if isinstance(message, Ask):
            return self._answer(message, self._promises, now)
        is_promised = self._promises.get(message.role) == Promise(message.ballot, message.candidate)
        if is_promised and message.ballot.era >= self._era:
            self._lease_ends[message.role] = None
            if message.ballot.claim_id == self._kept_for.get(message.role, _FREE).claim_id:
                self._kept_for.pop(message.role, None)  # its holder has no effects of the era before, either
        return []

    def _answer(self, ask: Ask, promises: dict[str, Promise], now: float) -> list[StorePromises | Tell]:
        doubt, wanted = self._doubtful.get(ask.role), Promise(ask.ballot, ask.candidate)
        promised = doubt or promises.get(ask.role)
        lease_end = self._lease_ends[ask.role]
        is_higher = promised is None or wanted.ballot.token > promised.ballot.token
        granted = Tell(ask.candidate, Granted(ask.role, ask.ballot, ask.number, self._name))
        if promised == wanted and doubt is None:
            if lease_end is None:  # an ask that its own release overtook
                return []
            self._lease_ends[ask.role] = now + VOTER_LEASE_S
            return [granted]
        kept = self._kept_for.get(ask.role, _FREE)
        is_his = ask.ballot.claim_id == kept.claim_id
        is_free = not self._is_frozen and now >= (kept.his_from if is_his else kept.others_from)
        if is_free and (is_higher or promised == wanted) and (lease_end is None or now >= lease_end):
            return [StorePromises({**promises, **self._doubtful, ask.role: wanted}), granted]
        if doubt is not None:
            return []
        known = promised.ballot if promised is not None else None
        return [Tell(ask.candidate, Refused(ask.role, ask.ballot, ask.number, self._name, known))]


@dataclass(slots=True)
class _Claim:
    ballot: Claim
    ends: float  # the attempt, and once it is held the lease
    is_held: bool = False
    number: int = 0
    sent: dict[int, float] = field(default_factory=dict)
    granted: dict[str, float] = field(default_factory=dict)  # voter: when the ask it granted last was sent
    refused: set[str] = field(default_factory=set)  # the voters that refused the last ask


class Candidate:
    """Stands for one role and, once it has won, holds it. It begins with `stand`.

    `index` is its own among the candidates of the role; `ConfigError` if that or the voters are wrong.
    """

    def __init__(self, name: str, role: str, *, index: int, voters: Sequence[str], random: Random) -> None:
        if len(set(voters)) < VOTERS_MIN:
            raise ConfigError(f"{role} has {len(set(voters))} voters, grants need {VOTERS_MIN}")
        if not 0 <= index < CANDIDATES_MAX:
            raise ConfigError(f"{role} can have {CANDIDATES_MAX} candidates, not one of index {index}")
        self._name = name
        self._role = role
        self._era = 1
        self._index = index
        self._voters = tuple(dict.fromkeys(voters))
        self._majority = len(self._voters) // 2 + 1
        self._random = random
        self._epoch_seen = 0
        self._claim: _Claim | None = None
        self._stands = False
        self._due = inf

    def held(self, now: float) -> Claim | None:
        """The claim to act under at `now`, None if we do not hold the role: ask before every effect."""
        claim = self._claim
        return claim.ballot if claim is not None and claim.is_held and now < claim.ends else None

    @property
    def lease_end(self) -> float:
        """The end of our lease, as far as we know; 0.0 if the role is not held."""
        return self._claim.ends if self._claim is not None and self._claim.is_held else 0.0

    @property
    def claim(self) -> Claim | None:
        """The claim that is asked for or held."""
        return None if self._claim is None else self._claim.ballot

    @property
    def met(self) -> Claim:
        """The latest claim that we met or made."""
        return Claim(self._era, self._epoch_seen)

    def stand(self, now: float) -> None:
        """Stand for the role from now on."""
        if not self._stands:
            self._stands, self._due = True, now

    def begin(self, era: int, claim_id: str, now: float) -> None:
        """Ask at once for the role of this era, which names us, under a claim of this id."""
        self._claim = None  # it was released when the era came
        self.meet_era(era, now)
        self._epoch_seen = epoch_above(self._epoch_seen, self._index)
        self._stands, self._due = True, now
        # For as long as we may act under the former authority.
        self._claim = _Claim(Claim(era, self._epoch_seen, claim_id, BY_GRANTS), now + HOLDER_LEASE_S)

    def freed(self, now: float) -> None:
        """Ask soon: its holder holds the role no longer."""
        if self._stands and not self.lease_end:
            self._due = min(self._due, now + self._random.uniform(0.0, SOON_S_MAX))

    def meet_era(self, era: int, now: float) -> list[Lost | Tell]:
        """Note an era that has begun for grants: ours is not below it, and a claim of ours that is ends."""
        if era <= self._era:
            return []
        self._era, self._epoch_seen = era, 0
        return self._drop(now, f"era {era} began") if self._claim is not None else []

    def release(self, now: float) -> list[Lost | Tell]:
        """Stand for it no longer."""
        self._stands, self._due = False, inf
        return self._drop(now, "released")

    def observe(self, seen: Claim, now: float) -> list[Lost | Tell]:
        """Note a claim that an acceptor knows; it refuses earlier ones, so an earlier claim of ours ends."""
        self._meet(seen)
        claim = self._claim
        if claim is None or seen == claim.ballot or seen.token < claim.ballot.token:
            return []
        return self._drop(now, f"epoch {seen.epoch} of era {seen.era} was accepted somewhere")

    def receive(self, message: Granted | Refused, now: float) -> list[Won | Lost | Tell]:
        """Take an answer; the edge checked its sender."""
        effects: list[Won | Lost | Tell] = [*self._expire(now)]
        claim = self._claim
        if claim is None or message.ballot != claim.ballot or message.number not in claim.sent:
            return effects
        if message.voter not in self._voters:
            return effects
        if isinstance(message, Granted):
            return effects + self._count(claim, message, now)
        return effects + self._yield(claim, message, now)

    def tick(self, now: float) -> list[Won | Lost | Tell]:
        """Ask, renew, or give up, as is due. `StateError` if no era is left."""
        effects: list[Won | Lost | Tell] = [*self._expire(now)]
        if now < self._due:
            return effects
        if self._claim is None:
            self._claim = _Claim(self._ballot(), now + ASK_FOR_S)
        return effects + self._ask(self._claim, now)

    def deadline(self) -> float | None:
        """The time of the next `tick`."""
        due = self._due if self._claim is None else min(self._due, self._claim.ends)
        return None if due == inf else due

    def _ballot(self) -> Claim:
        """The next ballot: above all that we met, in the next era if this one has no epoch left."""
        if self._epoch_seen > EPOCH_MAX - CANDIDATES_MAX:
            self._era, self._epoch_seen = self._era + 1, 0
        if self._era > ERA_MAX:
            raise StateError(f"no era is left above {ERA_MAX}")
        self._epoch_seen = epoch_above(self._epoch_seen, self._index)
        return Claim(self._era, self._epoch_seen, f"{self._random.getrandbits(64):016x}", BY_GRANTS)

    def _ask(self, claim: _Claim, now: float) -> list[Tell]:
        self._due = now + RENEW_EVERY_S
        claim.number += 1
        claim.refused.clear()
        claim.sent = {number: at for number, at in claim.sent.items() if at > now - HOLDER_LEASE_S}
        claim.sent[claim.number] = now
        ask = Ask(self._role, claim.ballot, self._name, claim.number)
        return [Tell(voter, ask) for voter in self._voters]

    def _count(self, claim: _Claim, granted: Granted, now: float) -> list[Won]:
        """The lease runs from the latest time since which a majority was asked and granted."""
        sent = claim.sent[granted.number]
        claim.granted[granted.voter] = max(sent, claim.granted.get(granted.voter, sent))
        claim.refused.discard(granted.voter)
        if len(claim.granted) < self._majority:
            return []
        lease_end = sorted(claim.granted.values(), reverse=True)[self._majority - 1] + HOLDER_LEASE_S
        if lease_end <= now:
            return []
        was_held, claim.is_held, claim.ends = claim.is_held, True, lease_end
        return [] if was_held else [Won(self._role, claim.ballot)]

    def _yield(self, claim: _Claim, refused: Refused, now: float) -> list[Lost | Tell]:
        promised = refused.promised
        if promised is not None and promised != claim.ballot and promised.token >= claim.ballot.token:
            self._meet(promised)
            if claim.is_held and promised.era == claim.ballot.era:
                return []  # one voter cannot end a claim that a majority renews; else each cut to one would
            return self._drop(now, f"{refused.voter} promised it to a later claim")
        if refused.number == claim.number:
            claim.refused.add(refused.voter)
        if claim.is_held or len(claim.refused) <= len(self._voters) - self._majority:
            return []
        return self._drop(now, "refused by too many")

    def _meet(self, known: Claim) -> None:
        """Note a claim that is known somewhere: our next one is above it."""
        era = known.era + (known.authority != BY_GRANTS)
        if known.epoch < 0 or era < self._era:
            return
        if era > self._era:
            self._era, self._epoch_seen = era, 0
        if known.era == era:
            self._epoch_seen = max(self._epoch_seen, known.epoch)

    def _expire(self, now: float) -> list[Lost | Tell]:
        is_over = self._claim is not None and now >= self._claim.ends
        return self._drop(now, "no majority renewed it in time") if is_over else []

    def _drop(self, now: float, reason: str) -> list[Lost | Tell]:
        """End the claim, before anybody is told."""
        claim, self._claim = self._claim, None
        if self._stands:
            self._due = now + self._random.uniform(PAUSE_S_MIN, PAUSE_S_MAX)
        if claim is None:
            return []
        release = Release(self._role, claim.ballot, self._name)
        told = [Tell(voter, release) for voter in self._voters if voter not in claim.refused]
        return [Lost(self._role, claim.ballot, reason), *told] if claim.is_held else [*told]
