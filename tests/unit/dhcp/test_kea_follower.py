"""The follower beside a stand-in for Kea: nothing that was granted lately is left out, whatever happens."""

import json
import logging
import os
import time
from pathlib import Path

import pytest

from bus.messages import HostCame
from bus.runtime.runner import boottime
from fileid.lease import Lease
from services.dhcp.kea import follower
from services.dhcp.kea.daemon.pages import PAGE_LEASES
from services.dhcp.kea.follower import KEA_SESSION
from services.dhcp.kea.journal import reading
from services.dhcp.kea.journal.position import FILE
from services.dhcp.kea.journal.reach import FAR_S, OLD_IN_A_ROW
from services.dhcp.kea.journal.reading import HEADLESS
from services.dhcp.kea.journal.tail import NOWHERE
from tests.unit.dhcp.conftest import HEADER, FakeKea, Listen, Listener, entry, line

GONE = 1_000_000.0  # long ago


def now() -> float:
    return time.time()


def number_of(lease: Lease) -> int:
    return int.from_bytes(lease.device, "big")


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
    assert {name: count for name, count in listener.follower.counts.items() if count} == {
        "lease": 2,
        "other": 1,
        "malformed": 2,
    }


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
    kea.journal.with_name("leases4.csv.2").write_bytes(HEADER + b"\n" + line(2, now()))
    fresh = kea.journal.with_name("fresh")
    fresh.write_bytes(HEADER + b"\n" + line(3, now()))
    kea.write(line(4, now()))
    fresh.rename(kea.journal)
    listener.hear(4, 2, 3)
    assert (listener.follower.events, kea.pages) == ({"resync": 2, "rotation": 1}, [])


def test_without_a_position_the_tail_of_the_journal_is_read(kea: FakeKea, listen: Listen) -> None:
    kea.begin()
    kea.write(line(9, now()))  # before a thousand old ones: older than they look
    kea.write(*(line(number, GONE) for number in range(100, 100 + OLD_IN_A_ROW)))
    kea.write(line(1, now() - 50), line(2, GONE), line(3, now(), state=1), line(4, now()))
    kea.listen()
    listener = listen().settle()
    listener.hear(1, 4)
    assert listener.follower.counts["old"] == 1
    assert (listener.follower.events, kea.pages) == ({"resync": 1, "rotation": 0}, [])


def test_without_a_position_a_clean_up_under_way_is_looked_behind(kea: FakeKea, listen: Listen) -> None:
    kea.begin()
    kea.write(line(1, GONE), line(2, now()))
    kea.rotate()
    kea.write(line(3, now()))
    kea.listen()
    listen().hear(2, 3)


@pytest.mark.parametrize(("ended_s", "heard"), [(30.0, [2, 3]), (FAR_S + 5, [3])])
def test_what_a_clean_up_wrote_anew_is_read_if_it_has_just_ended(
    kea: FakeKea, listen: Listen, ended_s: float, heard: list[int]
) -> None:
    kea.begin()
    kea.write(line(1, GONE), line(2, now()))
    condensed = kea.rotate().rename(kea.journal.with_name("leases4.csv.2"))
    os.utime(condensed, (now() - ended_s, now() - ended_s))
    kea.write(line(3, now()))
    kea.listen()
    listen().hear(*heard)


def test_an_old_lease_does_not_make_a_young_one_old(kea: FakeKea, listen: Listen) -> None:
    kea.begin()
    kea.write(line(1, now() - 1), line(2, now() - 50), line(3, now() - 2))  # in the order of their addresses
    kea.rotate().rename(kea.journal.with_name("leases4.csv.2"))
    kea.listen()
    listener = listen().settle()
    listener.until(lambda: len(listener.devices()) == 3)
    ages_s = {one.leases[0].device[-1]: boottime() - one.since for one in listener.batches}
    assert len(listener.batches[0].leases) == 1
    assert ages_s.pop(2) >= 49
    assert max(ages_s.values()) < 40


def test_what_a_clean_up_has_not_yet_given_its_name_is_read(kea: FakeKea, listen: Listen) -> None:
    kea.begin()
    kea.write(line(1, now()))
    kea.rotate().rename(kea.journal.with_name("leases4.csv.completed"))
    kea.write(line(2, now()))
    kea.listen()
    listen().hear(1, 2)
    assert not kea.pages


@pytest.mark.parametrize("name", ["leases4.csv.1", "leases4.csv.2"])
@pytest.mark.parametrize("content", [b"", b"what is this\n", None], ids=["empty", "foreign", "unreadable"])
def test_what_cannot_be_read_beside_the_journal_is_asked_for(
    kea: FakeKea, listen: Listen, name: str, content: bytes | None
) -> None:
    kea.begin()
    kea.write(line(1, now()))
    kea.leases = [entry(2, now())]
    beside = kea.journal.with_name(name)
    beside.mkdir() if content is None else beside.write_bytes(content)
    kea.listen()
    listener = listen()
    listener.until(lambda: len(listener.devices()) == 2)
    assert sorted(listener.devices()) == [1, 2]


