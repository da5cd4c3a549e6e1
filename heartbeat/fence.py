"""The acceptor's side: whose rows count, and whose seals open.

Theory of operation
-------------------
A lease is a promise about clocks; the fence needs none. Every row names the authority under which it was
minted (`bus.envelope.Token`), and a CFM compares it with the highest claim of its minter's role that it has
read from the log: of an older one it is **stale**, of one that it has not read yet **unverified**. Both are
answers to the sender. An offset may be used twice if the log was cut; so the claim must also be of that very
minter, and the claim id in its `HELLO` the one in the log. Before its `HELLO` nothing of it is verified.

What is known is kept on disk before the first row of an epoch is acknowledged: until `kept` says so the rows
of the latest claim are unverified, and those of the one before it are stale already. A CFM that starts
without the log goes on from the disk: it accepts the kept claim and no other, until it has read the log to
its end.

A log that says less than the disk is one of two things. If the disk's claim was decided by another
authority (`heartbeat.stand`), the log is behind: its rows are stale until somebody writes an ERA above that
claim. If the disk's claim is of this very log, the log was **cut**, and nobody knows what was lost: what is
known stays as it is until a person begins an era above it. A log that was cut and has grown again is found
out by the record at the offset of the claim.

A **seal** is older than the question for it, so one of a deposed primary is no forgery: it opens if it was
minted no later than `SEAL_GRACE_S` after this CFM read the next claim, as it happened. Who learnt of that
claim by catching up cannot know when it came, and opens none.

A minter without a role (`roles` does not name it) is not fenced.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Any, NamedTuple

from bus.codec import pack_token
from bus.envelope import Token
from bus.machine import Effect, Entry, LogBounds
from heartbeat.evidence import Answer
from heartbeat.role_log import HaltError
from heartbeat.role_reader import Reader
from heartbeat.role_records import Claim, Logged
from heartbeat.stand import Stand, describe_authority, log_authority

SEAL_GRACE_S = 1.0
REMEMBERED_MAX = 32  # claims of a role, newest last; a seal opens for 60 s, and takeovers are seconds apart


class Verdict(Enum):
    """What becomes of something that was decided under a token."""

    VALID = "valid"
    STALE = "stale_epoch"
    UNVERIFIED = "unverified_epoch"


class Known(NamedTuple):
    """A claim of `holder` that won. `read_s` is the Unix time at which it was read live, or 0.0."""

    stand: Stand
    holder: str
    released: bool = False
    read_s: float = 0.0

    @property
    def token(self) -> Token:
        """What its holder writes into its rows."""
        return self.stand.token


NOBODY = Known(Stand(), "", released=True)


class StoreFence(NamedTuple):
    """A promise, to be kept before anything is done by it: per role its claims, oldest first."""

    known: dict[str, list[Known]]


class Fence:
    """Judges the tokens of one CFM's minters. `roles` names the role of each minter. Without a log to follow
    (`has_log`) the latest claim is the latest that a minter named in its `HELLO`.
    """

    def __init__(
        self, roles: Mapping[str, str], kept: Mapping[str, list[Known]] | None = None, *, has_log: bool = True
    ) -> None:
        self.reader = Reader()
        self._broken = ""
        self._cut: dict[str, str] = {}
        self._log = log_authority("")
        self._roles = roles
        self._has_log = has_log
        self._names = sorted({*roles.values()})
        self._claims: dict[str, list[Known]] = {role: [*claims] for role, claims in (kept or {}).items()}
        self._ids: dict[str, Stand] = {}
        self._unkept: frozenset[str] = frozenset()  # roles whose latest claim is not on the disk

    @property
    def is_on(self) -> bool:
        """Whether any minter is fenced."""
        return bool(self._roles)

    @property
    def reason(self) -> str:
        """Why what we know stays as it is, whatever the log says; empty if it does not."""
        return self._broken or next(iter(self._cut.values()), "")

    @property
    def is_from_disk(self) -> bool:
        """Whether we do not know yet what the log says."""
        return self._has_log and not self.reader.is_caught_up

    def bounds(self, bounds: LogBounds, wall_s: float) -> list[Effect]:
        """The log was reached."""
        self._log = log_authority(bounds.identity)
        return self._read(None, bounds, wall_s)

    def entry(self, entry: Entry, wall_s: float) -> list[Effect]:
        """A record of the log came, at this Unix time."""
        logged = Logged.of(entry.offset, entry.envelope)
        self._compare(logged)
        return self._read(logged, None, wall_s)

    def broken(self, reason: str) -> None:
        """The log is lost: what we know stays as it is."""
        self._broken = self._broken or reason

    def record(self) -> StoreFence:
        """What belongs on the disk."""
        return StoreFence({role: [*claims] for role, claims in self._claims.items()})

    def kept(self, record: StoreFence) -> None:
        """This is on the disk: now its claims count."""
        self._unkept = frozenset(
            role for role in self._unkept if record.known[role][-1].stand != self._latest(role).stand
        )

    def hello(self, minter: str, stand: Stand, wall_s: float) -> list[Effect]:
        """A minter said under which claim it acts, at this Unix time."""
        self._ids[minter] = stand
        role = self._roles.get(minter)
        if self._has_log or role is None or stand.token <= self._latest(role).token:
            return []
        return [self._add(role, Known(stand, minter, read_s=wall_s))]

    def answer(self, minter: str, *, once_kept: bool = False) -> Answer | None:
        """What a minter is told of its role, or will be `once_kept`; None if it has none.

        A claim that is not on our disk is vouched for as little as one that was released.
        """
        role = self._roles.get(minter)
        if role is None:
            return None
        known = self._latest(role)
        is_unkept = role in self._unkept and not once_kept
        return Answer(known.stand, known.released or is_unkept, self.reader.position)

    def highest(self) -> dict[str, Stand]:
        """By role the latest claim that is known."""
        return {role: claims[-1].stand for role, claims in self._claims.items() if claims}

    def tokens(self, minter: str) -> tuple[bytes, bytes] | None:
        """For who compares many rows: the packed token of those that count (empty if none does), and the
        greatest packed token that is not unverified. None for a minter that is not fenced.
        """
        role = self._roles.get(minter)
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
        """Whether what this minter sealed at that Unix time opens."""
        role = self._roles.get(minter)
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
        """Which role's claims by the log are stale here, because another authority decided since; empty if
        none is. An ERA above that claim ends it.
        """
        roles = self.reader.roles
        if self.is_from_disk or not self._has_log or roles is None:
            return ""
        for role, claims in self._claims.items():
            last = claims[-1] if claims else NOBODY
            if last.stand.authority not in ("", self._log) and last.stand.era >= roles.era:
                by = describe_authority(last.stand.authority)
                return f"{role} was held in era {last.stand.era} by {by}, the role log is in era {roles.era}"
        return ""

    def describe(self) -> dict[str, Any]:
        """Per role the highest claim that is known, and whether the log or the disk says so."""
        return {
            "from_disk": self.is_from_disk,
            "position": self.reader.position,
            "reason": self.reason or self.reader.no_start,
            "roles": {
                role: {
                    "era": claims[-1].stand.era,
                    "epoch": claims[-1].stand.epoch,
                    "claim_id": claims[-1].stand.claim_id,
                    "authority": claims[-1].stand.authority,
                    "holder": "" if claims[-1].released else claims[-1].holder,
                }
                for role, claims in self._claims.items()
                if claims
            },
        }

    def _read(self, logged: Logged | None, bounds: LogBounds | None, wall_s: float) -> list[Effect]:
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

    def _take(self, read_s: float) -> list[Effect]:
        """Note every claim that is new, and every role that was given back."""
        roles = self.reader.roles
        assert roles is not None
        changed = False
        for role in self._names:
            held = roles.role(role)
            claims = self._claims.setdefault(role, [])
            stand = Stand(roles.era, held.epoch, held.claim_id, self._log)
            found = Known(stand, held.holder, held.released, read_s)
            last = claims[-1] if claims else NOBODY
            if found[:3] == last[:3] or self._is_frozen(role, found, last):
                continue
            if found.stand == last.stand:
                claims[-1] = last._replace(released=found.released)
            elif found.token > last.token:
                self._add(role, found)
            else:
                continue
            changed = True
        return [self.record()] if changed else []

    def _is_frozen(self, role: str, found: Known, last: Known) -> bool:
        """Whether the log was cut: it says less than we know of it, or did, and no era is above that."""
        if found.stand.era > last.stand.era:
            self._cut.pop(role, None)
        elif last.stand.authority == self._log and found.token < last.token:
            self._freeze(role, f"it says {_words(found.token)}, and our disk {_words(last.token)}")
        elif last.stand.authority == self._log and found.token == last.token and found.stand != last.stand:
            self._freeze(role, f"its claim at {_words(last.token)} is another one than on our disk")
        return role in self._cut

    def _compare(self, logged: Logged) -> None:
        """Whether the record at the offset of a claim that we know of this log is that claim."""
        for role, claims in self._claims.items():
            last = claims[-1].stand if claims else NOBODY.stand
            if (last.authority, last.epoch) != (self._log, logged.offset):
                continue
            if not isinstance(logged.record, Claim) or logged.record.claim_id != last.claim_id:
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
        """The minter acts under the claim that is in the log, and not under another at the same offset."""
        said = self._ids.get(minter)
        return said is None or said[:2] != known.stand[:2] or said == known.stand


def _words(token: Token) -> str:
    return f"era {token.era} epoch {token.epoch}"


def _pack(token: Token) -> bytes:
    """Eight bytes that compare as tokens do. Where nobody claimed yet: the greatest before this era."""
    if token.epoch >= 0:
        return pack_token(token).to_bytes(8, "big")
    return pack_token(Token(token.era, 0)).to_bytes(8, "big") if token.era else b""
