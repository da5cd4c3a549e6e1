"""BER varbinds."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.docsis.errors import DocsisError
from services.docsis.mib import ber


@pytest.mark.parametrize(
    ("value", "content"),
    [
        (0, "00"),
        (1, "01"),
        (127, "7f"),
        (128, "0080"),
        (255, "00ff"),
        (256, "0100"),
        (2**31 - 1, "7fffffff"),
        (2**31, "0080000000"),
        (2**32 - 1, "00ffffffff"),
        (-1, "ff"),
        (-128, "80"),
        (-129, "ff7f"),
        (-(2**31), "80000000"),
    ],
)
def test_integers_are_minimal(value: int, content: str) -> None:
    assert ber.integer(value).hex() == content


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("1.3.6.1.2.1.1.5.0", "2b06010201010500"),
        (".1.3.6.1", "2b0601"),
        ("0.0", "00"),
        ("1.39", "4f"),
        ("2.999.3", "883703"),
        ("1.3.6.1.4.1.4491", "2b06010401a30b"),
        ("1.3.4294967295", "2b8fffffff7f"),
    ],
)
def test_object_identifiers(text: str, content: str) -> None:
    assert ber.object_id(text).hex() == content
    assert ber.object_id_text(bytes.fromhex(content)) == text.removeprefix(".")


@pytest.mark.parametrize(
    "text",
    ["", "1", "1.", "1..3", "a.b", "3.1", "1.40", "1.3.4294967296", "1.3 ", "1.3.-1", ".".join("1" * 129)],
)
def test_object_identifiers_refused(text: str) -> None:
    with pytest.raises(DocsisError):
        ber.object_id(text)


@pytest.mark.parametrize("content", ["", "2b86", "2bffffffffff7f", "01" * 200])
def test_object_identifier_contents_refused(content: str) -> None:
    with pytest.raises(DocsisError):
        ber.object_id_text(bytes.fromhex(content))


@pytest.mark.parametrize(("size", "header"), [(0, "0400"), (127, "047f"), (128, "048180"), (300, "0482012c")])
def test_lengths_are_shortest(size: int, header: str) -> None:
    assert ber.header(ber.OCTET_STRING, size).hex() == header


@pytest.mark.parametrize("size", [0, 1, 100, 126, 127, 128, 255, 256, 70_000])
def test_varbinds_are_read_back(size: int) -> None:
    data = ber.varbind("1.3.6.1.2.1.1.5.0", ber.OCTET_STRING, bytes(size))
    assert ber.read_varbind(data) == ("1.3.6.1.2.1.1.5.0", ber.OCTET_STRING, bytes(size))


@pytest.mark.parametrize(
    "data",
    [
        "",
        "30",
        "3000",
        "3007 06022b06 020101 00",  # left over
        "3107 06022b06 020101",  # not a SEQUENCE
        "3007 04022b06 020101",  # no OBJECT IDENTIFIER
        "3008 06022b06 020101 05",  # two values
        "3004 06022b06",  # no value
        "3080 06022b06 020101",  # indefinite length
        "3085 0000000007 06022b06 020101",  # five bytes of length
        "3082 00",
        "30ff",
    ],
)
def test_varbinds_refused(data: str) -> None:
    with pytest.raises(DocsisError):
        ber.read_varbind(bytes.fromhex(data))


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes_are_a_varbind_or_refused(data: bytes) -> None:
    try:
        found = ber.read_varbind(data)
    except DocsisError:
        return
    assert ber.read_varbind(ber.varbind(*found)) == found
