"""Reading the journal on: what is said of it meanwhile, and what is let go when a file cannot be read."""

import os
import time
from pathlib import Path

import pytest

from bus.runtime.runner import boottime
from bus.telemetry.own_faults import OwnFaults
from services.dhcp.kea.journal.reading import CHUNK_BYTES, CHUNKS_AT_ONCE, JournalReader
from services.dhcp.kea.journal.sieve import Sieve
from services.dhcp.kea.journal.tail import NOWHERE
from tests.unit.dhcp.conftest import HEADER, FakeKea, line


def reader_of(kea: FakeKea) -> JournalReader:
    said: dict[str, str] = {}
    return JournalReader(kea.journal, Sieve([], said.__setitem__, OwnFaults(("kea",))), said.__setitem__)


def replace(journal: Path, lines: bytes = b"") -> None:
    """A clean-up that is over before anybody looks."""
    fresh = journal.with_name("fresh")
    fresh.write_bytes(HEADER + b"\n" + lines)
    fresh.rename(journal)


def test_a_later_resync_is_behind_since_the_last_look(kea: FakeKea) -> None:
    kea.begin()
    reader = reader_of(kea)
    before_s = boottime()
    reader.look(lambda: NOWHERE)
    young = line(1, time.time())
    replace(kea.journal, young * (CHUNKS_AT_ONCE * CHUNK_BYTES // len(young) + 1))
    reader.look(lambda: NOWHERE)
    assert (reader.events["resync"], reader.is_at_end) == (2, False)
    assert reader.behind_s <= boottime() - before_s
    reader.close()


@pytest.mark.parametrize("is_first", [True, False])
def test_a_look_that_fails_lets_its_files_go(kea: FakeKea, is_first: bool) -> None:
    kea.begin()
    reader = reader_of(kea)
    if not is_first:
        reader.look(lambda: NOWHERE)
        replace(kea.journal)
    before = len(os.listdir("/proc/self/fd"))
    loop = kea.journal.with_name("leases4.csv.2")
    loop.symlink_to(loop)
    with pytest.raises(OSError, match="Too many levels of symbolic links"):
        reader.look(lambda: NOWHERE)
    assert len(os.listdir("/proc/self/fd")) == before
    reader.close()
