"""The fleet file: all instances with their services, sites and public keys.

Beats announce the address of an instance; the fleet file pins its identity. Public keys are in the fleet
file, which everybody has; each secret key is in a file of its own (mode 0600), which only its instance has.
The secret root key (`bus.fleet.signing`) no instance has. A seal key belongs to one minter; that minter and
every CFM have it. Every instance has the multicast key. While keys are rotated (`bus.fleet.rotation`) there
are two of each, and both are accepted.
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
from bus.config.secret_file import OTHERS_WRITE, read_key_lines
from bus.config.section import HostIP, Section
from bus.config.unreadable import cannot_read
from bus.config.yaml_file import explain, read_yaml
from bus.contract import Name
from bus.envelope import number_of
from bus.errors import BusyError, ConfigError
from bus.fleet.key_pair import is_key, new_key_pair
from bus.fleet.signing import (
    PublicKey,
    SecretKey,
    SigningKey,
    certify,
    new_secret_key,
    read_secret_key,
    text_of,
)
from bus.state_file import make_directory
from bus.wire.datagram import KEY_BYTES as GROUP_KEY_BYTES
from bus.wire.datagram import GroupKey

SERVICES = ("dhcp", "mps", "cfm")
MINTERS = ("dhcp", "mps")
MINTERS_MAX = (
    128  # a sealed name has 8 bits for the id of its key, and each minter needs two while one is rotated
)
ROOT = "root.key"
SETTINGS_KEY_BYTES = 64  # AES-256-SIV
SETTINGS_KEYS_MAX = 2  # the present one, and the next or the former
FLEET_HEAD = "# Who there is. Public keys only: every instance needs this file.\n"


class Member(Section):
    """One instance: its service, its site, its CURVE public key (Z85), and the key by which it signs; during
    a rotation two of them. `addresses` pins where its endpoints are, by the names that its beats give them,
    whatever else its beats say.
    """

    service: str = Field(pattern="^(dhcp|mps|cfm)$")
    site: Name
    keys: list[str] = Field(min_length=1, max_length=2)
    sign: list[SigningKey] = Field(min_length=1, max_length=2)
    addresses: dict[str, HostIP] = Field(default_factory=dict)

    @property
    def role(self) -> str:
        """Its service and its site: the role that it may hold, if it mints."""
        return f"{self.service}/{self.site}"

    @field_validator("keys")
    @classmethod
    def _are_z85(cls, keys: list[str]) -> list[str]:
        if not all(map(is_key, keys)):
            raise ValueError("must be 40 characters of Z85 each")
        return keys


class Fleet(Section):
    """All instances, and the public root key that certified the keys by which they sign."""

    root: PublicKey
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

    def pins(self) -> dict[str, dict[str, str]]:
        """The pinned addresses of each instance, by the name of the endpoint."""
        return {name: one.addresses for name, one in self.instances.items() if one.addresses}

    def roles(self) -> dict[str, str]:
        """The role that each minter may hold; its service has one primary per site."""
        return {name: one.role for name, one in self.instances.items() if one.service in MINTERS}

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

    @property
    def root_key(self) -> bytes:
        """The public root key."""
        return base64.b64decode(self.root)

    def signing_keys(self) -> dict[str, list[bytes]]:
        """The public keys by which each instance may sign."""
        return {name: [one.key_bytes for one in member.sign] for name, member in self.instances.items()}


def load_fleet(path: Path) -> Fleet:
    """The fleet in a file; `ConfigError` names a mistake and its line, or says that others may write it, for
    who writes it decides who is believed; `UnavailableError` if there is none.
    """
    data, marks = read_yaml(path, may_come=True)
    if _mode(path) & OTHERS_WRITE:
        raise ConfigError(f"{path}: others may write it, and so say who is believed: chmod go-w")
    try:
        fleet = Fleet(**data)
    except ValidationError as error:
        raise ConfigError("\n".join(explain(error, path, marks, Fleet))) from error
    check_fleet(fleet, path)
    return fleet


def _mode(path: Path) -> int:
    try:
        return path.stat().st_mode
    except OSError as error:  # it was there a moment ago
        raise cannot_read(str(path), error) from error


def check_fleet(fleet: Fleet, path: Path) -> None:
    """`ConfigError` if two instances cannot be told apart, or one has a key that nobody certified."""
    keys = [key for one in fleet.instances.values() for key in one.keys]
    keys += [one.key for member in fleet.instances.values() for one in member.sign]
    if len(set(keys)) != len(keys):
        raise ConfigError(f"{path}: a key stands there twice")
    for name, member in fleet.instances.items():
        if not all(one.is_of(fleet.root, name, member.role) for one in member.sign):
            raise ConfigError(f"{path}: the root key did not certify a key of {name} as {member.role}")
    if len({number_of(name) for name in fleet.instances}) != len(fleet.instances):
        raise ConfigError(f"{path}: two names have the same number on the wire; rename one of them")


def read_root(directory: Path, fleet: Fleet) -> SecretKey:
    """The fleet's root key (`UnavailableError`); `ConfigError` if the fleet file pins another one."""
    root = read_secret_key(directory / ROOT)
    if text_of(root.public) != fleet.root:
        raise ConfigError(f"{directory / ROOT} is not the root key that the fleet file pins")
    return root


