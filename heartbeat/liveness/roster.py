"""The roster: the last beat and the observed state of every instance.

Our own beats come back too: they prove to the detector that beats come at all.

Of two processes of one name the one with the later incarnation counts; the roster shows that the other one is
still heard (`heartbeat.liveness.namesake`).

Only instances of the fleet get in, and only as the service that the fleet file gives them: a beat can
announce an address, but no identity. Machines take the instances for their work from the roster;
`heartbeat.liveness.balance` picks among them.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from bus.contract import decode
from bus.envelope import Envelope
from bus.errors import DecodeError
from bus.leaps import Number, is_leap
from heartbeat.liveness.beat import Beat
from heartbeat.liveness.detector import SUSPECT_AFTER_S, Detector, PeerChanged, PeerState

SKEW_S_MAX = 5.0
"""A clock that differs by more is a fault: it decides the age of seals, and people read its times."""

TWICE_BEATS = 8
"""Four seconds of beats: the records of a former process are given up after two."""


class Peer(NamedTuple):
    """An instance's last beat, and the lead of its wall clock over ours then, in s; `is_ahead`: no clock has
    come to its incarnation yet.
    """

    name: str
    incarnation: int
    beat: Beat
    skew_s: float = 0.0
    is_ahead: bool = False


class _Older(NamedTuple):
    """The beats of an earlier incarnation since the one that counts is there."""

    beats: int = 0
    heard_at: float = 0.0


def _is_ahead(incarnation: int, wall_s: float) -> bool:
    return is_leap(Number.INCARNATION, int(wall_s * 1000), incarnation)


class Roster:
    """The known instances. `services` maps every instance of the fleet to its service."""

    def __init__(self, services: Mapping[str, str], detector: Detector | None = None, own: str = "") -> None:
        """`own` is our own name."""
        self._own = own
        self._services = services
        self._detector = detector or Detector()
        self._peers: dict[str, Peer] = {}
        self._older: dict[str, _Older] = {}
        self._expects_echo = True

    def keep_to(self, services: Mapping[str, str]) -> None:
        """Let these instances alone in from now on, and forget all others."""
        self._services = services
        for name in [name for name in self._peers if name not in services]:
            del self._peers[name]
            self._older.pop(name, None)
            self._detector.forget(name)

    def receive(self, envelope: Envelope, now: float, wall_s: float | None = None) -> list[PeerChanged]:
        """Take a beat that arrived, at this Unix time if that is known; `DecodeError` if it is none, or not
        from an instance that may send it.
        """
        service = self._services.get(envelope.source)
        if service is None:
            raise DecodeError(f"beat of {envelope.source!r}, which is not in the fleet")
        beat = decode(Beat, envelope.data)
        if beat.service != service:
            raise DecodeError(f"{envelope.source} beats as {beat.service} but is {service}")
        known = self._peers.get(envelope.source)
        is_forgotten = self._detector.state(envelope.source) is None
        if known is None or is_forgotten or envelope.incarnation >= known.incarnation:
            skew_s = 0.0
            if wall_s is not None and envelope.time_ms:
                skew_s = envelope.time_ms / 1000 - wall_s
            is_ahead = wall_s is not None and _is_ahead(envelope.incarnation, wall_s)
            peer = Peer(envelope.source, envelope.incarnation, beat, skew_s, is_ahead)
            self._peers[envelope.source] = peer
            if known is None or envelope.incarnation > known.incarnation:
                self._older.pop(envelope.source, None)
        else:
            before = self._older.get(envelope.source, _Older())
            self._older[envelope.source] = _Older(before.beats + 1, now)
        if envelope.source == self._own and self._expects_echo:
            self._detector.echo(now)
        return self._detector.heard(envelope.source, envelope.incarnation, now, leaves=beat.leaves)

    def expect_echo(self, *, is_expected: bool) -> None:
        """Our own beats come back from now on, or do not: then silence is counted up to now. One that was on
        its way is no echo any more.
        """
        self._expects_echo = is_expected
        if not is_expected:
            self._detector.lose_echo()

    def tick(self, now: float) -> list[PeerChanged]:
        """The peers that became suspect or dead."""
        return self._detector.tick(now)

    def deadline(self) -> float | None:
        """The time of the next `tick`."""
        return self._detector.deadline()

    def states(self) -> dict[str, PeerState | None]:
        """The detector's state of every other instance ever heard."""
        return {name: self.state(name) for name in self._peers if name != self._own}

    def others(self) -> list[Peer]:
        """The instances that are alive, without ourselves."""
        return [peer for name, peer in self._peers.items() if name != self._own and self.is_alive(name)]

    def alive(self, service: str) -> list[Peer]:
        """The instances of a service that are alive."""
        return [
            peer for name, peer in self._peers.items() if peer.beat.service == service and self.is_alive(name)
        ]

    def describe(self, now: float) -> dict[str, dict[str, Any]]:
        """Every instance ever heard: state (None: long gone), its last beat, and the beat's age in s."""
        return {name: self._describe(peer, now) for name, peer in self._peers.items()}

    def is_alive(self, name: str) -> bool:
        """Whether an instance is alive."""
        return self._detector.state(name) is PeerState.ALIVE

    def peer(self, name: str) -> Peer | None:
        """The entry of an instance, if heard."""
        return self._peers.get(name)

    def state(self, name: str) -> PeerState | None:
        """The detector's state of an instance."""
        return self._detector.state(name)

    def phi(self, name: str, now: float) -> float:
        """The phi of an instance's silence."""
        return self._detector.phi(name, now)

    @property
    def stretch(self) -> int:
        """The factor by which we doubt ourselves and stretch the limits of silence."""
        return self._detector.stretch

    def skewed(self) -> dict[str, float]:
        """The lead of each alive peer's wall clock over ours at its last beat, in s."""
        return {name: round(peer.skew_s, 3) for name, peer in self._peers.items() if self.is_alive(name)}

    def ahead(self) -> list[str]:
        """The alive peers whose incarnation no clock has come to: one of their starts had a wrong clock, or
        another speaks as they.
        """
        return [name for name, peer in self._peers.items() if peer.is_ahead and self.is_alive(name)]

    def is_twice(self, name: str, now: float) -> bool:
        """Whether two processes of this name beat. The last beats of one that was restarted prove nothing."""
        older = self._older.get(name, _Older())
        return older.beats >= TWICE_BEATS and now < older.heard_at + SUSPECT_AFTER_S

    def _describe(self, peer: Peer, now: float) -> dict[str, Any]:
        beat, state, heard = peer.beat, self.state(peer.name), self._detector.heard_at(peer.name)
        return {
            "state": None if state is None else str(state),
            "twice": self.is_twice(peer.name, now),
            "service": beat.service,
            "incarnation": peer.incarnation,
            "draining": beat.draining,
            "load": beat.load.model_dump(),
            "generation": beat.generation,
            "sealed": beat.sealed,
            "endpoints": beat.endpoints,
            "phi": round(self.phi(peer.name, now), 1),
            "clock_skew_s": round(peer.skew_s, 3),
            "verdict": beat.verdict,
            "reason": beat.reason,
            "version": beat.version,
            "transport": beat.transport,
            "keys": beat.keys.model_dump(),
            "standing": None if beat.standing is None else beat.standing.model_dump(),
            "beat_age_s": None if heard is None else round(now - heard, 3),
            "longest_gap_s": round(self._detector.longest_gap_s(peer.name), 3),
        }
