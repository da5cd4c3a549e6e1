"""The static primary: who holds a role is what a person said last.

Theory of operation
-------------------
Without a log and without voters nobody can tell a dead primary from a cut-off one, so no machine decides.
The configured instance is the primary where nobody holds the role: on the first day, and after another
authority (`heartbeat.stand`) decided last. A person who wants another one to be it promotes that one: it
gets an epoch above all that the acceptors (CFMs) have seen, and from then on they refuse what has a lower
one. Every instance keeps its `Tenure` on disk before any effect under it, so a restart changes nothing, and
one that learns of a later claim keeps that, so it does not come back as the primary.

The former primary may go on until it meets an acceptor that has seen the later claim. Acceptors keep the
highest they accepted on disk too, before their first answer under it.
"""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from bus.errors import StateError
from heartbeat.stand import BY_APPOINTMENT, Stand, era_above

CANDIDATES_MAX = 64  # per role; epochs are told apart by their remainder, so it is one value for ever
EPOCH_MAX = (1 << 48) - 1


class Tenure(NamedTuple):
    """What an instance has on its disk of a role: the latest claim it knows, and whether that is its own."""

    stand: Stand
    is_ours: bool


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


def accepts(known: Stand | None, offered: Stand) -> bool:
    """Whether an acceptor that knows of one claim takes orders under another: the same, or a later one."""
    return known is None or offered == known or offered.token > known.token


def begun(latest: Stand, index: int, claim_id: str) -> Tenure:
    """A tenure above the latest claim that is known: in its era, or in the next one if another authority
    decided it, or nobody did. `StateError` if no era or no epoch is left.

    >>> begun(Stand(), 0, "1" * 16).stand.token, begun(Stand(1, 64, "", BY_APPOINTMENT), 1, "").stand.token
    (Token(era=1, epoch=64), Token(era=1, epoch=65))
    """
    era, epoch = latest.era, latest.epoch
    if latest.authority != BY_APPOINTMENT:
        era, epoch = era_above(era), 0
    return Tenure(Stand(era, epoch_above(epoch, index), claim_id, BY_APPOINTMENT), is_ours=True)


def yielded(own: Tenure | None, heard: Stand) -> Tenure | None:
    """What is left of a tenure when an acceptor names this appointed claim: a later one ends it."""
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
    claim_id: str,
) -> Tenure:
    """The tenure of an instance that a person makes the primary: later than all that is known anywhere.

    `reports` is what each acceptor knows, None for nothing. `StateError` if one of them is silent and the
    person does not name it as `absent`.
    """
    silent = set(acceptors) - reports.keys() - set(absent)
    if silent:
        raise StateError(f"not heard, and not named as absent: {', '.join(sorted(silent))}")
    known = [stand for stand in reports.values() if stand is not None]
    known += [on_disk.stand] if on_disk is not None else []
    return begun(max(known, default=Stand()), index, claim_id)
