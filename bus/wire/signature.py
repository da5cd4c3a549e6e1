"""Signatures: the proof of who wrote a message that travels by topic or to a group.

Theory of operation
-------------------
A connection's key proves its peer. A record of a topic, and a datagram of a group whose key all members
share, name their writer in a header, and membership is all that they prove. So messages of those classes
(`bus.routes`) carry a proof: an Ed25519 signature over everything that a reader acts upon.

    proof        signature 64
    of a class that asks for a certificate:
                 signature 64 | public key 32 | certificate 64 | role

The fleet file has each instance's public key, and a reader looks it up there. That does not do for the role
log, whose records must mean the same to every reader, whatever its fleet file and whenever it reads. So its
records bring the key along, with the root key's signature over (instance, role, key): the certificate. All
pin the root key, and the secret of it is on no host.
"""

from collections.abc import Callable, Collection
from functools import lru_cache
from struct import Struct
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from bus.envelope import Envelope
from bus.routes import Proof, route
from bus.wire.codec import pack_token

SIGNATURE_BYTES = 64
KEY_BYTES = 32
_KEY_AT = SIGNATURE_BYTES
_BROUGHT_BYTES = KEY_BYTES + SIGNATURE_BYTES
_LENGTHS = Struct(">BBQQQQ")
_MESSAGE = b"provbus message 1\0"
_INSTANCE = b"provbus instance 1\0"

Verify = Callable[[bytes, bytes, bytes], bool]
"""Whether this public key made this signature over these bytes."""


class Certified(NamedTuple):
    """The writer of a message, by its certificate: its public key, and the role that it may hold."""

    key: bytes
    role: str


def verify(key: bytes, signature: bytes, content: bytes) -> bool:
    """Whether an Ed25519 key made this signature over these bytes."""
    try:
        _public(key).verify(signature, content)
    except (InvalidSignature, ValueError):
        return False
    return True


def content_of(envelope: Envelope) -> bytes:
    """What a signature covers: all that a reader acts upon."""
    type_, source = envelope.type.encode(), envelope.source.encode()
    head = _LENGTHS.pack(
        len(type_),
        len(source),
        envelope.incarnation,
        envelope.seq,
        envelope.time_ms,
        pack_token(envelope.token),
    )
    return b"".join((_MESSAGE, head, type_, source, envelope.data))


def certificate_of(root: bytes, instance: str, role: str, key: bytes) -> bytes:
    """The signature of a secret root key over an instance, its role and its public key."""
    return Ed25519PrivateKey.from_private_bytes(root).sign(_certified(instance, role, key))


def is_certified(root: bytes, instance: str, role: str, key: bytes, certificate: bytes) -> bool:
    """Whether the root key's owner certified this key for this instance in this role."""
    return verify(root, certificate, _certified(instance, role, key))


def is_signed(envelope: Envelope, keys: Collection[bytes], by: Verify = verify) -> bool:
    """Whether one of these keys signed the message."""
    signature, content = envelope.proof[:SIGNATURE_BYTES], content_of(envelope)
    return any(by(key, signature, content) for key in keys)


def writer_of(envelope: Envelope, root: bytes, by: Verify = verify) -> Certified | None:
    """The writer by the certificate in the message; None if it, or the signature, does not verify."""
    writer = _certified_by(root, envelope.source, envelope.proof[_KEY_AT:], by)
    return writer if writer is not None and is_signed(envelope, (writer.key,), by) else None


class Signer:
    """Signs the messages of one instance with the key in use, `secret`."""

    def __init__(self, secret: bytes, certificate: bytes, role: str) -> None:
        self.use(secret, certificate, role)

    def use(self, secret: bytes, certificate: bytes, role: str) -> None:
        """Sign with this key from now on; the certificate is for it in this role."""
        self._secret = Ed25519PrivateKey.from_private_bytes(secret)
        self._certified = self._secret.public_key().public_bytes_raw() + certificate + role.encode()

    def over(self, content: bytes) -> bytes:
        """The signature over bytes that are no message; their first ones say what they are."""
        return self._secret.sign(content)

    def proof(self, envelope: Envelope) -> bytes:
        """The proof of a message, as its class asks for it."""
        signature = self._secret.sign(content_of(envelope))
        is_certified = route(envelope.traffic).proof is Proof.CERTIFICATE
        return signature + self._certified if is_certified else signature


def _certified(instance: str, role: str, key: bytes) -> bytes:
    return b"\0".join((_INSTANCE, instance.encode(), role.encode(), key))


@lru_cache(maxsize=256)  # writers are few, records are many, and a certificate costs as much as a signature
def _certified_by(root: bytes, source: str, brought: bytes, by: Verify) -> Certified | None:
    """The writer by the key, certificate and role that a proof brings; None without them."""
    key, certificate = brought[:KEY_BYTES], brought[KEY_BYTES:_BROUGHT_BYTES]
    role = brought[_BROUGHT_BYTES:].decode(errors="replace")
    if len(brought) <= _BROUGHT_BYTES or not by(root, certificate, _certified(source, role, key)):
        return None
    return Certified(key, role)


@lru_cache(maxsize=256)
def _public(key: bytes) -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(key)
