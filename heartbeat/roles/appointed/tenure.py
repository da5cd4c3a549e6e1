"""The static primary: a person decides who holds a role.

Theory of operation
-------------------
Without a log and without voters nobody can tell a dead primary from a cut-off one, so no machine decides. The
configured instance is the primary if nobody holds the role: on the first day, and after another authority
(`heartbeat.roles.claim`) decided last. To change the primary a person promotes another instance: it gets an
epoch above all that the acceptors (CFMs) have seen, and from then on they refuse lower ones. Every instance
keeps its `Tenure` on disk before any effect under it, so a restart changes nothing, and one that learns of a
later claim keeps that, so it does not come back as the primary.

The former primary may go on until it meets an acceptor that has seen the later claim. Acceptors keep the
highest claim they accepted on disk too, before their first answer under it.
"""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from bus.errors import StateError
from heartbeat.roles.claim import BY_APPOINTMENT, Claim, accepts, epoch_above, era_above


class Tenure(NamedTuple):
    """An instance's record of a role on its disk: the latest claim it knows, and whether that is its own."""

    claim: Claim
    is_ours: bool


def begun(latest: Claim, index: int, claim_id: str) -> Tenure:
    """A tenure above the latest known claim: in its era, or in the next one if another authority decided it,
    or nobody did. `StateError` if no era or no epoch is left.

    >>> begun(Claim(), 0, "1" * 16).claim.token, begun(Claim(1, 64, "", BY_APPOINTMENT), 1, "").claim.token
    (Token(era=1, epoch=64), Token(era=1, epoch=65))
    """
    era, epoch = latest.era, latest.epoch
    if latest.authority != BY_APPOINTMENT:
        era, epoch = era_above(era), 0
    return Tenure(Claim(era, epoch_above(epoch, index), claim_id, BY_APPOINTMENT), is_ours=True)


def yielded(own: Tenure | None, heard: Claim) -> Tenure | None:
    """The tenure after an acceptor names this appointed claim: a later one ends our own."""
    if own is not None and (own.claim == heard or not accepts(own.claim, heard)):
        return own
    return Tenure(heard, is_ours=False)


def promoted(
    on_disk: Tenure | None,
    reports: Mapping[str, Claim | None],
    *,
    acceptors: Collection[str],
    absent: Collection[str] = (),
    index: int,
    claim_id: str,
) -> Tenure:
    """The tenure of an instance that a person makes the primary: later than every known claim.

    `reports` has each acceptor's claim, None for none. `StateError` if an acceptor is silent and the person
    does not name it as `absent`.
    """
    silent = set(acceptors) - reports.keys() - set(absent)
    if silent:
        raise StateError(f"not heard, and not named as absent: {', '.join(sorted(silent))}")
    known = [claim for claim in reports.values() if claim is not None]
    known += [on_disk.claim] if on_disk is not None else []
    return begun(max(known, default=Claim()), index, claim_id)
