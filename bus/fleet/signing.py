"""Keys that sign messages: each instance has one, and the fleet's root key certifies it.

The fleet file has the public keys with their certificates, and pins the public root key. The secret root key
is needed to make, add and rotate keys, and by no instance: keep it off the hosts.
"""

import base64
from pathlib import Path
from typing import Annotated, NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import AfterValidator

from bus.config.secret_file import read_secret
from bus.config.section import Section
from bus.errors import ConfigError
from bus.wire.signature import KEY_BYTES, SIGNATURE_BYTES, certificate_of, is_certified


class SecretKey(NamedTuple):
    """An Ed25519 secret key and its public key, 32 bytes each."""

    secret: bytes
    public: bytes

    @property
    def line(self) -> bytes:
        """The secret key as its file has it."""
        return base64.b64encode(self.secret)


def _is_key(text: str) -> str:
    return _checked(text, KEY_BYTES)


def public_key(text: str) -> bytes:
    """A public key as the fleet file has it; `ValueError` if that is none."""
    return base64.b64decode(_is_key(text))


def _is_certificate(text: str) -> str:
    return _checked(text, SIGNATURE_BYTES)


PublicKey = Annotated[str, AfterValidator(_is_key)]
Certificate = Annotated[str, AfterValidator(_is_certificate)]


class SigningKey(Section):
    """The public key by which an instance signs, and the root key's signature over it; both in base64."""

    key: PublicKey
    certificate: Certificate

    @property
    def key_bytes(self) -> bytes:
        """The public key."""
        return base64.b64decode(self.key)

    @property
    def certificate_bytes(self) -> bytes:
        """The certificate."""
        return base64.b64decode(self.certificate)

    def is_of(self, root: str, instance: str, role: str) -> bool:
        """Whether the root key certified this key for this instance and its role."""
        return is_certified(base64.b64decode(root), instance, role, self.key_bytes, self.certificate_bytes)


def new_secret_key() -> SecretKey:
    """A fresh key."""
    return _pair(Ed25519PrivateKey.generate())


def secret_key(secret: bytes) -> SecretKey:
    """The key with these 32 bytes (`ValueError` if they are none)."""
    return _pair(Ed25519PrivateKey.from_private_bytes(secret))


def read_secret_key(path: Path) -> SecretKey:
    """The key in a file (`ConfigError`, `UnavailableError`)."""
    try:
        secret = base64.b64decode(read_secret(path), validate=True)
        return secret_key(secret)
    except ValueError as error:
        raise ConfigError(f"{path}: it does not hold a key that signs") from error


def certify(root: SecretKey, instance: str, role: str, public: bytes) -> SigningKey:
    """The public key of an instance with the root key's certificate."""
    certificate = certificate_of(root.secret, instance, role, public)
    return SigningKey(key=text_of(public), certificate=text_of(certificate))


def text_of(key: bytes) -> str:
    """A key or a certificate as the fleet file has it."""
    return base64.b64encode(key).decode()


def _pair(key: Ed25519PrivateKey) -> SecretKey:
    return SecretKey(key.private_bytes_raw(), key.public_key().public_bytes_raw())


def _checked(text: str, size_bytes: int) -> str:
    try:
        size = len(base64.b64decode(text, validate=True))
    except ValueError as error:
        raise ValueError("is not base64") from error
    if size != size_bytes:
        raise ValueError(f"has {size} bytes, not {size_bytes}")
    return text
