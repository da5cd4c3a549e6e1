"""Journals: what is flushed is read back in order, a torn end is passed over, any other damage is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from bus.errors import DecodeError
from services.lab.site.journal import BUFFER_LINES_MAX, JournalWriter, boottime_s, read_journal


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "plant.journal"


def test_events_come_back_in_order(path: Path) -> None:
    events: list[dict[str, object]] = [
        {"event": "read", "at": 1.5, "file": "naïve\n"},
        {"event": "online", "device": None, "n": [1]},
    ]
    with JournalWriter(path) as writer:
        for event in events:
            writer.append(event)
    assert list(read_journal(path)) == events


def test_a_line_is_in_the_file_once_it_is_flushed_and_not_before(path: Path) -> None:
    with JournalWriter(path) as writer:
        writer.append({"event": "a"})
        assert path.read_bytes() == b""
        writer.flush()
        assert list(read_journal(path)) == [{"event": "a"}]
        writer.flush()
        assert path.read_bytes() == b'{"event":"a"}\n'


def test_the_buffer_is_bounded(path: Path) -> None:
    with JournalWriter(path) as writer:
        for number in range(BUFFER_LINES_MAX + 1):
            writer.append({"n": number})
        assert len(list(read_journal(path))) == BUFFER_LINES_MAX
    assert len(list(read_journal(path))) == BUFFER_LINES_MAX + 1


def test_a_writer_appends_to_what_is_there(path: Path) -> None:
    for number in range(2):
        with JournalWriter(path) as writer:
            writer.append({"n": number})
    assert list(read_journal(path)) == [{"n": 0}, {"n": 1}]


@pytest.mark.parametrize("torn", [b'{"event":"onl', b"{", b"\xff"])
def test_a_torn_last_line_is_passed_over(path: Path, torn: bytes) -> None:
    path.write_bytes(b'{"n":1}\n' + torn)
    assert list(read_journal(path)) == [{"n": 1}]


@pytest.mark.parametrize("torn", [b'{"event":"onl', b"{", b"\xff"])
def test_the_next_writer_cuts_a_torn_line_off(path: Path, torn: bytes) -> None:
    path.write_bytes(b'{"n":1}\n' + torn)
    with JournalWriter(path) as writer:
        writer.append({"n": 2})
    assert list(read_journal(path)) == [{"n": 1}, {"n": 2}]


def test_a_file_of_one_torn_line_begins_anew(path: Path) -> None:
    path.write_bytes(b'{"n')
    JournalWriter(path).close()
    assert path.read_bytes() == b""


@pytest.mark.parametrize("bad", [b"{\n", b"3\n", b"\n", b"null\n", b"\xff\n"])
def test_any_other_damage_names_its_line(path: Path, bad: bytes) -> None:
    path.write_bytes(b'{"n":1}\n' + bad + b'{"n":3}\n')
    with pytest.raises(DecodeError, match=r"plant\.journal:2"):
        list(read_journal(path))


def test_the_clock_goes_forward() -> None:
    assert 0 < boottime_s() <= boottime_s()
