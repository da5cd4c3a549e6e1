"""The follower beside a stand-in for Kea: nothing that was granted lately is left out, whatever happens."""

import json
import logging
import time
from pathlib import Path

import pytest

from bus.machine import HostCame
from bus.runner import boottime
from services.dhcp.kea import follower
from services.dhcp.kea.follower import KEA_SESSION
from services.dhcp.kea.position import FILE
from services.dhcp.kea.tail import NOWHERE
from tests.unit.dhcp.conftest import HEADER, FakeKea, Listen, Listener, entry, line

GONE = 1_000_000.0  # long ago


def now() -> float:
    return time.time()


def told(listener: Listener, name: str) -> float:
    """The value of a metric without labels."""
    (value,) = (one.value for one in listener.follower.samples() if one.name == name)
    assert isinstance(value, float)
    return value


def look_again(listener: Listener) -> None:
    """Wait until the follower looked at its journal once more."""
    before = boottime()
    listener.until(lambda: boottime() - before > told(listener, "provbus_kea_behind_seconds"))


def test_each_new_line_is_told_in_order(kea: FakeKea, listen: Listen) -> None:
    kea.begin()
    kea.listen()
    listener = listen().settle()
    kea.write(line(1, now()), line(2, now()))
    listener.hear(1, 2)
    kea.write(line(3, now()))
    listener.hear(3)


def test_a_line_in_two_pieces_is_told_once_it_is_whole(kea: FakeKea, listen: Listen) -> None:
    kea.begin()
    kea.listen()
    listener = listen().settle()
    whole = line(1, now())
    kea.write(whole[:40])
    kea.write(whole[40:], line(2, now()))
    listener.hear(1, 2)


def test_a_malformed_line_costs_no_other(kea: FakeKea, listen: Listen) -> None:
    kea.begin()
    kea.listen()
    listener = listen().settle()
    kea.write(
        line(1, now()), b"what is this\n", b"x" * 40_000 + b"\n", line(2, now()), line(3, now(), state=1)
    )
    listener.hear(1, 2)
    listener.until(lambda: listener.follower.counts["other"])
    assert listener.follower.counts == {"lease": 2, "old": 0, "other": 1, "malformed": 2}


def test_a_clean_up_loses_nothing(kea: FakeKea, listen: Listen) -> None:
    kea.begin()
    kea.listen()
    listener = listen().settle()
    kea.write(line(1, now()))
    listener.hear(1)
    kea.write(line(2, now()))
    renamed = kea.rotate()
    kea.write(line(3, now()))
    listener.hear(2, 3)
    renamed.rename(renamed.with_name("leases4.csv.2"))
    kea.write(line(4, now()))
    kea.rotate()
    kea.write(line(5, now()))
    listener.hear(4, 5)
    assert listener.follower.events == {"resync": 1, "rotation": 2}


def test_a_clean_up_that_was_faster_than_a_look_is_a_resync(kea: FakeKea, listen: Listen) -> None:
    kea.begin()
    kea.listen()
    listener = listen().settle()
    kea.write(line(1, now()))
    listener.hear(1)
    kea.leases = [entry(2, now())]
    fresh = kea.journal.with_name("fresh")
    fresh.write_bytes(kea.journal.read_bytes().splitlines(keepends=True)[0] + line(3, now()))
    kea.write(line(4, now()))
    fresh.rename(kea.journal)
    listener.until(lambda: len(listener.devices()) == 3)
    assert sorted(listener.devices()) == [2, 3, 4]
    assert listener.devices()[:2] == [4, 3]


def test_without_a_position_kea_is_asked_for_its_latest(kea: FakeKea, listen: Listen) -> None:
    kea.begin()
    kea.write(line(1, now()))
    kea.leases = [entry(number, now() if number % 1000 == 7 else GONE) for number in range(2500)]
    kea.listen()
    listener = listen()
    listener.hear(7, 1007, 2007)
    assert [one["arguments"]["from"] for one in kea.asked] == ["start", "10.0.3.231", "10.0.7.207"]
    assert listener.follower.counts["old"] == 2497


def test_an_old_lease_does_not_make_a_young_one_old(kea: FakeKea, listen: Listen) -> None:
    kea.begin()
    kea.leases = [entry(1, now() - 1), entry(2, now() - 50), entry(3, now() - 2)]
    kea.listen()
    listener = listen().settle()
    listener.until(lambda: len(listener.devices()) == 3)
    ages_s = {one.leases[0].device[-1]: boottime() - one.since for one in listener.batches}
    assert len(listener.batches[0].leases) == 1
    assert ages_s.pop(2) >= 49
    assert max(ages_s.values()) < 40


