"""The fleet file: all instances with their services, sites and public keys.

Beats announce the address of an instance; the fleet file pins its identity. Public keys are in the fleet
file, which everybody has; each secret key is in a file of its own (mode 0600), which only its instance has. A
seal key belongs to one minter; that minter and every CFM have it. Every instance has the multicast key. While
keys are rotated (`bus.fleet.rotation`) there are two of each, and both are accepted.
"""

import base64
import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field, ValidationError, field_validator

from bus import state_file
from bus.config.secret_file import read_key_lines
from bus.config.section import Section
from bus.config.yaml_file import explain, read_yaml
from bus.contract import Name
from bus.envelope import number_of
from bus.errors import BusyError, ConfigError
from bus.fleet.key_pair import is_key, new_key_pair
from bus.wire.datagram import KEY_BYTES as GROUP_KEY_BYTES
from bus.wire.datagram import GroupKey

SERVICES = ("dhcp", "mps", "cfm")
MINTERS = ("dhcp", "mps")
MINTERS_MAX = (
    128  # a sealed name has 8 bits for the id of its key, and each minter needs two while one is rotated
)
FLEET_HEAD = "# Who there is. Public keys only: every instance needs this file.\n"


class Member(Section):
    """One instance: its service, its site, its CURVE public key (Z85), and during a rotation a second one."""

    service: str = Field(pattern="^(dhcp|mps|cfm)$")
    site: Name
    keys: list[str] = Field(min_length=1, max_length=2)

    @field_validator("keys")
    @classmethod
    def _are_z85(cls, keys: list[str]) -> list[str]:
        if not all(map(is_key, keys)):
            raise ValueError("must be 40 characters of Z85 each")
        return keys


class Fleet(Section):
    """All instances."""

    instances: dict[Name, Member]

    def member(self, name: str) -> Member:
        """One instance; `ConfigError` if the fleet has none of that name."""
        try:
            return self.instances[name]
        except KeyError:
            raise ConfigError(f"instance {name!r} is not in the fleet file") from None

    def services(self) -> dict[str, str]:
        """The service of each instance."""
        return {name: member.service for name, member in self.instances.items()}

    def roles(self) -> dict[str, str]:
        """The role that each minter may hold; its service has one primary per site."""
        return {
            name: f"{one.service}/{one.site}"
            for name, one in self.instances.items()
            if one.service in MINTERS
        }

    def shared_roles(self) -> dict[str, str]:
        """The role of each minter that shares its role with others."""
        roles = self.roles()
        sizes = Counter(roles.values())
        return {name: role for name, role in roles.items() if sizes[role] > 1}

    def keys(self, *services: str) -> dict[str, list[bytes]]:
        """The public keys of the instances of these services."""
        return {
            name: [key.encode() for key in one.keys]
            for name, one in self.instances.items()
            if one.service in services
        }


def load_fleet(path: Path) -> Fleet:
    """The fleet in a file; `ConfigError` names a mistake and its line, `UnavailableError` a missing file."""
    data, marks = read_yaml(path, may_come=True)
    try:
        fleet = Fleet(**data)
    except ValidationError as error:
        raise ConfigError("\n".join(explain(error, path, marks, Fleet))) from error
    check_fleet(fleet, path)
    return fleet


def check_fleet(fleet: Fleet, path: Path) -> None:
    """`ConfigError` if two instances cannot be told apart."""
    keys = [key for one in fleet.instances.values() for key in one.keys]
    if len(set(keys)) != len(keys):
        raise ConfigError(f"{path}: a key stands there twice")
    if len({number_of(name) for name in fleet.instances}) != len(fleet.instances):
        raise ConfigError(f"{path}: two names have the same number on the wire; rename one of them")


def save_fleet(path: Path, fleet: Fleet) -> None:
    """Replace the fleet file, whole or not at all (`OSError`)."""
    text = FLEET_HEAD + yaml.safe_dump(fleet.model_dump(), sort_keys=False)
    state_file.keep(path, text.encode())


