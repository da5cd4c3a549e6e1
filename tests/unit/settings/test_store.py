"""The catalogue on disk: the operator's file, and the copy for a start without Kafka."""

from pathlib import Path

import pytest

from bus.errors import ConfigError
from bus.messages import encode
from services.docsis.template import compile_template
from services.settings.catalogue import record
from services.settings.store import load, read_classes, save

LAB = Path(__file__).parents[3] / "deploy" / "settings" / "lab.yaml"
FIRST = record({"residential": {"kind": "cm"}}, 1)
SECOND = record({"business": {"kind": "cm"}}, 2)


def test_the_labs_catalogue_is_one_whose_every_class_compiles() -> None:
    classes = read_classes(LAB)
    assert {compile_template(one).kind for one in classes.values()} == {"cm", "mta"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "classes:",
        "classes: {}",
        "classes: {Gold: {}}",
        "classes: {a: 1}",
        "klasses: {a: {}}",
        "- a",
        "a: [",
        "x",
    ],
)
def test_a_file_that_is_no_catalogue_is_an_error_that_names_it(tmp_path: Path, text: str) -> None:
    path = tmp_path / "settings.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"settings\.yaml"):
        read_classes(path)


def test_a_file_that_is_missing_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"settings\.yaml"):
        read_classes(tmp_path / "settings.yaml")


def test_the_copy_is_the_record_byte_for_byte(tmp_path: Path) -> None:
    path = tmp_path / "state" / "catalogue.json"
    save(path, FIRST)
    assert path.read_bytes() == encode(FIRST)
    assert load(path) == FIRST
    save(path, SECOND)
    assert load(path) == SECOND
    assert [one.name for one in path.parent.iterdir()] == ["catalogue.json"]


def test_a_write_that_was_cut_off_leaves_the_old_copy(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.json"
    save(path, FIRST)
    path.with_suffix(".new").write_bytes(encode(SECOND)[:20])
    assert load(path) == FIRST
    save(path, SECOND)
    assert load(path) == SECOND


@pytest.mark.parametrize(
    "data", [b"", b"{}", encode(FIRST)[:-1], encode(FIRST).replace(b"residential", b"residentiel")]
)
def test_a_copy_that_is_not_whole_counts_as_none(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "catalogue.json"
    path.write_bytes(data)
    assert load(path) is None


def test_no_copy_is_none(tmp_path: Path) -> None:
    assert load(tmp_path / "catalogue.json") is None
