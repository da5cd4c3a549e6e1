"""The fence of an acceptor: it decides whose rows count and whose seals open.

Theory of operation
-------------------
A lease is a promise about clocks; the fence needs none. Every row names the authority under which it was
minted (`bus.envelope.Token`), and a CFM compares it with the highest claim of its minter's role that it has
read from the log: a row of an older claim is **stale**, a row of one not yet read is **unverified**. Both are
answers to the sender. An offset may be used twice if the log was cut; so the claim must also be of that very
minter, and the claim id in its `HELLO` the one in the log. A handed-off row is unverified before its minter's
`HELLO`.

Claims are kept on disk before the first row of an epoch is acknowledged: until `kept` says so the rows of the
latest claim are unverified, and those of the one before it are stale already. A CFM that starts without the
log goes on from the disk: it accepts the kept claim and no other, until it has read the log to its end.

A log that says less than the disk is one of two things. If another authority decided the disk's claim
(`heartbeat.roles.claim`), the log is behind: its rows are stale until somebody writes an ERA above that
claim. If the disk's claim is of this very log, the log was **cut**, and nobody knows the lost records: the
fence keeps the claims it knows until a person begins an era above them. The record at the offset of the claim
reveals a log that was cut and has grown again.

A **seal** is older than its read, so a seal of a deposed primary is no forgery: it opens if it was minted no
later than `SEAL_GRACE_S` after this CFM read the next claim live. A CFM that read that claim by catching up
cannot know its time, and opens no such seal.

A minter without a role (`roles` does not name it) is not fenced.

A CFM that hears both columns reads the log whoever leads. While the group leads, the claims in the log do not
count, and only the roles for which several stand are fenced. An ERA of a switch changes that where it is read
(`bus.switch`): what was decided before it is stale from there on.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Any, NamedTuple

from bus.effects import Effect
from bus.envelope import Token
from bus.messages import Entry, Kept, LogBounds, Unkept
from bus.routes import Column
from bus.switch.machine import Begun
from bus.wire.codec import pack_token
from heartbeat.liveness.beat import LogPosition
from heartbeat.roles.claim import Claim, check_unlogged, describe_authority, log_authority
from heartbeat.roles.evidence import Answer
from heartbeat.roles.log.fold import HaltError, Roles
from heartbeat.roles.log.reader import Reader, position_of
from heartbeat.roles.log.records import ClaimRecord, Era, Logged, Record
from heartbeat.roles.log.writers import Proves

SEAL_GRACE_S = 1.0
REMEMBERED_MAX = 32  # claims of a role, newest last; a seal opens for 60 s, and takeovers are seconds apart


class Verdict(Enum):
    """The verdict on a decision under a token."""

    VALID = "valid"
    STALE = "stale_epoch"
    UNVERIFIED = "unverified_epoch"


class Known(NamedTuple):
    """A claim of `holder` that won. `read_s` is the Unix time at which it was read live, or 0.0."""

    claim: Claim
    holder: str
    released: bool = False
    read_s: float = 0.0

    @property
    def token(self) -> Token:
        """The token in its holder's rows."""
        return self.claim.token


NOBODY = Known(Claim(), "", released=True)


class Unlogged(NamedTuple):
    """While the group leads: the authority that decides, and the roles that are fenced, for which several
    instances stand.
    """

    authority: str
    roles: frozenset[str]


class StoreFence(NamedTuple):
    """A promise, to be kept before it has an effect: per role its claims, oldest first."""

    known: dict[str, list[Known]]


