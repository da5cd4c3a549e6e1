"""A claim that won, and the authority that decides its role: the role log, an appointment, or the CFMs'
grants.

Eras are one sequence over all of these *authorities*: an instance that begins under another authority begins
an era above all that the CFMs know. So a token of a former authority is stale everywhere, and of two claims
the one with the greater token is the later one, whatever authority decided.

A log is named by its identity, so a topic that was made anew is another authority.
"""

import hashlib
from typing import Annotated, NamedTuple

from pydantic import Field

from bus.envelope import Token
from bus.errors import StateError
from bus.leaps import GROWTH, Number, check_leap

BY_APPOINTMENT = "appointed"
BY_GRANTS = "granted"
ERA_MAX = GROWTH[Number.ERA].last  # a row has room for 16 bits
CANDIDATES_MAX = 64  # per role; epochs are told apart by their remainder, so it can never change
EPOCH_MAX = GROWTH[Number.EPOCH].last  # and for 48
_LOG = "log:"
_KINDS = ("", _LOG, BY_APPOINTMENT, BY_GRANTS)
PACKED_BYTES = 9
NO_LOG = bytes(8)


ClaimId = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
RoleName = Annotated[str, Field(pattern=r"^(dhcp|mps)/[a-z0-9][a-z0-9-]{0,62}$")]
"""A service, and the site that has one primary of it."""


class Claim(NamedTuple):
    """A claim that won, under which its holder acts. Of two the one with the greater token is the later one;
    the `claim_id`, 16 hex digits, is never used again, so it tells claims of one token apart.
    """

    era: int = 0
    epoch: int = -1
    claim_id: str = ""
    authority: str = ""

    @property
    def token(self) -> Token:
        """The token in its holder's rows."""
        return Token(self.era, self.epoch)


def era_above(era: int) -> int:
    """The next era; `StateError` if a row has no room for it."""
    if era >= ERA_MAX:
        raise StateError(f"no era is left above {era}")
    return era + 1


def epoch_above(epoch: int, index: int) -> int:
    """The least epoch above `epoch` that only the candidate of this index may use.

    `StateError` if there is none: only another era has one.

    >>> epoch_above(0, index=2), epoch_above(2, index=2), epoch_above(2, index=3)
    (2, 66, 3)
    """
    above = epoch - epoch % CANDIDATES_MAX + index
    above += CANDIDATES_MAX if above <= epoch else 0
    if above > EPOCH_MAX:
        raise StateError(f"no epoch is left above {epoch}")
    return above


def accepts(known: Claim | None, offered: Claim) -> bool:
    """Whether an acceptor that knows one claim takes rows under another: the same, or a later one."""
    return known is None or offered == known or offered.token > known.token


def check_claim(source: str, known: Claim, said: Claim, *, era_proven: bool, epoch_proven: bool) -> None:
    """`LeapError` if a claim by the word of `source` is further above the known one than it can have come, in
    what is not proven of it.
    """
    check_leap(Number.ERA, source, known.era, said.era, is_proven=era_proven)
    epoch = max(0, known.epoch) if said.era == known.era else 0
    check_leap(Number.EPOCH, source, epoch, said.epoch, is_proven=epoch_proven)


def check_unlogged(source: str, known: Claim | None, said: Claim, *, is_proven: bool) -> None:
    """`LeapError` if a claim that no log decided is further above the latest known one than it can have come:
    its era by the word of one who is not proven, or its epoch by anybody's.
    """
    if known is None or known.epoch < 0:
        return
    check_claim(source, known, said, era_proven=is_proven, epoch_proven=False)


def log_authority(identity: str) -> str:
    """The authority of the log of this identity; if a cluster knows none (empty), of any log.

    >>> log_authority("")
    'log:0000000000000000'
    """
    digest = hashlib.sha256(identity.encode()).digest()[:8] if identity else NO_LOG
    return _LOG + digest.hex()


def is_log(authority: str) -> bool:
    """Whether a log decides."""
    return authority.startswith(_LOG)


def describe_authority(authority: str) -> str:
    """The authority in words, for people."""
    if is_log(authority):
        return f"the role log {authority.removeprefix(_LOG)}"
    return {BY_APPOINTMENT: "an appointed primary", BY_GRANTS: "grants of the CFMs"}.get(authority, "nobody")


def pack_authority(authority: str) -> bytes:
    """Nine bytes: the kind, and the log.

    >>> pack_authority(BY_APPOINTMENT).hex(), unpack_authority(pack_authority(log_authority("")))
    ('020000000000000000', 'log:0000000000000000')
    """
    if is_log(authority):
        return bytes([1]) + bytes.fromhex(authority.removeprefix(_LOG))
    return bytes([_KINDS.index(authority)]) + NO_LOG


def unpack_authority(packed: bytes) -> str:
    """The authority in nine bytes; `ValueError` if there is none in them."""
    kind, log = packed[0], packed[1:]
    if kind == 1:
        return _LOG + log.hex()
    if kind >= len(_KINDS) or log != NO_LOG:
        raise ValueError("no authority of ours")
    return _KINDS[kind]