def save_fleet(path: Path, fleet: Fleet) -> None:
    """Replace the fleet file, whole or not at all (`OSError`). The users of all services may read it."""
    text = FLEET_HEAD + yaml.safe_dump(fleet.model_dump(exclude_defaults=True), sort_keys=False)
    state_file.keep(path, text.encode(), mode=0o644)


def make_fleet(directory: Path, services: Mapping[str, str], site: str, seal_key_bytes: int) -> None:
    """Write fleet.yaml, root.key, curve/NAME.key, sign/NAME.key, seal/NAME.key, multicast/group.key and
    settings/fleet.key; `BusyError` if one of them is there or cannot be written, `ConfigError` for a wrong
    name, service or site, or too many minters.
    """
    path = directory / "fleet.yaml"
    members: dict[str, dict[str, Any]] = {}
    root = new_secret_key()
    secrets = {
        directory / ROOT: root.line,
        directory / "multicast" / "group.key": numbered_key_line(0, os.urandom(GROUP_KEY_BYTES)),
        settings_key_file(directory): numbered_key_line(0, os.urandom(SETTINGS_KEY_BYTES)),
    }
    minters = [name for name, service in services.items() if service in MINTERS]
    if len(minters) > MINTERS_MAX:
        raise ConfigError(f"a fleet has at most {MINTERS_MAX} minters, not {len(minters)}")
    for name, service in services.items():
        pair, signs = new_key_pair(), new_secret_key()
        sign = certify(root, name, f"{service}/{site}", signs.public)
        members[name] = {"service": service, "site": site, "keys": [pair.public.decode()], "sign": [sign]}
        secrets[directory / "curve" / f"{name}.key"] = pair.secret
        secrets[directory / "sign" / f"{name}.key"] = signs.line
        if name in minters:
            line = seal_key_line(name, minters.index(name), os.urandom(seal_key_bytes))
            secrets[directory / "seal" / f"{name}.key"] = line
    try:
        fleet = Fleet.model_validate({"root": text_of(root.public), "instances": members})
    except ValidationError as error:
        raise ConfigError("\n".join(explain(error, path, {}, Fleet))) from error
    for file in (path, *secrets):
        if file.exists():
            raise BusyError(f"{file} exists; keys are never overwritten")
    try:
        make_directory(directory)
        for file, secret in secrets.items():
            save_secret(file, secret)
        save_fleet(path, fleet)
    except OSError as error:
        raise BusyError(f"cannot write {error.filename}: {error.strerror}") from error


def save_secret(path: Path, secret: bytes) -> None:
    """Write a new file that only its owner can read; when this returns it is on the disk (`OSError`)."""
    make_directory(path.parent)
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


def numbered_key_line(key_id: int, key: bytes) -> bytes:
    """The line of a multicast key, or of one for the settings, in its file."""
    return f"{key_id} ".encode() + base64.b64encode(key)


def seal_key_line(minter: str, key_id: int, key: bytes) -> bytes:
    """A seal key's line in its file."""
    return f"{minter} {key_id} ".encode() + base64.b64encode(key)


def load_group_keys(path: Path) -> list[GroupKey]:
    """The multicast keys in a file, the one that seals first; `ConfigError` if there is none or one is
    malformed.
    """
    return [GroupKey(*one) for one in _numbered_keys(path, GROUP_KEY_BYTES)]


def load_settings_keys(path: Path) -> list[tuple[int, bytes]]:
    """The id and key of each line of the file for the secrets of the settings, the one that seals first;
    `ConfigError` if there is none, one is malformed, or there are more than a rotation has.
    """
    keys = _numbered_keys(path, SETTINGS_KEY_BYTES)
    if len(keys) > SETTINGS_KEYS_MAX:
        raise ConfigError(f"{path}: {len(keys)} keys, of at most {SETTINGS_KEYS_MAX}")
    return keys


def settings_keys(path: Path | None) -> list[tuple[int, bytes]]:
    """The keys of that file; [] without one."""
    return [] if path is None else load_settings_keys(path)


def settings_key_file(directory: Path) -> Path:
    """The file of the keys for the secrets of the settings, in a directory of keys."""
    return directory / "settings" / "fleet.key"


def _numbered_keys(path: Path, size_bytes: int) -> list[tuple[int, bytes]]:
    keys = [
        (key_id, _key_bytes(path, text, size_bytes))
        for key_id, text in (_id_and_rest(path, line) for line in _lines(path))
    ]
    if len({key_id for key_id, _ in keys}) != len(keys):
        raise ConfigError(f"{path}: two keys have the same id")
    return keys


def seal_keys_owner(path: Path) -> str:
    """The minter to which the keys in a seal key file belong; `ConfigError` if its first line is no key."""
    name, _, rest = _lines(path)[0].partition(" ")
    _id_and_rest(path, rest)
    return name


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
