"""The identity of a configured instance."""

from collections.abc import Sequence
from typing import NamedTuple

from bus.config.model import NodeConfig
from bus.errors import ConfigError
from bus.fleet.fleet import Fleet, Member, load_fleet
from bus.fleet.key_pair import KeyPair, read_key_pair
from bus.fleet.signing import read_secret_key, text_of
from bus.reason import Reason
from bus.wire.signature import Signer


class Signing(NamedTuple):
    """The key by which an instance signs, and its certificate for the instance's role. It is `due`, if the
    fleet file has it as the one in use.
    """

    secret: bytes
    certificate: bytes
    role: str
    is_due: bool

    def signer(self) -> Signer:
        """A signer with this key."""
        return Signer(self.secret, self.certificate, self.role)

    def lacks(self) -> list[Reason]:
        """A key that the fleet file has as the next or the former one: it is believed until it is dropped."""
        if self.is_due:
            return []
        text = "it signs by a key that its fleet file does not have as the first: its signing_key is behind"
        return [Reason("keys-behind", text)]


class Identity(NamedTuple):
    """The fleet, our entry in it, and the keys that prove it."""

    fleet: Fleet
    member: Member
    keys: KeyPair
    signing: Signing


def identify(config: NodeConfig, services: Sequence[str]) -> Identity:
    """The identity of this instance; `ConfigError` if it is none of `services` or a key is not pinned."""
    fleet = load_fleet(config.fleet)
    member = fleet.member(config.instance)
    if member.service not in services:
        raise ConfigError(f"{config.instance} is {member.service} in {config.fleet}, not {services[0]}")
    keys = read_key_pair(config.key)
    if keys.public.decode() not in member.keys:
        raise ConfigError(f"{config.key} is not the key that {config.fleet} pins for {config.instance}")
    return Identity(fleet, member, keys, signing_of(config, member))


def signing_of(config: NodeConfig, member: Member) -> Signing:
    """The key by which this instance signs; `ConfigError` if it is not pinned, `UnavailableError` if its file
    cannot be read.
    """
    path = config.signing_key
    signs = read_secret_key(path)
    for one in member.sign:
        if one.key == text_of(signs.public):
            return Signing(signs.secret, one.certificate_bytes, member.role, one == member.sign[0])
    raise ConfigError(f"{path} is not the key by which {config.instance} signs in {config.fleet}")