class Fence:
    """Judges the tokens of one CFM's minters. `roles` maps minters to their roles, `writers` proves the
    writers of the role log. Without one there is no log to follow, and the latest claim is the latest that a
    minter named in its `HELLO`.
    """

    def __init__(
        self,
        roles: Mapping[str, str],
        kept: Mapping[str, list[Known]] | None = None,
        *,
        writers: Proves | None,
        leads: Column = Column.BUS,
        in_group: "Unlogged | None" = None,
    ) -> None:
        """`leads` is the column that decides the roles, `in_group` what is so while the group does; without
        it the group is as the log is.
        """
        self._writers = writers or _Nobody()
        self._in_group = in_group or Unlogged("", frozenset(roles.values()))
        self._leads = leads if writers is not None else Column.MULTICAST
        self.reader = Reader(self._writers)
        self._broken = ""
        self._cut: dict[str, str] = {}
        self._log = log_authority("")
        self._roles = roles
        self._names = sorted({*roles.values()})
        self._claims: dict[str, list[Known]] = {role: [*claims] for role, claims in (kept or {}).items()}
        self._ids: dict[str, Claim] = {}
        self._unkept: frozenset[str] = frozenset()  # roles whose latest claim is not on the disk

    @property
    def leads(self) -> Column:
        """The column that decides the roles."""
        return self._leads

    def lead(self, leads: Column) -> None:
        """This column decides from now on, by the word of our own disk."""
        self._leads = leads

    def begun(self) -> Begun | None:
        """The era of a switch that the log is in; None if it is in none, or is not read to its end."""
        roles = self.reader.roles
        if roles is None or not self.reader.is_caught_up or not roles.plan:
            return None
        return Begun(roles.era, roles.plan, roles.leads)

    @property
    def known_era(self) -> int:
        """The greatest era that we know."""
        eras = [claims[-1].claim.era for claims in self._claims.values() if claims]
        return max(eras, default=0)

    @property
    def _has_log(self) -> bool:
        """Whether the log decides."""
        return self._leads is Column.BUS

    def _role_of(self, minter: str) -> str | None:
        """The role of a minter that is fenced now."""
        role = self._roles.get(minter)
        return role if self._has_log or role in self._in_group.roles else None

    @property
    def is_on(self) -> bool:
        """Whether any minter is fenced."""
        return bool(self._roles)

    def position(self) -> LogPosition | None:
        """Our position in the role log, for our beat; None if no minter is fenced."""
        return position_of(self.reader) if self.is_on else None

    @property
    def reason(self) -> str:
        """Why our claims are frozen, whatever the log says; empty if they are not."""
        return self._broken or next(iter(self._cut.values()), "")

    @property
    def is_from_disk(self) -> bool:
        """Whether we have not read the log to its end yet."""
        return self._has_log and not self.reader.is_caught_up

    def bounds(self, bounds: LogBounds, wall_s: float) -> list[StoreFence]:
        """Begin to read the log."""
        self._log = log_authority(bounds.identity)
        if self.reader.has_begun:  # it was closed meanwhile
            self.reader = Reader(self._writers)
        return self._read(None, bounds, wall_s)

    def entry(self, entry: Entry, wall_s: float) -> list[StoreFence]:
        """Read a record of the log, at this Unix time."""
        logged = Logged.of(entry.offset, entry.envelope)
        self._compare(logged)
        return self._read(logged, None, wall_s)

    def broken(self, reason: str) -> None:
        """Freeze our claims: the log is lost."""
        self._broken = self._broken or reason

    def record(self) -> StoreFence:
        """The present record for the disk."""
        return StoreFence({role: [*claims] for role, claims in self._claims.items()})

    def stored(self, message: Kept | Unkept, now: float) -> list[Effect]:
        """Note that the disk took our record, or refused it, so that it does not count."""
        if isinstance(message, Kept):
            self.kept(message.record)
        return []

    def kept(self, record: StoreFence) -> None:
        """Count the claims of a record on the disk."""
        self._unkept = frozenset(
            role for role in self._unkept if record.known[role][-1].claim != self._latest(role).claim
        )

    def hello(self, minter: str, claim: Claim, wall_s: float, *, is_proven: bool) -> list[StoreFence]:
        """Note the claim under which a minter acts, at this Unix time. `LeapError` without a log if the claim
        cannot have come so far.
        """
        role = self._role_of(minter)
        if not self._has_log and role is not None:
            check_unlogged(minter, self._latest(role).claim, claim, is_proven=is_proven)
        self._ids[minter] = claim
        if self._has_log or role is None or claim.token <= self._latest(role).token:
            return []
        return [self._add(role, Known(claim, minter, read_s=wall_s))]

    def answer(self, minter: str, *, once_kept: bool = False) -> Answer | None:
        """The answer to a minter about its role, now or `once_kept`; None if it has none. One that is not
        fenced while the group leads is answered too: its switch waits until answers come by both columns.

        We do not vouch for a claim that is not on our disk, nor for a released one.
        """
        role = self._roles.get(minter)
        if role is None:
            return None
        known = self._latest(role)
        is_unkept = role in self._unkept and not once_kept
        return Answer(known.claim, known.released or is_unkept, self.reader.position)

    def highest(self) -> dict[str, Claim]:
        """The latest known claim, by role."""
        return {role: claims[-1].claim for role, claims in self._claims.items() if claims}

    def tokens(self, minter: str) -> tuple[bytes, bytes] | None:
        """The packed token of the rows that count (empty if none does), and the greatest packed token that is
        not unverified; to compare many rows. None for a minter that is not fenced.
        """
        role = self._role_of(minter)
        if role is None:
            return None
        known = self._latest(role)
        if minter not in self._ids:
            return b"", b""
        if role in self._unkept:
            return b"", _pack(self._before_latest(role).token)
        greatest = _pack(known.token)
        is_theirs = known.holder == minter and self._is_the_claim(minter, known)
        return (greatest if is_theirs else b""), greatest

    def judge_seal(self, minter: str, token: Token, minted_s: float) -> Verdict:
        """The verdict on a seal that this minter made at that Unix time."""
        role = self._role_of(minter)
        if role is None:
            return Verdict.VALID
        known = self._latest(role)
        if token > known.token:
            return Verdict.UNVERIFIED
        if token == known.token:
            is_theirs = known.holder == minter and self._is_the_claim(minter, known)
            counts = Verdict.UNVERIFIED if role in self._unkept else Verdict.VALID
            return counts if is_theirs else Verdict.STALE
        claims = self._claims.get(role, [])
        later = next((known for known in claims if known.token > token), None)
        own = next((known for known in claims if known.token == token), None)
        is_own = own is not None and own.holder == minter
        if is_own and later is not None and later.read_s and minted_s <= later.read_s + SEAL_GRACE_S:
            return Verdict.VALID
        return Verdict.STALE

    def behind(self) -> str:
        """A role whose claims by the log are stale here, for another authority decided since, in words; empty
        if none is. An ERA above that claim ends it.
        """
        roles = self.reader.roles
        if self.is_from_disk or not self._has_log or roles is None:
            return ""
        for role, claims in self._claims.items():
            last = claims[-1] if claims else NOBODY
            if last.claim.authority not in ("", self._log) and last.claim.era >= roles.era:
                by = describe_authority(last.claim.authority)
                return f"{role} was held in era {last.claim.era} by {by}, the role log is in era {roles.era}"
        return ""

    def describe(self) -> dict[str, Any]:
        """Per role the highest known claim, and whether it is from the log or the disk."""
        return {
            "from_disk": self.is_from_disk,
            "position": self.reader.position,
            "reason": self.reason or self.reader.no_start,
            "roles": {
                role: {
                    "era": claims[-1].claim.era,
                    "epoch": claims[-1].claim.epoch,
                    "claim_id": claims[-1].claim.claim_id,
                    "authority": claims[-1].claim.authority,
                    "holder": "" if claims[-1].released else claims[-1].holder,
                }
                for role, claims in self._claims.items()
                if claims
            },
        }

    def _read(self, logged: Logged | None, bounds: LogBounds | None, wall_s: float) -> list[StoreFence]:
        was_caught_up = self.reader.is_caught_up
        try:
            if bounds is not None:
                self.reader.begin(bounds.start, bounds.end)
            elif logged is not None and not self._broken:
                self.reader.read(logged)
        except HaltError as error:
            self.broken(str(error))
        if not self.reader.is_caught_up or self._broken:
            return []
        return self._take(wall_s if was_caught_up else 0.0)

    def _take(self, read_s: float) -> list[StoreFence]:
        """Note every new claim, and every role that was given back."""
        roles = self.reader.roles
        assert roles is not None
        is_switched = self._is_switched(roles, is_live=read_s > 0.0)
        if is_switched:
            self._leads = roles.leads
        if not self._has_log:
            return self._end(roles, read_s) if is_switched else []
        changed = False
        for role in self._names:
            held = roles.role(role)
            claims = self._claims.setdefault(role, [])
            claim = Claim(roles.era, held.epoch, held.claim_id, self._log)
            found = Known(claim, held.holder, held.released, read_s)
            last = claims[-1] if claims else NOBODY
            if found[:3] == last[:3] or self._is_frozen(role, found, last):
                continue
            if found.claim == last.claim:
                claims[-1] = last._replace(released=found.released)
            elif found.token > last.token:
                self._add(role, found)
            else:
                continue
            changed = True
        return [self.record()] if changed else []

    def _is_switched(self, roles: Roles, *, is_live: bool) -> bool:
        """Whether the era that a switch began in the log is above all that we know. Without a record of ours
        an old one proves nothing: all may have been stopped since, and started in another mode.
        """
        known = self.known_era
        return bool(roles.plan) and roles.era > known and (is_live or known > 0)

    def _end(self, roles: Roles, read_s: float) -> list[StoreFence]:
        """What was decided before the era of a switch to the group is stale."""
        for role in self._names:
            self._add(role, Known(Claim(roles.era, -1, "", self._in_group.authority), "", True, read_s))
        return [self.record()]

    def _is_frozen(self, role: str, found: Known, last: Known) -> bool:
        """Whether the log was cut: it says, or said, less than we know of it, and no era is above that."""
        if found.claim.era > last.claim.era:
            self._cut.pop(role, None)
        elif last.claim.authority == self._log and found.token < last.token:
            self._freeze(role, f"it says {_words(found.token)}, and our disk {_words(last.token)}")
        elif last.claim.authority == self._log and found.token == last.token and found.claim != last.claim:
            self._freeze(role, f"its claim at {_words(last.token)} is another one than on our disk")
        return role in self._cut

    def _compare(self, logged: Logged) -> None:
        """Freeze a role if the record at the offset of its latest claim of this log is another one."""
        for role, claims in self._claims.items():
            last = claims[-1].claim if claims else NOBODY.claim
            if (last.authority, last.epoch) != (self._log, logged.offset):
                continue
            if _claim_id_in(logged.record, role) != last.claim_id:
                self._freeze(role, f"at offset {last.epoch} stands another record than the claim on our disk")

    def _freeze(self, role: str, what: str) -> None:
        self._cut.setdefault(role, f"{role}: the role log was cut: {what}; see provbus failover era")

    def _add(self, role: str, known: Known) -> StoreFence:
        claims = self._claims.setdefault(role, [])
        claims.append(known)
        del claims[:-REMEMBERED_MAX]
        self._unkept |= {role}
        return self.record()

    def _latest(self, role: str) -> Known:
        claims = self._claims.get(role)
        return claims[-1] if claims else NOBODY

    def _before_latest(self, role: str) -> Known:
        return self._claims[role][-2] if len(self._claims[role]) > 1 else NOBODY

    def _is_the_claim(self, minter: str, known: Known) -> bool:
        """False if the minter's `HELLO` named another claim of the same token."""
        said = self._ids.get(minter)
        return said is None or said[:2] != known.claim[:2] or said == known.claim


class _Nobody:
    """Writes a log that there is not."""

    def key_of(self, logged: Logged) -> str:
        """None."""
        return ""

    def lists(self, source: str, key: str) -> bool:
        """None is listed."""
        return False

    def read(self, source: str, key: str, *, is_live: bool) -> None:
        """Nothing is."""


def _claim_id_in(record: Record | None, role: str) -> str:
    """The claim of a role that begins with this record; empty if none does."""
    if isinstance(record, Era) and role in record.named:
        return record.named[role].claim_id
    return record.claim_id if isinstance(record, ClaimRecord) and record.role == role else ""


def _words(token: Token) -> str:
    return f"era {token.era} epoch {token.epoch}"


def _pack(token: Token) -> bytes:
    """Eight bytes that compare as tokens do; without a claim yet, a token below all of this era's."""
    if token.epoch >= 0:
        return pack_token(token).to_bytes(8, "big")
    return pack_token(Token(token.era, 0)).to_bytes(8, "big") if token.era else b""
