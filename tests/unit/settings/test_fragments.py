"""Fragments: what a class says once they are in their places, and the way back to where it was written."""

from typing import Any

import pytest

from services.settings.catalogue import Problem
from services.settings.fragments import DEPTH_MAX, ENTRIES_MAX, expand


def body(fragments: dict[str, Any], *entries: Any) -> Any:
    """The body of a class of these entries, which must be without a mistake."""
    found = expand({"fragments": fragments, "classes": {"a": {"kind": "cm", "body": [*entries]}}})
    assert found.problems == []
    return found.classes["a"]["body"]


def problems(fragments: Any, *entries: Any) -> list[Problem]:
    return expand({"fragments": fragments, "classes": {"a": {"body": [*entries]}}}).problems


def test_classes_without_fragments_stay_as_they_are() -> None:
    classes = {
        "a": {"kind": "cm", "body": [{"x": 1}, {"g": [{"y": [1, 2]}]}]},
        "b": {"body": "wrong"},
        "c": {},
    }
    found = expand({"classes": classes})
    assert (found.classes, found.fragments, found.problems) == (classes, 0, [])


def test_an_include_stands_for_the_fragments_entries_in_order() -> None:
    fragments = {"one": [{"x": 1}, {"y": 2}], "none": []}
    found = body(fragments, {"a": 0}, {"include": "one"}, {"include": "none"}, {"b": 3}, {"include": "one"})
    assert found == [{"a": 0}, {"x": 1}, {"y": 2}, {"b": 3}, {"x": 1}, {"y": 2}]


def test_fragments_stand_in_groups_and_in_fragments() -> None:
    fragments = {
        "outer": [{"include": "inner"}, {"g": [{"include": "inner"}, {"z": 1}]}],
        "inner": [{"x": 1}],
    }
    assert body(fragments, {"h": [{"include": "outer"}]}) == [{"h": [{"x": 1}, {"g": [{"x": 1}, {"z": 1}]}]}]


def test_what_was_read_is_not_changed() -> None:
    fragments = {"one": [{"g": [{"include": "two"}]}], "two": [{"x": 1}]}
    body(fragments, {"include": "one"})
    assert fragments == {"one": [{"g": [{"include": "two"}]}], "two": [{"x": 1}]}


def test_every_place_leads_back_to_where_it_is_written() -> None:
    fragments = {"outer": [{"x": 1}, {"include": "inner"}], "inner": [{"y": 1}, {"g": [{"include": "leaf"}]}]}
    fragments["leaf"] = [{"z": 1}, {"z": 2}]
    entries = [{"a": 0}, {"include": "outer"}, {"h": [{"b": 1}, {"include": "leaf"}]}, {"v": [7, 8]}]
    found = expand({"fragments": fragments, "classes": {"c": {"body": entries}}})
    here = "classes.c.body"
    assert {path: found.origin(path) for path in (
        f"{here}[0].a", f"{here}[1].x", f"{here}[2].y", f"{here}[3].g", f"{here}[3].g[1].z",
        f"{here}[4].h[0].b", f"{here}[4].h[2].z", f"{here}[5].v[1]", here, "classes.c.kind",
    )} == {
        f"{here}[0].a": f"{here}[0].a",
        f"{here}[1].x": "fragments.outer[0].x",
        f"{here}[2].y": "fragments.inner[0].y",
        f"{here}[3].g": "fragments.inner[1].g",
        f"{here}[3].g[1].z": "fragments.leaf[1].z",
        f"{here}[4].h[0].b": f"{here}[2].h[0].b",
        f"{here}[4].h[2].z": "fragments.leaf[1].z",
        f"{here}[5].v[1]": f"{here}[3].v[1]",
        here: here,
        "classes.c.kind": "classes.c.kind",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("entry", "path", "said"),
    [
        ({"include": "comon"}, ".include", "there is no fragment 'comon'"),
        ({"include": "zzz"}, ".include", "there is no fragment 'zzz'"),
        ({"include": None}, "", "takes `include` and the name of one fragment, nothing else"),
        ({"include": ["common"]}, "", "takes `include` and the name of one fragment, nothing else"),
        ({"include": "common", "x": 1}, "", "takes `include` and the name of one fragment, nothing else"),
    ],
)
def test_a_wrong_include_is_named(entry: Any, path: str, said: str) -> None:
    fragments = {"common": [{"x": 1}]}
    assert problems(fragments, {"a": 1}, entry) == [Problem(f"classes.a.body[1]{path}", said)]
    assert problems({**fragments, "b": [entry]}) == [Problem(f"fragments.b[0]{path}", said)]


@pytest.mark.parametrize(
    ("fragments", "ring"),
    [
        ({"a": [{"include": "a"}]}, "'a' in 'a'"),
        ({"a": [{"g": [{"include": "a"}]}]}, "'a' in 'a'"),
        (
            {"a": [{"include": "b"}], "b": [{"include": "c"}], "c": [{"include": "a"}]},
            "'a' in 'c' in 'b' in 'a'",
        ),
    ],
)
def test_a_ring_of_fragments_is_named_and_ends(fragments: Any, ring: str) -> None:
    found = problems(fragments, {"include": "a"})
    assert f"a fragment cannot include itself: {ring}" in [one.reason for one in found]
    assert {one.path.partition("[")[0] for one in found} <= {f"fragments.{name}" for name in fragments}


@pytest.mark.parametrize(
    "fragments",
    [
        {f"f{at}": [{"include": f"f{at + 1}"}] * 10 for at in range(10)} | {"f10": [{"x": 1}]},
        {"f0": [{"include": "wide"}] * 1_000, "wide": [{"x": 1}] * 1_000},
    ],
    ids=["deep", "wide"],
)
def test_fragments_that_multiply_end_at_a_limit(fragments: dict[str, Any]) -> None:
    found = expand({"fragments": fragments, "classes": {"a": {"body": [{"include": "f0"}]}}})
    assert {one.reason for one in found.problems} == {
        f"is beyond the {ENTRIES_MAX} entries that a class may have"
    }
    assert len(found.classes["a"]["body"]) <= ENTRIES_MAX


def test_what_is_nested_without_end_ends_at_a_limit() -> None:
    entries: list[Any] = [{"x": 1}]
    entries.append({"g": entries})
    (one,) = problems({}, *entries)
    assert one.reason == f"is nested more than {DEPTH_MAX} deep, its fragments counted"
    chain = {f"f{at}": [{"include": f"f{at + 1}"}] for at in range(DEPTH_MAX + 1)}
    assert problems({**chain, f"f{DEPTH_MAX + 1}": []}, {"include": "f0"}) != []


@pytest.mark.parametrize("written", [None, [], "x"], ids=str)
def test_fragments_are_a_mapping(written: Any) -> None:
    assert problems(written) == [Problem("fragments", "must map names to lists of TLVs")]


@pytest.mark.parametrize("name", [1, "", "A", "a.b", "a[0]", "x" * 33], ids=str)
def test_a_fragments_name_is_one(name: Any) -> None:
    assert [one.path for one in problems({name: []})] == [f"fragments.{name}"]


def test_who_includes_a_wrong_fragment_is_not_to_blame() -> None:
    assert problems({"b": {"x": 1}}, {"include": "b"}) == [Problem("fragments.b", "must be a list of TLVs")]


def test_a_key_that_is_none_is_named() -> None:
    found = expand({"classes": {"a": {}}, "fragment": {}, "zzz": 1})
    assert found.problems == [
        Problem("fragment", "is no part of a catalogue"),
        Problem("zzz", "is no part of a catalogue"),
    ]
