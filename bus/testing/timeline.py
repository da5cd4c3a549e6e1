"""Virtual time: a clock that moves from event to event.

The clock is a heap of entries (time, number, action). It moves to the earliest entry and calls its action;
equal times keep the order of their numbers, so the order of events depends only on the order of their making.
"""

from collections.abc import Callable
from functools import partial
from heapq import heappop, heappush

Action = Callable[[], object]
"""The action of an entry; its result is ignored."""
Place = tuple[float, int]
"""A time, and the order among the entries of that time."""


class Timeline:
    """A clock that moves from entry to entry; `now` is in seconds since its beginning."""

    def __init__(self) -> None:
        self.now = 0.0
        self._heap: list[tuple[float, int, Action]] = []
        self._number = 0

    def at(self, at: float, action: Action) -> None:
        """Call `action` when the clock shows `at`; if that is over, at once, behind the entries due now."""
        self._number += 1
        heappush(self._heap, (at if at > self.now else self.now, self._number, action))

    def after(self, delay_s: float, action: Action) -> None:
        """Call `action` after `delay_s` of virtual time."""
        self.at(self.now + delay_s, action)

    def reserve(self, at: float) -> Place:
        """The place that a call of `at` would take now, for `enter`."""
        self._number += 1
        return (at if at > self.now else self.now, self._number)

    def enter(self, place: Place, action: Action) -> None:
        """Call `action` when its place comes, which must not be over."""
        heappush(self._heap, (*place, action))

    def run(self, until: float, goal: Callable[[], bool] | None = None) -> bool:
        """Run until the clock shows `until`, or until the goal is reached; True if it was reached."""
        heap = self._heap
        while goal is None or not goal():
            if not heap or heap[0][0] > until:
                self.now = max(self.now, until)
                return False
            self.now, _, action = heappop(heap)
            action()
        return True


class Alarm:
    """Calls its action at the time it was set to last. Many settings put few entries on the timeline."""

    __slots__ = ("_action", "_entered", "_place", "_timeline")

    def __init__(self, timeline: Timeline, action: Action) -> None:
        self._timeline = timeline
        self._action = action
        self._place: Place | None = None
        self._entered: Place | None = None  # the first of our places that is on the timeline

    def set(self, at: float) -> None:
        """Call the action at `at`, and at no other time."""
        self._place = self._timeline.reserve(at)
        self._enter()

    def cancel(self) -> None:
        """Do not call the action."""
        self._place = None

    def _enter(self) -> None:
        place = self._place
        if place is not None and (self._entered is None or place < self._entered):
            self._entered = place
            self._timeline.enter(place, partial(self._come, place))

    def _come(self, place: Place) -> None:
        if place == self._entered:
            self._entered = None
        if place == self._place:
            self._place = None
            self._action()
        else:
            self._enter()  # it was set to a later time, or cancelled
