"""The start of a reader of the role log, from which it decides.

Theory of operation
-------------------
Retention cuts the beginning of the log. A reader that takes the first record that is left for the beginning
would not know a holder whose CLAIM was cut. So it decides nothing before it has either the log's true start
(offset 0), or a CHECKPOINT after whose `as_of` no record is missing: then it folds from there. With neither a
person begins an ERA, for a fleet that was off for longer than the log remembers. An ERA whose number was used
before the cut would mislead readers that begin there; so its writer asks the CFMs first for the greatest era
that they have on disk.

A checkpoint has the state up to `as_of`, and is later in the log: the records in between are folded again. So
the records read are kept until the start is found, and no longer.
"""

from collections.abc import Iterable, Sequence

from bus.errors import RemoteError
from heartbeat.roles.log.fold import Roles, fold
from heartbeat.roles.log.records import Checkpoint, Era, Logged


class NoStartError(RemoteError):
    """The log begins in the middle, without a checkpoint: a person must begin an era."""


def start(log_start: int, records: Iterable[Logged]) -> Roles:
    """The state at the end of what is left of the log, whose first offset is `log_start`.

    `NoStartError` if that cannot be known, `HaltError` if a record is missing in between.
    """
    read = list(records)
    roles = _beginning(log_start, read)
    for logged in read:
        if logged.offset > roles.position:
            roles, _ = fold(roles, logged)
    return roles


def _beginning(log_start: int, read: Sequence[Logged]) -> Roles:
    """The earliest state that is certain."""
    if log_start == 0:
        return Roles()
    for one in read:
        if isinstance(one.record, Checkpoint) and log_start - 1 <= one.record.as_of < one.offset:
            return Roles.of(one.record)
    eras = [(one.record.number, -one.offset) for one in read if isinstance(one.record, Era)]
    if eras:  # the greatest counts; if it is there twice, the first of them
        return Roles(-max(eras)[1] - 1)
    raise NoStartError(
        f"the role log begins at offset {log_start} without a checkpoint: begin an era once you know that "
        "nobody holds a role"
    )