def make_fleet(directory: Path, services: Mapping[str, str], site: str, seal_key_bytes: int) -> None:
    """Write fleet.yaml, curve/NAME.key, seal/NAME.key and multicast/group.key; `BusyError` if one of them is
    there or cannot be written, `ConfigError` for a wrong name, service or site, or too many minters.
    """
    path = directory / "fleet.yaml"
    members: dict[str, dict[str, Any]] = {}
    secrets = {directory / "multicast" / "group.key": group_key_line(0, os.urandom(GROUP_KEY_BYTES))}
    minters = [name for name, service in services.items() if service in MINTERS]
    if len(minters) > MINTERS_MAX:
        raise ConfigError(f"a fleet has at most {MINTERS_MAX} minters, not {len(minters)}")
    for name, service in services.items():
        pair = new_key_pair()
        members[name] = {"service": service, "site": site, "keys": [pair.public.decode()]}
        secrets[directory / "curve" / f"{name}.key"] = pair.secret
        if name in minters:
            line = seal_key_line(name, minters.index(name), os.urandom(seal_key_bytes))
            secrets[directory / "seal" / f"{name}.key"] = line
    try:
        fleet = Fleet.model_validate({"instances": members})
    except ValidationError as error:
        raise ConfigError("\n".join(explain(error, path, {}, Fleet))) from error
    for file in (path, *secrets):
        if file.exists():
            raise BusyError(f"{file} exists; keys are never overwritten")
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for file, secret in secrets.items():
            save_secret(file, secret)
        save_fleet(path, fleet)
    except OSError as error:
        raise BusyError(f"cannot write {error.filename}: {error.strerror}") from error


def save_secret(path: Path, secret: bytes) -> None:
    """Write a new file that only its owner can read; when this returns it is on the disk (`OSError`)."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(secret + b"\n")
            file.flush()
            os.fsync(handle)
        settle(path.parent)
    except OSError as error:
        path.unlink()
        error.filename = str(path)
        raise


def settle(directory: Path) -> None:
    """Have the disk keep the names of the files in a directory (`OSError`)."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def group_key_line(key_id: int, key: bytes) -> bytes:
    """A multicast key's line in its file."""
    return f"{key_id} ".encode() + base64.b64encode(key)


def seal_key_line(minter: str, key_id: int, key: bytes) -> bytes:
    """A seal key's line in its file."""
    return f"{minter} {key_id} ".encode() + base64.b64encode(key)


def load_group_keys(path: Path) -> list[GroupKey]:
    """The multicast keys in a file, the one that seals first; `ConfigError` if there is none or one is
    malformed.
    """
    keys = [
        GroupKey(key_id, _key_bytes(path, text, GROUP_KEY_BYTES))
        for key_id, text in (_id_and_rest(path, line) for line in _lines(path))
    ]
    if len({key.key_id for key in keys}) != len(keys):
        raise ConfigError(f"{path}: two keys have the same id")
    return keys


def load_seal_keys(path: Path, fleet: Fleet, seal_key_bytes: int) -> list[tuple[str, int, bytes]]:
    """The minter, key id and key of each line of a seal key file, the one that seals first; `ConfigError` if
    one is malformed or the fleet knows no such minter.
    """
    keys = []
    for line in _lines(path):
        name, _, rest = line.partition(" ")
        key_id, text = _id_and_rest(path, rest)
        if fleet.member(name).service not in MINTERS:
            raise ConfigError(f"{path}: {name} does not mint")
        keys.append((name, key_id, _key_bytes(path, text, seal_key_bytes)))
    if len({name for name, _, _ in keys}) > 1:
        raise ConfigError(f"{path}: one file holds the keys of one minter")
    return keys


def _lines(path: Path) -> list[str]:
    return [line.decode(errors="replace") for line in read_key_lines(path)]


def _id_and_rest(path: Path, text: str) -> tuple[int, str]:
    key_id, _, rest = text.partition(" ")
    if not rest or not key_id.isdecimal() or int(key_id) > 255:  # what stands there may be a key: not shown
        raise ConfigError(f"{path}: a line must hold the id of a key (0-255) and the key")
    return int(key_id), rest


def _key_bytes(path: Path, text: str, size_bytes: int) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise ConfigError(f"{path}: a key is not base64") from error
    if len(key) != size_bytes:
        raise ConfigError(f"{path}: a key has {len(key)} bytes, not {size_bytes}")
    return key
