"""CURVE key pairs: the fleet file pins each instance's public key, and a file holds its secret key."""

import struct
from pathlib import Path
from typing import NamedTuple

import zmq
import zmq.utils.z85 as z85

from bus.config.secret_file import read_secret
from bus.errors import ConfigError


class KeyPair(NamedTuple):
    """A CURVE key pair in Z85 (40 characters each)."""

    public: bytes
    secret: bytes


def new_key_pair() -> KeyPair:
    """A fresh key pair."""
    return KeyPair(*zmq.curve_keypair())


def key_pair(secret: bytes) -> KeyPair:
    """The pair of a secret key; `ConfigError` if it is not 40 characters of Z85."""
    try:
        return KeyPair(zmq.curve_public(secret), secret)
    except (ValueError, zmq.ZMQError) as error:
        raise ConfigError("the CURVE secret key is not 40 characters of Z85") from error


def read_key_pair(path: Path) -> KeyPair:
    """The pair of the secret key in a file (`ConfigError`, `UnavailableError`)."""
    secret = read_secret(path)
    try:
        return key_pair(secret)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def is_key(text: str) -> bool:
    """Whether this is a well-formed key: 32 bytes in 40 characters of Z85."""
    try:
        return len(z85.decode(text)) == 32
    except (ValueError, KeyError, struct.error):
        return False
