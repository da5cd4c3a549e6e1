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
group's keys and CURVE need no rest: a datagram is opened when it arrives, and a CURVE key is asked for when a
connection begins. What a settings key sealed stays on the topic and on the disks until a minter that uses the
next one has written it anew, which no file here says: so who drops asks the fleet
(`services.operator.fleet.key_holders`).
"""

import math
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from bus.config.secret_file import read_key_lines
from bus.errors import BusyError, ConfigError, TryAgainError
from bus.fleet.fleet import (
    MINTERS,
    SETTINGS_KEY_BYTES,
    load_fleet,
    load_group_keys,
    load_seal_keys,
    load_settings_keys,
    numbered_key_line,
    save_fleet,
    save_secret,
    seal_key_line,
    settings_key_file,
    settle,
)
from bus.fleet.instant import Instant, passed_s, this_instant
from bus.fleet.pairs import PAIRS, KeyPairs
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
        if kind in PAIRS:
            _rotate_pairs(directory, PAIRS[kind], Turn(step))
        elif kind == "seal":
            files = _seal_files(directory, seal_key_bytes)
            _rotate_ids(directory, kind, Turn(step), files, seal_rest_s, now)
        elif kind == "settings":
            _rotate_ids(directory, kind, Turn(step), _settings_file(directory), 0.0, now)
        else:
            _rotate_ids(directory, kind, Turn(step), _group_file(directory), 0.0, now)
    except OSError as error:
        raise BusyError(f"cannot write {error.filename}: {error.strerror}") from error


def _group_file(directory: Path) -> dict[str, _File]:
    path = directory / "multicast" / "group.key"
    ids = [key.key_id for key in load_group_keys(path)]
    return {"group": _File(path, ids, lambda key_id: numbered_key_line(key_id, os.urandom(GROUP_KEY_BYTES)))}


def _settings_file(directory: Path) -> dict[str, _File]:
    path = settings_key_file(directory)
    return {"fleet": _File(path, [key_id for key_id, _ in load_settings_keys(path)], _settings_line)}


def _settings_line(key_id: int) -> bytes:
    return numbered_key_line(key_id, os.urandom(SETTINGS_KEY_BYTES))


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


def _rotate_pairs(directory: Path, kind: KeyPairs, step: Turn) -> None:
    path = directory / "fleet.yaml"
    fleet = load_fleet(path)
    members = fleet.instances
    due = {name: _pair_due(directory, kind, name, kind.publics(one)) for name, one in members.items()}
    _check_turn(step, {kind.present(directory, name): one for name, one in due.items()})
    entries: dict[str, list[Any]] = {}
    entry = kind.entries(directory, fleet)
    for name, member in members.items():
        secret, following = kind.present(directory, name), kind.following(directory, name)
        known = kind.listed(member)
        if step is Turn.ADD:
            if not following.exists():
                _replace(following, kind.fresh())
            entries[name] = [*known[:1], entry(name, member, kind.public(following))]
        elif step is Turn.USE:
            if following.exists():
                following.rename(secret)
                settle(secret.parent)
            used = kind.public(secret)
            entries[name] = sorted(known, key=lambda one: kind.text(one) != used)
        else:
            entries[name] = known[:1]
    changed = {name: kind.with_entries(one, entries[name]) for name, one in members.items()}
    save_fleet(path, fleet.model_copy(update={"instances": changed}))


def _pair_due(directory: Path, kind: KeyPairs, name: str, keys: list[str]) -> Turn | None:
    """The step that the keys of an instance wait for. The fleet file is written after the secrets, so after
    a `use` that was cut off the secret in use may be that of the second key.
    """
    if len(keys) == 1:
        return Turn.ADD
    if kind.following(directory, name).exists():
        return Turn.USE if kind.public(kind.following(directory, name)) == keys[1] else None
    used = kind.public(kind.present(directory, name))
    return {keys[0]: Turn.DROP, keys[1]: Turn.USE}.get(used)


def _replace(path: Path, secret: bytes) -> None:
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    save_secret(fresh, secret)
    fresh.rename(path)
    settle(path.parent)
