"""The fleet file: which instances exist, what they are, and which key each has.

Beats announce where an instance is; the fleet file pins who it is. Public keys stand in the fleet file, which
everybody has; each secret key in a file of its own (mode 0600), which only its instance has. A seal key
belongs to one minter and is given to that minter and to every CFM.
"""

import base64
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field, ValidationError, field_validator

from bus.config import Section, explain, read_secret, read_yaml
from bus.errors import BusyError, ConfigError
from bus.messages import Name
from bus.transport.curve import is_key, new_key_pair

SERVICES = ("dhcp", "mps", "cfm")
MINTERS = ("dhcp", "mps")


class Member(Section):
    """One instance: its service, its site, its CURVE public key (Z85), and, if it mints, the id of its seal
    key.
    """

    service: str = Field(pattern="^(dhcp|mps|cfm)$")
    site: Name
    key: str
    seal_id: int | None = Field(None, ge=0, le=255)

    @field_validator("key")
    @classmethod
    def _is_z85(cls, key: str) -> str:
        if not is_key(key):
            raise ValueError("must be 40 characters of Z85")
        return key


class Fleet(Section):
    """Every instance there is."""

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

    def keys(self, *services: str) -> dict[str, bytes]:
        """The public keys of the instances of these services."""
        return {name: one.key.encode() for name, one in self.instances.items() if one.service in services}


def load_fleet(path: Path) -> Fleet:
    """The fleet in a file; `ConfigError` says what is wrong and where."""
    data, marks = read_yaml(path)
    try:
        fleet = Fleet(**data)
    except ValidationError as error:
        raise ConfigError("\n".join(explain(error, path, marks, Fleet))) from error
    if len({one.key for one in fleet.instances.values()}) != len(fleet.instances):
        raise ConfigError(f"{path}: two instances have the same key")
    ids = [one.seal_id for one in fleet.instances.values() if one.seal_id is not None]
    if len(ids) != len(set(ids)):
        raise ConfigError(f"{path}: two minters have the same seal_id")
    missing = [
        name for name, one in fleet.instances.items() if one.service in MINTERS and one.seal_id is None
    ]
    if missing:
        raise ConfigError(f"{path}: {missing[0]} mints and needs a seal_id")
    return fleet


def make_fleet(directory: Path, services: Mapping[str, str], site: str, seal_key_bytes: int) -> None:
    """Write fleet.yaml, curve/NAME.key and seal/NAME.key; `BusyError` if one of them is there or cannot be
    written, `ConfigError` if a name, a service or the site is none.
    """
    path = directory / "fleet.yaml"
    members: dict[str, dict[str, Any]] = {}
    secrets: dict[Path, bytes] = {}
    minters = [name for name, service in services.items() if service in MINTERS]
    for name, service in services.items():
        pair = new_key_pair()
        members[name] = {"service": service, "site": site, "key": pair.public.decode()}
        secrets[directory / "curve" / f"{name}.key"] = pair.secret
        if name in minters:
            members[name]["seal_id"] = minters.index(name)
            text = base64.b64encode(os.urandom(seal_key_bytes))
            secrets[directory / "seal" / f"{name}.key"] = f"{name} ".encode() + text
    try:
        Fleet.model_validate({"instances": members})
    except ValidationError as error:
        raise ConfigError("\n".join(explain(error, path, {}, Fleet))) from error
    for file in (path, *secrets):
        if file.exists():
            raise BusyError(f"{file} exists; keys are never overwritten")
    head = "# Who there is. Public keys only: every instance needs this file.\n"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for file, secret in secrets.items():
            _save_secret(file, secret)
        path.write_text(head + yaml.safe_dump({"instances": members}, sort_keys=False))
    except OSError as error:
        raise BusyError(f"cannot write {error.filename}: {error.strerror}") from error


def _save_secret(path: Path, secret: bytes) -> None:
    """Write a new file that only its owner can read."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(secret + b"\n")


def load_seal_key(path: Path, fleet: Fleet, seal_key_bytes: int) -> tuple[str, int, bytes]:
    """The minter, key id and key in a seal key file; `ConfigError` if the fleet knows no such minter or the
    key is none.
    """
    name, space, text = read_secret(path).decode(errors="replace").partition(" ")
    if not space:  # what stands there alone may be the key: it is not shown
        raise ConfigError(f"{path} must hold a minter's name and its seal key")
    seal_id = fleet.member(name).seal_id
    if seal_id is None:
        raise ConfigError(f"{path}: {name} does not mint")
    try:
        key = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise ConfigError(f"{path}: the seal key is not base64") from error
    if len(key) != seal_key_bytes:
        raise ConfigError(f"{path}: the seal key has {len(key)} bytes, not {seal_key_bytes}")
    return name, seal_id, key
