"""Rotating keys without an outage: three steps, each of them followed by `SIGHUP` to everybody.

    add     everybody accepts the next key as well as the present one
    use     every sender uses the next one
    drop    nobody accepts the former one any more

Between two steps every instance must have the files and have reloaded them; then nobody ever sends with a key
that another does not accept. Each step works on the directory that `keys new` made and replaces each file
atomically; the operator copies the files to their hosts.

A step is taken when it is due, and by each file once: a second `use` would go back to the former key. What is
due the files say themselves, those of ids with `rotation_record`. A step that was cut off half-way is due for
some files and done by the others; taking it again finishes it.

A sealed name is opened for as long as it lives, so seal keys rest for that time between `use` and `drop`. The
other kinds need no rest: a datagram of the group is opened when it arrives, and a CURVE key is asked for when
a connection begins.
"""

import math
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from bus.config.secret_file import read_key_lines
from bus.errors import BusyError, ConfigError, TryAgainError
from bus.fleet.fleet import (
    MINTERS,
    Fleet,
    group_key_line,
    load_fleet,
    load_group_keys,
    load_seal_keys,
    save_fleet,
    save_secret,
    seal_key_line,
    settle,
)
from bus.fleet.instant import Instant, passed_s, this_instant
from bus.fleet.key_pair import new_key_pair, read_key_pair
from bus.fleet.rotation_record import FILE, Pending, Turn, load_record, save_record
from bus.wire.datagram import KEY_BYTES as GROUP_KEY_BYTES

ORDER = [*Turn]


class _File(NamedTuple):
    """A file of keys with ids. `line` makes a key of an id."""

    path: Path
    ids: list[int]
    line: Callable[[int], bytes]


def rotate(
    directory: Path,
    kind: str,
    step: str,
    *,
    seal_key_bytes: int,
    seal_rest_s: float,
    now: Callable[[], Instant] = this_instant,
) -> None:
    """Take one step with all keys of one kind. Seal keys rest for `seal_rest_s` between `use` and `drop`.

    `ConfigError` if another step is due, `TryAgainError` if the rest is not over, `BusyError` if a file
    cannot be written.
    """
    try:
        if kind == "curve":
            _rotate_curve(directory, Turn(step))
        elif kind == "seal":
            files = _seal_files(directory, seal_key_bytes)
            _rotate_ids(directory, kind, Turn(step), files, seal_rest_s, now)
        else:
            _rotate_ids(directory, kind, Turn(step), _group_file(directory), 0.0, now)
    except OSError as error:
        raise BusyError(f"cannot write {error.filename}: {error.strerror}") from error


def _group_file(directory: Path) -> dict[str, _File]:
    path = directory / "multicast" / "group.key"
    ids = [key.key_id for key in load_group_keys(path)]
    return {"group": _File(path, ids, lambda key_id: group_key_line(key_id, os.urandom(GROUP_KEY_BYTES)))}


def _seal_files(directory: Path, seal_key_bytes: int) -> dict[str, _File]:
    fleet = load_fleet(directory / "fleet.yaml")

    def read(name: str) -> _File:
        path = directory / "seal" / f"{name}.key"
        ids = [key_id for _, key_id, _ in load_seal_keys(path, fleet, seal_key_bytes)]
        return _File(path, ids, lambda key_id: seal_key_line(name, key_id, os.urandom(seal_key_bytes)))

    return {name: read(name) for name in fleet.keys(*MINTERS)}


def _rotate_ids(
    directory: Path,
    kind: str,
    step: Turn,
    files: Mapping[str, _File],
    rest_s: float,
    now: Callable[[], Instant],
) -> None:
    """Take one step with files of keys that have ids."""
    record = load_record(directory)
    pending = record.pending.get(kind) or _without_record(step, files)
    due = {name: pending.due(name, file.ids) for name, file in files.items()}
    _check_turn(step, {files[name].path: one for name, one in due.items()})
    if step is Turn.ADD:
        pending = pending.model_copy(update={"following": _following(pending, files)})
        save_record(directory, record.begun(kind, pending))
    elif step is Turn.USE:
        pending = pending.model_copy(update={"used": now()})
        save_record(directory, record.begun(kind, pending))
    elif rest_s and Turn.DROP in due.values():
        passed = None if pending.used is None else passed_s(pending.used, now())
        if passed is None:  # nobody knows, so it begins now
            save_record(directory, record.begun(kind, pending.model_copy(update={"used": now()})))
        _check_rest(kind, rest_s - (passed or 0.0))
    for name, file in files.items():
        if due[name] is step:
            lines = read_key_lines(file.path)
            if step is Turn.ADD:
                lines.append(file.line(pending.following[name]))
            elif step is Turn.USE:
                lines.reverse()
            else:
                del lines[1:]
            _replace(file.path, b"\n".join(lines))
    if step is Turn.DROP:
        save_record(directory, record.ended(kind))


