"""A claim that won, and by what its role is decided: the role log, an appointment, or grants of the CFMs.

Eras are one sequence over all of these *authorities*: whoever begins under another authority begins an era
above all that the CFMs know. So a token of a former authority is stale everywhere, and of two claims the one
with the greater token is the later one, whoever decided.

A log is named by its identity, so a topic that was made anew is another authority than the one before it.
"""

import hashlib
from typing import NamedTuple

from bus.envelope import Token
from bus.errors import StateError

BY_APPOINTMENT = "appointed"
BY_GRANTS = "granted"
ERA_MAX = 0xFFFF  # what a row has room for
_LOG = "log:"
_KINDS = ("", _LOG, BY_APPOINTMENT, BY_GRANTS)
PACKED_BYTES = 9
NO_LOG = bytes(8)


class Stand(NamedTuple):
    """A claim that won: the authority under which its holder acts. Of two the one with the greater token is
    the later one; the `claim_id`, 16 hex digits, is never used again, so it tells claims of one token apart.
    """

    era: int = 0
    epoch: int = -1
    claim_id: str = ""
    authority: str = ""

    @property
    def token(self) -> Token:
        """What its holder writes into its rows."""
        return Token(self.era, self.epoch)


def era_above(era: int) -> int:
    """The next era; `StateError` if a row has no room for it."""
    if era >= ERA_MAX:
        raise StateError(f"no era is left above {era}")
    return era + 1


def log_authority(identity: str) -> str:
    """The authority of the log of this identity; where a cluster knows none (empty), of any log.

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
    """Nine bytes: the kind, and which log.

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
