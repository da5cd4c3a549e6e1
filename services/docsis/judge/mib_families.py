"""Families of PacketCable MIBs: a telephone adapter knows the objects of one of them.

Theory of operation
-------------------
The MIBs for telephone adapters and their signalling exist three times, with the same names and other numbers:
CableLabs' (`na`), Excentis' for Europe (`eu`) and the IETF's (`ietf`, RFC 4682 and 5098). An adapter
implements one of them, and its hash object is of that one; it ignores objects of another family at best, and
many adapters refuse the file. The names are so alike that the mistake is hard to see.

The family of a file is that of its hash: the builder's, or one that stands among the objects. Without a hash
it is the family of most of its objects. CableLabs' other MIBs for adapters have no twins, stand beside
objects of any family and are of none here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from services.docsis.checks.mic import HASH_OBJECT
from services.docsis.judge.assignment import Assignment
from services.docsis.judge.finding import Breach


class _Family(NamedTuple):
    owner: str
    roots: tuple[str, ...]  # of the MIB of the adapter and of that of its signalling


_FAMILIES: Final = {
    "na": _Family("CableLabs", ("1.3.6.1.4.1.4491.2.2.1", "1.3.6.1.4.1.4491.2.2.2")),
    "eu": _Family("Excentis", ("1.3.6.1.4.1.7432.1", "1.3.6.1.4.1.7432.2")),
    "ietf": _Family("the IETF", ("1.3.6.1.2.1.140", "1.3.6.1.2.1.169")),
}
_HASHES: Final = {oid: model for model, oid in HASH_OBJECT.items()}


def family(oid: str) -> str:
    """The family of an object, a key of HASH_OBJECT; empty if it is of none.

    >>> family("1.3.6.1.2.1.140.1.1.6.0"), family("1.3.6.1.2.1.1.4.0")
    ('ietf', '')
    """
    for name, found in _FAMILIES.items():
        if any(oid == root or oid.startswith(f"{root}.") for root in found.roots):
            return name
    return ""


def mixed_families(assignments: Iterable[Assignment], model: str) -> Iterator[Breach]:
    """One fault for each family that is not the file's, at the first object of it.

    `assignments` are those of a PacketCable file in its order, `model` is its `hash`: a key of HASH_OBJECT,
    or anything else for a file without a hash of the builder's.
    """
    members = [(one, family(one.oid)) for one in assignments]
    counts = Counter(name for _, name in members if name)
    hashed = model if model in _FAMILIES else _hash_in(one.oid for one, _ in members)
    own = hashed or max(counts, key=lambda name: counts[name], default="")
    for foreign in counts:
        if foreign != own:
            first = next(one for one, name in members if name == foreign)
            yield Breach(first.path, _reason(foreign, counts[foreign], own, is_hashed=bool(hashed)))


def _hash_in(oids: Iterable[str]) -> str:
    """The model of the first hash object; empty if there is none."""
    return next((_HASHES[oid] for oid in oids if oid in _HASHES), "")


def _reason(foreign: str, count: int, own: str, *, is_hashed: bool) -> str:
    more = f", like {count - 1} more" if count > 1 else ""
    rest = "the hash of this file is" if is_hashed else "most objects of this file are"
    here, there = _FAMILIES[foreign].owner, _FAMILIES[own].owner
    return f"is of the PacketCable MIBs of {here} ({foreign}){more}; {rest} of those of {there} ({own})"