def test_a_resync_can_only_be_repeated_until_it_is_through(kea: FakeKea, listen: Listen) -> None:
    def grant() -> None:
        kea.write(line(len(kea.asked), now()))

    kea.begin()
    kea.leases = [entry(number, GONE) for number in range(100, 1600)]
    kea.on_asked = grant
    kea.listen()
    listener = listen()
    listener.until(lambda: len(listener.batches) == 2)
    assert listener.devices() == [1, 2]
    assert listener.batches[0].position == NOWHERE
    assert listener.batches[1].position != NOWHERE


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"[7]", id="not Kea"),
        pytest.param({"result": 2, "text": "unknown command"}, id="no hook"),
        pytest.param({"result": 0}, id="no leases"),
        pytest.param({"result": 0, "arguments": {"leases": [{}]}}, id="no lease"),
    ],
)
def test_without_an_answer_everything_written_is_read(kea: FakeKea, listen: Listen, reply: object) -> None:
    kea.begin()
    kea.write(line(1, now()), line(9, GONE))
    kea.rotate().rename(kea.journal.with_name("leases4.csv.2"))
    kea.write(line(2, now()))
    kea.rotate()
    kea.write(line(3, GONE), line(4, now()))
    kea.replies["lease4-get-page"] = reply
    kea.listen()
    listener = listen()
    listener.hear(1, 2, 4)
    kea.write(line(5, now()))
    listener.hear(5)


def test_without_a_control_socket_too(kea: FakeKea, listen: Listen) -> None:
    kea.begin()
    kea.write(line(1, now()))
    listen().hear(1)


def test_a_clean_up_under_way_does_not_end_a_resync(kea: FakeKea, listen: Listen) -> None:
    kea.begin()
    kea.write(line(1, now()))
    renamed = kea.journal.with_name("leases4.csv.1")

    def rename() -> None:
        if not renamed.exists():
            kea.journal.rename(renamed)

    kea.on_asked = rename
    kea.replies["lease4-get-page"] = {"result": 1, "text": "busy"}
    kea.listen()
    listener = listen()
    listener.until(lambda: len(kea.asked) > 1)
    kea.begin()
    listener.hear(1)
    assert not listener.follower.is_resyncing


