"""The settings catalogue: taken whole or not at all."""

import json
from hashlib import sha256
from typing import Any

import pytest

from bus.contract import encode
from bus.errors import DecodeError
from bus.routes import route
from services.settings.catalogue import (
    NO_VERSION,
    Classes,
    digest,
    parse,
    record,
    structure_problems,
    version,
)
from services.settings.record import AUTHOR_MAX, GENERATION_MAX, LONGEST, RECORD_COMMENT_MAX
from services.settings.vault import size_problems

CLASSES: Classes = {
    "residential": {"kind": "cm", "body": [{"network_access": 1}]},
    "voice": {"kind": "mta", "hash": "na", "body": []},
}

LOOKUP = [{"mac": "00:1a:2c:00:00:01", "class": "residential"}]


def test_a_record_is_read_as_it_was_written() -> None:
    found = record(CLASSES, 7, LOOKUP)
    assert parse(encode(found)) == found
    assert (found.generation, found.classes, found.lookup) == (7, CLASSES, LOOKUP)
    assert record(CLASSES, 7).lookup == []


def test_the_digest_is_of_what_the_classes_say_not_of_how_they_are_written() -> None:
    turned = {name: dict(reversed(one.items())) for name, one in reversed(CLASSES.items())}
    assert list(turned) != list(CLASSES)
    assert digest(turned) == digest(CLASSES)
    assert digest({}) == sha256(b'{"classes":{},"lookup":[]}').hexdigest()


@pytest.mark.parametrize(
    "other",
    [
        {},
        {"residential": CLASSES["residential"]},
        CLASSES | {"voice": CLASSES["voice"] | {"hash": "eu"}},
        CLASSES | {"residential": CLASSES["residential"] | {"body": [{"network_access": "1"}]}},
    ],
)
def test_every_change_has_another_digest(other: Classes) -> None:
    assert digest(other) != digest(CLASSES)


@pytest.mark.parametrize("other", [[], LOOKUP * 2, [LOOKUP[0] | {"class": "voice"}]], ids=str)
def test_every_change_of_a_rule_has_another_digest(other: list[Any]) -> None:
    assert digest(CLASSES, other) != digest(CLASSES, LOOKUP)
    assert digest(CLASSES, [dict(reversed(LOOKUP[0].items()))]) == digest(CLASSES, LOOKUP)


def test_the_generation_does_not_change_the_digest() -> None:
    assert record(CLASSES, 1).digest == record(CLASSES, 2).digest


@pytest.mark.parametrize(
    "changes",
    [
        {"generation": 0},
        {"generation": -1},
        {"generation": 2**32},
        {"generation": "first"},
        {"digest": "0" * 64},
        {"digest": None},
        {"classes": None},
        {"classes": {"residential": []}},
        {"classes": CLASSES | {"more": {}}},
        {"lookup": None},
        {"lookup": ["rule"]},
        {"lookup": []},
        {"rank": 1},
        {"time_ms": -1},
        {"author": "a" * (AUTHOR_MAX + 1)},
        {"author": "ann\x1b[2J"},
        {"comment": "c" * (RECORD_COMMENT_MAX + 1)},
        {"comment": "two\nlines"},
    ],
    ids=str,
)
def test_a_record_that_is_wrong_in_any_way_is_refused(changes: dict[str, Any]) -> None:
    fields = json.loads(encode(record(CLASSES, 7, LOOKUP)))
    assert parse(json.dumps(fields).encode()) == record(CLASSES, 7, LOOKUP)
    with pytest.raises(DecodeError):
        parse(json.dumps(fields | changes).encode())


@pytest.mark.parametrize(
    "data", [b"", b"null", b"[]", b"{}", b"{", b"\xff\xfe", encode(record(CLASSES, 7))[:-1]]
)
def test_what_is_no_record_is_refused(data: bytes) -> None:
    with pytest.raises(DecodeError):
        parse(data)


@pytest.mark.parametrize(
    "classes", [{}, {"x" * 13: {}}, {"": {}}, {"Gold": {}}, {"gold.1": {}}, {"größe": {}}]
)
def test_a_record_whose_classes_could_not_be_named_in_a_seal_is_refused(classes: Classes) -> None:
    with pytest.raises(DecodeError):
        parse(encode(record(classes, 1)))


@pytest.mark.parametrize("name", ["a", "0", "a-b", "residential", "x" * 12])
def test_a_class_name_is_a_mask(name: str) -> None:
    assert structure_problems({name: {}}) == []


@pytest.mark.parametrize("classes", [{}, None, [{"a": {}}], "a"], ids=str)
def test_what_is_no_mapping_of_classes_is_refused(classes: object) -> None:
    assert [one.path for one in structure_problems(classes)] == ["classes"]


@pytest.mark.parametrize("name", [1, True, "", "-a", "a_b", "a\n", "x" * 13], ids=str)
def test_every_name_that_is_no_mask_is_refused(name: object) -> None:
    assert [one.path for one in structure_problems({name: {}, "ok": {}, "?": {}})] == [
        f"classes.{name}",
        "classes.?",
    ]


@pytest.mark.parametrize("definition", [None, [], "cm"], ids=str)
def test_a_definition_is_a_mapping(definition: object) -> None:
    assert [one.path for one in structure_problems({"a": definition})] == ["classes.a"]


@pytest.mark.parametrize("lookup", [None, {}, "rules"], ids=str)
def test_rules_are_a_list(lookup: object) -> None:
    assert [one.path for one in structure_problems({"a": {}}, lookup)] == ["lookup"]
    assert [one.path for one in structure_problems({}, lookup)] == ["classes", "lookup"]


def test_generation_and_digest_together_say_what_is_newer() -> None:
    one, other = record(CLASSES, 7), record({"residential": CLASSES["residential"]}, 7)
    assert version(None) == NO_VERSION < version(one)
    assert version(one) != version(other)
    assert max(version(one), version(other)) < version(record({"a": {}}, 8))


def test_a_catalogue_that_fits_does_so_with_any_author_and_comment() -> None:
    """So `settings check` never lets pass what `apply` or `rollback` must refuse."""
    limit = route("config").payload_bytes_max

    def rules(size: int) -> list[dict[str, str]]:
        return [{"text": "x" * size}]

    spare = limit - len(encode(record(CLASSES, GENERATION_MAX, rules(0), LONGEST)))
    assert size_problems(CLASSES, rules(spare)) == []
    assert [one.path for one in size_problems(CLASSES, rules(spare + 1))] == ["classes"]
    assert (len(LONGEST.author), len(LONGEST.comment)) == (AUTHOR_MAX, RECORD_COMMENT_MAX)
