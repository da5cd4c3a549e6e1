"""The catalogue on disk: the operator's file, and the copy for a start without Kafka."""

from pathlib import Path

import pytest

from bus.contract import encode
from bus.errors import ConfigError
from bus.routes import route
from services.settings.catalogue import Classes, Problem, Rules, record
from services.settings.judging import catalogue_problems
from services.settings.store import load, read_catalogue, save

LAB = Path(__file__).parents[3] / "deploy" / "settings" / "lab.yaml"
PAGE = LAB.parents[2] / "docs/howto/settings.md"
TWICE = """\
fragments:
  common:
    - a: 1
    - b: 2
classes:
  one:
    body:
      - include: common
      - c: 3
  two:
    body:
      - include: common
      - c: 3
"""
FIRST = record({"residential": {"kind": "cm"}}, 1)
SECOND = record({"business": {"kind": "cm"}}, 2)


def test_the_labs_catalogue_is_one_whose_every_class_compiles() -> None:
    found = read_catalogue(LAB, catalogue_problems)
    sound = found.sound()
    assert {one["kind"] for one in sound.classes.values()} == {"cm", "mta"}
    assert (sound.generation, len(sound.classes), found.fragments, len(sound.lookup)) == (1, 3, 2, 4)


@pytest.mark.parametrize("text", ["", "- a", "a: [", "x", "1: {}", "classes: {a: 1}\nclasses: {}"])
def test_a_file_that_cannot_be_read_is_an_error_that_names_it(tmp_path: Path, text: str) -> None:
    path = tmp_path / "settings.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"settings\.yaml"):
        read_catalogue(path, catalogue_problems)


def test_a_file_that_is_missing_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"settings\.yaml"):
        read_catalogue(tmp_path / "settings.yaml", catalogue_problems)


@pytest.mark.parametrize(
    ("text", "mistakes"),
    [
        ("classes:", ["1: classes: must map"]),
        ("classes: {}", ["1: classes: must map"]),
        ("{}", ["classes: must map"]),
        ("classes: {a: 1}", ["1: classes.a: must be a mapping"]),
        ("classes: {a: {}}\nlookup: {}", ["2: lookup: must be a list of rules"]),
        ("\nclasses: {a: {}, Gold: {}}", ["2: classes.Gold: a class's name"]),
        (
            "klasses: {a: {}}",
            ["classes: must map", "1: klasses: is no part of a catalogue"],
        ),
    ],
)
def test_a_file_that_is_no_catalogue_says_so_with_lines(
    tmp_path: Path, text: str, mistakes: list[str]
) -> None:
    path = tmp_path / "settings.yaml"
    path.write_text(text)
    found = read_catalogue(path, lambda *_: [])
    assert len(found.mistakes) == len(mistakes)
    for said, mistake in zip(found.mistakes, mistakes, strict=True):
        assert said.startswith(f"{path}:{'' if mistake[0].isdigit() else ' '}{mistake}")
    with pytest.raises(ConfigError) as refused:
        found.sound()
    assert str(refused.value) == "\n".join(found.mistakes)


def test_a_mistake_in_a_fragment_is_named_once_at_its_own_line(tmp_path: Path) -> None:
    path = tmp_path / "settings.yaml"
    path.write_text(TWICE)

    def check(classes: Classes, _: Rules) -> list[Problem]:
        found = [
            (name, at)
            for name, one in classes.items()
            for at, entry in enumerate(one["body"])
            if "b" in entry
        ]
        return [Problem(f"classes.{name}.body[{at}].b", "is wrong") for name, at in found]

    assert read_catalogue(path, check).mistakes == [
        f"{path}:4: fragments.common[1].b: is wrong (in one, two)"
    ]


def test_a_mistake_behind_a_fragment_is_where_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "settings.yaml"
    path.write_text(TWICE)
    found = read_catalogue(path, lambda *_: [Problem("classes.two.body[2].c", "is wrong")])
    assert found.mistakes == [f"{path}:13: classes.two.body[1].c: is wrong"]


def test_a_wrong_rule_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "settings.yaml"
    rules = """\
lookup:
  - {mac: 10:11:22:33:44:55, class: data}
  - mac: "10:11:22:33:44:55"
    class: date
  - subnet: 10.0.0.1/8
    class: data
    values:
      x: 1
  - {class: data}
"""
    path.write_text("classes: {data: {kind: cm, body: [network_access: 1]}}\n" + rules)
    assert read_catalogue(path, catalogue_problems).mistakes == [
        f"{path}:{said}"
        for said in (
            "3: lookup[0].mac: must be text, not 7923433495: what YAML takes for a number needs quotes",
            "5: lookup[1].class: there is no class 'date'",
            "6: lookup[2].subnet: must be a subnet such as 127.64.0.0/11: 10.0.0.1/8 has host bits set",
            "9: lookup[2].values.x: the template has no such placeholder",
            "10: lookup[3]: takes exactly one of mac, remote_id, circuit_id, subnet, or mac and remote_id",
        )
    ]


@pytest.mark.parametrize("text", ["classes: {{a: {{body: {}}}}}", "classes: {{a: {{}}}}\nlookup: [mac: {}]"])
def test_a_catalogue_that_no_topic_takes_is_a_mistake(tmp_path: Path, text: str) -> None:
    path = tmp_path / "settings.yaml"
    path.write_text(text.format("x" * route("config").payload_bytes_max))
    (said,) = read_catalogue(path, lambda *_: []).mistakes
    assert "the topic takes 983040" in said


def test_a_record_has_room_for_the_rules_that_the_page_promises() -> None:
    lab = read_catalogue(LAB, catalogue_problems)
    rules = [
        {
            "mac": f"00:1a:2c:{at >> 16:02x}:{at >> 8 & 255:02x}:{at & 255:02x}",
            "class": "residential",
            "values": {"customer": at},
        }
        for at in range(10**6, 10**6 + 12_000)
    ]
    assert "room for 12,000 rules by MAC" in PAGE.read_text()
    assert len(encode(record(lab.classes, 1, rules))) <= route("config").payload_bytes_max


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
def test_a_copy_that_is_not_whole_counts_as_none_and_is_said(
    tmp_path: Path, data: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "catalogue.json"
    path.write_bytes(data)
    assert load(path) is None
    assert f"starting without the settings kept in {path}: " in caplog.text


def test_a_copy_that_cannot_be_read_counts_as_none_and_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "catalogue.json"
    path.mkdir()
    assert load(path) is None
    assert f"starting without the settings kept in {path}: Is a directory" in caplog.text


def test_no_copy_is_none(tmp_path: Path) -> None:
    assert load(tmp_path / "catalogue.json") is None
