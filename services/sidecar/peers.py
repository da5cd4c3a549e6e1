"""The CFMs as this minter sees them: which are alive, their endpoints, and the choice of one for a row.

Beats say which CFMs are alive (`heartbeat.liveness`) and where (`services.sidecar.announced`). Every
connection is greeted four times a second: the greeting names the claim we act under, and a CFM that cannot be
greeted gets no rows until the next one.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from random import Random
from typing import Any

from bus.effects import Connect, Effect, Send
from bus.envelope import Stamp
from bus.messages import Received
from bus.reason import Reason
from bus.telemetry.metrics import Sample, labelled
from fileid.row import HELLO
from heartbeat.liveness.balance import Balancer
from heartbeat.liveness.lasting import Lasting
from heartbeat.liveness.roster import Peer, Roster
from heartbeat.roles.claim import Claim
from heartbeat.roles.hello import pack_hello
from services.instance.fellows import fellow_facts
from services.sidecar.announced import Announced

HELLO_EVERY_S = 0.25
FAILING_S = 2.0  # a connection that is made anew takes less


class Peers:
    """The peers of one minter. `services` has the service of every instance, `pins` the pinned addresses;
    `wall_s` gives the Unix time of a moment, `generation` that of our settings, `claims` the claim under
    which we act, and the one that CFMs learn from greetings alone. CFMs are connected to at endpoints
    of these `schemes`.
    """

    def __init__(
        self,
        stamp: Stamp,
        services: Mapping[str, str],
        pins: Mapping[str, Mapping[str, str]],
        random: Random,
        schemes: Callable[[], Sequence[str]],
        wall_s: Callable[[float], float],
        generation: Callable[[], int],
        claims: Callable[[], tuple[Claim, Claim]],
    ) -> None:
        self.roster = Roster(services, own=stamp.instance)
        self.unreachable: set[str] = set()
        """The CFMs to which a send failed since they were greeted last."""
        self._balancer = Balancer(self.roster, random)
        self._announced = Announced(schemes, pins)
        self._stamp = stamp
        self._wall_s = wall_s
        self._generation = generation
        self._claims = claims
        self._hello_due = 0.0
        self._now = 0.0
        self._failing = Lasting(FAILING_S)
        self._greeted_under = Claim()

    @property
    def unusable(self) -> Mapping[str, str]:
        """The CFMs that announced an unusable endpoint, each with the reason."""
        return self._announced.unusable

    def beaten(self, message: Received, now: float, wall_s: float) -> tuple[Peer | None, list[Effect]]:
        """Take an instance's beat: the peer (None: it is not of the fleet), and a `Connect` if its endpoint
        is new.
        """
        envelope = message.envelope
        self.roster.receive(envelope, now, wall_s)
        peer = self.roster.peer(envelope.source)
        if peer is None or peer.beat.service != "cfm":
            return peer, []
        fresh = self._announced.heard(peer.name, peer.beat.endpoints)
        if fresh:
            self._hello_due = now
        return peer, [Connect(envelope.source, endpoint) for endpoint in fresh]

    def moved(self, *, has_echo: bool) -> None:
        """Other columns are heard, or carry messages, from now on. `has_echo`: our own beats come back."""
        self._announced.moved()
        self._hello_due = 0.0
        self.roster.expect_echo(is_expected=has_echo)

    def keep_to(self, services: Mapping[str, str], pins: Mapping[str, Mapping[str, str]]) -> None:
        """Know these instances alone from now on, at the addresses of `pins`."""
        self.roster.keep_to(services)
        self._announced.keep_to(services, pins)
        self.unreachable &= services.keys()

    def choose(self, exclude: Sequence[str], now: float) -> str | None:
        """The CFM that is to get a row next; None if none can."""
        return self._balancer.choose((*exclude, *self.unreachable, *self.unusable), self._generation())

    def next_server(self, acked_by: str, tried: Sequence[str]) -> str | None:
        """The TFTP address for a modem: of the CFM that acked its row, else of the first that was tried and
        is alive, else of any that is; None without one.
        """
        name: str | None = acked_by or next(filter(self.roster.is_alive, tried), None)
        if not name:
            name = self._balancer.choose([*self.unusable], self._generation())
        peer = None if name is None else self.roster.peer(name)
        if peer is None or peer.name in self.unusable:
            return None
        return peer.beat.endpoints.get("tftp")

    def gave(self, send: Send) -> None:
        """Count a frame of rows that goes to a CFM."""
        self._balancer.gave(str(send.to), int.from_bytes(send.envelope.data[:2]))

    def unreached(self, cfm: str) -> None:
        """A send to this CFM failed: it gets no rows until it is greeted again."""
        self.unreachable.add(cfm)

    def tick(self, now: float) -> list[Effect]:
        """Make silent peers suspect, and then dead. Returns the greetings that are due, at once if a claim
        changed that the CFMs learn from greetings alone.
        """
        self.roster.tick(now)
        self._now = now
        claim, told_by_greeting = self._claims()
        if now < self._hello_due and told_by_greeting == self._greeted_under:
            return []
        self._greeted_under = told_by_greeting
        self._hello_due = now + HELLO_EVERY_S
        self._failing.note(self.unreachable, now)
        self.unreachable.clear()
        hello, sent_ms = pack_hello(claim, now), int(self._wall_s(now) * 1000)
        return [
            Send(peer, self._stamp.envelope(HELLO, hello, time_ms=sent_ms))
            for peer in self._announced.connected
        ]

    def deadline(self) -> float | None:
        """The moment of the next greeting, or of the next peer's timeout."""
        due = self.roster.deadline()
        return self._hello_due if due is None else min(due, self._hello_due)

    def describe(self, now: float) -> dict[str, Any]:
        """The state of the peers, for an operator."""
        return {
            "peers": self.roster.describe(now),
            "cfms": self.able(),
            "unusable": self._unusable_and_alive(),
        }

    def able(self) -> list[str]:
        """The CFMs that can take rows."""
        able = self._balancer.able([*self.unreachable, *self.unusable], self._generation())
        return [peer.name for peer in able]

    def facts(self) -> dict[str, str]:
        """The state of every other instance, in words."""
        return fellow_facts(self.roster, [*self._unreached()])

    def missing(self) -> list[Reason]:
        """The reason why no CFM can take a row."""
        if self.able():
            return []
        if self.roster.alive("cfm"):
            return [Reason("no-able-cfm", "no CFM that is alive can take rows")]
        return [Reason("no-cfm", "no CFM is alive")]

    def degraded(self) -> list[Reason]:
        """The problems of single peers."""
        failing = [
            Reason("cfm-unreachable", f"a connection to {name}, which is alive") for name in self._unreached()
        ]
        unusable = self._unusable_and_alive().items()
        places = [
            Reason("cfm-place-useless", f"the place of {name} is of no use: {reason}")
            for name, reason in unusable
        ]
        return [*failing, *places]

    def samples(self, now: float) -> Iterator[Sample]:
        """The metrics of peers."""
        yield Sample("provbus_places_ignored_total", self._announced.ignored)
        known = self.roster.describe(now)
        states = Counter((one["service"], one["state"] or "forgotten") for one in known.values())
        for (service, state), count in states.items():
            yield Sample("provbus_peers", count, {"service": service, "state": state})
        ages = {name: one["beat_age_s"] for name, one in known.items() if one["beat_age_s"] is not None}
        yield from labelled("provbus_beat_age_seconds", "peer", ages)
        yield from labelled("provbus_clock_skew_seconds", "peer", self.roster.skewed())
        yield Sample("provbus_detector_stretch", self.roster.stretch)

    def _unreached(self) -> Iterator[str]:
        """The CFMs that are alive, and that no greeting has reached for a while."""
        return filter(self.roster.is_alive, self._failing.at(self._now))

    def _unusable_and_alive(self) -> dict[str, str]:
        return {name: reason for name, reason in self.unusable.items() if self.roster.is_alive(name)}
