"""Rules on references to flows, classifiers, aggregates and profiles, and on their targets.

A reference is unique in its file among targets of the same kind, in both directions (MULPI C.2.1.4.1,
C.2.2.5.1). A reference whose value is unknown is not judged, and neither are the TLVs that it may refer to.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from services.docsis.judge.finding import Breach, Rule
from services.docsis.judge.tree import File, TreeNode

_REFERENCE: Final = 1
_UPSTREAM_FLOW, _DOWNSTREAM_FLOW = 24, 25
_FLOWS: Final = (_UPSTREAM_FLOW, _DOWNSTREAM_FLOW)
_FLOW_OF_CLASSIFIER: Final = {22: _UPSTREAM_FLOW, 23: _DOWNSTREAM_FLOW}
_TO_FLOW: Final = 3
_SUPPRESSION: Final = 26
AGGREGATE_OF_FLOW: Final = {_UPSTREAM_FLOW: 70, _DOWNSTREAM_FLOW: 71}
"""The type of the aggregates of a type of flows."""

_ENHANCED_OF_FLOW: Final = {_UPSTREAM_FLOW: 93, _DOWNSTREAM_FLOW: 94}
_PROFILE: Final = 72
_DIRECTIONS: Final = {_UPSTREAM_FLOW: "upstream", _DOWNSTREAM_FLOW: "downstream"}
_REFERRED: Final = ((24, 25), (22, 23, 60), (70, 71), (93, 94), (_PROFILE,), (73,))
"""The types that share one space of references."""


class _Pointer(NamedTuple):
    """A reference to a target: its number, and its place."""

    number: int
    path: str


class _Targets:
    """The references of the TLVs of these types, as targets."""

    def __init__(self, file: File, *types: int) -> None:
        references = [found for node in file.all(*types) if (found := node.first(_REFERENCE)) is not None]
        self._numbers = {reference.number for reference in references}
        self._is_known = None not in self._numbers

    def lack(self, number: int) -> bool:
        """Whether it is certain that no target has this reference."""
        return self._is_known and number not in self._numbers


def _pointer(node: TreeNode, *types: int) -> _Pointer | None:
    """The reference in the sub-TLV at the end of these types; None if there is none, or it is unknown."""
    found: TreeNode | None = node
    for type in types:
        found = None if found is None else found.first(type)
    number = None if found is None else found.number
    return None if found is None or number is None else _Pointer(number, found.path)


def _duplicates(file: File) -> Iterator[Breach]:
    for types in _REFERRED:
        taken: dict[int, TreeNode] = {}
        for node in file.all(*types):
            pointer = _pointer(node, _REFERENCE)
            if pointer is None:
                continue
            first = taken.setdefault(pointer.number, node)
            if first is not node:
                yield Breach(pointer.path, f"{pointer.number} is the reference of an earlier {first.label}")


def _missing(file: File) -> Iterator[Breach]:
    for types in _REFERRED:
        for node in file.all(*types):
            if node.first(_REFERENCE) is None:
                yield Breach(node.path, "has no reference")
    for node in file.all(_SUPPRESSION):
        if node.first(_REFERENCE) is None:
            yield Breach(node.path, "refers to no classifier")
    for node in file.all(*_FLOW_OF_CLASSIFIER, _SUPPRESSION):
        if node.first(_TO_FLOW) is None:
            yield Breach(node.path, "refers to no service flow")


def _classifiers(file: File, *, in_other_direction: bool) -> Iterator[Breach]:
    """Classifiers whose flow is missing; with `in_other_direction` those whose flow goes the other way."""
    for type, own in _FLOW_OF_CLASSIFIER.items():
        other = _DOWNSTREAM_FLOW if own == _UPSTREAM_FLOW else _UPSTREAM_FLOW
        flows, others = _Targets(file, own), _Targets(file, other)
        for node in file.all(type):
            pointer = _pointer(node, _TO_FLOW)
            if pointer is None or not flows.lack(pointer.number):
                continue
            is_nowhere = others.lack(pointer.number)
            if in_other_direction and not is_nowhere:
                reason = f"service flow {pointer.number} goes {_DIRECTIONS[other]}"
                yield Breach(pointer.path, f"{reason}, this classifier {_DIRECTIONS[own]}")
            elif is_nowhere and not in_other_direction:
                yield Breach(pointer.path, f"there is no service flow {pointer.number}")


def _dangling_classifiers(file: File) -> Iterator[Breach]:
    return _classifiers(file, in_other_direction=False)


def _turned_classifiers(file: File) -> Iterator[Breach]:
    return _classifiers(file, in_other_direction=True)


def _dangling(pointers: Iterable[_Pointer | None], targets: _Targets, kind: str) -> Iterator[Breach]:
    """Each of these pointers that has no target."""
    for pointer in pointers:
        if pointer and targets.lack(pointer.number):
            yield Breach(pointer.path, f"there is no {kind} {pointer.number}")


def _suppressions_without_classifier(file: File) -> Iterator[Breach]:
    pointers = (_pointer(node, _REFERENCE) for node in file.all(_SUPPRESSION))
    return _dangling(pointers, _Targets(file, *_FLOW_OF_CLASSIFIER), "classifier")


def _suppressions_without_flow(file: File) -> Iterator[Breach]:
    pointers = (_pointer(node, _TO_FLOW) for node in file.all(_SUPPRESSION))
    return _dangling(pointers, _Targets(file, *_FLOWS), "service flow")


def _suppressions_of_another_flow(file: File) -> Iterator[Breach]:
    flows = _Targets(file, *_FLOWS)
    flow_of: dict[int | None, int | None] = {}
    for node in file.all(*_FLOW_OF_CLASSIFIER):
        flow_of.setdefault(node.number_of(_REFERENCE), node.number_of(_TO_FLOW))
    for node in file.all(_SUPPRESSION):
        pointer = _pointer(node, _TO_FLOW)
        classifier = node.number_of(_REFERENCE)
        meant = None if classifier is None else flow_of.get(classifier)
        if pointer is None or meant is None or flows.lack(meant) or flows.lack(pointer.number):
            continue
        if meant != pointer.number:
            reason = f"classifier {classifier} is for service flow {meant}, not {pointer.number}"
            yield Breach(pointer.path, reason)


def _flows_without_aggregate(file: File) -> Iterator[Breach]:
    for flow, aggregate in AGGREGATE_OF_FLOW.items():
        pointers = (_pointer(node, 36) for node in file.all(flow))
        kind = f"{_DIRECTIONS[flow]} aggregate service flow"
        yield from _dangling(pointers, _Targets(file, aggregate), kind)


def _aggregates_without_flow(file: File) -> Iterator[Breach]:
    for flow, aggregate in AGGREGATE_OF_FLOW.items():
        pointers = [
            *(_pointer(node, 42, 1) for node in file.all(aggregate)),
            *_constituents(file.all(_ENHANCED_OF_FLOW[flow])),
        ]
        yield from _dangling(pointers, _Targets(file, flow), f"{_DIRECTIONS[flow]} service flow")


def _constituents(aggregates: Sequence[TreeNode]) -> Iterator[_Pointer | None]:
    for node in aggregates:
        for scheduling in node.all(47):
            yield _pointer(scheduling, 1)


def _without_profile(file: File) -> Iterator[Breach]:
    pointers = (_pointer(node, 37) for node in file.all(*_FLOWS, *AGGREGATE_OF_FLOW.values()))
    return _dangling(pointers, _Targets(file, _PROFILE), "Metro Ethernet service profile")


REFERENCES: Final = (
    Rule("duplicate-reference", True, 18, _duplicates),
    Rule("missing-reference", True, 8, _missing),
    Rule("classifier-without-flow", True, 201, _dangling_classifiers),
    Rule("classifier-of-other-direction", True, 21, _turned_classifiers),
    Rule("suppression-without-classifier", True, 14, _suppressions_without_classifier),
    Rule("suppression-without-flow", True, 202, _suppressions_without_flow),
    Rule("suppression-of-another-flow", True, 22, _suppressions_of_another_flow),
    Rule("flow-without-aggregate", True, 200, _flows_without_aggregate),
    Rule("aggregate-without-flow", True, 200, _aggregates_without_flow),
    Rule("flow-without-profile", True, 200, _without_profile),
)