def test_what_was_settled_in_part_is_read_again(kea: FakeKea, listen: Listen) -> None:
    kea.begin()
    kea.write(line(1, now() - 50), line(2, now()))
    kea.listen()
    listener = listen().settle()
    listener.until(lambda: len(listener.batches) == 2)
    before, after = (one.position for one in listener.batches)
    assert before.offset < after.offset == kea.journal.stat().st_size


def test_asking_kea_can_only_be_repeated_until_it_is_through(kea: FakeKea, listen: Listen) -> None:
    def grant() -> None:
        kea.write(line(len(kea.pages), now()))

    kea.begin()
    kea.write(line(100, now()))
    kea.listen()
    listener = listen().settle()
    listener.hear(100)
    kea.leases = [entry(number, GONE) for number in range(100, 100 + 2 * PAGE_LEASES + 1)]
    kea.on_page = grant
    kea.journal.write_bytes(HEADER + b"\n")
    listener.until(lambda: len(listener.devices()) == 3)
    kea.write(line(4, now()))
    listener.until(lambda: len(listener.devices()) == 4)
    assert listener.devices() == [1, 2, 3, 4]
    assert [one.position == NOWHERE for one in listener.batches if 3 not in map(number_of, one.leases)] == [
        True,
        True,
        False,
    ]
    assert kea.pages == ["start", "10.0.1.93", "10.0.2.87"]
    assert listener.follower.counts["old"] == 2 * PAGE_LEASES + 1


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(b"[7]", id="not Kea"),
        pytest.param({"result": 2, "text": "unknown command"}, id="no hook"),
        pytest.param({"result": 0}, id="no leases"),
    ],
)
def test_without_an_answer_what_was_cut_off_stays_unknown_and_is_said(
    kea: FakeKea, listen: Listen, caplog: pytest.LogCaptureFixture, reply: object
) -> None:
    kea.begin()
    kea.write(line(1, now()))
    kea.replies["lease4-get-page"] = reply
    kea.listen()
    listener = listen().settle()
    listener.hear(1)
    kea.journal.write_bytes(HEADER + b"\n" + line(2, now()))
    listener.hear(2)
    listener.until(lambda: "what was cut off the journal stays unknown" in caplog.text)
    kea.write(line(3, now()))
    listener.until(lambda: 3 in listener.devices())
    assert listener.batches[-1].position != NOWHERE


def test_a_kea_that_hung_up_is_asked_for_the_same_page_again(kea: FakeKea, listen: Listen) -> None:
    def hang_up() -> None:
        kea.on_page = kea.replies.clear
        kea.replies["lease4-get-page"] = b'{"result": 0, "arguments": {"leases": ['

    kea.begin()
    kea.listen()
    listener = listen().settle()
    listener.until(lambda: listener.news)
    kea.leases = [entry(number, now()) for number in range(1, 2 + PAGE_LEASES)]
    kea.on_page = hang_up
    kea.journal.write_bytes(b"")
    listener.until(lambda: kea.asked[-1]["arguments"]["from"] != "start")
    kea.replies.clear()
    listener.until(lambda: len(listener.devices()) == 1 + PAGE_LEASES)
    assert kea.pages == ["start", "10.0.0.250"]


def test_without_a_control_socket_too(kea: FakeKea, listen: Listen) -> None:
    kea.begin()
    kea.write(line(1, now()))
    listen().hear(1)


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
    assert listener.follower.events["resync"] == 0


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
    listener = listen()
    listener.hear(2, 3)
    assert listener.follower.events["resync"] == 0


def test_a_place_that_is_gone_is_a_resync(kea: FakeKea, listen: Listen) -> None:
    kea.begin()
    kea.listen()
    settle(kea, listen, 1)
    kea.rotate().unlink()
    kea.write(line(2, now()))
    listener = listen()
    listener.hear(2)
    assert listener.follower.events["resync"] == 1


def test_a_file_with_the_number_of_ours_is_not_ours(kea: FakeKea, listen: Listen) -> None:
    kea.begin()
    kea.listen()
    settle(kea, listen, 1)
    inode = kea.journal.stat().st_ino
    kea.begin()
    kea.write(line(5, now()), line(6, now()))
    assert kea.journal.stat().st_ino == inode
    listen().hear(5, 6)


