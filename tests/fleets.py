"""Fleets of tests: who there is, and a root key that certified them.

Keys are made of names, so that what is signed is the same in every process: a run in virtual time is replayed
to the byte.
"""

import hashlib
from collections.abc import Mapping, Sequence

from bus.fleet.fleet import Fleet, Member
from bus.fleet.identity import Signing
from bus.fleet.signing import SecretKey, certify, secret_key, text_of


def signs(name: str) -> SecretKey:
    """The key by which this instance signs."""
    return secret_key(hashlib.sha256(f"test key of {name}".encode()).digest())


ROOT = signs("the fleet")


def member(name: str, service: str, keys: Sequence[str], site: str = "lab") -> Member:
    """An instance with these CURVE keys."""
    sign = certify(ROOT, name, f"{service}/{site}", signs(name).public)
    return Member(service=service, site=site, keys=[*keys], sign=[sign])


def fleet_of(members: Mapping[str, Member]) -> Fleet:
    """These instances."""
    return Fleet(root=text_of(ROOT.public), instances=dict(members))


def signing_of(name: str, one: Member) -> Signing:
    """The key by which this instance signs, with its certificate."""
    return Signing(signs(name).secret, one.sign[0].certificate_bytes, one.role, is_due=True)