def _without_record(step: Turn, files: Mapping[str, _File]) -> Pending:
    """The rotation where no record is: none; or, where there are two keys, one in which the first is used."""
    two = [file for file in files.values() if len(file.ids) > 1]
    if two and step is Turn.USE:
        raise ConfigError(
            f"{two[0].path}: which of its two keys is the next one stood in {FILE}, and that is missing: drop"
            " the second one, which is not in use, and begin with add"
        )
    return Pending(following={name: file.ids[0] for name, file in files.items()} if two else {})


def _following(pending: Pending, files: Mapping[str, _File]) -> dict[str, int]:
    """The id of the next key of each file: the one that was chosen before, or a free one."""
    taken = {key_id for file in files.values() for key_id in file.ids} | {*pending.following.values()}
    free = (key_id for key_id in range(256) if key_id not in taken)
    return {name: pending.following[name] if name in pending.following else next(free) for name in files}


def _check_turn(step: Turn, due: Mapping[Path, Turn | None]) -> None:
    """Check that a step is due for some files and done by the others, or is the last one and done by all."""
    if not due:
        raise ConfigError("there are no keys of this kind")
    known = {path: ORDER.index(one) for path, one in due.items() if one is not None}
    behind = min(known, key=lambda path: known[path], default=None)
    if behind is not None:
        wanted = Turn.DROP if due[behind] is Turn.DONE else due[behind]
        if wanted is not step:
            raise ConfigError(f"{behind}: the step that is due is {wanted}")
    for path, one in due.items():
        if one not in (step, ORDER[ORDER.index(step) + 1]):
            raise ConfigError(f"{path}: its keys are not those of the rotation that is under way")


def _check_rest(kind: str, left_s: float) -> None:
    """`TryAgainError` while the former keys may be asked for."""
    if left_s > 0:
        raise TryAgainError(f"{kind}: names of the former keys live for another {math.ceil(left_s)} s")


def _rotate_curve(directory: Path, step: Turn) -> None:
    path = directory / "fleet.yaml"
    fleet = load_fleet(path)
    due = {name: _curve_due(directory, name, one.keys) for name, one in fleet.instances.items()}
    _check_turn(step, {_present(directory, name): one for name, one in due.items()})
    keys: dict[str, list[str]] = {}
    for name, member in fleet.instances.items():
        secret, following = _present(directory, name), _next(directory, name)
        if step is Turn.ADD:
            if not following.exists():
                _replace(following, new_key_pair().secret)
            keys[name] = [*member.keys[:1], read_key_pair(following).public.decode()]
        elif step is Turn.USE:
            if following.exists():
                following.rename(secret)
                settle(secret.parent)
            used = read_key_pair(secret).public.decode()
            keys[name] = [used, *(key for key in member.keys if key != used)]
        else:
            keys[name] = member.keys[:1]
    members = {
        name: member.model_copy(update={"keys": keys[name]}) for name, member in fleet.instances.items()
    }
    save_fleet(path, Fleet(instances=members))


def _curve_due(directory: Path, name: str, keys: list[str]) -> Turn | None:
    """The step that the keys of an instance wait for. The fleet file is written after the secrets, so after
    a `use` that was cut off the secret in use may be that of the second key.
    """
    if len(keys) == 1:
        return Turn.ADD
    if _next(directory, name).exists():
        is_known = read_key_pair(_next(directory, name)).public.decode() == keys[1]
        return Turn.USE if is_known else None
    used = read_key_pair(_present(directory, name)).public.decode()
    return {keys[0]: Turn.DROP, keys[1]: Turn.USE}.get(used)


def _present(directory: Path, name: str) -> Path:
    return directory / "curve" / f"{name}.key"


def _next(directory: Path, name: str) -> Path:
    return directory / "curve" / f"{name}.next.key"


def _replace(path: Path, secret: bytes) -> None:
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    save_secret(fresh, secret)
    fresh.rename(path)
    settle(path.parent)
