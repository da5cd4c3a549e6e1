"""The layout of a whole file: its body, its checks, and its tail.

Theory of operation
-------------------
    modem's file      = body, CM MIC (6), CMTS MIC (7), tail
    PacketCable file  = opening (254), body, closing (254), tail

The tail of a modem's file is, by the specification, the end of data and padding to a multiple of four bytes;
that of a PacketCable file is empty. Files of the field end otherwise, too, so the tail is kept as it is. An
unsigned modem's file has no MICs: its tail starts at the end of data. A file with one MIC without the other,
or with MICs that are not the last TLVs, is an error.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from services.docsis.checks.mic import CM_MIC, CMTS_MIC, MIC_BYTES
from services.docsis.errors import DocsisError
from services.docsis.tlv import END_OF_DATA, MTA_CLOSING, MTA_OPENING, PAD, FileKind, Tlv, walk

_MTA_FRAME = MTA_OPENING[0]


class Layout(NamedTuple):
    """The pieces of a file; `items` are the TLVs of the body with padding as type 0, `body` its bytes.

    Both MICs are None in a file without, and in a PacketCable one.
    """

    kind: FileKind
    items: list[Tlv]
    body: bytes
    cm_mic: bytes | None
    cmts_mic: bytes | None
    tail: bytes


def lay_out(data: bytes) -> Layout:
    """The pieces of a file, whether its checks are right or not; raises DocsisError if it is unreadable."""
    if data.startswith(MTA_OPENING):
        return _lay_out_mta(data)
    walker = walk(data, "cm")
    items: list[Tlv] = []
    for tlv in walker:
        if tlv.type in (CM_MIC, CMTS_MIC):
            return _lay_out_signed(data, items, tlv, walker)
        if tlv.type == END_OF_DATA:
            return Layout("cm", items, data[: tlv.offset], None, None, data[tlv.offset :])
        items.append(tlv)
    return Layout("cm", items, data, None, None, b"")


def _lay_out_signed(data: bytes, items: list[Tlv], first: Tlv, rest: Iterator[Tlv]) -> Layout:
    second = next(rest, None)
    mics = [(tlv.type, len(tlv.value)) for tlv in (first, second) if tlv]
    if second is None or mics != [(CM_MIC, MIC_BYTES), (CMTS_MIC, MIC_BYTES)]:
        raise DocsisError(
            f"byte {first.offset}", "here must be the CM MIC (6) and the CMTS MIC (7) of 16 bytes"
        )
    tail = data[second.offset + 2 + MIC_BYTES :]
    try:
        following = next((tlv for tlv in rest if tlv.type != PAD), None)
    except DocsisError:  # no TLVs: no reader takes it for a part of the file
        following = None
    if following is not None and following.type != END_OF_DATA:
        raise DocsisError(f"byte {following.offset}", f"TLV {following.type} follows the MICs")
    return Layout("cm", items, data[: first.offset], first.value, second.value, tail)


def _lay_out_mta(data: bytes) -> Layout:
    _, *items = walk(data, "mta")
    frame = [tlv for tlv in items if tlv.type == _MTA_FRAME]
    if len(frame) != 1 or frame[0].value != MTA_CLOSING[2:]:
        raise DocsisError(
            f"byte {len(data)}", "a PacketCable file is framed by one opening and one closing TLV 254"
        )
    closing = items.pop()
    tail = data[closing.offset + len(MTA_CLOSING) :]
    return Layout("mta", items, data[len(MTA_OPENING) : closing.offset], None, None, tail)
