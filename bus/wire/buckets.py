"""Token buckets: how much of something each of many may have, and all the others together.

Theory of operation
-------------------
A bucket is one number: when it will be full again. A full bucket is the same as none, so only those that owe
something are kept, and one is dropped when it owes nothing any more. The table is bounded. At its bound
nobody's debt is forgotten: a key that is new then shares one bucket with all other new ones, so a flood of
fresh keys neither grows the table nor wins a fresh bucket for whoever is known. Each such look is counted.
"""

from collections import OrderedDict
from collections.abc import Hashable

KEYS_MAX = 10_000
_OTHERS = object()
_SLACK_S = 1e-6  # sums of shares of a second are not exact


class Buckets:
    """A bucket per key: `rate_per_s` tokens a second, at most `burst` saved up.

    >>> buckets = Buckets(rate_per_s=1.0, burst=2)
    >>> [buckets.take("192.0.2.7", now) for now in (0.0, 0.0, 0.0, 1.0)]
    [True, True, False, True]
    """

    def __init__(self, rate_per_s: float, burst: int, keys_max: int = KEYS_MAX) -> None:
        """`keys_max` bounds the buckets that owe something; beyond it there is one for all others."""
        self.crowded = 0
        """How often a new key found no room for a bucket of its own."""
        self._token_s = 1 / rate_per_s
        self._span_s = burst / rate_per_s + _SLACK_S
        self._keys_max = keys_max
        self._full_at: OrderedDict[Hashable, float] = (
            OrderedDict()
        )  # the one not taken from for longest first

    def __len__(self) -> int:
        """The number of buckets that may owe something."""
        return len(self._full_at)

    def has(self, key: Hashable, now: float) -> bool:
        """Whether this key has a token left."""
        _, full_at = self._found(key, now)
        return full_at + self._token_s <= now + self._span_s

    def take(self, key: Hashable, now: float) -> bool:
        """Whether this key has a token left; takes it."""
        key, full_at = self._found(key, now)
        full_at += self._token_s
        if full_at > now + self._span_s:
            return False
        self._full_at[key] = full_at
        self._full_at.move_to_end(key)
        return True

    def _found(self, key: Hashable, now: float) -> tuple[Hashable, float]:
        """The key whose bucket counts for this one, and when that is full, at the earliest now."""
        full_at = self._full_at.get(key)
        if full_at is None:
            self._drop_full(now)
            if len(self._full_at) < self._keys_max:
                return key, now
            self.crowded += 1
            key, full_at = _OTHERS, self._full_at.get(_OTHERS, now)
        return key, full_at if full_at > now else now

    def _drop_full(self, now: float) -> None:
        while self._full_at and next(iter(self._full_at.values())) <= now:
            self._full_at.popitem(last=False)
