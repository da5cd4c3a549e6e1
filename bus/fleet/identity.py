"""The identity of a configured instance."""

from collections.abc import Sequence
from typing import NamedTuple

from bus.config.model import NodeConfig
from bus.errors import ConfigError
from bus.fleet.fleet import Fleet, Member, load_fleet
from bus.fleet.key_pair import KeyPair, read_key_pair


class Identity(NamedTuple):
    """The fleet, our entry in it, and the keys that prove it."""

    fleet: Fleet
    member: Member
    keys: KeyPair


def identify(config: NodeConfig, services: Sequence[str]) -> Identity:
    """The identity of this instance; `ConfigError` if it is none of `services` or its key is not pinned."""
    fleet = load_fleet(config.fleet)
    member = fleet.member(config.instance)
    if member.service not in services:
        raise ConfigError(f"{config.instance} is {member.service} in {config.fleet}, not {services[0]}")
    keys = read_key_pair(config.key)
    if keys.public.decode() not in member.keys:
        raise ConfigError(f"{config.key} is not the key that {config.fleet} pins for {config.instance}")
    return Identity(fleet, member, keys)
