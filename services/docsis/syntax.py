"""What an SNMP object holds and how the rows of its table are named, as its MIB defines it (RFC 2578).

Theory of operation
-------------------
A syntax is the type of a value in BER and, of an enumeration or of named bits, the labels. The index of a
table says what follows a column's number in an identifier, one entry for each part (RFC 2578 section 7.7): a
number takes one place, a text of a fixed size its bytes, another text its length and its bytes. Only the last
part may be IMPLIED; then its length is left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final, Literal, NamedTuple

from services.docsis import snmp

COUNTER64: Final = 0x46

TAGS: Final[Mapping[str, int]] = {
    "integer": snmp.INTEGER,
    "octets": snmp.OCTET_STRING,
    "bits": snmp.OCTET_STRING,
    "object_id": snmp.OBJECT_ID,
    "ipaddress": snmp.IP_ADDRESS,
    "counter32": snmp.COUNTER32,
    "gauge32": snmp.GAUGE32,
    "timeticks": snmp.TIMETICKS,
    "counter64": COUNTER64,
}
"""Tags by the words that a syntax is written with here."""

LABELS_SHOWN_MAX: Final = 12

_LABEL = re.compile(r"([A-Za-z][A-Za-z0-9-]*)\(([0-9]+)\)")


class Syntax(NamedTuple):
    """The tag of a value, and the numbers of its labels; those of `bits` count from the first bit."""

    tag: int
    labels: Mapping[str, int]
    is_bits: bool = False

    def listed(self) -> str:
        """The labels as net-snmp prints them, the first few."""
        known = [f"{label}({number})" for label, number in self.labels.items()]
        more = ["…"] if len(known) > LABELS_SHOWN_MAX else []
        return ", ".join([*known[:LABELS_SHOWN_MAX], *more])


class Part(NamedTuple):
    """One part of an index. `size` is of `fixed` in bytes, `labels` are of an enumerated number."""

    kind: Literal["number", "text", "implied", "fixed", "address", "identifier", "implied_identifier"]
    size: int = 0
    labels: Mapping[str, int] = {}


Index = Sequence[Part]
"""The parts in their order; none for an object that has one instance, `.0`."""


def syntax(text: str) -> Syntax:
    """A syntax as tables write it.

    >>> syntax("integer true(1) false(2)").labels
    {'true': 1, 'false': 2}
    """
    kind, _, labels = text.partition(" ")
    return Syntax(
        TAGS[kind], {label: int(number) for label, number in _LABEL.findall(labels)}, kind == "bits"
    )
