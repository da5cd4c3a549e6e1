"""A step of a rotation is taken once, can be taken again when it was cut off, and waits for names to end."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bus.config.secret_file import read_secret
from bus.errors import ConfigError, TryAgainError
from bus.fleet.fleet import load_fleet, make_fleet
from bus.fleet.instant import Instant, passed_s, this_instant
from bus.fleet.key_pair import key_pair
from bus.fleet.pairs import PAIRS
from bus.fleet.rotation import rotate
from bus.fleet.rotation_record import FILE
from bus.fleet.signing import read_secret_key
from bus.fleet.steps import KINDS, STEPS

SERVICES = {"dhcp-1": "dhcp", "mps-1": "mps", "cfm-1": "cfm"}
SEAL_BYTES = 64
REST_S = 60.0
Write = dict[Path, bytes | None]
"""What one atomic write changes: a file's contents, None: it is gone."""

USED = Instant(boot="a", up_s=100.0, unix_s=1_000_000.0)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    made = tmp_path / "keys"
    make_fleet(made, SERVICES, "lab", SEAL_BYTES)
    return made


def take(directory: Path, kind: str, step: str, *, at: Instant | None = None, rest_s: float = REST_S) -> None:
    now = this_instant if at is None else lambda: at
    rotate(directory, kind, step, seal_key_bytes=SEAL_BYTES, seal_rest_s=rest_s, now=now)


