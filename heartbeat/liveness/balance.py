"""Load balancing: the choice of the CFM for the next frame.

Power of two choices: of two CFMs drawn at random the less loaded gets it. That spreads load almost as well as
asking everybody, and unlike "the least loaded" it does not send a whole storm to one CFM between two of its
beats. Load is the share of its capacity in flight by its last beat, with the rows we gave it since, plus its
p99 latency as a share of `P99_MS_FULL`.

CFMs that are not alive, that drain, or that lack the settings generation of the row are left out.
"""

from collections.abc import Sequence
from random import Random

from heartbeat.liveness.roster import Peer, Roster

P99_MS_FULL = 1000.0  # a CFM this slow counts as fully loaded, whatever it has in flight


class Balancer:
    """Picks CFMs by load."""

    def __init__(self, roster: Roster, random: Random) -> None:
        self._roster = roster
        self._random = random
        self._given: dict[str, tuple[Peer, int]] = {}

    def choose(self, exclude: Sequence[str], generation: int) -> str | None:
        """A CFM that has `generation` of the settings, not one of `exclude`; None if there is none."""
        able = self.able(exclude, generation)
        if not able:
            return None
        pair = able if len(able) <= 2 else self._random.sample(able, 2)
        best = min(pair, key=self._load) if len(pair) > 1 else pair[0]
        return best.name

    def able(self, exclude: Sequence[str], generation: int) -> list[Peer]:
        """Every CFM that could be chosen."""
        return [
            peer
            for peer in self._roster.alive("cfm")
            if not peer.beat.draining and peer.beat.generation >= generation and peer.name not in exclude
        ]

    def gave(self, name: str, rows: int) -> None:
        """Count rows sent to this CFM, until its next beat."""
        peer = self._roster.peer(name)
        if peer is not None:
            known, count = self._given.get(name, (peer, 0))
            self._given[name] = (peer, rows if known is not peer else count + rows)

    def _load(self, peer: Peer) -> tuple[float, float]:
        known, given = self._given.get(peer.name, (peer, 0))
        load = peer.beat.load
        in_flight = load.in_flight + (given if known is peer else 0)
        return (in_flight / load.capacity + load.p99_ms / P99_MS_FULL, self._random.random())
