"""Extension fields (43) and the extended CMTS MIC in them.

A field must begin with the identifier of its vendor (sub-TLV 8); the names of the table hold for the
identifier `ffffff` only (MULPI C.1.1.18). The extended CMTS MIC (43.6) stands in a field of its own, with a
bitmap of the TLVs that it covers. Without a digest of its own, TLV 7 holds it, computed over these TLVs as
they stand in the file. The order in which a CMTS takes several is not proven, so more than one is an error.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from services.docsis.checks.mic import CM_MIC, HMAC_MD5, covered_types
from services.docsis.judge.finding import Breach, Rule
from services.docsis.judge.tree import File, TreeNode

_FIELD: Final = 43
_VENDOR_ID: Final = 8
_EXTENDED_MIC: Final = 6
_HMAC_TYPE, _BITMAP, _DIGEST = 1, 2, 3
_GENERAL: Final = bytes.fromhex("ffffff")
_PER_DOWNLOAD: Final = ((19,), (20, 59))
"""The types that each download adds to a class; one of the two addresses."""


def _fields(file: File) -> Iterator[TreeNode]:
    return (node for node in file.everything if node.type == _FIELD and node.is_group)


def _without_vendor(file: File) -> Iterator[Breach]:
    for node in _fields(file):
        if node.value is not None and node.value[:2] != bytes((_VENDOR_ID, 3)):
            yield Breach(node.path, "does not begin with a vendor_id of three bytes, so it is nobody's")


def _names_of_another_vendor(file: File) -> Iterator[Breach]:
    for node in _fields(file):
        first = node.first(_VENDOR_ID)
        if first is None or first.value == _GENERAL:
            continue
        for child in node.children:
            if child.name and child.type != _VENDOR_ID:
                yield Breach(child.path, "is named so below vendor_id ffffff only: write tlv and hex")


def _extended_mics(file: File) -> list[tuple[TreeNode, TreeNode]]:
    """Each extended CMTS MIC at the top, with its field. In a field of a vendor type 6 is something else."""
    return [
        (field, mic)
        for field in file.all(_FIELD)
        if (vendor := field.first(_VENDOR_ID)) is not None and vendor.value == _GENERAL
        for mic in field.all(_EXTENDED_MIC)
    ]


def _mic_in_company(file: File) -> Iterator[Breach]:
    found = _extended_mics(file)
    for field, mic in found:
        others = [child for child in field.children if child.type not in (_VENDOR_ID, _EXTENDED_MIC)]
        if others:
            yield Breach(mic.path, f"must not stand in one field with {others[0].label}")
    for _, mic in found[1:]:
        yield Breach(mic.path, "stands in an earlier field already")


def _mic_without_bitmap(file: File) -> Iterator[Breach]:
    for _, mic in _extended_mics(file):
        if mic.first(_BITMAP) is None:
            yield Breach(mic.path, "has no bitmap of the TLVs that it covers")


def _mic_that_nobody_computes(file: File) -> Iterator[Breach]:
    for field, mic in _extended_mics(file):
        type = mic.first(_HMAC_TYPE)
        if field.varies and not file.is_document and mic.first(_DIGEST) is None:
            yield Breach(mic.path, "has no digest, and what differs between devices is not computed here")
            continue
        is_ours = type is not None and type.number in (HMAC_MD5, None)
        if file.is_signed and mic.first(_DIGEST) is None and not is_ours:
            yield Breach(mic.path, f"has no digest, and only hmac_type {HMAC_MD5} (MD5) is computed here")


def _mic_over_several(file: File) -> Iterator[Breach]:
    for _, mic in _extended_mics(file):
        bitmap = mic.first(_BITMAP)
        if not file.is_signed or mic.first(_DIGEST) is not None or bitmap is None or bitmap.value is None:
            continue
        types = covered_types(bitmap.value)
        covered = [node.type for node in file.nodes if node.type in types]
        made = () if file.is_document else _PER_DOWNLOAD
        covered += [one[0] for one in (*made, (CM_MIC,)) if types & {*one}]
        if len(covered) > 1:
            listed = ", ".join(map(str, sorted(covered)))
            yield Breach(bitmap.path, f"covers several TLVs ({listed}), and their order is not known")
        elif not covered:
            yield Breach(bitmap.path, "covers no TLV of this file")


EXTENSION: Final = (
    Rule("extension-without-vendor", True, None, _without_vendor),
    Rule("name-of-another-vendor", True, None, _names_of_another_vendor),
    Rule("extended-mic-in-company", True, None, _mic_in_company),
    Rule("extended-mic-without-bitmap", True, None, _mic_without_bitmap),
    Rule("extended-mic-of-unknown-type", True, None, _mic_that_nobody_computes),
    Rule("extended-mic-of-unknown-order", True, None, _mic_over_several),
)