@pytest.mark.parametrize("text", ["", "{}", "[1]", '["a", "b", "c"]', "null", "[1, 2, Infinity]"])
def test_a_broken_position_is_a_resync(kea: FakeKea, listen: Listen, tmp_path: Path, text: str) -> None:
    kea.begin()
    kea.write(line(2, now()))
    kea.listen()
    listener_state = tmp_path / "state" / FILE
    listener_state.write_text(text)
    listen().hear(2)


@pytest.mark.parametrize("left", [HEADER + b"\n", b""], ids=["to its first line", "to nothing"])
@pytest.mark.parametrize("grown", [0, 5], ids=["shorter than it was", "longer at the next look"])
def test_of_a_cut_journal_the_rest_is_read_and_kea_is_asked(
    kea: FakeKea, listen: Listen, left: bytes, grown: int
) -> None:
    kea.begin()
    kea.listen()
    listener = listen().settle()
    kea.write(line(1, now()), line(2, now()))
    listener.hear(1, 2)
    kea.leases = [entry(3, now())]
    kea.journal.write_bytes(left + b"".join(line(number, now()) for number in range(10, 10 + grown)))
    listener.until(lambda: len(listener.devices()) == 1 + grown)
    assert sorted(listener.devices()) == [3, *range(10, 10 + grown)]
    listener.batches = []
    kea.write(line(4, now()))
    listener.hear(4)
    assert (listener.follower.events, kea.pages) == ({"resync": 2, "rotation": 0}, ["start"])


def test_a_start_on_a_journal_without_its_first_line_reads_on_and_says_so(
    kea: FakeKea, listen: Listen, caplog: pytest.LogCaptureFixture
) -> None:
    kea.write(line(1, now()), line(2, now()))
    kea.leases = [entry(2, now()), entry(3, now())]
    kea.listen()
    listener = listen().settle()
    listener.until(lambda: len(listener.devices()) == 4)
    assert sorted(listener.devices()) == [1, 2, 2, 3]
    assert "Kea will refuse it at its next start or reload" in caplog.text
    assert HEADLESS in listener.follower.lacks()
    kea.write(line(4, now()))
    listener.until(lambda: 4 in listener.devices())
    listener.follower.store(listener.batches[-1].position)
    listener.close()
    kea.write(line(5, now()))
    listen().hear(5)


def test_a_start_on_a_journal_whose_first_line_is_a_half_reads_on_too(kea: FakeKea, listen: Listen) -> None:
    kea.write(HEADER[:30], line(1, now()), line(2, now()))
    kea.leases = [entry(1, now())]
    kea.listen()
    listener = listen()
    listener.until(lambda: len(listener.devices()) == 2)
    assert sorted(listener.devices()) == [1, 2]


def test_a_file_without_a_first_line_is_waited_for(kea: FakeKea, listen: Listen, tmp_path: Path) -> None:
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
    assert listener.follower.events == {"resync": 2, "rotation": 1}


def test_a_head_that_is_put_back_is_seen(kea: FakeKea, listen: Listen) -> None:
    kea.write(line(1, now()))
    kea.rotate()  # the one without a head is kept aside, and Kea would read it too
    kea.listen()
    listener = listen().settle()
    listener.until(lambda: HEADLESS in listener.follower.lacks())
    kea.journal.with_name("leases4.csv.1").unlink()
    listener.until(lambda: HEADLESS not in listener.follower.lacks())


def test_a_full_queue_leaves_the_rest_in_the_file(kea: FakeKea, listen: Listen) -> None:
    kea.begin()
    kea.listen()
    listener = listen().settle()
    count = 4 * reading.CHUNK_BYTES * follower.BATCHES_MAX // 3 // len(line(1, now()))
    kea.write(*(line(number, now()) for number in range(count)))
    deadline = time.monotonic() + 20
    while listener.follower.counts["lease"] < count * 2 // 3:
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
    kea.write(line(1, now() - 30))
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


def test_a_kea_that_is_not_found_is_degraded(kea: FakeKea, listen: Listen) -> None:
    one = listen()
    one.until(one.follower.lacks)
    said = "Kea is not found at its control socket (No such file or directory): see provbus doctor kea"
    assert one.follower.lacks() == [said]
    kea.listen()
    one.until(lambda: not one.follower.lacks())


def test_the_runner_is_told_that_kea_is_there(kea: FakeKea, listen: Listen) -> None:
    kea.begin()
    kea.listen()
    one = listen()
    one.until(lambda: one.news)
    assert one.news == [HostCame(KEA_SESSION)]


def test_a_kea_whose_journal_is_not_there_is_of_no_use(kea: FakeKea, listen: Listen) -> None:
    kea.listen()
    one = listen()
    one.until(lambda: kea.asked)
    assert one.news == []
    kea.begin()
    one.until(lambda: one.news)
    assert one.news == [HostCame(KEA_SESSION)]
