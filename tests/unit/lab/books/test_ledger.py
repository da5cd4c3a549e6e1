"""The ledger: every count is made non-zero once, and stays zero in each near miss."""

from __future__ import annotations

import random
from typing import Any

import pytest

from services.lab.books.ledger import (
    ANSWER_S,
    EVIDENCE_MAX,
    FILEID_LIFE_S,
    Event,
    FaultyName,
    Ledger,
    account,
)

CFM, OTHER_CFM = "127.0.0.11", "127.0.0.12"
LATE = 1000.0  # a run that ended long after
NOTHING = {"acked": 0, "read": 0, "lost": 0, "phantom": 0, "duplicated": 0, "unexplained": 0}


def minted(file: str = "f", device: str = "cm", at: float = 10.0, **fields: Any) -> Event:
    event = {"event": "minted", "at": at, "file": file, "device": device, "next_server": CFM, "acked": True}
    return event | fields


def read(file: str = "f", device: str = "cm", at: float = 11.0, server: str = CFM) -> Event:
    return {"event": "read", "at": at, "file": file, "device": device, "server": server, "attempt": 1}


def answered(file: str = "f", at: float = 11.1) -> Event:
    return {"event": "answered", "at": at, "file": file, "device": "cm", "server": CFM}


def completed(file: str = "f", device: str = "cm", at: float = 11.2, verdict: str = "ok") -> Event:
    event = {"event": "completed", "at": at, "file": file, "device": device, "server": CFM, "bytes": 1}
    return event | {"verdict": verdict}


def online(device: str = "cm", at: float = 11.2) -> Event:
    return {"event": "online", "at": at, "device": device, "kind": "cm", "boot_s": 1.2}


def reported(file: str = "f") -> Event:
    return {"event": "reported", "file": file}


def started(address: str = CFM, at: float = 1.0) -> Event:
    return {"event": "started", "at": at, "address": address}


def killed(address: str = CFM, at: float = 20.0) -> Event:
    return {"event": "killed", "at": at, "address": address}


def counts(ledger: Ledger) -> dict[str, int]:
    """The counts that are not 0."""
    return {name: count for name in NOTHING if (count := getattr(ledger, name))}


BOOTED = [started(), minted(), read(), answered(), completed(), online()]
UNREAD = {"acked": 1}
LOST = {"acked": 1, "lost": 1, "unexplained": 1}
UNEXPLAINED = {"acked": 1, "unexplained": 1}
EDGE = 10.0 + FILEID_LIFE_S


