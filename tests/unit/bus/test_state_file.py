"""Files of the state directory: whole or not at all, and what is said where a disk refuses them."""

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from bus.contract import Contract
from bus.errors import ConfigError, TryAgainError, UnavailableError
from bus.runtime.node import next_incarnation
from bus.state_file import DoubtError, keep, load, make_directory, unusable
from tests.unit.descriptors import only
from tests.unit.umask import umask

FULL = Path("/dev/full")  # whoever writes there finds no space left


class Note(Contract):
    """A record of these tests."""

    text: str


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "state" / "note.json"
    keep(path, b'{"text":"old"}')
    return path


def is_directory(descriptor: int) -> bool:
    return os.path.isdir(f"/proc/self/fd/{descriptor}")


def failing(code: int, when: Callable[[int], bool]) -> Callable[[int], None]:
    """A disk that cannot sync some descriptors."""

    def sync(descriptor: int) -> None:
        if when(descriptor):
            raise OSError(code, os.strerror(code))

    return sync


def test_a_full_disk_leaves_the_old_record(file: Path) -> None:
    (file.parent / "note.json.new").symlink_to(FULL)
    with pytest.raises(OSError) as caught:
        keep(file, b'{"text":"new"}')
    assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, str(file))
    assert load(file, Note) == Note(text="old")
    assert [one.name for one in file.parent.iterdir()] == ["note.json"]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
def test_what_the_disk_does_not_promise_to_hold_is_not_put_in_its_place(file: Path, code: int) -> None:
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(OSError) as caught:
        keep(file, b'{"text":"new"}', failing(code, lambda one: not is_directory(one)))
    assert not isinstance(caught.value, DoubtError)
    assert load(file, Note) == Note(text="old")
    assert [one.name for one in file.parent.iterdir()] == ["note.json"]
    assert len(os.listdir("/proc/self/fd")) == before


def test_where_the_directory_cannot_be_synced_nobody_knows(file: Path) -> None:
    with pytest.raises(DoubtError) as caught:
        keep(file, b'{"text":"new"}', failing(errno.EIO, is_directory))
    assert (caught.value.errno, caught.value.filename) == (errno.EIO, str(file))
    assert load(file, Note) == Note(text="new")


@pytest.mark.parametrize("spare", [0, 1])
def test_without_descriptors_nothing_is_touched_and_two_are_enough(file: Path, spare: int) -> None:
    with only(spare), pytest.raises(OSError) as caught:
        keep(file, b'{"text":"new"}')
    assert caught.value.errno == errno.EMFILE
    assert load(file, Note) == Note(text="old")
    with only(2):
        keep(file, b'{"text":"new"}')
    assert load(file, Note) == Note(text="new")


def test_a_start_without_an_incarnation_left_says_so(tmp_path: Path) -> None:
    (tmp_path / "incarnation").write_text(str(2**64 - 1))
    with pytest.raises(TryAgainError, match="no incarnation is left above the one in"):
        next_incarnation(tmp_path)
    assert (tmp_path / "incarnation").read_text() == str(2**64 - 1)


def test_a_start_on_a_full_disk_is_tried_again(tmp_path: Path) -> None:
    (tmp_path / "incarnation.new").symlink_to(FULL)
    with pytest.raises(TryAgainError, match=r"cannot write .*/incarnation: No space left on device"):
        next_incarnation(tmp_path)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        *((one, TryAgainError) for one in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)),
        *((one, TryAgainError) for one in (errno.EACCES, errno.EMFILE, errno.ENFILE, errno.ENOMEM)),
        *((one, ConfigError) for one in (errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG)),
    ],
)
def test_a_start_is_tried_again_unless_the_place_is_wrong(code: int, kind: type[Exception]) -> None:
    found = unusable("read", Path("/state/fence.json"), OSError(code, os.strerror(code)))
    assert type(found) is kind
    assert str(found) == f"state_directory: cannot read /state/fence.json: {os.strerror(code)}"


def test_a_record_that_makes_no_sense_is_no_mistake_of_the_configuration(file: Path) -> None:
    file.write_bytes(b"{")
    with pytest.raises(UnavailableError, match=r"note\.json"):
        load(file, Note)


def test_there_need_not_be_one(tmp_path: Path) -> None:
    assert load(tmp_path / "none.json", Note) is None


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_state_is_for_our_user_whatever_the_umask(tmp_path: Path, mask: int) -> None:
    file = tmp_path / "deep" / "state" / "note.json"
    with umask(mask):
        keep(file, b"one")
        assert (mode(file.parent.parent), mode(file.parent), mode(file)) == (0o700, 0o700, 0o600)
        keep(file, b"two")
        assert mode(file) == 0o600


def test_what_others_could_read_is_taken_from_them_with_the_next_record(file: Path) -> None:
    draft = file.with_name("note.json.new")
    draft.write_text("half")
    for one in (file, draft):
        one.chmod(0o644)
    keep(file, b'{"text":"new"}')
    assert mode(file) == 0o600


def test_a_directory_that_is_there_keeps_its_mode(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir(0o755)
    before = mode(tmp_path / "theirs")
    make_directory(tmp_path / "theirs")
    assert mode(tmp_path / "theirs") == before
    (tmp_path / "file").touch()
    with pytest.raises(FileExistsError):
        make_directory(tmp_path / "file")
