"""Finding a boot: what is meant by a word, and who is asked where there is no Kafka."""

from typing import Any

import pytest

from bus.errors import UnavailableError
from services.config.instance import Config
from services.operator.trace.story import ToldEvent
from services.operator.trace.tracing import LATE_S, asked_for, find, told_late
from tests.unit.answering import answering

DEVICE, FILEID = "001a.2c00.0001", "5f0c000000000001"


def expired(at: float) -> dict[str, Any]:
    return {"event": "fileid.expired", "device": DEVICE, "fileid": FILEID, "at": at}


@pytest.mark.parametrize(
    ("what", "asked"),
    [
        ("00:1A:2C:00:00:01", ("device", DEVICE)),
        ("00-1a-2c-00-00-01", ("device", DEVICE)),
        ("001a2c000001", ("device", DEVICE)),
        ("001A.2C00.0001", ("device", DEVICE)),
        ("5F0C000000000001", ("fileid", FILEID)),
        ("modem", None),
        ("modäm.cm", None),
    ],
)
def test_a_word_means_a_device_a_fileid_or_nothing(
    sidecar: Config, what: str, asked: tuple[str, str] | None
) -> None:
    assert asked_for(what, [sidecar]) == asked


def test_without_kafka_the_instances_tell_what_they_remember(sidecar: Config, cfm: Config) -> None:
    said: list[str] = []
    with answering(cfm.local.socket, {"events": [expired(1.0), expired(9.0)]}) as asked:
        found = find([sidecar, cfm], ("device", DEVICE), 5.0, said.append)
    assert found == ([ToldEvent("cfm-1", expired(9.0))], "the memory of cfm-1")
    assert asked == [{"op": "trace", "device": DEVICE}]
    (line,) = said
    assert line.startswith("nobody answers at ")


def test_when_no_instance_answers_nothing_is_known(sidecar: Config) -> None:
    said: list[str] = []
    with pytest.raises(UnavailableError, match="neither Kafka nor any of these instances answers"):
        find([sidecar], ("fileid", FILEID), 0.0, said.append)


def test_what_was_under_way_is_told_a_moment_later() -> None:
    told = ToldEvent("cfm-1", expired(9.0))
    reads: list[list[ToldEvent]] = [[], [], [told], []]
    assert told_late(lambda: reads.pop(0), iter([0.0, 0.1, LATE_S - 0.1]).__next__) == [told]
    reads = [[], [], [told]]
    assert told_late(lambda: reads.pop(0), iter([0.0, 0.1, LATE_S]).__next__) == []