@pytest.mark.parametrize(
    ("events", "now", "expected"),
    [
        pytest.param([], LATE, {}, id="nothing happened"),
        pytest.param(BOOTED, LATE, {"acked": 1, "read": 1}, id="a boot"),
        pytest.param(
            [started(), minted(acked=False), read(), answered(), completed()],
            LATE,
            {"read": 1},
            id="by seal only",
        ),
        # lost
        pytest.param([started(), minted(), read()], LATE, LOST, id="lost"),
        pytest.param([started(), minted(), read(), read(at=13.0)], LATE, LOST, id="one name lost once"),
        pytest.param([started(), minted(), read(at=EDGE - 1)], LATE, LOST, id="lost at the end of its life"),
        pytest.param([started(), minted(), read(at=EDGE)], LATE, UNREAD, id="read too late"),
        pytest.param([started(), minted(acked=False), read()], LATE, {}, id="never acked"),
        pytest.param([started(), minted(), read(device="x")], LATE, UNREAD, id="not its owner's read"),
        pytest.param([minted(), read()], LATE, UNREAD, id="no CFM ever started"),
        pytest.param([started(at=12.0), minted(), read()], LATE, UNREAD, id="CFM not started yet"),
        pytest.param([started(), killed(at=5.0), minted(), read()], LATE, UNREAD, id="CFM already dead"),
        pytest.param(
            [started(), minted(), read(at=19.5), killed(at=20.0)],
            LATE,
            UNREAD,
            id="killed before it could answer",
        ),
        pytest.param(
            [started(), killed(at=5.0), started(at=6.0), minted(), read()], LATE, LOST, id="restarted before"
        ),
        pytest.param(
            [started(), minted(), read(), read(at=13.0, server=OTHER_CFM)],
            LATE,
            LOST,
            id="one of two servers live",
        ),
        pytest.param([started(), minted(), read()], 11.0 + ANSWER_S / 2, UNREAD, id="the run ended at once"),
        pytest.param(
            [started(), minted(), read()],
            11.0 + ANSWER_S,
            {"acked": 1, "lost": 1},
            id="lost at the run's end",
        ),
        pytest.param(
            [started(), minted(), read(), minted("g", at=40.0)],
            LATE,
            {"acked": 2, "lost": 1},
            id="lost though superseded",
        ),
        # phantom
        pytest.param([started(), completed()], LATE, {"phantom": 1}, id="nobody minted it"),
        pytest.param([completed(), minted()], LATE, {"acked": 1, "read": 1}, id="minted in a later journal"),
        pytest.param(
            [started(), minted(), completed(device="x")],
            LATE,
            {"acked": 1, "read": 1, "phantom": 1},
            id="served to another device",
        ),
        pytest.param(
            [started(), minted(), completed(verdict="address")],
            LATE,
            {"acked": 1, "read": 1, "phantom": 1},
            id="with another's content",
        ),
        # duplicated
        pytest.param(
            [*BOOTED, completed(at=12.0), completed(at=13.0)],
            LATE,
            {"acked": 1, "read": 1, "duplicated": 1},
            id="three completions are one duplicated name",
        ),
        pytest.param(
            [*BOOTED, minted("g"), completed("g")],
            LATE,
            {"acked": 2, "read": 2},
            id="two names of one device",
        ),
        pytest.param(
            [minted(), completed(), completed(device="x")],
            LATE,
            {"acked": 1, "read": 1, "phantom": 1, "duplicated": 1},
            id="a second completion by another device",
        ),
        # unexplained
        pytest.param([started(), minted(), read(), answered()], LATE, UNEXPLAINED, id="stalled and expired"),
        pytest.param([started(), minted()], LATE, UNREAD, id="expired, nobody asked"),
        pytest.param([started(), minted()], 12.0, UNREAD, id="not asked for when the run ended"),
        pytest.param(
            [started(), minted(), read(), answered()], EDGE - 1, UNREAD, id="on its way when the run ended"
        ),
        pytest.param(
            [started(), minted(), read(), answered()], EDGE, UNEXPLAINED, id="expired when the run ended"
        ),
        pytest.param(
            [started(), minted(), read(), answered(), online()], EDGE - 1, UNEXPLAINED, id="online without it"
        ),
        pytest.param(
            [*BOOTED, minted("g", at=30.0), read("g", at=31.0), answered("g", at=31.1)],
            EDGE - 1,
            {"acked": 2, "read": 1},
            id="online by an earlier boot, on its way again when the run ended",
        ),
        pytest.param(
            [*BOOTED, minted("g", at=11.15)],
            EDGE - 1,
            {"acked": 2, "read": 1},
            id="online, a renewal not asked for",
        ),
        pytest.param(
            [started(), minted(), read(), answered(), minted("g", at=40.0)],
            LATE,
            {"acked": 2},
            id="superseded",
        ),
        pytest.param(
            [started(), minted(), minted("g"), read("g"), answered("g")],
            LATE,
            {"acked": 2, "unexplained": 1},
            id="of one time, the later in the journal supersedes",
        ),
        pytest.param(
            [started(), minted("g", at=9.0), minted(), read(), answered()],
            LATE,
            {"acked": 2, "unexplained": 1},
            id="an earlier name supersedes nothing",
        ),
        pytest.param(
            [started(), minted(), read(), answered(), minted("g", device="x", at=40.0)],
            LATE,
            {"acked": 2, "unexplained": 1},
            id="another device's name supersedes nothing",
        ),
        pytest.param([started(), minted(), read(), answered(), reported()], LATE, UNREAD, id="reported"),
        pytest.param(
            [started(), minted(), read(), answered(), reported("g")],
            LATE,
            UNEXPLAINED,
            id="another was reported",
        ),
        pytest.param(
            [started(), minted(), read(), answered(), killed()], LATE, UNREAD, id="its CFM was killed"
        ),
        pytest.param(
            [started(), minted(), read(), answered(), killed(), started(at=21.0)],
            LATE,
            UNREAD,
            id="its CFM was killed and came back",
        ),
        pytest.param(
            [started(), started(OTHER_CFM), minted(), read(server=OTHER_CFM), answered(), killed(at=9.999)],
            LATE,
            UNREAD,
            id="its CFM lay killed when the host noted the name",
        ),
        pytest.param(
            [started(), minted(), read(), answered(), killed(at=EDGE + 0.1)],
            LATE,
            UNEXPLAINED,
            id="killed too late",
        ),
        pytest.param(
            [started(), minted(), read(), answered(), killed(OTHER_CFM)],
            LATE,
            UNEXPLAINED,
            id="another was killed",
        ),
        pytest.param(
            [started(), killed(at=5.0), started(at=6.0), minted(), read(), answered()],
            LATE,
            UNEXPLAINED,
            id="killed before, long back when it acked",
        ),
    ],
)
def test_the_counts(events: list[Event], now: float, expected: dict[str, int]) -> None:
    ledger = account(events, now=now)
    assert counts(ledger) == expected
    faults = {"lost", "phantom", "duplicated", "unexplained"}
    assert ledger.clean is not bool(faults & expected.keys())
    assert {(fault, 1) for fault in faults & expected.keys()} == {(fact.fault, 1) for fact in ledger.evidence}


def test_the_order_of_the_journals_does_not_matter() -> None:
    events = [*BOOTED, killed(), minted("g", "x"), read("g", "x"), completed("h"), started(at=30.0)]
    expected = account(events, now=LATE)
    source = random.Random(3)
    for _ in range(20):
        journals: list[list[Event]] = [[], [], []]
        for event in events:
            source.choice(journals).append(event)
        assert counts(account(*journals, now=LATE)) == counts(expected)
    assert counts(expected) == {"acked": 2, "read": 1, "lost": 1, "phantom": 1}


def test_unknown_events_are_passed_over() -> None:
    assert (
        account([{"event": "counters", "at": 1.0, "malformed": 3}, {"event": "restart"}], now=1.0) == Ledger()
    )


def test_evidence_names_the_first_of_each_fault() -> None:
    names = [f"f{number:02}" for number in range(EVIDENCE_MAX + 5)]
    events = [event for name in names for event in (minted(name, name), completed(name), completed(name))]
    ledger = account(events, now=LATE)
    assert (ledger.phantom, ledger.duplicated) == (len(names), len(names))
    assert len(ledger.evidence) == 2 * EVIDENCE_MAX
    assert ledger.evidence[0] == FaultyName("phantom", "f00", "f00")
    assert account([completed()], now=LATE).evidence == (FaultyName("phantom", "f", None),)
