"""A full disk of a broker: a failure of ours is said, and a broker that ended is started, whenever it did."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from services.brokers.properties import NODES
from services.lab.faults.schedule.of_brokers import FillDisk, leader


class Own:
    """Brokers that run, or have ended."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.running = {*range(1, NODES + 1)}

    def living(self) -> list[int]:
        return sorted(self.running)

    def start(self, numbers: Sequence[int]) -> None:
        assert self.running.isdisjoint(numbers)
        self.running |= {*numbers}


class Brokers:
    def __init__(self, directory: Path) -> None:
        self._own = Own(directory)

    def own(self) -> Own:
        return self._own

    def out_of_sync(self) -> str:
        return ""


class Lab:
    def __init__(self, directory: Path) -> None:
        self.brokers = Brokers(directory)
        self.figures: Counter[str] = Counter()

    def count(self, figure: str, number: int = 1) -> None:
        self.figures[figure] += number


def settled(fault: FillDisk) -> str:
    """What is missing once nothing is under way in the background."""
    while fault.is_busy():
        pass
    return fault.lacks("2")


def fill_disk(lab: Any) -> FillDisk:
    return FillDisk(lab, leader)


def test_a_disk_that_cannot_be_filled_is_said_until_the_end(tmp_path: Path) -> None:
    fault = fill_disk(Lab(tmp_path))
    fault.begin("2")
    assert "is not on a disk of its own" in settled(fault)
    fault.end("2")
    assert "is not on a disk of its own" in settled(fault)


def test_a_broker_that_ended_is_started_whenever_it_did(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    fault = fill_disk(lab)
    fault.end("2")
    assert settled(fault) == ""
    lab.brokers.own().running.remove(2)
    fault.lacks("2")
    assert settled(fault) == ""
    assert lab.brokers.own().living() == [1, 2, 3]
    assert lab.figures == {"brokers_ended_for_room": 1}
