"""Troubles of logs, clocks and disks, for storms over plants with a role log (`bus.testing.faults`)."""

from collections.abc import Sequence
from random import Random

from bus.testing.faults import (
    DRIFT_MAX,
    LOGS,
    Drift,
    Echo,
    Restart,
    Retain,
    Skip,
    SlowLog,
    Stall,
    Timed,
    Trouble,
    Truncate,
    Wipe,
)

ECHOES_MAX = 5


def _stall(random: Random, nodes: Sequence[str], since_s: float, end_s: float) -> list[Timed]:
    traffic = random.choice(LOGS)
    return [(since_s, Stall(traffic, is_on=True)), (end_s, Stall(traffic, is_on=False))]


def _slow(random: Random, nodes: Sequence[str], since_s: float, end_s: float) -> list[Timed]:
    traffic = random.choice(LOGS)
    return [
        (since_s, SlowLog(traffic, random.choice((0.1, 0.5, 1.5, 4.0)))),
        (end_s, SlowLog(traffic, 0.0)),
    ]


def _retain(random: Random, nodes: Sequence[str], since_s: float, end_s: float) -> list[Timed]:
    return [(since_s, Retain(random.choice(LOGS), random.choice((0, 1, 10, 100))))]


def _truncate(random: Random, nodes: Sequence[str], since_s: float, end_s: float) -> list[Timed]:
    return [(since_s, Truncate(random.choice(LOGS), random.choice((1, 2, 10))))]


def _skip(random: Random, nodes: Sequence[str], since_s: float, end_s: float) -> list[Timed]:
    return [(since_s, Skip(random.choice(nodes), random.choice(LOGS)))]


def _echo(random: Random, nodes: Sequence[str], since_s: float, end_s: float) -> list[Timed]:
    traffic, source = random.choice(LOGS), random.choice((None, *nodes))
    times = (random.uniform(since_s, end_s) for _ in range(random.randint(1, ECHOES_MAX)))
    return [(at, Echo(traffic, source)) for at in times]


def _drift(random: Random, nodes: Sequence[str], since_s: float, end_s: float) -> list[Timed]:
    node = random.choice(nodes)
    rate = 1.0 + DRIFT_MAX * random.choice((-1.0, 1.0, random.uniform(-1.0, 1.0)))
    return [(since_s, Drift(node, rate)), (end_s, Drift(node, 1.0))]


def _wipe(random: Random, nodes: Sequence[str], since_s: float, end_s: float) -> list[Timed]:
    node = random.choice(nodes)
    return [(since_s, Wipe(node)), (end_s, Restart(node))]


LOG_TROUBLES: tuple[Trouble, ...] = (_stall, _slow, _retain, _truncate, _skip, _echo, _drift, _wipe)
