"""The secrets of a definition: which of its values are for nobody but the device.

Theory of operation
-------------------
Whoever writes a definition marks a TLV, or a placeholder, with `secret: true`. What is known to be one needs
no mark: the communities of SNMP, the kick-start of SNMPv3, keys and passwords, by the tables below, and a
placeholder whose name says so. `secret: false` takes a value out again.

    - {snmp_set: {oid: docsDevNmAccessCommunity.1, string: hidden}}     secret by the table of objects
    - {vendor_specific: "0803ffffff", secret: true}                     secret by its mark
    placeholders: {pin: {kind: string, secret: true}}                   of every device, and its default

A value that a secret place takes from a placeholder is written where the device's values are. So that
placeholder is secret, too, and the reference to it is not.

Wrong definitions are read as well, because messages about them must not show a secret: what cannot be
understood has no places, and never an exception.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from services.docsis.errors import DocsisError
from services.docsis.mib.ber import split_varbind
from services.docsis.mib.names import BUILT_IN, object_oid
from services.docsis.text.body import SECRET, unmarked
from services.docsis.text.varbinds import LONG_VARBIND
from services.docsis.tlv import FileKind
from services.docsis.tlvs.rows.tlv_row import GROUPS, ValueKind
from services.docsis.tlvs.tlv_table import BY_PATH, CHILDREN

Place = tuple[str | int, ...]
"""The way to a value in a definition, by keys and indices."""

DEPTH_MAX: Final = 8
"""The depth of groups in groups; the table of TLVs has four levels."""

SECRET_TLVS: Final[frozenset[tuple[int, ...]]] = frozenset(
    {
        (34, 1),  # SNMPv3 kick-start: the security name, and the manager's number
        (34, 2),
        (53, 1),  # SNMPv1/v2c coexistence: the community
        (202, 53, 1),
        (202, 2, 4),  # eRouter: the passwords of its management server
        (202, 2, 6),
    }
)
"""TLVs that are secret, by their path of type numbers."""

SECRET_OBJECTS: Final[frozenset[str]] = frozenset(
    {
        object_oid("docsDevNmAccessCommunity"),
        object_oid("snmpCommunityName"),
        object_oid("pktcMtaDevProvConfigKey"),
        object_oid("PKTC-IETF-MTA-MIB::pktcMtaDevProvConfigKey"),
        "1.3.6.1.6.3.15.1.2.2.1.6",  # usmUserAuthKeyChange
        "1.3.6.1.6.3.15.1.2.2.1.7",  # usmUserOwnAuthKeyChange
        "1.3.6.1.6.3.15.1.2.2.1.9",  # usmUserPrivKeyChange
        "1.3.6.1.6.3.15.1.2.2.1.10",  # usmUserOwnPrivKeyChange
    }
)
"""Objects whose value is secret, by the identifier of their column."""

SECRET_WORDS: Final[frozenset[str]] = frozenset(
    [
        "community",
        "credential",
        "credentials",
        "passphrase",
        "passwd",
        "password",
        "pin",
        "psk",
        "pwd",
        "secret",
    ]
)
"""Words in the name of a placeholder that make it secret; words are parted by `_`."""

_REFERENCE: Final = re.compile(r"\$\{([^}]*)\}")


class Secrets(NamedTuple):
    """The places of secret values below a definition, and the placeholders whose values are secret."""

    places: tuple[Place, ...] = ()
    placeholders: frozenset[str] = frozenset()


def secrets_of(definition: object) -> Secrets:
    """The secrets of a class of the catalogue, right or wrong."""
    if not isinstance(definition, Mapping) or definition.get("kind") not in ("cm", "mta"):
        return Secrets()
    kind: FileKind = definition["kind"]
    places: list[Place] = []
    filled: set[str] = set()
    for place, value in _entries(kind, definition.get("body"), (), ("body",)):
        if isinstance(value, str):
            filled.update(_REFERENCE.findall(value))
        if not (isinstance(value, str) and _REFERENCE.fullmatch(value)):
            places.append(place)
    declared = definition.get("placeholders")
    placeholders = set()
    for name, entry in declared.items() if isinstance(declared, Mapping) else ():
        mark = entry.get(SECRET) if isinstance(entry, Mapping) else None
        if mark is False or not isinstance(name, str):
            continue
        if mark is True or name in filled or not SECRET_WORDS.isdisjoint(name.split("_")):
            placeholders.add(name)
            if isinstance(entry, Mapping) and "default" in entry:
                places.append(("placeholders", name, "default"))
    return Secrets(tuple(places), frozenset(placeholders))


def _entries(
    kind: FileKind, entries: object, parent: tuple[int, ...], at: Place
) -> Iterator[tuple[Place, object]]:
    """The secret values of a list of TLVs below `parent`."""
    if not isinstance(entries, list) or len(parent) > DEPTH_MAX:
        return
    for index, entry in enumerate(entries):
        if not isinstance(entry, Mapping):
            continue
        here, item = (*at, index), unmarked(entry)
        if entry.get(SECRET) is True:
            yield from _marked(item, here)
        elif entry.get(SECRET) is not False:
            yield from _by_table(kind, item, parent, here)


def _marked(item: Mapping[object, object], at: Place) -> Iterator[tuple[Place, object]]:
    """The value of an entry that is marked; of a varbind the object stays readable."""
    for name, value in item.items():
        if name == "tlv":
            continue
        if isinstance(value, Mapping):
            yield from (((*at, str(name), str(key)), one) for key, one in value.items() if key != "oid")
        else:
            yield (*at, str(name)), value


def _by_table(
    kind: FileKind, item: Mapping[object, object], parent: tuple[int, ...], at: Place
) -> Iterator[tuple[Place, object]]:
    """What the tables say of an entry without a mark."""
    if "tlv" in item:
        if _hides(kind, (*parent, item["tlv"]), item.get("hex")):
            yield (*at, "hex"), item.get("hex")
        return
    for name, value in item.items():
        row = CHILDREN.get((kind, parent), {}).get(str(name))
        if row is None:
            continue
        here = (*at, row.name)
        if row.kind is ValueKind.VARBIND:
            if isinstance(value, Mapping) and _is_secret_object(value.get("oid")):
                yield from (((*here, str(key)), one) for key, one in value.items() if key != "oid")
        elif isinstance(value, list) and row.kind in GROUPS:
            yield from _entries(kind, value, row.path, here)
        elif _leads_to_secret(row.path):
            yield here, value


def _hides(kind: FileKind, path: tuple[object, ...], value: object) -> bool:
    """Whether a TLV in hexadecimal is secret, or a group that may hold a secret one."""
    if _leads_to_secret(path):
        return True
    numbers = tuple(type for type in path if isinstance(type, int))
    if numbers != path or not isinstance(value, str):
        return False
    rows = BY_PATH.get((kind, numbers), ())
    if all(row.kind is not ValueKind.VARBIND for row in rows) and numbers != (LONG_VARBIND,):
        return False
    try:
        return _is_secret_object(split_varbind(bytes.fromhex(value))[0])
    except (DocsisError, ValueError):
        return False


def _leads_to_secret(path: tuple[object, ...]) -> bool:
    return any(secret[: len(path)] == path for secret in SECRET_TLVS)


def _is_secret_object(oid: object) -> bool:
    """Whether an object, by its name or its numbers, is one of the table; an unknown one is not."""
    number = BUILT_IN.object_oid(oid) if isinstance(oid, str) else None
    return number is not None and any(f"{number}.".startswith(f"{column}.") for column in SECRET_OBJECTS)
