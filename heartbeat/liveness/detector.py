"""Failure detection: every peer is alive, suspect, dead, or has left.

Theory of operation
-------------------
A peer is silent for as long as no beat of it came *although beats come*: silence is counted up to the time
when we read back a beat of our own (`echo`), not up to now. A broker that stands still silences everybody,
ourselves too, and nobody is suspected for it. After `suspect_after_s` of silence a peer becomes SUSPECT,
after `dead_after_s` DEAD; `forget_after_s` after its last beat it is forgotten. If own beats do not come back
(multicast has no broker in between) silence is counted up to now.

We doubt ourselves first: if our own beats come back in larger gaps than they should, we are slow, or our way
to the broker is, and the limits of alive and suspect peers are stretched, up to `STRETCH_MAX` times
(Lifeguard's local health).

A beat of a new incarnation is a restart, an older incarnation's late beat is ignored. A peer whose beat says
that it leaves is LEFT at once.

The detector reports its observations and leaves the choice of a CFM to `heartbeat.liveness.balance` and
takeover to the election. Phi (how surprising the present silence is, Hayashibara's accrual detector) is for
people only; it decides nothing. The states are memberlist's.
"""

import math
from enum import StrEnum
from typing import NamedTuple

BEAT_EVERY_S = 0.5
SUSPECT_AFTER_S = 1.5  # three beats lost
DEAD_AFTER_S = 3.5
FORGET_AFTER_S = 600.0
STRETCH_MAX = 4
SLOW_S = 2 * BEAT_EVERY_S  # with a longer gap between two echoes we are slow
PHI_MAX = 99.0
_SMOOTH = 0.1  # the weight of the newest interval
_DEVIATION_S_MIN = 0.05


class PeerState(StrEnum):
    """The observed state of a peer."""

    ALIVE = "alive"
    SUSPECT = "suspect"
    DEAD = "dead"
    LEFT = "left"


class PeerChanged(NamedTuple):
    """A peer's state changed."""

    peer: str
    state: PeerState


class _Peer(NamedTuple):
    incarnation: int
    state: PeerState
    heard: float
    mean_s: float = BEAT_EVERY_S
    deviation_s: float = BEAT_EVERY_S


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
        self.stretch = 1
        self._limits = {
            PeerState.ALIVE: suspect_after_s,
            PeerState.SUSPECT: dead_after_s,
            PeerState.DEAD: forget_after_s,
            PeerState.LEFT: forget_after_s,
        }
        self._next = {PeerState.ALIVE: PeerState.SUSPECT, PeerState.SUSPECT: PeerState.DEAD}
        self._peers: dict[str, _Peer] = {}
        self._echo: float | None = None
        self._gaps: dict[str, float] = {}

    def heard(self, peer: str, incarnation: int, now: float, *, leaves: bool = False) -> list[PeerChanged]:
        """Note a beat of this peer; its last one, if it `leaves`."""
        known = self._peers.get(peer)
        if known is not None and incarnation < known.incarnation:
            return []
        state = PeerState.LEFT if leaves else PeerState.ALIVE
        fresh = _Peer(incarnation, state, now)
        if known is not None and known.incarnation == incarnation:
            took_s = now - known.heard
            self._gaps[peer] = max(self._gaps.get(peer, 0.0), took_s)
            mean_s = known.mean_s + _SMOOTH * (took_s - known.mean_s)
            deviation_s = known.deviation_s + _SMOOTH * (abs(took_s - mean_s) - known.deviation_s)
            fresh = fresh._replace(mean_s=mean_s, deviation_s=deviation_s)
        self._peers[peer] = fresh
        if known is not None and known.state is state:
            return []
        return [PeerChanged(peer, state)]

    def forget(self, peer: str) -> None:
        """Forget this peer, as if it had never been heard."""
        self._peers.pop(peer, None)
        self._gaps.pop(peer, None)

    def longest_gap_s(self, peer: str) -> float:
        """The longest time between two beats of one incarnation of this peer."""
        return self._gaps.get(peer, 0.0)

    def echo(self, now: float) -> None:
        """Note a beat of our own."""
        if self._echo is not None:
            is_slow = now - self._echo > SLOW_S
            self.stretch = min(STRETCH_MAX, self.stretch + 1) if is_slow else max(1, self.stretch - 1)
        self._echo = now

    def lose_echo(self) -> None:
        """Our own beats do not come back from now on: silence is counted up to now."""
        self._echo = None

    def tick(self, now: float) -> list[PeerChanged]:
        """Demote every peer whose deadline is reached; forget one that is long dead or left."""
        changes = []
        until = now if self._echo is None else min(now, self._echo)
        for name, peer in list(self._peers.items()):
            while until >= self._deadline(peer):
                if peer.state not in self._next:
                    del self._peers[name]
                    break
                peer = peer._replace(state=self._next[peer.state])
                self._peers[name] = peer
                changes.append(PeerChanged(name, peer.state))
        return changes

    def state(self, peer: str) -> PeerState | None:
        """The state of a peer; None if we never heard of it, or long ago."""
        known = self._peers.get(peer)
        return known.state if known is not None else None

    def heard_at(self, peer: str) -> float | None:
        """The time of this peer's last beat; None if we do not know the peer."""
        known = self._peers.get(peer)
        return known.heard if known is not None else None

    def phi(self, peer: str, now: float) -> float:
        """The surprise of this peer's silence: the negative decimal logarithm of the probability that its
        beat comes still later, by a logistic approximation to the normal distribution; at most `PHI_MAX`.
        """
        known = self._peers.get(peer)
        if known is None:
            return 0.0
        y = (now - known.heard - known.mean_s) / max(known.deviation_s, _DEVIATION_S_MIN)
        exponent = y * (1.5976 + 0.070566 * y * y)
        if exponent > 230.0:  # e to the power of this is 10 to the power of 99.9
            return PHI_MAX
        return max(0.0, math.log10(1.0 + math.exp(exponent)))

    def deadline(self) -> float | None:
        """The time of the next demotion; None while the next echo decides that."""
        due = min(map(self._deadline, self._peers.values()), default=None)
        return due if due is None or self._echo is None or due <= self._echo else None

    def _deadline(self, peer: _Peer) -> float:
        stretch = 1 if peer.state not in self._next else self.stretch
        return peer.heard + stretch * self._limits[peer.state]
