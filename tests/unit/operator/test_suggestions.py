"""Suggestions: what was meant by a name that does not exist."""

from collections.abc import Iterator

import pytest

from services.docsis.errors import Misnamed
from services.operator.suggestions import KNOWN_MAX, suggested


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        (Misnamed("no class 'dat'", "dat", ["voice", "data"]), "no class 'dat'; did you mean 'data'?"),
        (Misnamed("no class 'zzz'", "zzz", ["voice", "data"]), "no class 'zzz'"),
        (Misnamed("no class 'zzz'", "zzz", ["data"], "see the list"), "no class 'zzz'; see the list"),
        (Misnamed("no class 'dat'", "dat", ["data"], "see it"), "no class 'dat'; did you mean 'data'?"),
        ("must be a number", "must be a number"),
    ],
)
def test_the_nearest_name_is_offered(reason: str, said: str) -> None:
    assert suggested(reason) == said


def test_a_suggestion_looks_at_so_many_names_and_no_more() -> None:
    looked_at = 0

    def names() -> Iterator[str]:
        nonlocal looked_at
        while True:
            looked_at += 1
            yield f"class-{looked_at}"

    suggested(Misnamed("no class", "zzz", names()))
    assert looked_at == KNOWN_MAX
