"""Rules on settings that must be in a file, and on those that must not be there twice.

A setting that has one value for its modem, flow or classifier is *single*: every number, address and text of
the table but those that are lists by nature. Two values for it are a contradiction; the same value twice is
unwise. A file without MICs is a part of one, and need not be complete.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from services.docsis.judge.finding import Breach, Rule
from services.docsis.judge.references import AGGREGATE_OF_FLOW
from services.docsis.judge.tree import File, TreeNode
from services.docsis.tlvs.rows.tlv_row import ValueKind

_NETWORK_ACCESS: Final = 3
_CLASS_OF_SERVICE: Final = 4
_FLOWS: Final = {24: "upstream_service_flow", 25: "downstream_service_flow"}
_PROFILE_NAME: Final = 4
_SINGLE: Final = frozenset(
    {1, 2, 3, 9, 18, 19, 20, 21, 28, 29, 35, 37, 39, 40, 55, 58, 59, 63, 68, 76, 91, 92, 97, 106}
)
"""Single settings at the top. Others may be repeated there: events are enabled one by one (66), say."""

_WITH_SINGLE: Final = frozenset({4, 17, 22, 23, 24, 25, 26, 60, 70, 71, 72, 73, 84, 93, 94, 96, 101, 102})
"""The groups whose numbers, addresses and texts are single, but for lists of their own kind."""

_LISTS: Final = frozenset({38, 43})
"""Groups of criteria (70.38), and extension fields."""

_REPEATED_KINDS: Final = frozenset(
    {ValueKind.GROUP, ValueKind.GROUP_OR_HEX, ValueKind.EXTENSION, ValueKind.VARBIND}
)


def _without_network_access(file: File) -> Iterator[Breach]:
    if file.is_signed and not file.all(_NETWORK_ACCESS):
        yield Breach("body", "has no network_access, without which no modem registers")


def _without_flows(file: File) -> Iterator[Breach]:
    if not file.is_signed or file.all(_CLASS_OF_SERVICE):
        return
    missing = [name for type, name in _FLOWS.items() if not file.all(type) and not _made(file, type)]
    if missing:
        yield Breach("body", f"has no {' and no '.join(missing)}, nor a class_of_service")


def _made(file: File, flow: int) -> bool:
    """Whether an aggregate names a profile (70.4, 71.4) by which the CMTS makes flows of this direction."""
    return any(node.first(_PROFILE_NAME) for node in file.all(AGGREGATE_OF_FLOW[flow]))


def _with_both(file: File) -> Iterator[Breach]:
    if file.kind == "cm" and file.all(_CLASS_OF_SERVICE) and file.all(*_FLOWS):
        yield Breach("body", "has a class of service (4) and service flows (24, 25)")


def _contradictions(file: File) -> Iterator[Breach]:
    for first, other in _repeated(file):
        if None not in (first.value, other.value) and first.value != other.value:
            yield Breach(other.path, f"contradicts an earlier {first.label}")


def _repetitions(file: File) -> Iterator[Breach]:
    for first, other in _repeated(file):
        if first.value == other.value:
            yield Breach(other.path, f"repeats an earlier {first.label}")


def _repeated(file: File) -> Iterator[tuple[TreeNode, TreeNode]]:
    """Each repetition of a single setting, with the first one."""
    yield from _among([node for node in file.nodes if node.type in _SINGLE])
    for node in file.everything:
        if node.types[0] in _WITH_SINGLE and not _LISTS & {*node.types}:
            yield from _among(node.children)


def _among(nodes: Sequence[TreeNode]) -> Iterator[tuple[TreeNode, TreeNode]]:
    seen: dict[int, TreeNode] = {}
    for node in nodes:
        at_top = len(node.types) == 1
        if at_top or (node.row is not None and node.row.kind not in _REPEATED_KINDS):
            first = seen.setdefault(node.type, node)
            if first is not node:
                yield first, node


PRESENCE: Final = (
    Rule("missing-network-access", True, 8, _without_network_access),
    Rule("missing-service-flow", True, 8, _without_flows),
    Rule("class-of-service-and-flows", True, 23, _with_both),
    Rule("contradicting-setting", True, None, _contradictions),
    Rule("repeated-setting", False, None, _repetitions),
)
