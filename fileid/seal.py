"""The sealed name: the FileID that a modem asks for, with its row inside.

    name = base64url(version u8 ‖ key id u8 ‖ AES-SIV(row body)) ‖ "." ‖ mask

The mask is readable and names the template; it is the associated data of the seal, so it cannot be exchanged.
AES-SIV (RFC 5297) needs no nonce that could be misused, and its synthetic IV doubles as the check that only a
minter made the name. One key id belongs to one minter: a name that opens with a key whose owner is not the
minter in the row is refused.

A BOOTP file name has 127 characters. A row that does not fit is sealed *partial*: without its device values.
Such a name proves the right to ask, so its read may be parked and its row pulled, but it never serves.
"""

from base64 import urlsafe_b64decode
from binascii import b2a_base64
from collections.abc import Sequence
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from bus.envelope import number_of
from bus.errors import DecodeError, LocalError
from fileid.row import NAME_BYTES_MAX, Row, head_bytes, mark_partial, unpack

SEAL_VERSION = 1
MASK_BYTES_MAX = 12
KEY_BYTES = 64  # AES-256-SIV
HEAD_CHARACTERS = 3
"""So many characters of a name hold its version and its key id, and two bits of its seal."""
_URLSAFE = bytes.maketrans(b"+/", b"-_")


class ForgedError(DecodeError):
    """A name that looks like a sealed one and that no minter sealed: it cost a decryption to see that."""


class SealKey(NamedTuple):
    """The key of one minter. `minter` is the minter's number (`bus.envelope.number_of`)."""

    key_id: int
    minter: int
    key: bytes

    @classmethod
    def of(cls, minter: str, key_id: int, key: bytes) -> "SealKey":
        """The key of the minter of this name, from its file."""
        return cls(key_id, number_of(minter), key)


def _text(sealed: bytes) -> bytes:
    """base64url without padding (RFC 4648, section 5)."""
    return b2a_base64(sealed, newline=False).translate(_URLSAFE, b"=")


def is_sealed(name: bytes) -> bool:
    """Whether a name begins as the sealed ones do; only opening it proves more."""
    return name[:HEAD_CHARACTERS] in _ALL_HEADS


def _heads(key_id: int) -> frozenset[bytes]:
    """The heads of all names under this key id."""
    starts = (bytes((SEAL_VERSION, key_id, bits << 6)) for bits in range(4))
    return frozenset(_text(start)[:HEAD_CHARACTERS] for start in starts)


_ALL_HEADS = frozenset(head for key_id in range(256) for head in _heads(key_id))


class Sealer:
    """Makes names with one minter's key."""

    def __init__(self, key: SealKey) -> None:
        self.use(key)

    def use(self, key: SealKey) -> None:
        """Make names with this key from now on."""
        self._prefix = bytes((SEAL_VERSION, key.key_id))
        self._siv = AESSIV(key.key)

    def seal(self, body: bytes, mask: str) -> Row:
        """The row with its sealed name, which holds the whole body, or only the head if that does not fit."""
        if len(mask) > MASK_BYTES_MAX:
            raise LocalError(f"mask {mask!r} is longer than {MASK_BYTES_MAX} characters")
        tail = mask.encode("ascii")
        sealed_bytes_max = (NAME_BYTES_MAX - 1 - len(tail)) * 3 // 4
        if len(body) + 2 + 16 > sealed_bytes_max:
            body = mark_partial(body)
            return Row(self._name(body[: head_bytes(body)], tail), body)
        return Row(self._name(body, tail), body)

    def _name(self, body: bytes, mask: bytes) -> bytes:
        return _text(self._prefix + self._siv.encrypt(body, [mask])) + b"." + mask


class Opener:
    """Opens names with the keys of every minter."""

    def __init__(self, keys: Sequence[SealKey]) -> None:
        """No two keys may have the same id."""
        self.use(keys)

    def use(self, keys: Sequence[SealKey]) -> None:
        """Open names with these keys from now on."""
        self._keys = {key.key_id: (key.minter, AESSIV(key.key)) for key in keys}
        self._nobodys = _ALL_HEADS - {head for key_id in self._keys for head in _heads(key_id)}
        own: dict[bytes, frozenset[bytes]] = {}
        for key in keys:
            number = key.minter.to_bytes(4, "big")
            own[number] = own.get(number, self._nobodys) | _heads(key.key_id)
        self._heads = own

    @property
    def minters(self) -> set[int]:
        """The numbers of the minters whose names open."""
        return {minter for minter, _ in self._keys.values()}

    def heads(self, minter: bytes) -> frozenset[bytes]:
        """The first `HEAD_CHARACTERS` of every name that the minter of this packed number may have sealed:
        with its keys, or with one that nobody here has.
        """
        return self._heads.get(minter, self._nobodys)

    def open(self, name: bytes) -> Row:
        """The row in a name; `DecodeError` unless one of our minters made it, `ForgedError` if only the seal
        shows that. Age and address are not checked here.
        """
        text, dot, mask = name.partition(b".")
        if not dot or len(name) > NAME_BYTES_MAX or len(text) % 4 == 1:
            raise DecodeError("not a sealed name")
        try:
            sealed = urlsafe_b64decode(text + b"=" * (-len(text) % 4))
        except ValueError as error:
            raise DecodeError("not a sealed name") from error
        # Exactly one spelling of a name is accepted, or a completed download could be asked for again.
        if len(sealed) < 18 or _text(sealed) != text or sealed[0] != SEAL_VERSION:
            raise DecodeError("not a sealed name")
        owner = self._keys.get(sealed[1])
        if owner is None:
            raise DecodeError(f"unknown seal key id {sealed[1]}")
        minter, siv = owner
        try:
            body = siv.decrypt(sealed[2:], [mask])
        except InvalidTag as error:
            raise ForgedError("the seal does not open") from error
        if unpack(body).minter != minter:
            raise ForgedError("the seal's key is not its minter's")
        return Row(name, body)