def test_an_absent_journal_is_waited_for(
    kea: FakeKea, listen: Listen, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    listener = listen()
    listener.until(lambda: caplog.records and told(listener, "provbus_kea_behind_seconds") > 0)
    kea.journal.write_bytes(HEADER)  # not a whole line yet
    kea.write(b"\n", line(1, now()))
    listener.hear(1)
    assert [one.message for one in caplog.records if "there is no lease journal" in one.message] == [
        f"there is no lease journal {kea.journal} yet: waiting for Kea to begin one"
    ]


def test_another_file_than_a_journal_is_said_and_left(
    kea: FakeKea, listen: Listen, caplog: pytest.LogCaptureFixture
) -> None:
    kea.journal.write_text("address,duid\n")
    listener = listen()
    listener.until(lambda: caplog.records)
    assert "no column hwaddr" in caplog.records[0].message


def settle(kea: FakeKea, listen: Listen, *numbers: int) -> None:
    """Let a follower tell of these, have them settled, and stop it."""
    listener = listen()
    if not (kea.directory / "state" / FILE).exists():
        listener.settle()
    for number in numbers:
        kea.write(line(number, now()))
        listener.until(lambda number=number: number in listener.devices())  # type: ignore[misc]
    listener.follower.store(listener.batches[-1].position)
    listener.close()
    kea.asked.clear()


def test_a_restart_goes_on_where_it_was(kea: FakeKea, listen: Listen) -> None:
    kea.begin()
    kea.listen()
    settle(kea, listen, 1, 2)
    kea.write(line(3, GONE), line(4, now()))
    listener = listen()
    listener.hear(4)
    assert kea.asked == []


def test_what_was_not_settled_is_told_again(kea: FakeKea, listen: Listen) -> None:
    kea.begin()
    kea.listen()
    settle(kea, listen, 1)
    listener = listen()
    kea.write(line(2, now()))
    listener.hear(2)
    listener.close()
    listen().hear(2)


def test_a_restart_finds_its_place_in_the_renamed_journal(kea: FakeKea, listen: Listen) -> None:
    kea.begin()
    kea.listen()
    settle(kea, listen, 1)
    kea.write(line(2, now()))
    kea.rotate()
    kea.write(line(3, now()))
    listen().hear(2, 3)
    assert kea.asked == []


def test_a_place_that_is_gone_is_a_resync(kea: FakeKea, listen: Listen) -> None:
    kea.begin()
    kea.listen()
    settle(kea, listen, 1)
    kea.rotate().unlink()
    kea.leases = [entry(2, now())]
    listen().hear(2)


def test_a_file_with_the_number_of_ours_is_not_ours(kea: FakeKea, listen: Listen) -> None:
    kea.begin()
    kea.listen()
    settle(kea, listen, 1)
    inode = kea.journal.stat().st_ino
    kea.begin()
    kea.write(line(5, now()), line(6, now()))
    assert kea.journal.stat().st_ino == inode
    kea.leases = [entry(5, now()), entry(6, now())]
    listen().hear(5, 6)


@pytest.mark.parametrize("text", ["", "{}", "[1]", '["a", "b", "c"]', "null", "[1, 2, Infinity]"])
def test_a_broken_position_is_a_resync(kea: FakeKea, listen: Listen, tmp_path: Path, text: str) -> None:
    kea.begin()
    kea.leases = [entry(2, now())]
    kea.listen()
    listener_state = tmp_path / "state" / FILE
    listener_state.write_text(text)
    listen().hear(2)


@pytest.mark.parametrize("left", [HEADER + b"\n", b""], ids=["to its first line", "to nothing"])
def test_a_cut_journal_is_a_resync(kea: FakeKea, listen: Listen, left: bytes) -> None:
    kea.begin()
    kea.listen()
    listener = listen().settle()
    kea.write(line(1, now()), line(2, now()))
    listener.hear(1, 2)
    kea.leases = [entry(3, now())]
    kea.journal.write_bytes(left)
    listener.hear(3)
    kea.write(line(4, now()))
    listener.hear(4)
    assert listener.follower.events == {"resync": 2, "rotation": 0}


def test_a_file_without_a_first_line_is_not_asked_about_again_and_again(
    kea: FakeKea, listen: Listen, tmp_path: Path
) -> None:
    kea.begin()
    kea.listen()
    listener = listen().settle()
    (tmp_path / "empty").touch()
    (tmp_path / "empty").rename(kea.journal)
    for _ in range(3):
        look_again(listener)
    assert listener.follower.events == {"resync": 1, "rotation": 0}
    kea.write(HEADER, b"\n", line(1, now()))
    listener.hear(1)
    listener.until(lambda: listener.follower.events == {"resync": 2, "rotation": 1})


def test_a_full_queue_leaves_the_rest_in_the_file(kea: FakeKea, listen: Listen) -> None:
    kea.begin()
    kea.listen()
    listener = listen().settle()
    count = 4 * follower.CHUNK_BYTES * follower.BATCHES_MAX // 3 // len(line(1, now()))
    kea.write(*(line(number, now()) for number in range(count)))
    deadline = time.monotonic() + 20
    while listener.follower.counts["lease"] < count * 74 // 100:
        assert time.monotonic() < deadline
    listener.hear(*range(count))


def test_a_position_is_on_disk_soon_and_whole(kea: FakeKea, listen: Listen, tmp_path: Path) -> None:
    kea.begin()
    kea.listen()
    listener = listen().settle()
    kea.write(line(1, now()))
    listener.until(listener.devices)
    position = listener.batches[-1].position
    listener.follower.store(position)
    stored = tmp_path / "state" / FILE
    listener.until(stored.exists)
    assert json.loads(stored.read_text()) == [*position]
    assert position.inode == kea.journal.stat().st_ino
    assert position.offset == kea.journal.stat().st_size


def test_a_position_that_the_disk_refuses_is_degraded_and_tried_again(
    kea: FakeKea, listen: Listen, tmp_path: Path
) -> None:
    kea.begin()
    kea.listen()
    stored = tmp_path / "state" / FILE
    stored.mkdir(parents=True)  # a file cannot take the place of a directory
    listener = listen().settle()
    kea.write(line(1, now()))
    listener.until(listener.devices)
    listener.follower.store(listener.batches[-1].position)
    listener.until(listener.follower.lacks)
    assert listener.follower.lacks() == [
        "its place in Kea's journal, which a start would read on from (Is a directory)"
    ]
    found = {one.name: one.value for one in listener.follower.samples() if "record" in one.labels}
    assert (found["provbus_unkept"], found["provbus_unkept_total"]) == (1, 1)
    stored.rmdir()
    listener.until(stored.exists)
    listener.until(lambda: not listener.follower.lacks())


def test_the_age_of_a_batch_is_bounded(kea: FakeKea, listen: Listen) -> None:
    kea.begin()
    kea.leases = [entry(1, now() - 30)]
    kea.listen()
    before = boottime()
    listener = listen()
    listener.until(listener.devices)
    assert listener.batches[0].since <= before - 29
    listener.batches = []
    listener.settle()
    kea.write(line(2, now()))
    listener.until(listener.devices)
    assert before <= listener.batches[0].since <= boottime()


def test_what_it_counts_is_told(kea: FakeKea, listen: Listen) -> None:
    kea.begin()
    kea.listen()
    listener = listen().settle()
    kea.write(line(1, now()))
    listener.hear(1)
    values = {(one.name, *one.labels.values()): one.value for one in listener.follower.samples()}
    assert values["provbus_kea_lines_total", "lease"] == 1
    assert values["provbus_kea_journal_events_total", "resync"] == 1
    assert told(listener, "provbus_kea_behind_seconds") >= 0


def test_the_runner_is_told_that_kea_is_there(kea: FakeKea, listen: Listen) -> None:
    kea.listen()
    one = listen()
    one.until(lambda: one.news)
    assert one.news == [HostCame(KEA_SESSION)]
