"""Reading and writing TLV sequences."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.docsis.errors import DocsisError
from services.docsis.tlv import FILE_BYTES_MAX, FileKind, Tlv, header, read, read_group, write


@pytest.mark.parametrize(
    ("kind", "data", "expected"),
    [
        ("cm", "0301 01 ff 0000", [Tlv(3, b"\x01", 0)]),
        ("cm", "00 030101 00 120104 ff", [Tlv(3, b"\x01", 1), Tlv(18, b"\x04", 5)]),
        ("cm", "ff", []),
        ("cm", "ff 01", []),  # something after the end
        ("cm", "0300 ff", [Tlv(3, b"", 0)]),
        ("cm", "2bff" + "00" * 255 + "ff", [Tlv(43, bytes(255), 0)]),
        ("cm", "67 0000 ff", [Tlv(103, b"", 0)]),
        ("cm", "40 01 09 ff", [Tlv(64, b"\x09", 0)]),
        ("cm", "67 0002 aabb ff", [Tlv(103, b"\xaa\xbb", 0)]),
        ("cm", "68 0001 aa ff", [Tlv(104, b"\xaa", 0)]),
        ("mta", "40 0001 09 fe01ff", [Tlv(64, b"\x09", 0), Tlv(254, b"\xff", 4)]),
        ("mta", "", []),
    ],
)
def test_read(kind: FileKind, data: str, expected: list[Tlv]) -> None:
    assert list(read(bytes.fromhex(data), kind)) == expected


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("cm", ""),  # no end of data
        ("cm", "030101"),
        ("cm", "03"),  # no length
        ("cm", "0302 01"),  # cut off
        ("cm", "67 00"),
        ("cm", "67 0100 ff"),
        ("mta", "40 0005 09"),
        ("mta", "fe0101 00"),
        ("mta", "fe0101 fe01ff 00"),  # something after the closing TLV
        ("mta", "fe0101 0001 09"),
        ("mta", "fe0101 ff"),
        ("mta", "fe0101 ff01 00"),
    ],
)
def test_read_refuses(kind: FileKind, data: str) -> None:
    with pytest.raises(DocsisError):
        read(bytes.fromhex(data), kind)


def test_read_is_bounded() -> None:
    full = b"\xff" + bytes(FILE_BYTES_MAX - 1)
    assert read(full, "cm") == ()
    with pytest.raises(DocsisError, match="limit"):
        read(full + b"\0", "cm")


@pytest.mark.parametrize(
    ("type", "kind", "size"),
    [
        (43, "cm", 0),
        (43, "cm", 254),
        (43, "cm", 255),
        (64, "mta", 300),
        (103, "cm", 0),
        (103, "cm", 65_000),
    ],
)
def test_write_is_read_back(type: int, kind: FileKind, size: int) -> None:
    data = write(Tlv(type, bytes(size)), kind)
    assert read(data + (b"\xff" if kind == "cm" else b""), kind) == (Tlv(type, bytes(size)),)


@pytest.mark.parametrize(
    ("type", "kind", "size"), [(43, "cm", 256), (64, "cm", 256), (64, "mta", 65_536), (103, "cm", 65_536)]
)
def test_write_refuses_what_the_length_cannot_say(type: int, kind: FileKind, size: int) -> None:
    with pytest.raises(DocsisError):
        write(Tlv(type, bytes(size)), kind)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("", []),
        ("0102aabb 0300", [Tlv(1, b"\xaa\xbb", 0), Tlv(3, b"", 4)]),
        ("00010a ff00", [Tlv(0, b"\x0a", 0), Tlv(255, b"", 3)]),
        ("01", None),
        ("0102aa", None),
        ("010100 02", None),
    ],
)
def test_read_group(value: str, expected: list[Tlv] | None) -> None:
    assert read_group(bytes.fromhex(value)) == expected


def test_header_keeps_the_range_of_the_value() -> None:
    assert header(4, 2, low=2, high=16) == b"\x04\x02"
    for size in (1, 17):
        with pytest.raises(DocsisError, match="2 to 16 bytes") as caught:
            header(4, size, low=2, high=16, path="body[0]")
        assert caught.value.path == "body[0]"


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=600), st.sampled_from(["cm", "mta"]))
def test_any_bytes_are_read_or_refused(data: bytes, kind: FileKind) -> None:
    try:
        tlvs = read(data, kind)
    except DocsisError:
        return
    written = b"".join(write(tlv, kind) for tlv in tlvs)
    assert kind == "cm" or written == data
    assert read(written + (b"\xff" if kind == "cm" else b""), kind) == tuple(
        tlv._replace(offset=at) for tlv, at in zip(tlvs, _offsets(tlvs, kind), strict=True)
    )


def _offsets(tlvs: tuple[Tlv, ...], kind: FileKind) -> list[int]:
    sizes = [len(write(tlv, kind)) for tlv in tlvs]
    return [sum(sizes[:at]) for at in range(len(sizes))]
