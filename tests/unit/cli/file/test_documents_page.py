"""The page about documents: its example is a file, and shows every kind of value."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from secrets import token_bytes
from typing import Any

import yaml

from services.cli.file.yaml_document import load_document
from services.docsis.text.document import decode_document
from services.docsis.tlvs.rows.tlv_row import GROUPS, ValueKind
from services.docsis.tlvs.tlv_table import CHILDREN

PAGE = (Path(__file__).parents[4] / "docs/reference/documents.md").read_text()
EXAMPLE = PAGE.partition("```yaml\n")[2].partition("```")[0]
SECRET = token_bytes(16)
VALUES = {
    "string", "integer", "ipaddress", "bits", "counter32", "gauge32", "timeticks", "object_id", "hex", "ber"
}  # fmt: skip


def kinds(entries: list[Mapping[str, Any]], parent: tuple[int, ...] = ()) -> Iterator[ValueKind]:
    """The kinds of the values of a body and its groups."""
    for entry in entries:
        name, value = next(iter(entry.items()))
        row = CHILDREN["cm", parent].get(name)
        if row is not None:
            yield row.kind
            if row.kind in GROUPS and isinstance(value, list):
                yield from kinds(value, row.path)


def test_the_example_is_a_file_that_a_cmts_takes_and_nobody_warns_of() -> None:
    loaded = load_document(EXAMPLE, "documents.md")
    assert loaded.judged({}) == ([], [])
    definition, warning = decode_document(loaded.document.build({}, SECRET))
    assert warning == ""
    body: Any = definition["body"]
    assert len(body) == len(yaml.safe_load(EXAMPLE)["body"])


def test_the_example_shows_every_kind_of_value() -> None:
    body = yaml.safe_load(EXAMPLE)["body"]
    assert set(kinds(body)) == set(ValueKind)
    objects = [value for entry in body for name, value in entry.items() if name == "snmp_set"]
    assert {key for one in objects for key in one} == {"oid", *VALUES}


def test_the_page_names_each_kind_as_the_table_does() -> None:
    shown = {line.partition("# ")[2] for line in EXAMPLE.splitlines()}
    assert [kind.value for kind in ValueKind if not any(kind.value in text for text in shown)] == []
