"""Placeholders: declaration, packing, splitting."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.docsis.errors import DocsisError
from services.docsis.packing import Packing
from services.docsis.placeholders import Placeholder, PlaceholderScope, declare

EVERY_KIND: dict[str, object] = {
    "small": {"kind": "uint8"},
    "middle": {"kind": "uint16"},
    "large": {"kind": "uint32"},
    "line": {"kind": "string"},
    "server": {"kind": "ipv4"},
}
VALUES: dict[str, object] = {
    "small": 4,
    "middle": 258,
    "large": 2**32 - 1,
    "line": "Zoë",
    "server": "192.0.2.7",
}


def packing(definition: dict[str, object]) -> Packing:
    errors: list[DocsisError] = []
    made = Packing(PlaceholderScope(declare(definition, errors)).settle(definition, errors))
    assert errors == []
    return made


def pack(packing: Packing, values: dict[str, object]) -> bytes:
    return packing.join(packing.fields(values))


def test_values_are_packed_by_position() -> None:
    packed = pack(packing(EVERY_KIND), VALUES)
    assert packed.hex() == "040102ffffffff045a6fc3abc0000207"
    assert packing(EVERY_KIND).split(packed) == [b"\4", b"\1\2", b"\xff" * 4, "Zoë".encode(), b"\xc0\0\2\7"]


def test_no_placeholders_pack_to_nothing() -> None:
    assert pack(packing({}), {}) == b""
    assert packing({}).split(b"") == []


def test_defaults_are_packed_too() -> None:
    definition: dict[str, object] = {
        "a": {"kind": "uint8", "default": 4},
        "b": {"kind": "string", "default": "x"},
    }
    assert pack(packing(definition), {}) == b"\4\1x"
    assert pack(packing(definition), {"a": 5}) == b"\5\1x"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("small", -1),
        ("small", 256),
        ("small", True),
        ("small", "4"),
        ("small", None),
        ("middle", 65_536),
        ("large", 2**32),
        ("large", 1.0),
        ("line", 7),
        ("line", "x" * 256),
        ("line", "ë" * 128),
        ("line", "a\0b"),
        ("line", "\ud800"),
        ("server", "192.0.2"),
        ("server", "192.0.2.256"),
        ("server", 3221225991),
        ("server", "2001:db8::1"),
        ("other", 1),
    ],
)
def test_a_bad_value_is_named(name: str, value: object) -> None:
    with pytest.raises(DocsisError) as caught:
        packing(EVERY_KIND).fields({**VALUES, name: value})
    assert caught.value.path == name


@pytest.mark.parametrize("name", EVERY_KIND)
def test_a_missing_value_is_named(name: str) -> None:
    with pytest.raises(DocsisError, match="neither") as caught:
        packing(EVERY_KIND).fields({key: value for key, value in VALUES.items() if key != name})
    assert caught.value.path == name


@pytest.mark.parametrize(
    ("definition", "path"),
    [
        ([], "placeholders"),
        ({f"a{n}": {"kind": "uint8"} for n in range(33)}, "placeholders"),
        ({"Name": {"kind": "uint8"}}, "placeholders.Name"),
        ({7: {"kind": "uint8"}}, "placeholders.7"),
        ({"a": "uint8"}, "placeholders.a"),
        ({"a": {}}, "placeholders.a"),
        ({"a": {"kind": "uint8", "defualt": 4}}, "placeholders.a"),
        ({"a": {"kind": "uint64"}}, "placeholders.a.kind"),
        ({"a": {"kind": ["uint8"]}}, "placeholders.a.kind"),
        ({"a": {"kind": "uint8", "default": 256}}, "placeholders.a.default"),
        ({"a": {"kind": "ipv4", "default": "here"}}, "placeholders.a.default"),
    ],
)
def test_a_bad_declaration_is_named(definition: object, path: str) -> None:
    errors: list[DocsisError] = []
    PlaceholderScope(declare(definition, errors)).settle(definition, errors)
    assert [error.path for error in errors] == [path]


def test_every_bad_declaration_is_named_and_the_others_stay() -> None:
    definition = {"A": {}, "b": {"kind": "uint8", "default": -1}, "c": {"kind": "ipv4"}, "d": 4}
    errors: list[DocsisError] = []
    found = PlaceholderScope(declare(definition, errors)).settle(definition, errors)
    assert [error.path for error in errors] == ["placeholders.A", "placeholders.d", "placeholders.b.default"]
    assert [placeholder.name for placeholder in found] == ["b", "c"]


def test_uses_narrow_the_range_for_both_sides() -> None:
    definition: dict[str, object] = {"a": {"kind": "uint8"}}
    scope = PlaceholderScope(declare(definition, []))
    scope.narrow(0, 1, 300, "first")
    scope.narrow(0, 0, 7, "second")
    (placeholder,) = scope.settle(definition, [])
    assert placeholder == Placeholder("a", "uint8", 1, 7)
    narrow = Packing([placeholder])
    assert narrow.split(b"\7") == [b"\7"]
    for value in (0, 8):
        with pytest.raises(DocsisError, match="1 to 7"):
            narrow.fields({"a": value})
        with pytest.raises(DocsisError, match="out of range"):
            narrow.split(bytes((value,)))
    with pytest.raises(DocsisError, match="fits all its uses"):
        scope.narrow(0, 8, 9, "third")


@pytest.mark.parametrize("packed", [b"", b"\1", b"\1\2\3"])
def test_a_wrong_length_is_refused(packed: bytes) -> None:
    with pytest.raises(DocsisError, match="packed"):
        packing({"a": {"kind": "uint16"}}).split(packed)


@pytest.mark.parametrize("packed", [b"", b"\3ab", b"\1ab", b"\1\xff", b"\1\0"])
def test_a_malformed_string_is_refused(packed: bytes) -> None:
    with pytest.raises(DocsisError, match="packed"):
        packing({"a": {"kind": "string"}}).split(packed)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=40))
def test_any_bytes_are_split_or_refused(packed: bytes) -> None:
    every = packing(EVERY_KIND)
    try:
        fields = every.split(packed)
    except DocsisError:
        return
    assert every.join(fields) == packed


def test_a_number_too_long_to_show_is_refused() -> None:
    with pytest.raises(DocsisError, match="thousands of digits"):
        packing(EVERY_KIND).fields({**VALUES, "large": 10**5000})
