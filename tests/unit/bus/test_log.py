"""The log: lines for people or machines, and no line a thousand times."""

import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from threading import Thread

import pytest

from bus.telemetry.log import HumanFormatter, JsonFormatter, RateLimit, Sparing


def record(
    message: str, *arguments: object, name: str = "client", level: int = logging.ERROR
) -> logging.LogRecord:
    return logging.LogRecord(name, level, "file.py", 1, message, arguments, None)


def fail(text: str = "refused", facility: str = "FAIL", name: str = "client") -> logging.LogRecord:
    """A record as librdkafka's client makes it."""
    return record("%s [%s] %s", facility, "rdkafka#producer-1", text, name=name)


@pytest.fixture
def times() -> list[float]:
    """The clock of a rate limit: its last entry is now."""
    return [100.0]


@pytest.fixture
def limit(times: list[float]) -> RateLimit:
    return RateLimit(30.0, lambda: times[-1])


def test_the_first_of_a_kind_passes_and_the_others_wait(limit: RateLimit, times: list[float]) -> None:
    assert limit.filter(fail())
    times.append(129.9)
    assert not limit.filter(fail())
    times.append(130.0)
    assert limit.filter(fail())


def test_the_next_one_says_how_many_were_held_back(limit: RateLimit, times: list[float]) -> None:
    for _ in range(8):
        limit.filter(fail())
    times.append(130.0)
    later, after = fail("still 100% refused"), fail()
    assert limit.filter(later)
    assert later.getMessage() == "FAIL [rdkafka#producer-1] still 100% refused (7 more were held back)"
    times.append(160.0)
    assert limit.filter(after)
    assert "held back" not in after.getMessage()


def test_each_logger_and_facility_has_its_own(limit: RateLimit) -> None:
    kinds = [
        fail(),
        fail(facility="CONNECT"),
        fail(name="other"),
        record("plain"),
        record("%(a)s", {"a": "b"}),
    ]
    assert [limit.filter(one) for one in kinds] == [True, True, True, True, False]
    assert [limit.filter(fail(facility="CONNECT")), limit.filter(fail("another text"))] == [False, False]


def test_threads_lose_no_count(limit: RateLimit, times: list[float]) -> None:
    threads = [Thread(target=lambda: [limit.filter(fail()) for _ in range(500)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    times.append(200.0)
    last = fail()
    assert limit.filter(last)
    assert "(1999 more were held back)" in last.getMessage()


def test_a_json_line_is_one_object() -> None:
    one = record("cannot reach %s\nat all", "cfm-1", name="provbus.node", level=logging.WARNING)
    one.created = 1_700_000_000.25
    line = JsonFormatter().format(one)
    assert "\n" not in line
    assert json.loads(line) == {
        "time": "2023-11-14T22:13:20.250+00:00",
        "level": "warning",
        "logger": "provbus.node",
        "message": "cannot reach cfm-1\nat all",
    }


def test_a_json_line_carries_its_exception() -> None:
    try:
        raise ValueError("why")
    except ValueError:
        one = logging.LogRecord("x", logging.ERROR, "file.py", 1, "it broke", (), sys.exc_info())
    assert "ValueError: why" in json.loads(JsonFormatter().format(one))["exception"]


PROGRAM = """
import logging
from bus.telemetry.log import configure
configure("human", "info")
configure(*{arguments!r})
for level in ("debug", "info", "warning"):
    getattr(logging.getLogger("provbus.test"), level)("said %s", level)
"""


def said(*arguments: str) -> Iterator[str]:
    """The levels of the lines on standard error, in a process of its own: the root logger is everybody's."""
    program = PROGRAM.format(arguments=arguments)
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout == ""
    for line in result.stderr.splitlines():
        assert "provbus.test" in line
        yield json.loads(line)["level"] if line.startswith("{") else line.split()[2].lower()


@pytest.mark.parametrize(
    ("arguments", "levels"),
    [
        ((), ["warning"]),
        (("human", "info"), ["info", "warning"]),
        (("json", "debug"), ["debug", "info", "warning"]),
        (("json", "warning"), ["warning"]),
    ],
)
def test_form_and_level_are_as_configured_and_nothing_is_said_twice(
    arguments: tuple[str, ...], levels: list[str]
) -> None:
    assert list(said(*arguments)) == levels


# What we say ourselves


def test_a_kind_is_warned_of_once_and_then_how_often(
    caplog: pytest.LogCaptureFixture, times: list[float]
) -> None:
    sparing = Sparing(logging.getLogger("provbus.test"), 60.0, lambda: times[-1])
    for _ in range(3):
        sparing.warn("accept", "cannot accept: Too many open files")
    sparing.warn("pidfd", "cannot watch")
    times.append(160.0)
    sparing.warn("accept", "cannot accept: Too many open files")
    first = "cannot accept: Too many open files"
    assert caplog.messages == [first, "cannot watch", f"{first} (2 more times)"]


def test_what_is_over_is_news_when_it_comes_again(
    caplog: pytest.LogCaptureFixture, times: list[float]
) -> None:
    sparing = Sparing(logging.getLogger("provbus.test"), 60.0, lambda: times[-1])
    assert not sparing.is_over("disk")
    sparing.warn("disk", "full")
    assert sparing.is_over("disk")
    sparing.warn("disk", "full")
    assert caplog.messages == ["full", "full"]


def test_a_line_for_people_holds_no_control_character_of_a_foreign_text() -> None:
    line = HumanFormatter().format(record("said \x1b[2J\x9b1m"))
    assert line.endswith(r"said \x1b[2J\x9b1m")
