"""The table of the local API: what it says of itself, and what is generated from it."""

from collections.abc import Iterator
from typing import Any

import pytest

from bus.contract import Contract
from bus.effects import Reply
from bus.messages import LocalRequest
from services.instance.contracts.counts import Counts
from services.instance.local_api import answer, refuse, unknown
from services.instance.operations import ALL, ERRORS, OPERATIONS, Operation
from tests.docs_pages.schemas import schemas

SIDECAR_OPERATIONS = (
    "fileid.create, authority, host.*, failover.*, settings, settings.*, status, transport.* and trace"
)
CFM_OPERATIONS = "settings, settings.history, status, transport.*, trace, fileid.lookup, fileid.done"
operations = pytest.mark.parametrize("operation", OPERATIONS.values(), ids=lambda one: one.name)


def request(**body: Any) -> LocalRequest:
    return LocalRequest(4, body)


def objects(schema: Any) -> Iterator[dict[str, Any]]:
    """Every object that a schema describes."""
    if isinstance(schema, dict):
        if "properties" in schema:
            yield schema
        for inner in schema.values():
            yield from objects(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from objects(inner)


def references(schema: Any) -> Iterator[str]:
    """Every definition that a schema refers to."""
    if isinstance(schema, dict):
        if isinstance(schema.get("$ref"), str):
            yield schema["$ref"]
        for inner in schema.values():
            yield from references(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from references(inner)


def test_an_answer_goes_back_the_way_of_its_request() -> None:
    assert answer(request(op="status", id=[7]), rows=3) == Reply(4, {"id": [7], "rows": 3})
    assert answer(request(op="status"), rows=3) == Reply(4, {"id": None, "rows": 3})


def test_a_refusal_has_its_word_and_its_reason() -> None:
    assert refuse(request(id=1), "try_again", "not yet").body == {
        "id": 1,
        "error": "try_again",
        "detail": "not yet",
    }
    assert refuse(request(id=1), "unknown").body == {"id": 1, "error": "unknown"}
    wrong = refuse(request(id=1), "bad_settings", "1 mistake", problems=[["classes", "is wrong"]])
    assert wrong.body["problems"] == [["classes", "is wrong"]]


@pytest.mark.parametrize(
    ("service", "votes", "known"),
    [
        ("dhcp", False, SIDECAR_OPERATIONS),
        ("mps", False, SIDECAR_OPERATIONS),
        ("cfm", False, CFM_OPERATIONS),
        ("cfm", True, f"{CFM_OPERATIONS}, failover.admit"),
    ],
)
def test_who_asks_for_what_there_is_not_is_told_what_there_is(service: str, votes: bool, known: str) -> None:
    assert unknown(request(op=["x"], id=2), service, votes=votes).body == {
        "id": 2,
        "error": "bad_request",
        "detail": f"unknown op ['x']; there are {known}",
    }


@operations
def test_an_operation_is_for_services_and_has_errors_that_there_are(operation: Operation) -> None:
    assert OPERATIONS[operation.name] is operation
    assert {*operation.services} <= {*ALL}
    assert {*operation.errors} <= ERRORS.keys()
    assert operation.does.endswith(".")
    assert "\n" not in operation.does


def test_every_error_is_some_operations() -> None:
    assert {error for one in OPERATIONS.values() for error in one.errors} == ERRORS.keys()


@operations
def test_every_field_says_what_it_means(operation: Operation) -> None:
    definitions = schemas()["$defs"]
    mine = [definitions[f"{operation.name}.{side}"] for side in ("request", "answer")]
    assert [one for one in [*references(mine)] if one.removeprefix("#/$defs/") not in definitions] == []
    for found in objects([*mine, *(definitions[one.removeprefix("#/$defs/")] for one in references(mine))]):
        undescribed = [name for name, field in found["properties"].items() if "description" not in field]
        assert undescribed == [] or counts_only(found["title"])
        assert found["description"]


def counts_only(title: str) -> bool:
    return title in {one.__name__ for one in Counts.__subclasses__()}


def test_definitions_of_one_name_are_one_contract() -> None:
    """They share a place in the schema, whether they are asked or told."""
    named: dict[str, set[type[Contract]]] = {}
    todo: list[type[Contract]] = [Contract]
    while todo:
        for one in todo.pop().__subclasses__():
            todo.append(one)
            if one.__module__.startswith("services.instance.contracts"):
                named.setdefault(one.__name__, set()).add(one)
    assert {name: found for name, found in named.items() if len(found) > 1 and name[0] != "_"} == {}


def test_a_request_names_its_operation_and_an_answer_its_request() -> None:
    definitions = schemas()["$defs"]
    for name in OPERATIONS:
        asked = definitions[f"{name}.request"]
        assert asked["properties"]["op"]["const"] == name
        assert "op" in asked["required"]
        assert all("id" in one["required"] for one in definitions[f"{name}.answer"]["anyOf"])
