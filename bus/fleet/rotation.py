"""Rotating keys without an outage: three steps, each of them followed by `SIGHUP` to everybody.

    add     everybody accepts the next key as well as the present one
    use     every sender uses the next one
    drop    nobody accepts the former one any more

Between two steps every instance must have the files and have reloaded them; then nobody ever sends with a key
that another does not accept. At least 60 s, the lifetime of a sealed name, must pass between `use` and
`drop`. Each step works on the directory that `keys new` made and replaces each file atomically; the operator
copies the files to their hosts.
"""

import os
from collections.abc import Callable
from pathlib import Path

from bus.config.secret_file import read_key_lines
from bus.errors import BusyError, ConfigError
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
)
from bus.fleet.key_pair import new_key_pair, read_key_pair
from bus.wire.datagram import KEY_BYTES as GROUP_KEY_BYTES


def rotate(directory: Path, kind: str, step: str, seal_key_bytes: int) -> None:
    """Take one step with all keys of one kind; `ConfigError` if another step is due, `BusyError` if a file
    cannot be written.
    """
    try:
        if kind == "curve":
            _rotate_curve(directory, step)
        elif kind == "seal":
            _rotate_seals(directory, step, seal_key_bytes)
        else:
            _rotate_group(directory, step)
    except OSError as error:
        raise BusyError(f"cannot write {error.filename}: {error.strerror}") from error


def _rotate_group(directory: Path, step: str) -> None:
    path = directory / "multicast" / "group.key"
    taken = {key.key_id for key in load_group_keys(path)}
    _step(path, step, lambda: group_key_line(_free(taken), os.urandom(GROUP_KEY_BYTES)))


def _rotate_seals(directory: Path, step: str, seal_key_bytes: int) -> None:
    fleet = load_fleet(directory / "fleet.yaml")
    paths = {name: directory / "seal" / f"{name}.key" for name in fleet.keys(*MINTERS)}
    taken = {
        key_id for path in paths.values() for _, key_id, _ in load_seal_keys(path, fleet, seal_key_bytes)
    }
    for name, path in paths.items():

        def line(name: str = name) -> bytes:
            key_id = _free(taken)
            taken.add(key_id)
            return seal_key_line(name, key_id, os.urandom(seal_key_bytes))

        _step(path, step, line)


def _step(path: Path, step: str, make_line: Callable[[], bytes]) -> None:
    """Take one step with the lines of a file: the first key is in use, a second is the next or the former."""
    lines = read_key_lines(path)
    if step == "add":
        _expect(len(lines) == 1, path, "a rotation is under way: use the next key, then drop the former")
        lines.append(make_line())
    elif step == "use":
        _expect(len(lines) == 2, path, "there is no next key: add one")
        lines.reverse()
    else:
        _expect(len(lines) == 2, path, "there is no former key to drop")
        lines = lines[:1]
    _replace(path, b"\n".join(lines))


def _rotate_curve(directory: Path, step: str) -> None:
    path = directory / "fleet.yaml"
    fleet = load_fleet(path)
    keys: dict[str, list[str]] = {}
    for name, member in fleet.instances.items():
        present = directory / "curve" / f"{name}.key"
        following = directory / "curve" / f"{name}.next.key"
        if step == "add":
            _expect(len(member.keys) == 1, present, "a rotation is under way: use the next key, then drop")
            pair = new_key_pair()
            _replace(following, pair.secret)
            keys[name] = [*member.keys, pair.public.decode()]
        elif step == "use":
            _expect(following.exists(), present, "there is no next key: add one")
            following.rename(present)
            keys[name] = list(reversed(member.keys))
        else:
            _expect(len(member.keys) == 2 and not following.exists(), present, "use the next key first")
            keys[name] = [read_key_pair(present).public.decode()]
    members = {
        name: member.model_copy(update={"keys": keys[name]}) for name, member in fleet.instances.items()
    }
    save_fleet(path, Fleet(instances=members))


def _expect(condition: bool, path: Path, otherwise: str) -> None:
    if not condition:
        raise ConfigError(f"{path}: {otherwise}")


def _free(taken: set[int]) -> int:
    return next(key_id for key_id in range(256) if key_id not in taken)


def _replace(path: Path, secret: bytes) -> None:
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    save_secret(fresh, secret)
    fresh.rename(path)
