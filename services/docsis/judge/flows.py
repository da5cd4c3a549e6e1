"""Rules on parameters of service flows, aggregates and classifiers that do not fit each other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from services.docsis.judge.finding import Breach, Rule
from services.docsis.judge.tree import File, TreeNode

_UPSTREAM: Final = 24
_FLOWS: Final = (_UPSTREAM, 25)
_WITH_RATES: Final = (*_FLOWS, 70, 71)
_CLASSIFIERS: Final = (22, 23, 60)
_SERVICE_CLASS: Final = 4
_PARAMETER_SET: Final = 6
_SUSTAINED, _BURST, _RESERVED, _PEAK = 8, 9, 10, 27
_ACTIVE: Final = 4
_FRAME_BYTES: Final = 1522
_SCHEDULING: Final = 15
_NEEDS: Final = {
    4: {17: "nominal_polling_interval"},
    5: {19: "unsolicited_grant_size", 20: "nominal_grant_interval", 21: "tolerated_grant_jitter"},
    6: {19: "unsolicited_grant_size", 20: "nominal_grant_interval", 21: "tolerated_grant_jitter"},
}
"""The parameters that a scheduling type needs: real-time polling, unsolicited grants (MULPI C.2.2.8)."""

_RANGES: Final[frozenset[tuple[int, ...]]] = frozenset({(9, 1), (12, 1), (11, 1)})
"""Ranges whose two ends are the first bytes of one value."""

_ENDS: Final[dict[tuple[int, ...], int]] = {(9, 7): 8, (9, 9): 10, (16, 1): 2}
"""Ranges whose start and end are two sub-TLVs of one group."""


def _unscheduled(file: File) -> Iterator[Breach]:
    for flow in file.all(_UPSTREAM):
        if flow.first(_SERVICE_CLASS) is not None:  # the CMTS's class has them
            continue
        needed = _NEEDS.get(flow.number_of(_SCHEDULING) or 0, {})
        missing = [name for type, name in needed.items() if flow.first(type) is None]
        if missing:
            yield Breach(flow.path, f"needs {', '.join(missing)} for its scheduling type")


def _without_parameter_set(file: File) -> Iterator[Breach]:
    for flow in file.all(*_FLOWS):
        if flow.first(_PARAMETER_SET) is None:
            yield Breach(flow.path, "has no qos_parameter_set_type, which every service flow should have")


def _inactive_primaries(file: File) -> Iterator[Breach]:
    for type in _FLOWS:
        for flow in file.all(type)[:1]:
            number = flow.number_of(_PARAMETER_SET)
            if number is not None and not number & _ACTIVE:
                yield Breach(flow.path, "is the primary service flow of its direction and not active")


def _small_bursts(file: File) -> Iterator[Breach]:
    for flow in file.all(*_WITH_RATES):
        burst = flow.first(_BURST)
        if burst is not None and burst.number is not None and burst.number < _FRAME_BYTES:
            yield Breach(burst.path, f"is less than a frame of {_FRAME_BYTES} bytes")


def _low_peaks(file: File) -> Iterator[Breach]:
    for flow in file.all(*_WITH_RATES):
        peak, sustained = flow.first(_PEAK), flow.number_of(_SUSTAINED)
        if peak is not None and sustained and peak.number and peak.number < sustained:
            yield Breach(peak.path, "is below max_sustained_rate, so it has no effect")


def _high_reserves(file: File) -> Iterator[Breach]:
    for flow in file.all(*_WITH_RATES):
        reserved, sustained = flow.first(_RESERVED), flow.number_of(_SUSTAINED)
        if reserved is not None and sustained and reserved.number and reserved.number > sustained:
            yield Breach(reserved.path, "is above max_sustained_rate")


def _empty_ranges(file: File) -> Iterator[Breach]:
    for classifier in file.all(*_CLASSIFIERS):
        for group in classifier.children:
            yield from _empty_in(group)


def _empty_in(group: TreeNode) -> Iterator[Breach]:
    for node in group.children:
        place = node.types[1:]
        if place in _RANGES and node.value is not None and node.value[:1] > node.value[1:2]:
            yield Breach(node.path, "ends before it begins, so nothing matches")
        elif place in _ENDS:
            end = group.number_of(_ENDS[place])
            if end is not None and node.number is not None and node.number > end:
                yield Breach(node.path, f"is above the end of its range, {end}, so nothing matches")


FLOWS: Final = (
    Rule("scheduling-without-parameters", True, 8, _unscheduled),
    Rule("no-parameter-set-type", False, None, _without_parameter_set),
    Rule("inactive-primary-flow", False, None, _inactive_primaries),
    Rule("burst-below-a-frame", False, None, _small_bursts),
    Rule("peak-below-sustained-rate", False, None, _low_peaks),
    Rule("reserved-above-sustained-rate", False, None, _high_reserves),
    Rule("empty-range", False, None, _empty_ranges),
)
