"""Whom a fault of brokers hits, by the number of the one that leads."""

from services.brokers.properties import NODES
from services.lab.faults.schedule.of_brokers import everybody, follower, leader, numbers, two


def test_a_follower_is_never_the_leader() -> None:
    for number in range(1, NODES + 1):
        assert leader(number) == [number]
        assert follower(number) != [number]
        assert set(follower(number)) < {*everybody(number)}
        assert len({*two(number)}) == 2
        assert number in two(number)


def test_a_victim_names_its_brokers() -> None:
    assert numbers(" ".join(map(str, two(3)))) == [3, 1]
