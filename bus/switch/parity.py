"""Parity: does each message of a peer come by both columns?

Theory of operation
-------------------
While a peer sends by both columns, two copies of each message should come. The first copy opens a pair, the
second closes it and shows how late its column is; a copy that does not come within `PAIR_S` is a **miss** of
its column. A pair of a peer and a class is **green** after `GREEN_MESSAGES` pairs and `GREEN_S` without a
miss. Messages are told apart by (source, incarnation, class, number), as duplicates are (`bus.wire.dedup`).

Settings are no stream of messages: of them the generation and the digest in the latest record by each column
are compared.
"""

import hashlib
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from bus.envelope import Envelope
from bus.routes import Column
from bus.switch.carrying import OTHER
from bus.telemetry.metrics import Sample
from bus.wire.dedup import Window

PAIR_S = 2.0  # a record takes milliseconds, and half a second where a broker holds an empty fetch
GREEN_MESSAGES = 20
GREEN_S = 3.0
OPEN_MAX = 4_096  # pairs of a peer and class that wait for their second copy


class _Version(BaseModel):
    """What a record of the settings says of itself on its first level, in every version."""

    generation: int
    digest: str


def digest_of(settings: Envelope) -> str:
    """What tells settings apart, whoever wrote them and when: several minters may write the same ones."""
    try:
        found = _Version.model_validate_json(settings.data)
    except ValidationError:
        return hashlib.sha256(settings.data).hexdigest()[:16]
    return f"{found.generation}:{found.digest[:16]}"


class _Pairing:
    """The pairs of one peer, of one of its incarnations, in one class."""

    def __init__(self, incarnation: int) -> None:
        self.incarnation = incarnation
        self.both = 0
        self.only = dict.fromkeys(Column, 0)
        self.late_ms = dict.fromkeys(Column, 0.0)
        """The longest time by which the copy of a column came after the other's."""
        self.missed_at = -math.inf
        self._seen = {column: Window() for column in Column}
        self._open: dict[int, tuple[Column, float]] = {}

    def note(self, number: int, column: Column, now: float) -> bool:
        """Note a copy; True if it is the first one of its message."""
        seen, is_new = self._seen[column].see(number)
        if not is_new:
            return False
        self._seen[column] = seen
        opened = self._open.pop(number, None)
        if opened is not None:
            self.both += 1
            self.late_ms[column] = max(self.late_ms[column], 1000 * (now - opened[1]))
            return False
        if not self._seen[OTHER[column]].see(number)[1]:
            return False  # the other copy came, and was waited for long enough
        self._open[number] = (column, now)
        if len(self._open) > OPEN_MAX:
            self._miss(next(iter(self._open)), now)
        return True

    def expire(self, now: float) -> None:
        """Count the copies that did not come in time."""
        while self._open:
            number, (_, at) = next(iter(self._open.items()))
            if now < at + PAIR_S:
                return
            self._miss(number, now)

    def _miss(self, number: int, now: float) -> None:
        column, _ = self._open.pop(number)
        self.only[column] += 1
        self.missed_at = now

    def is_green(self, now: float) -> bool:
        return self.both >= GREEN_MESSAGES and now >= self.missed_at + GREEN_S

    def forget_misses(self) -> None:
        self.both, self.missed_at = 0, -math.inf
        self.only, self.late_ms = dict.fromkeys(Column, 0), dict.fromkeys(Column, 0.0)
        self._open.clear()


class Parity:
    """Counts the copies that come of each peer's messages, by class and column."""

    def __init__(self) -> None:
        self._pairings: dict[tuple[str, str], _Pairing] = {}
        self._settings: dict[Column, str] = {}

    def begin(self) -> None:
        """Count anew: from now on peers may send by both columns. What was seen stays known, for a copy of it
        must not count anew.
        """
        for one in self._pairings.values():
            one.forget_misses()

    def note(self, envelope: Envelope, column: str, now: float) -> bool:
        """Note a copy of a message; True if it is the first copy."""
        key = (envelope.source, envelope.traffic)
        pairing = self._pairings.get(key)
        if pairing is None or envelope.incarnation > pairing.incarnation:
            pairing = self._pairings[key] = _Pairing(envelope.incarnation)
        if envelope.incarnation < pairing.incarnation:
            return True  # a former process of that name: whoever reads it decides
        return pairing.note(envelope.seq, Column(column), now)

    def note_settings(self, digest: str, column: Column) -> None:
        """Note the latest record of the settings that a column has; an empty digest says that it has none."""
        self._settings[column] = digest

    def keep_to(self, names: Iterable[str]) -> None:
        """Forget all other peers."""
        known = {*names}
        self._pairings = {key: one for key, one in self._pairings.items() if key[0] in known}

    def expire(self, now: float) -> None:
        """Count the copies that did not come in time."""
        for one in self._pairings.values():
            one.expire(now)

    def lacks(self, wanted: Mapping[str, Iterable[str]], now: float) -> list[str]:
        """What is not green yet of these classes of these peers, in words; settings that differ, too."""
        self.expire(now)
        missing = [
            f"{traffic} of {peer}"
            for peer, classes in wanted.items()
            for traffic in classes
            if not self._is_green((peer, traffic), now)
        ]
        return missing if self._settings_agree() else [*missing, "the settings"]

    def report(self, now: float) -> dict[str, Any]:
        """By peer and class: the messages that came by both columns, by one alone, and how late."""
        self.expire(now)
        peers: dict[str, dict[str, Any]] = {}
        for (peer, traffic), one in sorted(self._pairings.items()):
            peers.setdefault(peer, {})[traffic] = {
                "both": one.both,
                "only": {str(column): count for column, count in one.only.items()},
                "late_ms": {str(column): round(late, 1) for column, late in one.late_ms.items()},
                "green": one.is_green(now),
            }
        settings = {str(column): digest for column, digest in self._settings.items()}
        return {"peers": peers, "settings": settings, "settings_agree": self._settings_agree()}

    def samples(self) -> Iterator[Sample]:
        """The copies, by class and by which columns they came."""
        counts: dict[tuple[str, str], int] = {}
        for (_, traffic), one in self._pairings.items():
            for came, count in (("both", one.both), *((str(column), n) for column, n in one.only.items())):
                counts[traffic, came] = counts.get((traffic, came), 0) + count
        for (traffic, came), count in counts.items():
            yield Sample("provbus_parity_messages", count, {"class": traffic, "came": came})

    def _is_green(self, key: tuple[str, str], now: float) -> bool:
        one = self._pairings.get(key)
        return one is not None and one.is_green(now)

    def _settings_agree(self) -> bool:
        return len({*self._settings.values()}) <= 1
