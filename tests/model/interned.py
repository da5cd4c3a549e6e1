"""Numbers for states, so that every step of a machine is computed once.

A machine knows nothing of the others, so there are thousands of states of one machine where there are
millions of all of them together. Each gets a number; what a step leads to is remembered under (number, step).
"""

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

_State = TypeVar("_State")
_Step = TypeVar("_Step", bound=Hashable)


class Interned(Generic[_State]):
    """States by number, numbers by what `key` says of a state."""

    def __init__(self, key: Callable[[_State], Hashable]) -> None:
        self.states: list[_State] = []
        self._key = key
        self._numbers: dict[Hashable, int] = {}

    def number(self, state: _State) -> int:
        """The number of this state; a new one for a new state."""
        key = self._key(state)
        known = self._numbers.get(key)
        if known is None:
            known = self._numbers[key] = len(self.states)
            self.states.append(state)
        return known

    def __getitem__(self, number: int) -> _State:
        return self.states[number]

    def __len__(self) -> int:
        return len(self.states)
