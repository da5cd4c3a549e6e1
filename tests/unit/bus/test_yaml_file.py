"""The line of a path in a YAML file."""

from pathlib import Path

import pytest

from bus.config.yaml_file import line_of, parse_yaml, read_yaml
from bus.errors import ConfigError

TEXT = """\
kind: cm
body:
  - max_cpe: 4

  - flow:
      - reference: 1
      - {rate: 2,
         burst: 3}
  - [1,
     2]
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("kind", 1),
        ("body", 2),
        ("body[0]", 3),
        ("body[0].max_cpe", 3),
        ("body[1].flow", 5),
        ("body[1].flow[0].reference", 6),
        ("body[1].flow[1]", 7),
        ("body[1].flow[1].burst", 8),
        ("body[2][1]", 10),
        ("body[1].flow[7].rate", 5),  # not there: the nearest above
        ("body[9]", 2),
        ("placeholders.a", None),
        ("", None),
    ],
)
def test_a_path_has_a_line(path: str, line: int | None) -> None:
    assert line_of(parse_yaml(TEXT, "x")[1], path) == line


def test_a_file_and_its_text_say_the_same(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(TEXT)
    assert read_yaml(path) == parse_yaml(TEXT, str(path))


def test_what_an_alias_repeats_is_marked_where_it_stands_first() -> None:
    data, marks = parse_yaml("a: &a\n  - b: 1\nc: *a\n", "x")
    assert data == {"a": [{"b": 1}], "c": [{"b": 1}]}
    assert (line_of(marks, "a[0].b"), line_of(marks, "c[0].b")) == (2, 3)


def test_aliases_of_aliases_are_read_in_bounded_time() -> None:
    lines = ["a0: &a0 [1]"] + [f"a{at}: &a{at} [{', '.join([f'*a{at - 1}'] * 9)}]" for at in range(1, 40)]
    _, marks = parse_yaml("\n".join(lines), "x")
    assert line_of(marks, "a39") == 40


@pytest.mark.parametrize(
    "text",
    ["", "- 1", "a: [", "1: 2", "a: &a [*a", "a: 1\na: 2", "b:\n  - a: 1\n    a: 2", "---\na: 1\n---\na: 1"],
)
def test_what_is_no_mapping_is_refused_by_its_name(text: str) -> None:
    with pytest.raises(ConfigError, match="name"):
        parse_yaml(text, "name")
