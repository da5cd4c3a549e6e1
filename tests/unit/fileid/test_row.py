"""Rows, frames of rows and lists of names: what is written is read, and nothing else is."""

from struct import pack as pack_struct
from typing import Any

import pytest

from bus.envelope import Token, number_of
from bus.errors import DecodeError, LocalError, OversizeError
from fileid.row import (
    HEAD,
    MINTER,
    ROWS_MAX,
    VALUES_BYTES_MAX,
    Fields,
    Row,
    cut,
    cut_rows,
    head_bytes,
    is_partial,
    mark_partial,
    name_bytes,
    pack,
    pack_address,
    pack_names,
    pack_rows,
    split_rows,
    template_number,
    unpack,
    unpack_names,
)

SMALLEST: dict[str, Any] = {
    "minted_ms": 0,
    "token": Token(0, 0),
    "minter": 0,
    "generation": 0,
    "template": 0,
    "values": b"",
}
LARGEST: dict[str, Any] = {
    "minted_ms": 2**48 - 1,
    "token": Token(2**16 - 1, 2**48 - 1),
    "minter": 2**32 - 1,
    "generation": 2**32 - 1,
    "template": 2**32 - 1,
    "values": b"\xff" * VALUES_BYTES_MAX,
}


def test_the_layout_is_the_documented_one(fields: Fields) -> None:
    parts = [
        (0, 1),  # flags
        (1, 1),  # version
        (fields.minted_ms, 6),
        (fields.token.era, 2),
        (fields.token.epoch, 6),
        (int.from_bytes(fields.device), 6),
        (int.from_bytes(fields.address), 4),
        (int.from_bytes(fields.relay), 4),
        (fields.minter, 4),
        (fields.generation, 4),
        (fields.template, 4),
        (int.from_bytes(fields.serial), 8),
    ]
    head = b"".join(number.to_bytes(size) for number, size in parts)
    body = pack(fields)
    assert body == head + fields.values
    assert len(head) == HEAD.size == 50
    assert body[MINTER] == fields.minter.to_bytes(4)


@pytest.mark.parametrize("changes", [{}, {"partial": True}, SMALLEST, LARGEST])
def test_what_is_packed_is_unpacked(fields: Fields, changes: dict[str, Any]) -> None:
    expected = fields._replace(**changes)
    assert unpack(pack(expected)) == expected
    assert Row(b"name", pack(expected)).fields() == expected


IPV6: dict[str, Any] = {"address": bytes(range(16)), "relay": bytes(4)}


def test_an_ipv6_row_has_the_rest_of_its_address_behind_the_head(fields: Fields) -> None:
    expected = fields._replace(**IPV6)
    body = pack(expected)
    assert body[0] == 2
    assert body[22:26] == bytes(range(4))
    assert body[HEAD.size :] == bytes(range(4, 16)) + fields.values
    assert body[MINTER] == fields.minter.to_bytes(4)
    assert unpack(body) == expected
    assert unpack(mark_partial(body)) == expected._replace(partial=True)
    assert (head_bytes(body), head_bytes(pack(fields))) == (62, 50)


def test_an_ipv6_row_has_no_relay(fields: Fields) -> None:
    with pytest.raises(LocalError):
        pack(fields._replace(address=bytes(16)))


def test_marking_partial_changes_nothing_else(fields: Fields) -> None:
    body = pack(fields)
    assert unpack(mark_partial(body)) == fields._replace(partial=True)
    assert mark_partial(mark_partial(body)) == mark_partial(body)
    assert (is_partial(body), is_partial(mark_partial(body))) == (False, True)


def test_values_beyond_a_row_are_refused_where_they_are_packed(fields: Fields) -> None:
    with pytest.raises(OversizeError):
        pack(fields._replace(values=bytes(VALUES_BYTES_MAX + 1)))


@pytest.mark.parametrize(
    ("start", "size"),
    [
        (b"", 0),
        (b"\x00\x01", 49),
        (b"\x00\x01", HEAD.size + VALUES_BYTES_MAX + 1),
        (b"\x00\x00", 50),
        (b"\x00\x02", 50),
        (b"\x00\xff", 50),
        (b"\x02\x01", 61),
        (b"\x03\x01", 61),
        (b"\x02\x01", 62 + VALUES_BYTES_MAX + 1),
        (b"\x02\x01".ljust(29, b"\0") + b"\x01", 62),
        (b"\x05\x01", 62),
        (b"\x06\x01", 62),
        (b"\x80\x01", 62),
    ],
    ids=[
        "empty",
        "short",
        "long",
        "version 0",
        "version 2",
        "version 255",
        "short IPv6",
        "short partial IPv6",
        "long IPv6",
        "IPv6 with a relay",
        "leased partial",
        "leased IPv6",
        "flag 128",
    ],
)
def test_what_is_no_body_is_refused(start: bytes, size: int) -> None:
    with pytest.raises(DecodeError):
        unpack(start.ljust(size, b"\0"))


def test_a_name_has_one_number_for_ever() -> None:
    assert number_of("dhcp-1") == 0x16A0635D  # rows of an older version name their minter by it
    assert number_of("dhcp-1") != number_of("dhcp-2")


def test_a_template_has_another_number_when_its_class_or_its_placeholders_change() -> None:
    numbers = {
        template_number("residential", "cm(customer:uint32)"),
        template_number("residential", "cm(customer:uint16)"),
        template_number("business", "cm(customer:uint32)"),
        template_number("residential", "mta(customer:uint32)"),
    }
    assert len(numbers) == 4


