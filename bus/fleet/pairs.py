"""The kinds of keys that are pairs: the fleet file has the public ones, a file of its own each secret."""

from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from bus.fleet.fleet import Fleet, Member, read_root
from bus.fleet.key_pair import new_key_pair, read_key_pair
from bus.fleet.signing import SigningKey, certify, new_secret_key, read_secret_key, text_of

Entry = Callable[[str, Member, str], Any]
"""What the fleet file has of an instance's public key."""


class KeyPairs(NamedTuple):
    """One kind. Its secrets are in `folder`, and its public keys in the `field` of a member of the fleet.

    `public` is the public key of the secret in a file, `text` that of an entry of the fleet file; `entries`
    makes such entries.
    """

    folder: str
    field: str
    fresh: Callable[[], bytes]
    public: Callable[[Path], str]
    text: Callable[[Any], str]
    entries: Callable[[Path, Fleet], Entry]

    def present(self, directory: Path, name: str) -> Path:
        """The file of an instance's secret key."""
        return directory / self.folder / f"{name}.key"

    def following(self, directory: Path, name: str) -> Path:
        """The file of its next one, while they are rotated."""
        return directory / self.folder / f"{name}.next.key"

    def listed(self, member: Member) -> list[Any]:
        """The entries of an instance, the one in use first."""
        return [*getattr(member, self.field)]

    def publics(self, member: Member) -> list[str]:
        """The public keys of an instance, the one in use first."""
        return [self.text(one) for one in self.listed(member)]

    def with_entries(self, member: Member, entries: list[Any]) -> Member:
        """The instance with these in their place."""
        return member.model_copy(update={self.field: entries})


def _connecting(directory: Path, fleet: Fleet) -> Entry:
    return lambda name, member, public: public


def _certified(directory: Path, fleet: Fleet) -> Entry:
    def entry(name: str, member: Member, public: str) -> SigningKey:
        return certify(read_root(directory, fleet), name, member.role, b64decode(public))

    return entry


PAIRS = {
    "curve": KeyPairs(
        folder="curve",
        field="keys",
        fresh=lambda: new_key_pair().secret,
        public=lambda path: read_key_pair(path).public.decode(),
        text=str,
        entries=_connecting,
    ),
    "sign": KeyPairs(
        folder="sign",
        field="sign",
        fresh=lambda: new_secret_key().line,
        public=lambda path: text_of(read_secret_key(path).public),
        text=lambda one: str(one.key),
        entries=_certified,
    ),
}
