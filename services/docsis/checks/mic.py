"""Message integrity checks: the two MICs of a modem's file and the hash of a PacketCable file.

Theory of operation
-------------------
A modem's file ends in two checks. The *CM MIC* (TLV 6) is MD5 over every byte before it; it has no key and
protects against damage only. The *CMTS MIC* (TLV 7) is HMAC-MD5 with the secret the operator shares with the
CMTS. It covers not the whole file but some TLVs, complete with type and length, sorted by a fixed order of
types and by file order within a type; the CM MIC is one of them (MULPI Annex D). The CM MIC covers TLVs
outside that order, such as SNMP varbinds.

A file may itself name the types that the CMTS MIC covers: by the bitmap of the extended CMTS MIC (43.6). If
43.6 holds no digest, TLV 7 is the extended MIC, over these TLVs as they stand in the file (MULPI
C.1.1.18.1.6.3, D.2.1). No test vector of another program is known; `services.docsis.judge` refuses a file
that covers several.

A PacketCable file carries one SHA-1 hash in a varbind. It is computed over the whole file without that
varbind (PacketCable provisioning specification). The telephone adapter's model determines the object that
carries it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import chain
from typing import Final

from services.docsis.mib import ber
from services.docsis.tlv import Tlv, read_group, write

CM_MIC: Final = 6
CMTS_MIC: Final = 7
MIC_BYTES: Final = 16
MD5_BLOCK_BYTES: Final = 64
HMAC_MD5: Final = 1
"""The HMAC type (43.6.1) that is computed here."""

_EXTENSION = 43
_GENERAL_EXTENSION = bytes.fromhex("0803ffffff")
_EXTENDED_MIC = 6
_HMAC_TYPE, _BITMAP, _DIGEST = 1, 2, 3

# fmt: off
CMTS_MIC_ORDER: Final = (
    1, 2, 3, 4, 17, 43, CM_MIC, 18, 19, 20, 22, 23, 24, 25, 28, 29, 26, 35, 36, 37, 40,
)
# fmt: on
"""The types the CMTS MIC covers, in the order in which they enter it (MULPI Annex D)."""

HASH_OBJECT: Final = {
    "na": "1.3.6.1.4.1.4491.2.2.1.1.2.7.0",
    "eu": "1.3.6.1.4.1.7432.1.1.2.9.0",
    "ietf": "1.3.6.1.2.1.140.1.2.11.0",
}
"""The object that carries the hash of a PacketCable file, by model: pktcMtaDevProvConfigHash of its MIB."""

NO_HASH: Final = "none"
"""As `hash`: it is no business of the builder, it stands in the body or is absent."""

_VARBIND = 11


def cm_mic(body: bytes) -> bytes:
    """The 16-byte CM MIC over `body`, every byte of the file before TLV 6 (MULPI Annex D)."""
    return hashlib.md5(body, usedforsecurity=False).digest()


def cmts_mic(tlvs: Sequence[Tlv], secret: bytes) -> bytes:
    """The 16-byte CMTS MIC of a modem's TLVs, TLV 6 among them (MULPI Annex D)."""
    covered = extended_coverage(tlvs)
    if covered is not None:
        return keyed_md5(secret, b"".join(write(tlv, "cm") for tlv in tlvs if tlv.type in covered))
    ordered: list[list[bytes]] = [[] for _ in CMTS_MIC_ORDER]
    for tlv in tlvs:
        rank = _RANK.get(tlv.type)
        if rank is not None:
            ordered[rank].append(write(tlv, "cm"))
    return keyed_md5(secret, b"".join(chain.from_iterable(ordered)))


def extended_coverage(tlvs: Iterable[Tlv]) -> frozenset[int] | None:
    """The types that TLV 7 covers if it is the extended CMTS MIC; None if it is the plain one.

    It is the extended one if the first 43.6 has a bitmap, HMAC type 1 and no digest.
    """
    for tlv in tlvs:
        if tlv.type != _EXTENSION or not tlv.value.startswith(_GENERAL_EXTENSION):
            continue
        for mic in read_group(tlv.value) or ():
            if mic.type != _EXTENDED_MIC:
                continue
            parts = {part.type: part.value for part in read_group(mic.value) or ()}
            is_ours = parts.get(_HMAC_TYPE) == bytes((HMAC_MD5,)) and _DIGEST not in parts
            return covered_types(parts[_BITMAP]) if is_ours and _BITMAP in parts else None
    return None


def covered_types(bitmap: bytes) -> frozenset[int]:
    """The types that a bitmap names: bit 0 is the highest of its first byte (MULPI C.1.1.18.1.6.2).

    >>> sorted(covered_types(bytes.fromhex("10")))
    [3]
    """
    bits = range(len(bitmap) * 8)
    return frozenset(type for type in bits if bitmap[type // 8] & 0x80 >> type % 8)


def keyed_md5(secret: bytes, data: bytes) -> bytes:
    """HMAC-MD5 (RFC 2104): `hmac.digest` with the two states that a secret starts from kept."""
    inner, outer = _states(secret)
    inner, outer = inner.copy(), outer.copy()
    inner.update(data)
    outer.update(inner.digest())
    return outer.digest()


@lru_cache(maxsize=8)  # an operator has one secret, two while it is changed
def _states(secret: bytes) -> tuple[hashlib._Hash, hashlib._Hash]:
    if len(secret) > MD5_BLOCK_BYTES:
        secret = hashlib.md5(secret, usedforsecurity=False).digest()
    key = secret.ljust(MD5_BLOCK_BYTES, b"\0")
    inner, outer = (bytes(byte ^ pad for byte in key) for pad in (0x36, 0x5C))
    return hashlib.md5(inner, usedforsecurity=False), hashlib.md5(outer, usedforsecurity=False)


def mta_hash(file: bytes) -> bytes:
    """The 20-byte hash of a complete PacketCable file that does not yet contain its hash varbind."""
    return hashlib.sha1(file, usedforsecurity=False).digest()


def mta_hash_header(model: str) -> bytes:
    """All of the TLV 11 with the hash but its last 20 bytes, the digest, for a `model` of HASH_OBJECT."""
    digest = bytes(hashlib.sha1(usedforsecurity=False).digest_size)
    varbind = ber.varbind(HASH_OBJECT[model], ber.OCTET_STRING, digest)
    return write(Tlv(_VARBIND, varbind), "mta").removesuffix(digest)


_RANK = {type: rank for rank, type in enumerate(CMTS_MIC_ORDER)}
