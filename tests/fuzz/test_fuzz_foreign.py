"""Texts of another tool from anywhere: read as documents that encode, or refused with lines."""

from pathlib import Path

import pytest

from services.cli.file.yaml_document import Comments, annotate, dump_document, load_document
from services.docsis.errors import PROBLEMS_MAX
from services.docsis.foreign.text import read_text
from services.docsis.text.document import compile_document
from tests.fuzz.mutation import bounded, mutants

SECRET = b"fuzz"
DATA = Path(__file__).parents[1] / "unit/docsis/foreign/data"
SEEDS = [path.read_bytes() for path in sorted(DATA.glob("*.txt")) if path.stem != "secret"]


def judge(data: bytes) -> None:
    """What is imported compiles and encodes; what is not has reasons, each with a line of the text."""
    found, problems = read_text(data)
    if found is None:
        assert 0 < len(problems) <= PROBLEMS_MAX
        assert all(1 <= problem.line <= data.count(b"\n") + 1 for problem in problems)
        return
    assert problems == []
    document, errors = compile_document(found.definition)
    assert document is not None
    assert not errors
    document.build({}, SECRET)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(3))
def test_every_text_is_read_or_refused(seed: int) -> None:
    for data in mutants(SEEDS, seed, rounds=150):
        bounded(data, judge)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(3))
def test_a_document_with_its_comments_is_read_again(seed: int) -> None:
    comments = [b"/* \xff */", b"// \x00x", b"/* # -\n - a: b */", b"/* {} */"]
    for data in mutants(
        [seed.replace(b";", b"; " + one) for seed in SEEDS for one in comments], seed, rounds=60
    ):
        found, _ = read_text(data)
        if found is None:
            continue
        text = dump_document(found.definition)
        noted = annotate(text, {path: Comments(one.above, one.below) for path, one in found.places.items()})
        files = [load_document(one, "x").document.build({}, SECRET) for one in (noted, text)]
        assert files[0] == files[1]


def test_the_seeds_are_valid() -> None:
    assert [read_text(data)[1] for data in SEEDS] == [[]] * len(SEEDS)