def files(directory: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def writes(kind: str, step: str, directory: Path, before: dict[Path, bytes]) -> Iterator[Write]:
    """What the step has written, in its order."""
    after = files(directory)
    changed: Write = {path: after.get(path) for path in before | after if before.get(path) != after.get(path)}
    record, fleet = directory / FILE, directory / "fleet.yaml"
    if step != "drop" and record in changed:
        yield {record: changed.pop(record)}
    for name in ("group", "fleet", *SERVICES):
        keys = {path: one for path, one in changed.items() if path.suffix == ".key"}
        own = {path: one for path, one in keys.items() if path.name.split(".")[0] == name}
        for path in own:
            del changed[path]
        if own:
            yield own
    yield from ({path: changed.pop(path)} for path in (fleet, record) if path in changed)
    assert changed == {}


def put(state: Write) -> None:
    for path, data in state.items():
        if data is None:
            path.unlink(missing_ok=True)
        else:
            path.write_bytes(data)


def at_rest(kind: str, directory: Path) -> object:
    """The keys, without those that nobody has yet: their number, and the first of each."""
    if kind == "curve":
        fleet = load_fleet(directory / "fleet.yaml")
        secrets = {
            name: key_pair(read_secret(directory / "curve" / f"{name}.key")).public for name in SERVICES
        }
        return [(name, len(one.keys), one.keys[0]) for name, one in fleet.instances.items()], secrets
    if kind == "sign":
        fleet = load_fleet(directory / "fleet.yaml")
        signs = {name: read_secret_key(directory / "sign" / f"{name}.key") for name in SERVICES}
        return [(name, len(one.sign), one.sign[0]) for name, one in fleet.instances.items()], signs
    lines = {path: data.splitlines() for path, data in files(directory).items() if path.suffix == ".key"}
    return {
        path: (len(some), some[0])
        for path, some in lines.items()
        if path.parent.name in ("seal", "multicast", "settings")
    }


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("step", STEPS)
def test_a_step_that_was_cut_off_is_taken_again(directory: Path, kind: str, step: str) -> None:
    for one in STEPS[: STEPS.index(step)]:
        take(directory, kind, one, at=USED)
    before = files(directory)
    take(directory, kind, step, rest_s=0.0, at=USED)
    expected, after = at_rest(kind, directory), files(directory)
    done = [*writes(kind, step, directory, before)]
    for count in range(len(done)):
        put(dict.fromkeys(after) | before)
        written: Write = {path: data for one in done[:count] for path, data in one.items()}
        put(written)
        for other in STEPS:
            if other != step and count:
                with pytest.raises(ConfigError, match=f"the step that is due is {step}"):
                    take(directory, kind, other, rest_s=0.0, at=USED)
        take(directory, kind, step, rest_s=0.0, at=USED)
        assert at_rest(kind, directory) == expected
        kept = {path: data for path, data in written.items() if data and path.suffix == ".key"}
        assert {path: path.read_bytes() for path in kept} == kept, "what was written is not written anew"
        for following in STEPS[STEPS.index(step) + 1 :]:
            take(directory, kind, following, rest_s=0.0, at=USED)
        assert not (directory / FILE).exists()


@pytest.mark.parametrize("kind", KINDS)
def test_a_second_use_does_not_go_back_to_the_former_key(directory: Path, kind: str) -> None:
    for step in ("add", "use"):
        take(directory, kind, step)
    before = files(directory)
    with pytest.raises(ConfigError, match="the step that is due is drop"):
        take(directory, kind, "use")
    assert files(directory) == before


# The rest of seal keys


@pytest.fixture
def used(directory: Path) -> Path:
    """Seal keys that are in use since `USED`."""
    take(directory, "seal", "add")
    take(directory, "seal", "use", at=USED)
    return directory


def later(seconds: float, *, boot: str = "a", up_s: float | None = None, wall_s: float = 0.0) -> Instant:
    """So many seconds after `use`; by a wall clock that was set by `wall_s`."""
    return Instant(
        boot=boot,
        up_s=USED.up_s + seconds if up_s is None else up_s,
        unix_s=USED.unix_s + seconds + wall_s,
    )


@pytest.mark.parametrize("wall_s", [0.0, 3600.0, -3600.0])
def test_seal_keys_rest_by_a_clock_that_nobody_sets(used: Path, wall_s: float) -> None:
    before = files(used)
    for passed, left in ((0.0, 60), (0.5, 60), (59.5, 1)):
        with pytest.raises(TryAgainError, match=f"names of the former keys live for another {left} s"):
            take(used, "seal", "drop", at=later(passed, wall_s=wall_s))
    assert files(used) == before
    take(used, "seal", "drop", at=later(REST_S, wall_s=wall_s))
    assert not (used / FILE).exists()


def test_after_a_boot_or_on_another_host_unix_time_counts(used: Path) -> None:
    with pytest.raises(TryAgainError, match="another 30 s"):
        take(used, "seal", "drop", at=later(30.0, boot="b", up_s=7.0))
    with pytest.raises(TryAgainError, match="another 1 s"):
        take(used, "seal", "drop", at=later(59.0, boot="", up_s=36.0))
    take(used, "seal", "drop", at=later(REST_S, boot="b", up_s=37.0))


def test_where_that_went_back_too_the_rest_begins_now(used: Path) -> None:
    back = later(0.0, boot="b", up_s=7.0, wall_s=-5.0)
    with pytest.raises(TryAgainError, match="another 60 s"):
        take(used, "seal", "drop", at=back)
    for passed, left in ((10.0, 50), (59.5, 1)):
        with pytest.raises(TryAgainError, match=f"another {left} s"):
            take(used, "seal", "drop", at=back.model_copy(update={"up_s": 7.0 + passed}))
    take(used, "seal", "drop", at=back.model_copy(update={"up_s": 7.0 + REST_S}))


def test_the_times_of_files_count_for_nothing(used: Path) -> None:
    for path in files(used):
        os.utime(path, (0, 0))
    with pytest.raises(TryAgainError, match="another 60 s"):
        take(used, "seal", "drop", at=later(0.0))


def test_a_use_that_is_finished_late_begins_the_rest_anew(directory: Path) -> None:
    take(directory, "seal", "add")
    path = directory / "seal" / "mps-1.key"
    before = path.read_bytes()
    take(directory, "seal", "use", at=USED)
    path.write_bytes(before)
    take(directory, "seal", "use", at=later(50.0))
    with pytest.raises(TryAgainError, match="another 50 s"):
        take(directory, "seal", "drop", at=later(60.0))


def test_without_a_rest_they_are_dropped_at_once(used: Path) -> None:
    take(used, "seal", "drop", at=later(0.0), rest_s=0.0)
    assert not (used / FILE).exists()


@pytest.mark.parametrize("kind", ["curve", "multicast"])
def test_other_keys_need_no_rest(directory: Path, kind: str) -> None:
    for step in STEPS:
        take(directory, kind, step, at=USED)


# A record that is lost


@pytest.mark.parametrize("steps", [("add",), ("add", "use")])
def test_without_its_record_a_rotation_can_only_be_dropped(directory: Path, steps: tuple[str, ...]) -> None:
    """The first key is the one in use, whichever step was the last."""
    for step in steps:
        take(directory, "seal", step, at=USED)
    (directory / FILE).unlink()
    firsts = {path: data.splitlines()[0] for path, data in files(directory / "seal").items()}
    with pytest.raises(ConfigError, match=r"stood in rotation\.json, and that is missing: drop the second"):
        take(directory, "seal", "use", at=USED)
    with pytest.raises(ConfigError, match="the step that is due is drop"):
        take(directory, "seal", "add", at=USED)
    with pytest.raises(TryAgainError, match="another 60 s"):  # nobody knows since when it is used
        take(directory, "seal", "drop", at=later(3600.0))
    take(directory, "seal", "drop", at=later(3660.0))
    assert {path: data.splitlines() for path, data in files(directory / "seal").items()} == {
        path: [line] for path, line in firsts.items()
    }
    take(directory, "seal", "add")


@pytest.mark.parametrize("data", [b"", b"{", b'{"pending": {"seal": {}}}', b"\xff"])
def test_a_damaged_record_stops_a_rotation(directory: Path, data: bytes) -> None:
    take(directory, "seal", "add")
    (directory / FILE).write_bytes(data)
    before = files(directory)
    for step in STEPS:
        with pytest.raises(ConfigError, match=r"rotation\.json is damaged: .*; remove it, and `drop`"):
            take(directory, "seal", step)
    assert files(directory) == before


@pytest.mark.parametrize("kind", KINDS)
def test_keys_of_another_rotation_are_told_from_ours(directory: Path, kind: str, tmp_path: Path) -> None:
    make_fleet(tmp_path / "other", SERVICES, "lab", SEAL_BYTES)
    for place in (directory, tmp_path / "other"):
        take(place, kind, "add")
    if kind in PAIRS:
        name = f"{kind}/dhcp-1.next.key"
        (directory / name).write_bytes((tmp_path / "other" / name).read_bytes())
    else:
        record = (directory / FILE).read_text()
        (directory / FILE).write_text(record.replace('":1', '":77').replace('":2', '":78'))
    with pytest.raises(ConfigError, match="its keys are not those of the rotation that is under way"):
        take(directory, kind, "use")


def test_where_no_such_key_is_there_is_nothing_to_rotate(tmp_path: Path) -> None:
    make_fleet(tmp_path / "keys", {"cfm-1": "cfm"}, "lab", SEAL_BYTES)
    with pytest.raises(ConfigError, match="there are no keys of this kind"):
        take(tmp_path / "keys", "seal", "add")


def test_moments_of_this_host_are_of_one_boot() -> None:
    first: Callable[[], Instant] = this_instant
    one, other = first(), first()
    assert one.boot == other.boot != ""
    assert passed_s(one, other) is not None
