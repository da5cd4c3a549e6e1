"""`reference/local-api.md` and its JSON Schemas in `docs/`, from the table of the local API."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from bus.messages import LocalDoor
from bus.runtime.local_socket import ADMIN_SESSIONS_MAX, LINE_BYTES_MAX, SESSIONS_MAX, UNREAD_BYTES_MAX
from bus.transport.peer import GROUPS_MAX
from services.instance.operations import ALL, ERRORS, OPERATIONS, Operation
from tests.docs_pages.examples import EXAMPLES
from tests.docs_pages.markdown import WIDTH, table, wrapped
from tests.docs_pages.schemas import schemas

Schema = dict[str, Any]
_REF = "#/$defs/"
ANSWERED_BY = {
    shape.__name__: f"as [`{one.name}`](#{one.name.replace('.', '')})"
    for one in OPERATIONS.values()
    for shape in one.answers
}
"""Where the page describes each answer, by its name."""
_MIB = 1024 * 1024

INTRODUCTION = (
    "# The local API",
    "A host service speaks to its sidecar over the Unix socket that the configuration names "
    "(`local.socket`, `NAME.sock`), and so does somebody else's TFTP server to a CFM. "
    "An operator uses the socket beside it, `NAME.admin.sock`. "
    "One table in `services/instance/operations.py` holds every operation. "
    "`make docs` writes this page from it, and [local-api.schema.json](local-api.schema.json). "
    "There `#/$defs/OPERATION.request` and `#/$defs/OPERATION.answer` are the JSON Schemas of an operation's "
    "two lines.",
    "- A request is one JSON object in a line: `op`, an `id` of any kind, and the operation's fields.",
    "- An answer is one JSON object in a line: the same `id` (null if there was none), and either what was "
    "asked for or an `error`.",
    "- Ask as much at once as you like. Answers come in any order, so give each request an `id` of its own.",
    "- The host's socket has mode 0660. Root, the instance's own user and members of `local.group`, without "
    f"it of the instance's own group, may connect: {SESSIONS_MAX} at once. Supplementary groups count, as "
    f"`usermod --append` gives them; of a process with more than {GROUPS_MAX} of them only its primary group "
    "does.",
    "- The operators' socket has mode 0600. Root and the instance's own user may connect: "
    f"{ADMIN_SESSIONS_MAX} at once. There every operation is answered.",
    "- An operation that is for operators is `refused` at the host's socket, and counted "
    "(`provbus_local_misplaced_total`). A client that is turned away is a warning in the log and counted.",
    f"- A client that leaves more than {UNREAD_BYTES_MAX // _MIB} MiB of answers unread is disconnected. A "
    f"line of more than {LINE_BYTES_MAX // _MIB} MiB is a `bad_request`, or ends the connection.",
    "- A line that is no JSON object is a `bad_request`, and answered without `id`. So is an operation that "
    "the instance does not have, with its `id`; `detail` names those that it has for this socket.",
    "- Fields that an operation does not have are ignored; `fileid.create` and `fileid.lookup` refuse them.",
    "- A number that ends in `_s` is in seconds, one in `_ms` in milliseconds. Long examples are broken into "
    "lines here.",
)


def page() -> str:
    """The page, for people."""
    definitions: Schema = schemas()["$defs"]
    head, said, *rules = map(wrapped, INTRODUCTION)
    parts = [head, said, "\n".join(rules), _errors(), _contents()]
    parts += (part for one in OPERATIONS.values() for part in _operation(one, definitions))
    parts += _objects(definitions)
    return "\n\n".join(parts) + "\n"


def schema() -> str:
    """The JSON Schemas, for programs."""
    return json.dumps(schemas(), indent=2) + "\n"


def _errors() -> str:
    rows = [(f"`{word}`", error.means) for word, error in ERRORS.items()]
    return "\n\n".join(
        [
            "## Errors",
            table(("error", "it means"), rows),
            "Beside `error` stands `detail`, a sentence for people. Only `unknown` has none.",
        ]
    )


def _contents() -> str:
    rows = [
        (f"[`{one.name}`](#{one.name.replace('.', '')})", _services(one), _sockets(one), one.does)
        for one in OPERATIONS.values()
    ]
    return "## Operations\n\n" + table(("operation", "asked of", "socket", "what it does"), rows)


def _services(operation: Operation) -> str:
    return "all" if operation.services == ALL else ", ".join(operation.services)


def _sockets(operation: Operation) -> str:
    return "both" if LocalDoor.HOST in operation.doors else "operators'"


def _operation(operation: Operation, definitions: Schema) -> Iterator[str]:
    request = definitions[f"{operation.name}.request"]
    shapes = [one for one in definitions[f"{operation.name}.answer"]["anyOf"] if not _is_refusal(one)]
    yield f"## `{operation.name}`"
    where = "" if LocalDoor.HOST in operation.doors else " It is for operators: `NAME.admin.sock`."
    vote = " Only a CFM that has a vote has it (`failover.grants`)." if operation.needs_vote else ""
    yield wrapped(f"{operation.does} Asked of: {_services(operation)}.{where}{vote}")
    yield wrapped(request["description"])
    if any(_fields(request)):
        yield _asked(request)
    yield from _answer(shapes)
    words = ", ".join(f"`{word}`" for word in operation.errors)
    yield f"It may be refused with {words}." if words else "It is never refused."
    example = EXAMPLES[operation.name]
    asked = {"op": operation.name, **example.request}
    yield "\n".join(["```json", _json(asked), _json(example.answer), "```"])


def _asked(shape: Schema) -> str:
    """The fields of a request, or of an object in one, with what they may be."""
    rows = [
        (f"`{name}`", _type(one) + _bounds(one), _required(name, one, shape), one["description"])
        for name, one in _fields(shape)
    ]
    return table(("field", "type", "required", "meaning"), rows)


def _told(shape: Schema) -> str:
    """The fields of an answer, or of an object in one. Each is always there."""
    rows = [(f"`{name}`", _type(one), one["description"]) for name, one in _fields(shape)]
    return table(("field", "type", "meaning"), rows)


def _is_refusal(shape: Schema) -> bool:
    return "error" in shape["properties"]


def _answer(shapes: list[Schema]) -> Iterator[str]:
    """One table of all shapes; where they differ it says which of them have a field."""
    if len(shapes) == 1:
        yield wrapped(f"The answer: {shapes[0]['description']}")
        yield _told(shapes[0])
        return
    yield "The answer has one of these shapes:"
    yield "\n".join(wrapped(f"- `{one['title']}`: {one['description']}") for one in shapes)
    names = [f"`{one['title']}`" for one in shapes]
    found: dict[tuple[str, str, str], list[str]] = {}
    for title, shape in zip(names, shapes, strict=True):
        for name, one in _fields(shape):
            found.setdefault((f"`{name}`", _type(one), one["description"]), []).append(title)
    yield table(
        ("field", "of", "type", "meaning"),
        [(name, _which(of, names), kind, meaning) for (name, kind, meaning), of in found.items()],
    )


def _which(some: list[str], names: list[str]) -> str:
    others = [name for name in names if name not in some]
    if len(others) == 1 and len(some) > 1:
        return f"all but {others[0]}"
    return ", ".join(some) if others else "all"


def _objects(definitions: Schema) -> Iterator[str]:
    """What requests and answers contain; an answer that another one contains has its place already."""
    yield "## Objects"
    asked = {ref for name in OPERATIONS for ref in _references(definitions[f"{name}.request"])}
    for name, one in definitions.items():
        if "." in name or name in ANSWERED_BY:
            continue
        yield f"### {name}"
        yield wrapped(one["description"])
        if "enum" in one:
            yield wrapped(f"One of {', '.join(f'`{value}`' for value in one['enum'])}.")
        elif not all("description" in field for _, field in _fields(one)):
            yield wrapped(f"Each is a count: {', '.join(f'`{field}`' for field in one['properties'])}.")
        else:
            yield _asked(one) if name in asked else _told(one)


def _references(schema: Any) -> Iterator[str]:
    """The names of the definitions that a schema refers to."""
    inner = schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ()
    for one in inner:
        yield from _references(one)
    if isinstance(schema, dict) and "$ref" in schema:
        yield schema["$ref"].removeprefix(_REF)


def _fields(shape: Schema) -> Iterator[tuple[str, Schema]]:
    return ((name, one) for name, one in shape["properties"].items() if name not in ("op", "id"))


def _required(name: str, field: Schema, request: Schema) -> str:
    if name in request.get("required", []):
        return "yes"
    default = field.get("default")
    return "no" if default in (None, [], {}) else f"no: `{json.dumps(default)}`"


def _type(field: Schema) -> str:
    """What a field is, in words."""
    kind = field.get("type")
    if "$ref" in field:
        name = field["$ref"].removeprefix(_REF)
        return ANSWERED_BY.get(name, f"[{name}](#{name.lower()})")
    if "const" in field or "enum" in field:
        return ", ".join(f"`{json.dumps(value)}`" for value in field.get("enum", [field.get("const")]))
    if "anyOf" in field:
        is_address = all("format" in one for one in field["anyOf"])
        return "IP address" if is_address else " or ".join(dict.fromkeys(map(_type, field["anyOf"])))
    if kind == "array":
        if "prefixItems" in field:
            return f"[{', '.join(map(_type, field['prefixItems']))}]"
        return f"array of {_type(field['items'])}" if field["items"] else "array"
    if kind == "object":
        inner = next(iter(field.get("patternProperties", {}).values()), field.get("additionalProperties"))
        return f"object of {_type(inner)}" if isinstance(inner, dict) else "object"
    return str(field.get("format", kind))


def _bounds(field: Schema) -> str:
    if "minimum" in field:
        return f", {field['minimum']:,.0f} to {field['maximum']:,.0f}"
    if "maxLength" in field:
        return f", {field.get('minLength', 0)} to {field['maxLength']} characters"
    return ""


def _json(value: Any, indent: str = "") -> str:
    """JSON in one line if that is short enough, else an object's or an array's parts in a line each."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    if len(indent) + len(text) < WIDTH or not isinstance(value, dict | list):
        return text
    deeper = indent + "  "
    if isinstance(value, list):
        return _broken("[", (_json(one, deeper) for one in value), "]", indent)
    return _broken(
        "{", (f"{json.dumps(name)}:{_json(one, deeper)}" for name, one in value.items()), "}", indent
    )


def _broken(opening: str, parts: Iterable[str], closing: str, indent: str) -> str:
    lines = ",\n".join(f"{indent}  {part}" for part in parts)
    return f"{opening}\n{lines}\n{indent}{closing}"
