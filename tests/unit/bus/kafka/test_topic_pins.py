"""Topics are known by their ids, also after a restart."""

from pathlib import Path

import pytest

from bus.errors import ConfigError, UnavailableError
from bus.transport.kafka.topic_pins import TopicPins

TOPIC = "provbus.roles.v1"
FIRST, SECOND = "Hwc14KEJShO7DQAMFITY1A", "Mt3cj9ZRTwGpZo8HvOZXiQ"


@pytest.mark.parametrize("is_kept", [False, True])
def test_the_first_id_is_right_and_another_one_is_not(tmp_path: Path, is_kept: bool) -> None:
    pins = TopicPins(tmp_path if is_kept else None, [TOPIC])
    assert TOPIC not in pins
    assert pins.check(TOPIC, FIRST) == ""
    assert TOPIC in pins
    assert pins.check(TOPIC, FIRST) == ""
    assert f"its id is {SECOND}, and was {FIRST}" in pins.check(TOPIC, SECOND)
    assert pins.check(TOPIC, FIRST) == "", "a stranger changed what is remembered"


def test_an_id_is_known_after_a_restart_and_the_file_to_remove_is_named(tmp_path: Path) -> None:
    directory = tmp_path / "state"
    TopicPins(directory, [TOPIC]).check(TOPIC, FIRST)
    assert [path.name for path in directory.iterdir()] == [f"{TOPIC}.id"]
    pins = TopicPins(directory, [TOPIC])
    assert TOPIC in pins
    assert pins.check(TOPIC, FIRST) == ""
    assert str(directory / f"{TOPIC}.id") in pins.check(TOPIC, SECOND)
    assert TopicPins(directory, [TOPIC]).check(TOPIC, SECOND) != "", "a stranger was written down"


def test_whoever_removes_the_file_has_the_next_id_believed(tmp_path: Path) -> None:
    TopicPins(tmp_path, [TOPIC]).check(TOPIC, FIRST)
    (tmp_path / f"{TOPIC}.id").unlink()
    assert TopicPins(tmp_path, [TOPIC]).check(TOPIC, SECOND) == ""


def test_an_id_that_cannot_be_kept_is_not_believed(tmp_path: Path) -> None:
    pins = TopicPins(tmp_path / "state", [TOPIC])
    (tmp_path / "state").write_text("in the way")
    with pytest.raises(OSError):
        pins.check(TOPIC, FIRST)
    assert TOPIC not in pins


@pytest.mark.parametrize("content", [b"", b" \n", b"\xff\xfe"])
def test_a_file_that_holds_no_id_is_not_passed_over(tmp_path: Path, content: bytes) -> None:
    (tmp_path / f"{TOPIC}.id").write_bytes(content)
    with pytest.raises(UnavailableError, match=TOPIC):
        TopicPins(tmp_path, [TOPIC])


def test_a_file_that_cannot_be_read_is_not_passed_over(tmp_path: Path) -> None:
    (tmp_path / f"{TOPIC}.id").mkdir()
    with pytest.raises(ConfigError, match="cannot read"):
        TopicPins(tmp_path, [TOPIC])
