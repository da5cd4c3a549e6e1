"""The files of the history: each generation in one of its own; what is damaged is a warning."""

from pathlib import Path

import pytest

from services.settings.catalogue import Classes, record
from services.settings.history import KEPT_MAX, History
from services.settings.history_files import FOLDER, HistoryFiles
from services.settings.record import CatalogueRecord, Change

CLASSES: Classes = {"residential": {"kind": "cm", "body": [{"network_access": 1}]}}


def made(generation: int) -> CatalogueRecord:
    return record(CLASSES, generation, (), Change(generation, "ann@dhcp-1", f"the {generation}th"))


def kept(directory: Path, *generations: int) -> HistoryFiles:
    """Files that hold these generations."""
    files = HistoryFiles(directory)
    files.save(History(map(made, generations)).store())
    return files


def names(directory: Path) -> list[str]:
    return sorted(one.name[:10] for one in (directory / FOLDER).iterdir())


def test_what_was_kept_is_there_after_a_restart(tmp_path: Path) -> None:
    kept(tmp_path, 1, 2, 3)
    assert HistoryFiles(tmp_path).load(has_copy=True) == [made(1), made(2), made(3)]


def test_what_is_kept_no_more_is_removed_and_what_is_there_is_not_written_again(tmp_path: Path) -> None:
    files = kept(tmp_path, 1, 2)
    before = {one: one.stat().st_ino for one in (tmp_path / FOLDER).iterdir()}
    files.save(History(map(made, (2, 3))).store())
    assert names(tmp_path) == ["0000000002", "0000000003"]
    assert [one.stat().st_ino for one in before if one.exists()] == [max(before.items())[1]]


def test_the_number_of_files_is_bounded(tmp_path: Path) -> None:
    history, files = History(), HistoryFiles(tmp_path)
    for generation in range(1, KEPT_MAX + 3):
        history.in_force(made(generation))
        files.save(history.store())
    assert len(names(tmp_path)) == KEPT_MAX


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[:-1],
        lambda data: data.replace(b"ann@", b"eve@"),
        lambda data: data[65:],
    ],
    ids=["empty", "cut off", "another author", "no checksum"],
)
def test_a_damaged_generation_is_a_warning_and_costs_no_other(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: object
) -> None:
    kept(tmp_path, 1, 2)
    (path,) = (tmp_path / FOLDER).glob("0000000001-*")
    assert callable(damage)
    path.write_bytes(damage(path.read_bytes()))
    files = HistoryFiles(tmp_path)
    assert files.load(has_copy=True) == [made(2)]
    assert f"{path} is damaged" in caplog.text
    files.save(History(map(made, (1, 2))).store())  # it was read from the topic
    assert HistoryFiles(tmp_path).load(has_copy=True) == [made(1), made(2)]


def test_a_missing_history_is_a_warning_where_there_was_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert HistoryFiles(tmp_path).load(has_copy=False) == []
    assert caplog.text == ""
    assert HistoryFiles(tmp_path).load(has_copy=True) == []
    assert "no former settings are known: there is no history in" in caplog.text


def test_a_place_that_cannot_be_read_is_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / FOLDER).write_text("")
    assert HistoryFiles(tmp_path).load(has_copy=False) == []
    assert "Not a directory" in caplog.text
    (tmp_path / FOLDER).unlink()
    (tmp_path / FOLDER / "0000000001-0.json").mkdir(parents=True)
    assert HistoryFiles(tmp_path).load(has_copy=False) == []
    assert "Is a directory" in caplog.text


def test_a_write_that_was_cut_off_leaves_nothing_for_long(tmp_path: Path) -> None:
    files = kept(tmp_path, 1)
    (tmp_path / FOLDER / "0000000002-0.json.new").write_text("{")
    assert HistoryFiles(tmp_path).load(has_copy=True) == [made(1)]
    files.save(History(map(made, (1, 3))).store())
    assert names(tmp_path) == ["0000000001", "0000000003"]


def test_a_disk_that_refuses_is_told_and_is_tried_again(tmp_path: Path) -> None:
    (tmp_path / FOLDER).write_text("")
    files = HistoryFiles(tmp_path)
    with pytest.raises(OSError, match="File exists"):
        files.save(History([made(1)]).store())
    (tmp_path / FOLDER).unlink()
    files.save(History([made(1)]).store())
    assert names(tmp_path) == ["0000000001"]
