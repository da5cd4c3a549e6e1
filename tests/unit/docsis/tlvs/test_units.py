"""Quantities: every unit both ways, and what is not one."""

import pytest

from services.docsis.errors import DocsisError
from services.docsis.tlvs.units import UNITS, parse, show


@pytest.mark.parametrize(
    ("text", "unit", "number"),
    [
        ("20 Mbit/s", "bit/s", 20_000_000),
        ("1.5Gbit/s", "bit/s", 1_500_000_000),
        ("0.064 kbit/s", "bit/s", 64),
        ("30 s", "s", 30),
        ("30 s", "ms", 30_000),
        ("1500 ms", "us", 1_500_000),
        ("2000 ms", "s", 2),
        ("800 us", "us", 800),
        ("602 MHz", "Hz", 602_000_000),
        ("42600 bytes", "bytes", 42_600),
        ("3 MB", "bytes", 3_000_000),
    ],
)
def test_a_quantity_in_the_units_of_its_row(text: str, unit: str, number: int) -> None:
    assert parse(text, unit, "") == number


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("20 mbit/s", "bit/s"),
        ("20 MB", "bit/s"),
        ("20", "bit/s"),
        ("-20 s", "s"),
        ("1 500 ms", "ms"),
        ("0.5 bit/s", "bit/s"),
        ("1500 ms", "s"),
        ("30 s\n", "s"),
        ("٣ s", "s"),
        ("9" * 5000 + " s", "s"),
        ("", "Hz"),
    ],
)
def test_what_is_not_such_a_quantity_is_refused(text: str, unit: str) -> None:
    with pytest.raises(DocsisError) as caught:
        parse(text, unit, "here")
    assert caught.value.path == "here"
    assert unit in caught.value.reason


@pytest.mark.parametrize(
    ("number", "unit", "shown"),
    [
        (0, "bit/s", 0),
        (1_500, "bit/s", "1500 bit/s"),
        (128_000, "bit/s", "128 kbit/s"),
        (20_000_000, "bit/s", "20 Mbit/s"),
        (4_000_000_000, "bit/s", "4 Gbit/s"),
        (10, "ms", "10 ms"),
        (3_000, "ms", "3 s"),
        (3_601, "s", "3601 s"),
        (602_000_000, "Hz", "602 MHz"),
        (3_000_000, "bytes", 3_000_000),
    ],
)
def test_the_largest_exact_unit_is_shown(number: int, unit: str, shown: object) -> None:
    assert show(number, unit) == shown


@pytest.mark.parametrize("unit", UNITS)
def test_what_is_shown_is_read_back(unit: str) -> None:
    for number in (1, 7, 999, 1_000, 1_001, 65_535, 10**6, 10**9, 2**32 - 1):
        shown = show(number, unit)
        assert (parse(shown, unit, "") if isinstance(shown, str) else shown) == number
