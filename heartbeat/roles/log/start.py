"""The start of a reader of the role log, from which it decides.

Theory of operation
-------------------
Retention cuts the beginning of the log. A reader that takes the first record that is left for the beginning
would not know a holder whose CLAIM was cut. So it decides nothing before it has either the log's true start
(offset 0), or a CHECKPOINT after whose `as_of` no record is missing: then it folds from there. With neither a
person begins an ERA, for a fleet that was off for longer than the log remembers. An ERA whose number was used
before the cut would mislead readers that begin there; so its writer asks the CFMs first for the greatest era
that they have on disk.

Only a checkpoint, or an era, of a proven writer is one (`writers`), first of those whose keys our fleet file
has: the tail may lack the ERA that revoked the key of another.

A checkpoint has the state up to `as_of`, and is later in the log: the records in between are folded again. So
the records read are kept until the start is found, and no longer.
"""

from collections.abc import Iterable, Mapping, Sequence

from bus.errors import RemoteError
from heartbeat.roles.log.fold import Roles, fold
from heartbeat.roles.log.records import Checkpoint, Era, Logged
from heartbeat.roles.log.writers import Proves


class NoStartError(RemoteError):
    """The log begins in the middle, without a checkpoint: a person must begin an era."""


def start(log_start: int, records: Iterable[Logged], writers: Proves) -> Roles:
    """The state at the end of what is left of the log, whose first offset is `log_start`; `writers` proves
    who wrote it.

    `NoStartError` if that cannot be known, `HaltError` if a record is missing in between.
    """
    read = list(records)
    roles = _beginning(log_start, read, writers)
    for logged in read:
        if logged.offset > roles.position:
            roles = fold(roles, logged, writers).roles
    return roles


def _beginning(log_start: int, read: Sequence[Logged], writers: Proves) -> Roles:
    """The earliest state that is certain."""
    if log_start == 0:
        return Roles()
    found = [one for one in read if isinstance(one.record, Checkpoint | Era)]
    keys = {one.offset: writers.key_of(one) for one in found}
    proven = [one for one in found if keys[one.offset]]
    listed = [one for one in proven if writers.lists(one.source, keys[one.offset])]
    for trusted in (listed, proven):
        if (checkpoint := _first_checkpoint(log_start, trusted)) is not None:
            return Roles.of(checkpoint)
        if (begins := _greatest_era(trusted, keys)) is not None:
            return Roles(begins - 1)  # it names all that its writer knew to be revoked, and is folded first
    raise NoStartError(
        f"the role log begins at offset {log_start} without a checkpoint: begin an era once you know that "
        "nobody holds a role"
    )


def _first_checkpoint(log_start: int, proven: Iterable[Logged]) -> Checkpoint | None:
    for one in proven:
        if isinstance(one.record, Checkpoint) and log_start - 1 <= one.record.as_of < one.offset:
            return one.record
    return None


def _greatest_era(proven: Iterable[Logged], keys: Mapping[int, str]) -> int | None:
    """The offset of the era that is in force after these; if the greatest is there twice, of the first."""
    begins, era, revoked = None, 0, list[str]()
    for one in proven:
        record = one.record
        if isinstance(record, Era) and record.number > era and keys[one.offset] not in revoked:
            begins, era, revoked = one.offset, record.number, record.revoked
    return begins
