"""The syntax of an SNMP object, and the index of its table, as its MIB defines them (RFC 2578).

Theory of operation
-------------------
A syntax is the type of a value in BER and, of an enumeration or of named bits, the labels. The index of a
table defines the numbers behind a column's number in an identifier, one entry for each part (RFC 2578 section
7.7): a number takes one place, a text of a fixed size its bytes, another text its length and its bytes. Only
the last part may be IMPLIED; then its length is left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final, Literal, NamedTuple

from services.docsis.mib import ber

COUNTER64: Final = 0x46

TAGS: Final[Mapping[str, int]] = {
    "integer": ber.INTEGER,
    "octets": ber.OCTET_STRING,
    "bytes": ber.OCTET_STRING,
    "address": ber.OCTET_STRING,
    "bits": ber.OCTET_STRING,
    "object_id": ber.OBJECT_ID,
    "ipaddress": ber.IP_ADDRESS,
    "counter32": ber.COUNTER32,
    "gauge32": ber.GAUGE32,
    "timeticks": ber.TIMETICKS,
    "counter64": COUNTER64,
}
"""Tags by the words of a syntax here. `octets` are mostly a text, `bytes` never are, and an `address` (RFC
4001) is one if it is the name of a host.
"""

_ADDRESS_BYTES: Final = {4, 8, 16, 20}
"""The lengths of an address of RFC 4001, with its zone or without."""

LABELS_SHOWN_MAX: Final = 12

_LABEL = re.compile(r"([A-Za-z][A-Za-z0-9-]*)\(([0-9]+)\)")


class Syntax(NamedTuple):
    """A key of TAGS, and the numbers of its labels; those of `bits` count from the first bit."""

    kind: str
    labels: Mapping[str, int]

    @property
    def tag(self) -> int:
        """The tag of its values in BER."""
        return TAGS[self.kind]

    @property
    def is_bits(self) -> bool:
        """Whether its labels are of bits."""
        return self.kind == "bits"

    def is_text(self, content: bytes) -> bool:
        """Whether these octets can be meant as a text."""
        return self.kind not in ("bits", "bytes") and not (
            self.kind == "address" and len(content) in _ADDRESS_BYTES
        )

    def listed(self) -> str:
        """The labels as net-snmp prints them, the first few."""
        known = [f"{label}({number})" for label, number in self.labels.items()]
        more = ["…"] if len(known) > LABELS_SHOWN_MAX else []
        return ", ".join([*known[:LABELS_SHOWN_MAX], *more])


class IndexPart(NamedTuple):
    """One part of an index. `size` is of `fixed` in bytes, `labels` are of an enumerated number."""

    kind: Literal["number", "text", "implied", "fixed", "address", "identifier", "implied_identifier"]
    size: int = 0
    labels: Mapping[str, int] = {}


Index = Sequence[IndexPart]
"""The parts in their order; none for an object that has one instance, `.0`."""


def syntax(text: str) -> Syntax:
    """The syntax in the notation of the tables.

    >>> syntax("integer true(1) false(2)").labels
    {'true': 1, 'false': 2}
    """
    kind, _, labels = text.partition(" ")
    return Syntax(kind, {label: int(number) for label, number in _LABEL.findall(labels)})
