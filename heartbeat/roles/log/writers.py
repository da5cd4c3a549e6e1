"""The writers of the role log: who may write there, the same for every reader.

Kafka names no writer of a record, so its principal with a right to write could speak for anybody. What a
record is worth must not hang on the reader either: on which fleet file it has, or when it reads. So a record
brings its writer's key with a certificate of the fleet's root key (`bus.wire.signature`), and all readers pin
that.

    a record counts    if a minter with a certificate signed it, whose key no era in force revokes,
                       and, where it is of a role, if that is the role in the certificate
    any other          is as if it was not there; it only has an offset

Keys are revoked by an ERA that lists them. Our own fleet file only warns, of a record that is read live: a
key that is certified and does not stand there is of an instance that was taken out, or was rotated.

Where a reader begins is its own matter (`start`), and there our fleet file counts: a thief whose key was
revoked could write a checkpoint that revokes nothing, and a reader that comes later would know no better.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from bus.reason import Reason
from bus.telemetry.metrics import Sample
from bus.wire.signature import Verify, verify, writer_of
from heartbeat.roles.log.records import Logged

MINTS = ("dhcp/", "mps/")


class Proves(Protocol):
    """Proves the writers of records."""

    def key_of(self, logged: Logged) -> str:
        """The key of the record's writer in hex; empty if nobody proven wrote it."""

    def lists(self, source: str, key: str) -> bool:
        """Whether our fleet file has this key of this writer."""

    def read(self, source: str, key: str, *, is_live: bool) -> None:
        """Note a record that was read, and whether it was written just now. Without a key it is of nobody
        proven, a copy, or of a key that is revoked.
        """


class Writers:
    """Proves the writers of records by the public `root` key. `listed` are the keys of each instance in our
    own fleet file.
    """

    def __init__(self, root: bytes, listed: Mapping[str, Sequence[bytes]], by: Verify = verify) -> None:
        self.unproven = 0
        self.foreign = ""
        """The last writer whose key is certified, and not in our fleet file."""
        self._root = root
        self._verify = by
        self.use(listed)

    def use(self, listed: Mapping[str, Sequence[bytes]]) -> None:
        """Take the keys of this fleet file from now on."""
        self._listed = listed
        self.foreign = ""

    def key_of(self, logged: Logged) -> str:
        """The key of the record's writer in hex; empty if nobody proven wrote it."""
        writer = None if logged.envelope is None else writer_of(logged.envelope, self._root, self._verify)
        role = "" if writer is None else writer.role
        if writer is None or not role.startswith(MINTS) or (logged.role or role) != role:
            return ""
        return writer.key.hex()

    def lists(self, source: str, key: str) -> bool:
        """Whether our fleet file has this key of this writer."""
        return key in [one.hex() for one in self._listed.get(source, ())]

    def read(self, source: str, key: str, *, is_live: bool) -> None:
        """Count what does not count, and note a writer whose key our fleet file does not have."""
        if not key:
            self.unproven += 1
        elif is_live and not self.lists(source, key):
            self.foreign = source

    def lacks(self) -> list[Reason]:
        """A writer whom our fleet file does not know."""
        if not self.foreign:
            return []
        text = f"the role log has records of {self.foreign} by a key that our fleet file does not have"
        return [Reason("role-writer-unlisted", text)]

    def samples(self) -> list[Sample]:
        """How many records of the role log, read since its state was known, did not count."""
        return [Sample("provbus_role_records_unproven_total", self.unproven)]