@pytest.mark.parametrize("count", [1, 2, 63, ROWS_MAX])
def test_a_frame_holds_its_rows_in_order(fields: Fields, count: int) -> None:
    rows = [
        Row(f"name-{at}".encode(), pack(fields._replace(values=b"v" * (at % 7), serial=at.to_bytes(8))))
        for at in range(count)
    ]
    data = pack_rows(rows)
    assert list(map(Row, *split_rows(data))) == rows


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0",
        b"\0\0",
        pack_struct(">H", 1),
        pack_struct(">HH", 1, 1),
        pack_struct(">HHH", 2, 0, 0),
        pack_struct(">HHH", 1, 1, 5) + b"abcd",
        pack_struct(">HHH", 1, 1, 2) + b"abcd",
        pack_struct(">HHHHH", 2, 1, 2, 1, 3) + b"abcd",
        pack_struct(">HHHHH", 2, 1, 0xFFFF, 1, 0xFFFF) + b"abcd",
        pack_struct(">H", 0) + b"abcd",
        pack_struct(">H", ROWS_MAX + 1) + pack_struct(">HH", 0, 0) * (ROWS_MAX + 1),
        pack_struct(">H", 0xFFFF) + bytes(0xFFFF * 4),
    ],
    ids=[
        "nothing",
        "half a count",
        "no rows",
        "no lengths",
        "half the lengths",
        "lengths of one row of two",
        "row beyond the end",
        "bytes behind the rows",
        "second row beyond the end",
        "lengths beyond any frame",
        "rows that are not counted",
        "one row too many",
        "many rows too many",
    ],
)
def test_a_frame_that_does_not_add_up_is_refused(data: bytes) -> None:
    with pytest.raises(DecodeError):
        split_rows(data)


def test_every_truncated_frame_is_refused(fields: Fields) -> None:
    data = pack_rows([Row(b"one", pack(fields)), Row(b"two", pack(fields))])
    for size in range(len(data)):
        with pytest.raises(DecodeError):
            split_rows(data[:size])


@pytest.mark.parametrize(
    "names", [[], [b"a"], [b"", b"x" * 127], [b"n%d" % at for at in range(ROWS_MAX)]], ids=len
)
def test_names_are_read_as_written(names: list[bytes]) -> None:
    assert unpack_names(pack_names(names)) == names


@pytest.mark.parametrize(
    "data",
    [b"\x01", b"\x05abcd", b"\x01a\x02b", b"\xff" + bytes(254), pack_names([b"n"] * (ROWS_MAX + 1))],
    ids=["length alone", "short", "second short", "longest short", "one too many"],
)
def test_names_that_do_not_add_up_are_refused(data: bytes) -> None:
    with pytest.raises(DecodeError):
        unpack_names(data)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("0.0.0.0", bytes(4)),
        ("10.0.0.7", b"\n\0\0\7"),
        ("255.255.255.255", b"\xff" * 4),
        ("::", bytes(16)),
        ("2001:DB8::7", b"\x20\x01\x0d\xb8" + bytes(11) + b"\x07"),
        ("fe80::1%eth0", b"\xfe\x80" + bytes(13) + b"\x01"),
        ("::ffff:10.0.0.7", b"\n\0\0\7"),
    ],
)
def test_an_address_has_four_or_sixteen_bytes(text: str, address: bytes) -> None:
    assert pack_address(text) == address


@pytest.mark.parametrize(
    "text",
    [None, 5, True, b"10.0.0.7", "", "10.0.0", "10.0.0.256", "10.0.0.7.1", "10.0.0.7\n", " 10.0.0.7",
     "10.0.0.-1", "10.0.0.x", "1e1.0.0.7", "\u0661\u0660.0.0.7",
     "1::2::3", ":", "::g", "fe80::1 ", "%lo", "1:2:3:4:5:6:7:8:9"],
)  # fmt: skip
def test_what_is_no_address_is_refused(text: object) -> None:
    with pytest.raises(DecodeError):
        pack_address(text)


@pytest.mark.parametrize(
    ("sizes", "bytes_max", "runs"),
    [
        ([], 10, []),
        ([4], 10, [[4]]),
        ([4, 4, 4], 10, [[4, 4], [4]]),
        ([10, 10], 10, [[10], [10]]),
        ([5, 5, 1], 10, [[5, 5], [1]]),
        ([11, 1], 10, [[11], [1]]),  # refused by whoever has to send it, not here
        ([1] * (ROWS_MAX + 1), 1_000, [[1] * ROWS_MAX, [1]]),
    ],
)
def test_runs_stay_within_their_limits(sizes: list[int], bytes_max: int, runs: list[list[int]]) -> None:
    assert [list(run) for run in cut(sizes, int, bytes_max)] == runs


@pytest.mark.parametrize("data_bytes_max", [200, 1_312, 96 * 1024])
def test_rows_are_cut_into_frames_that_fit(fields: Fields, data_bytes_max: int) -> None:
    rows = [Row(b"name-%d" % at, pack(fields)) for at in range(ROWS_MAX + 10)]
    frames = [pack_rows(some) for some in cut_rows(rows, data_bytes_max)]
    assert max(map(len, frames)) <= data_bytes_max
    assert [row for data in frames for row in map(Row, *split_rows(data))] == rows


def test_names_take_what_is_said(fields: Fields) -> None:
    names = [b"", b"x" * 127, b"abc"]
    assert sum(map(name_bytes, names)) == len(pack_names(names))
