"""Copies of machines, and what two machines in the same state have in common.

A machine is a tree: its attributes, and theirs. Every float in it is a time. A copy can be made *older*: all
its times move into the past together, so that "now" is always `NOW` and a machine that waits looks the same
however long the model has run. A time longer ago than `FORGOTTEN_S` is all one; no rule of the election looks
back further. 0.0 stands for "never" and stays.
"""

from collections import deque
from collections.abc import Hashable, Mapping
from enum import Enum
from types import FunctionType
from typing import Any, TypeVar

from bus.contract import Contract, encode

NOW = 100.0
FORGOTTEN_S = 6.0  # more than any time in heartbeat.timing
_UNINTERESTING = frozenset({"taken", "cause", "_claimed_for"})  # what happened, which decides nothing

_Machine = TypeVar("_Machine")


def copied(machine: _Machine, older_s: float = 0.0) -> _Machine:
    """The same machine, this many seconds later."""
    copy: _Machine = _copied(machine, older_s)
    return copy


def _copied(value: Any, older_s: float) -> Any:
    if isinstance(value, float):
        return max(value - older_s, NOW - FORGOTTEN_S) if value else value
    if value is None or isinstance(value, str | int | bytes | Enum | Contract | frozenset | FunctionType):
        return value
    if isinstance(value, Mapping):
        return {key: _copied(one, older_s) for key, one in value.items()}
    if isinstance(value, tuple):
        ones = [_copied(one, older_s) for one in value]
        return type(value)(*ones) if hasattr(value, "_fields") else tuple(ones)
    if isinstance(value, list):
        return [_copied(one, older_s) for one in value]
    if isinstance(value, deque):
        return deque((_copied(one, older_s) for one in value), value.maxlen)
    copy = object.__new__(type(value))
    vars(copy).update(
        (name, one if name in _UNINTERESTING else _copied(one, older_s)) for name, one in vars(value).items()
    )
    return copy


def frozen(value: Any) -> Hashable:
    """Equal for machines that are in the same state."""
    if value is None or isinstance(value, str | int | float | bytes | Enum | frozenset):
        return value
    if isinstance(value, Contract):
        return type(value).__name__, encode(value)
    if isinstance(value, Mapping):
        return tuple((key, frozen(one)) for key, one in value.items())
    if isinstance(value, tuple | list | deque):
        return tuple([frozen(one) for one in value])
    return tuple([frozen(one) for name, one in vars(value).items() if name not in _UNINTERESTING])
