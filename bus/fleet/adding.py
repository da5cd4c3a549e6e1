"""Adding instances to a fleet that runs: their keys first, and the fleet file at the end.

A secret that the fleet file does not name does nothing, so what is cut off half-way harms nobody: its files
are named at the next try, for an operator to remove. Every key that was there stays byte for byte. While
keys are rotated, those of a new instance would be one step behind the others, so then nobody is added; the
one key of the multicast group is the same for all.
"""

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from bus.config.yaml_file import explain
from bus.errors import BusyError, ConfigError, TryAgainError
from bus.fleet.fleet import (
    MINTERS,
    MINTERS_MAX,
    Fleet,
    check_fleet,
    load_fleet,
    load_seal_keys,
    read_root,
    save_fleet,
    save_secret,
    seal_key_line,
)
from bus.fleet.key_pair import new_key_pair
from bus.fleet.pairs import PAIRS
from bus.fleet.rotation_record import load_record
from bus.fleet.signing import certify, new_secret_key
from bus.state_file import DoubtError


class Added(NamedTuple):
    """The fleet with its new instances, the new seal keys, and who must be restarted to know the new ones."""

    fleet: Fleet
    names: list[str]
    seals: list[Path]
    restart: list[str]


def add_instances(directory: Path, services: Mapping[str, str], site: str, seal_key_bytes: int) -> Added:
    """Write curve/NAME.key, sign/NAME.key and seal/NAME.key of each new instance, then the fleet file with
    them. The root key in root.key certifies them.

    `ConfigError` for a name that is in the fleet, a wrong name, service or site, too many minters, or another
    root key than the fleet's; `UnavailableError` if root.key cannot be read; `BusyError` if a file of theirs
    is there, or one cannot be written; `TryAgainError` while their kinds of keys are rotated.
    """
    path = directory / "fleet.yaml"
    fleet = load_fleet(path)
    for name in services:
        if name in fleet.instances:
            raise ConfigError(f"{path}: {name} is in the fleet already")
    minters = [name for name, service in services.items() if service in MINTERS]
    _check_at_rest(directory, fleet)
    taken = _seal_ids(directory, fleet, seal_key_bytes) if minters else set()
    root = read_root(directory, fleet)
    pairs = {name: new_key_pair() for name in services}
    signs = {name: new_secret_key() for name in services}
    members = {
        name: {
            "service": service,
            "site": site,
            "keys": [pairs[name].public.decode()],
            "sign": [certify(root, name, f"{service}/{site}", signs[name].public)],
        }
        for name, service in services.items()
    }
    try:
        known = fleet.model_dump()
        grown = Fleet.model_validate({**known, "instances": {**known["instances"], **members}})
    except ValidationError as error:
        raise ConfigError("\n".join(explain(error, path, {}, Fleet))) from error
    if len(grown.keys(*MINTERS)) > MINTERS_MAX:
        raise ConfigError(f"a fleet has at most {MINTERS_MAX} minters, not {len(grown.keys(*MINTERS))}")
    check_fleet(grown, path)
    secrets = {directory / "curve" / f"{name}.key": pair.secret for name, pair in pairs.items()}
    secrets |= {directory / "sign" / f"{name}.key": key.line for name, key in signs.items()}
    free = (key_id for key_id in range(256) if key_id not in taken)
    for name in minters:
        line = seal_key_line(name, next(free), os.urandom(seal_key_bytes))
        secrets[directory / "seal" / f"{name}.key"] = line
    _check_free(directory, services)
    _write(path, grown, secrets)
    seals = [Path("seal") / f"{name}.key" for name in minters]
    return Added(grown, [*services], seals, restarts(fleet, grown))


def restarts(before: Fleet, after: Fleet) -> list[str]:
    """The instances that must be restarted in mode bus, for they have to do with a new one: every instance
    with a new CFM; the CFMs, and those who share its role, with a new minter.
    """
    new = {name: one for name, one in after.instances.items() if name not in before.instances}
    roles = after.roles()
    new_roles = {roles[name] for name in new if name in roles}
    is_cfm_new = any(one.service == "cfm" for one in new.values())
    return [
        name
        for name, one in before.instances.items()
        if is_cfm_new or one.service == "cfm" or roles.get(name) in new_roles
    ]


def _check_at_rest(directory: Path, fleet: Fleet) -> None:
    """Check that no key of an instance is being rotated."""
    for name, one in fleet.instances.items():
        for kind, pairs in PAIRS.items():
            if len(pairs.listed(one)) == 1 and not pairs.following(directory, name).exists():
                continue
            raise TryAgainError(
                f"the {kind} keys are being rotated: take the remaining steps (provbus keys rotate"
                f" {directory} {kind}), then add"
            )


def _seal_ids(directory: Path, fleet: Fleet, seal_key_bytes: int) -> set[int]:
    """The ids of all seal keys; `TryAgainError` if they are being rotated."""
    taken = set()
    is_begun = "seal" in load_record(directory).pending
    for name in fleet.keys(*MINTERS):
        lines = load_seal_keys(directory / "seal" / f"{name}.key", fleet, seal_key_bytes)
        if is_begun or len(lines) > 1:
            raise TryAgainError(
                f"the seal keys are being rotated: take the remaining steps (provbus keys rotate {directory}"
                " seal), then add"
            )
        taken.add(lines[0][1])
    return taken


def _check_free(directory: Path, names: Mapping[str, str]) -> None:
    for name in names:
        files = [
            file
            for one in PAIRS.values()
            for file in (one.present(directory, name), one.following(directory, name))
        ]
        for file in (*files, directory / "seal" / f"{name}.key"):
            if file.exists():
                raise BusyError(
                    f"{file} exists, and {name} is not in the fleet; keys are never overwritten:"
                    " remove it if an earlier try left it there"
                )


def _write(path: Path, fleet: Fleet, secrets: Mapping[Path, bytes]) -> None:
    written: list[Path] = []
    try:
        for file, secret in secrets.items():
            save_secret(file, secret)
            written.append(file)
        save_fleet(path, fleet)
    except OSError as error:
        if not isinstance(error, DoubtError):  # after that one the fleet file may name them
            for file in written:
                with contextlib.suppress(OSError):
                    file.unlink()
        raise BusyError(f"cannot write {error.filename}: {error.strerror}") from error
