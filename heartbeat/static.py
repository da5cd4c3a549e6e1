"""The static primary: who holds a role is what a person said last.

Theory of operation
-------------------
Without a log and without voters nobody can tell a dead primary from a cut-off one, so no machine decides.
The configured instance is the primary. A person who wants another one to be it promotes that one: it gets an
epoch above all that the acceptors (CFMs) have seen, and from then on they refuse what has a lower one. Every
instance keeps its `Tenure` on disk before any effect under it, so a restart changes nothing, and one that
learns of a later claim keeps that, so it does not come back as the primary.

The former primary may go on until it meets an acceptor that has seen the later claim. Acceptors keep the
highest they accepted on disk too, before their first answer under it.
"""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from bus.envelope import Token
from bus.errors import StateError
from heartbeat.evidence import Stand

CANDIDATES_MAX = 64  # per role; epochs are told apart by their remainder, so it is one value for ever
EPOCH_MAX = (1 << 48) - 1


class Tenure(NamedTuple):
    """What an instance has on its disk of a role: the latest claim it knows, and whether that is its own."""

    stand: Stand
    is_ours: bool


def epoch_above(epoch: int, index: int) -> int:
    """The least epoch above `epoch` that only the candidate of this index may use.

    `StateError` if there is none: a person must begin an era.

    >>> epoch_above(0, index=2), epoch_above(2, index=2), epoch_above(2, index=3)
    (2, 66, 3)
    """
    above = epoch - epoch % CANDIDATES_MAX + index
    above += CANDIDATES_MAX if above <= epoch else 0
    if above > EPOCH_MAX:
        raise StateError(f"no epoch is left above {epoch}: begin an era")
    return above


def accepts(known: Stand | None, offered: Stand) -> bool:
    """Whether an acceptor that knows of one claim takes orders under another: the same, or a later one."""
    return known is None or offered == known or offered.token > known.token


def resume(
    on_disk: Tenure | None, *, is_configured: bool, index: int, era: int, claim_id: str
) -> Tenure | None:
    """What an instance is when it starts; None: a standby that knows of no claim.

    Only the configured primary without a record begins a claim. If its disk was lost, the acceptors refuse
    that claim, and a person promotes it anew.
    """
    if on_disk is not None:
        return on_disk
    return Tenure(Stand(era, epoch_above(0, index), claim_id), is_ours=True) if is_configured else None


def yielded(own: Tenure | None, heard: Stand) -> Tenure | None:
    """What is left of a tenure when an acceptor or a peer names this claim: a later one ends it."""
    if own is not None and (own.stand == heard or not accepts(own.stand, heard)):
        return own
    return Tenure(heard, is_ours=False)


def promoted(
    on_disk: Tenure | None,
    reports: Mapping[str, Stand | None],
    *,
    acceptors: Collection[str],
    absent: Collection[str] = (),
    index: int,
    era: int,
    claim_id: str,
) -> Tenure:
    """The tenure of an instance that a person makes the primary: later than all that is known anywhere.

    `reports` is what each acceptor knows, None for nothing. `StateError` if one of them is silent and the
    person does not name it as `absent`, or if a later era has begun.
    """
    silent = set(acceptors) - reports.keys() - set(absent)
    if silent:
        raise StateError(f"not heard, and not named as absent: {', '.join(sorted(silent))}")
    known = [stand for stand in reports.values() if stand is not None]
    known += [on_disk.stand] if on_disk is not None else []
    latest = max((stand.token for stand in known), default=Token(era, 0))
    if latest.era > era:
        raise StateError(f"era {latest.era} has begun, this is {era}")
    epoch = latest.epoch if latest.era == era else 0
    return Tenure(Stand(era, epoch_above(epoch, index), claim_id), is_ours=True)
