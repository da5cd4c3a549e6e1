"""Parts: what is fixed is joined when a template is compiled."""

from functools import partial

import pytest

from services.docsis.errors import DocsisError
from services.docsis.parts import Slot, WidthFrame, frame, merge, render, widest
from services.docsis.tlv import header

NARROW = Slot(0, bytes, 1, 1)
WIDE = Slot(1, bytes, None, 255)


def test_neighbouring_constants_are_merged_and_empty_ones_dropped() -> None:
    assert merge([b"a", b"", b"b", NARROW, b"", b"c"]) == (b"ab", NARROW, b"c")
    assert merge([b""]) == ()


def test_a_frame_around_fixed_widths_dissolves() -> None:
    inner = frame(partial(header, 1), (b"ab", NARROW))
    assert frame(partial(header, 24), (b"x", *inner)) == (b"\x18\x06x\x01\x03ab", NARROW)


def test_a_frame_around_a_text_stays_and_counts_at_every_level() -> None:
    inner = frame(partial(header, 1), (b"ab", WIDE))
    outer = frame(partial(header, 24), (NARROW, *inner))
    assert isinstance(outer[0], WidthFrame)
    assert render(outer, [b"n", b"text"]) == b"\x18\x09n\x01\x06abtext"
    assert render(outer, [b"n", b""]) == b"\x18\x05n\x01\x02ab"


def test_a_wrong_length_is_refused_when_it_is_known() -> None:
    with pytest.raises(DocsisError):
        frame(partial(header, 1), ())
    with pytest.raises(DocsisError):
        frame(partial(header, 1), (bytes(254), NARROW))
    open_ended = frame(partial(header, 1, high=4), (WIDE,))
    with pytest.raises(DocsisError):
        render(open_ended, [b"", b"12345"])


def test_widest_bounds_every_rendering() -> None:
    parts = frame(partial(header, 24), (b"ab", NARROW, *frame(partial(header, 1), (WIDE,))))
    assert widest(parts) >= len(render(parts, [b"n", bytes(240)]))
