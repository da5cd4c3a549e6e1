"""Failure detection: who is alive, who is suspect, who is dead.

Theory of operation
-------------------
Every peer owns one deadline. A beat moves it to `now + suspect_after_s`. When it passes, the peer becomes
SUSPECT and gets a second deadline, `dead_after_s - suspect_after_s` later. When that passes, it becomes DEAD;
`forget_after_s` after its last beat it is forgotten. A beat of a new incarnation is a restart, an older
incarnation's late beat is ignored.

The detector states what it has observed and leaves the choice of a CFM to `heartbeat.balance` and takeover to
the election. The states are memberlist's: alive, suspect, dead.
"""

from enum import StrEnum
from typing import NamedTuple

BEAT_EVERY_S = 0.5
SUSPECT_AFTER_S = 1.5  # three beats lost
DEAD_AFTER_S = 3.5
FORGET_AFTER_S = 600.0


class PeerState(StrEnum):
    """What we believe about a peer."""

    ALIVE = "alive"
    SUSPECT = "suspect"
    DEAD = "dead"


class PeerChanged(NamedTuple):
    """A peer's state is now another one."""

    peer: str
    state: PeerState


class _Peer(NamedTuple):
    incarnation: int
    state: PeerState
    heard: float


class Detector:
    """Turns beats and the passage of time into `PeerChanged` events.

    >>> detector = Detector(suspect_after_s=3.0, dead_after_s=6.0)
    >>> detector.heard("dhcp-1", incarnation=1, now=0.0)
    [PeerChanged(peer='dhcp-1', state=<PeerState.ALIVE: 'alive'>)]
    >>> detector.deadline()
    3.0
    """

    def __init__(
        self,
        suspect_after_s: float = SUSPECT_AFTER_S,
        dead_after_s: float = DEAD_AFTER_S,
        forget_after_s: float = FORGET_AFTER_S,
    ) -> None:
        self._limits = {
            PeerState.ALIVE: suspect_after_s,
            PeerState.SUSPECT: dead_after_s,
            PeerState.DEAD: forget_after_s,
        }
        self._next = {PeerState.ALIVE: PeerState.SUSPECT, PeerState.SUSPECT: PeerState.DEAD}
        self._peers: dict[str, _Peer] = {}

    def heard(self, peer: str, incarnation: int, now: float) -> list[PeerChanged]:
        """A beat of this peer arrived."""
        known = self._peers.get(peer)
        if known is not None and incarnation < known.incarnation:
            return []
        self._peers[peer] = _Peer(incarnation, PeerState.ALIVE, now)
        if known is not None and known.state is PeerState.ALIVE:
            return []
        return [PeerChanged(peer, PeerState.ALIVE)]

    def tick(self, now: float) -> list[PeerChanged]:
        """Demote every peer whose deadline is at or before `now`; a peer long dead is forgotten."""
        changes = []
        for name, peer in list(self._peers.items()):
            while now >= peer.heard + self._limits[peer.state]:
                if peer.state is PeerState.DEAD:
                    del self._peers[name]
                    break
                peer = peer._replace(state=self._next[peer.state])
                self._peers[name] = peer
                changes.append(PeerChanged(name, peer.state))
        return changes

    def state(self, peer: str) -> PeerState | None:
        """What we believe about a peer; None if we never heard of it, or long ago."""
        known = self._peers.get(peer)
        return known.state if known is not None else None

    def heard_at(self, peer: str) -> float | None:
        """When a beat of this peer arrived last; None if we do not know the peer."""
        known = self._peers.get(peer)
        return known.heard if known is not None else None

    def deadline(self) -> float | None:
        """When the next peer is due to be demoted."""
        return min((peer.heard + self._limits[peer.state] for peer in self._peers.values()), default=None)
