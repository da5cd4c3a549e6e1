"""Configuration files from anywhere: decoded and encoded again to the same bytes, or refused."""

from pathlib import Path

import pytest

from bus.config.yaml_file import read_yaml
from services.docsis.checks.verify import inspect, verify
from services.docsis.errors import DocsisError
from services.docsis.text.document import compile_document, decode_document
from tests.fuzz.mutation import bounded, mutants

SECRET = b"fuzz"
SETTINGS = Path(__file__).parents[2] / "deploy/settings/residential-3.1.yaml"
VECTORS = (
    # A small modem file, and an adapter's file with its hash.
    "0301010b123010060b2b0601020145010201070102010418070102000106010719070102000206010706101c4670ca47"
    "68ce6c11973a03cbf5a1bf07109d9b01ae4ce1d52b5ca435bcbb4dc721ff0000",
    "fe01010b153013060e2b06010401a30b020201010106000201010b25302306102b06010401a30b020202010201010109"
    "040f636d732e6578616d706c652e6e65740b283026060e2b06010401a30b020201010207000414d4957e19ed85202ac2"
    "a98878eaf5c25f958b2d84fe01ff",
)


def seeds() -> list[bytes]:
    """The vectors, and a whole DOCSIS 3.1 file."""
    document, errors = compile_document(read_yaml(SETTINGS)[0])
    assert document is not None
    assert not errors
    return [*map(bytes.fromhex, VECTORS), document.build({}, SECRET)]


def judge(data: bytes) -> None:
    """Every reader of a file reads it or refuses it; what was verified comes back as it was."""
    verdict = verify(data, [SECRET, b"DOCSIS"])
    try:
        inspect(data)
        decoded = decode_document(data)
    except DocsisError:
        return
    document, errors = compile_document(decoded.definition)
    assert document is not None
    assert not errors
    if verdict == "ok":
        assert data in (document.build({}, SECRET), document.build({}, b"DOCSIS"))


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(3))
def test_every_file_is_read_or_refused(seed: int) -> None:
    for data in mutants(seeds(), seed, rounds=150):
        bounded(data, judge)


def test_the_seeds_are_valid() -> None:
    assert [verify(data, [SECRET, b"DOCSIS"]) for data in seeds()] == ["ok"] * 3
