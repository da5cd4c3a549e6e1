"""Kea's words at which we raise: one costs that line, that answer or that turn, never the thread."""

import json
import logging
import time
from pathlib import Path
from typing import Any

import pytest

from bus.messages import HostCame
from bus.runtime.runner import boottime
from bus.telemetry.own_faults import OwnFaults
from fileid.lease import Lease
from services.dhcp.kea.daemon.conversation import Conversation
from services.dhcp.kea.follower import KEA_SESSION
from services.dhcp.kea.journal.position import FILE
from services.dhcp.kea.journal.reading import JournalReader
from services.dhcp.kea.journal.sieve import Sieve, Warn
from tests.unit.dhcp.conftest import DEADLINE_S, FakeKea, Listen, entry, line


def now() -> float:
    return time.time()


@pytest.mark.parametrize(
    "answer",
    [
        b"[" * 100_000,
        b'{"result":' + b"[" * 100_000,
        b'{"result": 0, "arguments": {"leases": ' + b"[" * 5_000 + b"]" * 5_000 + b"}}",
        b'{"result": 1e400}',
        b'{"result": 0, "arguments": {"leases": [1e400]}}',
        b'{"result": 0, "arguments": {"leases": {"ip-address": 7}}}',
        b'{"result": 0, "arguments": 1e400}',
        b'{"result": ' + b"9" * 5_000 + b"}",
    ],
    ids=["deep", "deeper", "nested", "infinite", "infinite lease", "mapping", "number", "long"],
)
def test_one_bad_answer_costs_that_answer(kea: FakeKea, listen: Listen, answer: bytes) -> None:
    kea.begin()
    kea.listen()
    kea.replies["lease4-get-page"] = answer
    listener = listen().settle()
    listener.until(lambda: kea.asked)
    del kea.replies["lease4-get-page"]
    kea.write(line(1, now()))
    listener.hear(1)
    listener.until(lambda: HostCame(KEA_SESSION) in listener.news)


@pytest.mark.parametrize("cltt", ["1e400", "-1e400", "9" * 5_000, "[]", '{"x": 1}', "1e300", str(2**70)])
def test_one_bad_lease_of_a_page_costs_that_lease(kea: FakeKea, listen: Listen, cltt: str) -> None:
    """A journal that was cut is a reason to ask Kea for all that it has."""
    kea.begin()
    kea.write(line(1, now()))
    kea.listen()
    listener = listen().settle()
    listener.hear(1)
    good = entry(2, now())
    text = (
        b'{"result": 0, "arguments": {"leases": ['
        + json.dumps({**good, "cltt": "BAD"}).replace('"BAD"', cltt).encode()
        + b","
        + json.dumps(good).encode()
        + b"]}}"
    )
    kea.replies["lease4-get-page"] = text
    kea.journal.write_bytes(b"")
    kea.begin()
    if len(cltt) < 1_000:  # else the whole answer cannot be read
        listener.hear(2)
    del kea.replies["lease4-get-page"]
    kea.write(line(3, now()))
    listener.until(lambda: 3 in listener.devices())


class Stumbling(JournalReader):
    """Raises at its first looks, as nobody has thought of."""

    stumbles = 0

    def look(self, position: Any) -> list[Any]:
        if type(self).stumbles:
            type(self).stumbles -= 1
            raise KeyError("a subscriber's value")
        return super().look(position)


def test_a_turn_that_raises_is_told_and_the_thread_begins_anew(
    kea: FakeKea, listen: Listen, caplog: pytest.LogCaptureFixture
) -> None:
    made: list[JournalReader] = []

    def read(journal: Path, sieve: Sieve, warn: Warn) -> JournalReader:
        made.append(Stumbling(journal, sieve, warn))
        return made[-1]

    kea.begin()
    kea.listen()
    Stumbling.stumbles = 1
    with caplog.at_level(logging.WARNING, "provbus.faults"):
        listener = listen(read).settle()
    kea.write(line(1, now()))
    listener.hear(1)
    assert len(made) == 2
    (sample,) = (one for one in listener.follower.samples() if one.name == "provbus_faults_total")
    assert (sample.value, sample.labels) == (1, {"place": "kea"})
    assert "faults" in [one.code for one in listener.follower.lacks()]
    (text,) = [one for one in caplog.messages if "a fault of ours" in one]
    assert text.startswith("a fault of ours cost one turn of the follower: KeyError at test_kea_faults.py:")


class Raising(Sieve):
    """Raises at every page, as nobody has thought of."""

    def entries(self, *_: Any) -> list[Lease]:
        raise KeyError("a subscriber's value")


def test_a_fault_at_an_answer_is_counted_and_leaves_the_rest(kea: FakeKea) -> None:
    faults = OwnFaults(("kea",))
    said: dict[str, str] = {}
    kea.leases = [entry(1, now())]
    kea.listen()
    conversation = Conversation(
        kea.socket, Raising([], said.__setitem__, faults), said.__setitem__, faults, 0.0
    )
    conversation.ask_all()
    deadline = time.monotonic() + DEADLINE_S
    while not (faults.counts["kea"] and conversation.is_there):
        assert time.monotonic() < deadline
        assert conversation.look(boottime(), wrote=False) == []
    conversation.close()
    assert (faults.counts["kea"], conversation.is_asking_all, said) == (1, False, {})


def test_a_stored_position_that_is_none_is_read_from_far_enough_back(kea: FakeKea, listen: Listen) -> None:
    kea.begin()
    kea.listen()
    kea.write(line(1, now()))
    (kea.section.journal.parent / "state" / FILE).write_text("[" * 100_000)
    listen().hear(1)
