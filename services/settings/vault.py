"""The vault: seals the secret values of a catalogue under a key of the fleet, and opens them.

Theory of operation
-------------------
The settings topic keeps its records for ever, and every instance has a copy of them on disk. So there the
place of a secret value is taken by

    {"sealed": "base64url(AES-SIV(JSON of the value))"}

and the record says the id of the key. The place is the associated data: a sealed value does not open anywhere
else, so who may write to the topic cannot move a password to where people see it. AES-SIV is deterministic:
minters that seal one catalogue with one key write the same bytes.

A digest over short secrets would let anybody try them out. So a catalogue with secrets has a salt, which is
part of its digest and sealed like them. The salt is a keyed hash of the catalogue, made once when it becomes
a generation: two minters that write the same file at the same time still make one version of it.

The first key seals. All of them open; a record whose key is gone is `KeyGoneError`.
"""

import hashlib
import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from bus.contract import encode
from bus.errors import DecodeError
from bus.routes import route
from services.settings.catalogue import (
    UNKNOWN,
    Classes,
    Problem,
    Rules,
    canonical,
    check_digest,
    record,
)
from services.settings.record import GENERATION_MAX, LONGEST, CatalogueRecord, Change
from services.settings.secret_values import changed, secret_values

KEY_BYTES = 64  # AES-256-SIV
SEALED = "sealed"
"""The one key of what stands in the place of a sealed value."""
_SALT = b"provbus settings salt"
_SALT_PLACE = "salt"
_SALT_BYTES = 16


class KeyGoneError(DecodeError):
    """A secret is sealed with the key of this id, which is not here."""

    def __init__(self, generation: int, key_id: int) -> None:
        super().__init__(f"generation {generation} is sealed with settings key {key_id}, which is not here")
        self.key_id = key_id


class NoKeyError(Exception):
    """There is no key to seal secrets with."""


class Vault:
    """Keys of the fleet for secret values, each an id and 64 bytes; without any, nothing secret is sealed."""

    def __init__(self, keys: Sequence[tuple[int, bytes]] = ()) -> None:
        self.use(keys)

    def use(self, keys: Sequence[tuple[int, bytes]]) -> None:
        """These keys from now on; the first one seals."""
        self._keys = {key_id: AESSIV(key) for key_id, key in keys}
        self._first = keys[0] if keys else None

    @property
    def key_ids(self) -> list[int]:
        """The ids of the keys, that of the one which seals first."""
        return [*self._keys]

    def make(
        self, classes: Classes, generation: int, lookup: Rules, change: Change = UNKNOWN
    ) -> CatalogueRecord:
        """A new record of these, open, with a salt if there is a secret in it; `NoKeyError` if it has one
        and there is no key.
        """
        if not secret_values(classes, lookup):
            return record(classes, generation, lookup, change)
        if self._first is None:
            raise NoKeyError
        made = hmac.new(self._first[1], _SALT + canonical(classes, lookup), hashlib.sha256)
        return record(classes, generation, lookup, change, made.digest()[:_SALT_BYTES].hex())

    def seal(self, found: CatalogueRecord) -> CatalogueRecord:
        """An open record as it travels; `NoKeyError` if it holds a secret and there is no key."""
        if not found.salt and not secret_values(found.classes, found.lookup):
            return found
        if self._first is None:
            raise NoKeyError
        classes, lookup = changed(found.classes, found.lookup, self._sealed)
        salt = self._sealed(_SALT_PLACE, found.salt)[SEALED] if found.salt else ""
        sealed = {"classes": classes, "lookup": lookup, "salt": salt, "sealed": f"{self._first[0]:02x}"}
        return found.model_copy(update=sealed)

    def open(self, written: CatalogueRecord) -> CatalogueRecord:
        """The record with its secrets open. `KeyGoneError` if a key is not here, `DecodeError` if a value was
        not sealed for its place, or the digest is of other ones.
        """
        if not written.sealed:
            check_digest(written)
            return written
        key_id, generation = int(written.sealed, 16), written.generation
        key = self._keys.get(key_id)
        if key is None:
            raise KeyGoneError(generation, key_id)
        opening = _Opening(key, generation)
        both = opening.all({"classes": written.classes, "lookup": written.lookup}, "")
        salt = opening.one(written.salt, _SALT_PLACE) if written.salt else ""
        found = written.model_copy(update={**both, "salt": str(salt), "sealed": ""})
        check_digest(found)
        return found

    def _sealed(self, place: str, value: Any) -> dict[str, str]:
        assert self._first is not None
        sealed = self._keys[self._first[0]].encrypt(json.dumps(value).encode(), [place.encode()])
        return {SEALED: urlsafe_b64encode(sealed).decode().rstrip("=")}


class _Opening(NamedTuple):
    """The opening of one record with one key."""

    key: AESSIV
    generation: int

    def all(self, value: Any, place: str) -> Any:
        """The value at this place with everything in it open."""
        if isinstance(value, dict):
            text = value.get(SEALED)
            if isinstance(text, str) and len(value) == 1:
                return self.one(text, place)
            return {
                name: self.all(one, f"{place}.{name}" if place else str(name)) for name, one in value.items()
            }
        if isinstance(value, list):
            return [self.all(one, f"{place}[{at}]") for at, one in enumerate(value)]
        return value

    def one(self, text: str, place: str) -> Any:
        """One sealed value; `DecodeError` if it was not sealed for this place."""
        try:
            sealed = urlsafe_b64decode(text + "=" * (-len(text) % 4))
            return json.loads(self.key.decrypt(sealed, [place.encode()]))
        except (ValueError, InvalidTag) as error:
            where = f"catalogue generation {self.generation}: {place}"
            raise DecodeError(f"{where}: is not sealed for it") from error


def sealed_with(written: CatalogueRecord | None) -> frozenset[int]:
    """The id of the key that a record needs to be opened, if it needs one."""
    return frozenset({int(written.sealed, 16)} if written is not None and written.sealed else ())


def size_problems(classes: Classes, lookup: Rules) -> list[Problem]:
    """That the topic cannot take these, whoever changes them and whatever they say to it. The size does not
    depend on the key that seals them.
    """
    limit = route("config").payload_bytes_max
    any_key = Vault([(0, bytes(KEY_BYTES))])
    size_bytes = len(encode(any_key.seal(any_key.make(classes, GENERATION_MAX, lookup, LONGEST))))
    if size_bytes <= limit:
        return []
    reason = f"have {size_bytes} bytes with their fragments and `lookup`; the topic takes {limit}"
    return [Problem("classes", reason)]
