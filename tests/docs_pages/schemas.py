"""The JSON Schemas of the local API, from its table."""

from collections.abc import Iterator
from typing import Any, Literal

from pydantic.json_schema import GenerateJsonSchema

from bus.contract import Contract
from services.instance.operations import ERRORS, OPERATIONS, Operation


class _Schema(GenerateJsonSchema):
    def field_title_should_be_set(self, _schema: Any) -> bool:
        """A field's title would be its name again."""
        return False

    def field_is_required(self, field: Any, total: bool) -> bool:
        """What is told is always there, whatever its default."""
        return self.mode == "serialization" or super().field_is_required(field, total)

    def model_schema(self, schema: Any) -> dict[str, Any]:
        """Nothing is told that is not declared, also where a reader would leave it out."""
        found = super().model_schema(schema)
        if self.mode == "serialization":
            found["additionalProperties"] = False
        return found


def schemas() -> dict[str, Any]:
    """One JSON Schema (2020-12) that defines of each operation the request and the answer, as `$defs` of the
    names `OPERATION.request` and `OPERATION.answer`.
    """
    shared: dict[str, Any] = {}
    lines: dict[str, Any] = {}
    for one in OPERATIONS.values():
        lines[f"{one.name}.request"] = _request(one, shared)
        lines[f"{one.name}.answer"] = {"anyOf": [*_answers(one, shared)]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "The local API of provbus",
        "$defs": lines | dict(sorted(shared.items())),
    }


def _request(operation: Operation, shared: dict[str, Any]) -> dict[str, Any]:
    schema: dict[str, Any] = _schema(operation.fields, "validation", shared)
    frame = {
        "op": {"const": operation.name, "description": "The operation."},
        "id": {"description": "Anything: it comes back in the answer, null if it is missing."},
    }
    schema["properties"] = frame | schema.get("properties", {})
    schema["required"] = ["op", *schema.get("required", [])]
    return schema


def _answers(operation: Operation, shared: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for shape in operation.answers:
        yield _answer(_schema(shape, "serialization", shared))
    by_shape: dict[type[Contract], list[str]] = {}
    for error in operation.errors:
        by_shape.setdefault(ERRORS[error].answer, []).append(error)
    for shape, errors in by_shape.items():
        schema = _answer(_schema(shape, "serialization", shared))
        schema["properties"]["error"] = {"enum": errors, "description": "The word of the error."}
        yield schema


def _answer(schema: dict[str, Any]) -> dict[str, Any]:
    schema["properties"] = {"id": {"description": "As asked."}} | schema["properties"]
    schema["required"] = ["id", *schema["required"]]
    return schema


def _schema(
    shape: type[Contract], mode: Literal["validation", "serialization"], shared: dict[str, Any]
) -> Any:
    """The schema of one contract. What it refers to goes to `shared`."""
    schema = shape.model_json_schema(mode=mode, schema_generator=_Schema)
    shared |= schema.pop("$defs", {})
    return schema
