"""The table of TLVs is sound."""

import re

from services.docsis.table import CHILDREN, TABLE, Kind


def test_names_are_unique_and_only_groups_have_children() -> None:
    assert sum(len(rows) for rows in CHILDREN.values()) == sum(len(row.files) for row in TABLE)
    assert len({row.path for row in TABLE}) == len(TABLE)
    groups = {row.path for row in TABLE if row.kind is Kind.GROUP}
    assert {row.path[:-1] for row in TABLE} - {()} == groups
    for row in TABLE:
        assert re.fullmatch(r"[a-z][a-z0-9_]*", row.name), row
        assert re.fullmatch(r"(SEC A|C)(\.[0-9]+)+", row.section), row
        assert 0 <= row.low <= row.high, row
