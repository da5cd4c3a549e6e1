"""The frame of every service's machine: the parts that a sidecar and a CFM have in common.

A machine is parts that do its work, and this frame around them: the clock, the beat, the audit stream, the
records that belong on the disk, and the reaction to another process of our name. The frame also dispatches
arrivals: a message of the bus by its type, a request of the local socket by its operation. An arrival that
does not decode is counted and changes nothing, and so does one of a class that is signed which nobody proven
wrote. One whose number leaps is counted too, and the last one is told; nothing goes up by that number.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, Generic, Protocol, TypeVar

from bus.contract import decode
from bus.effects import Effect, Exit, TakeIncarnation
from bus.envelope import Stamp, traffic_of
from bus.errors import DecodeError
from bus.fleet.fleet import MINTERS, SERVICES
from bus.fleet.trust import Believing, UnprovenError
from bus.leaps import REFUSED, LeapError
from bus.messages import (
    Draining,
    Kept,
    Lacking,
    LocalRequest,
    Received,
    Stopping,
    Undelivered,
    Unkept,
    WallClock,
)
from bus.reason import Reason
from bus.routes import SIGNED
from bus.switch.standing import StoreSwitch
from bus.telemetry.audit import AUDIT, Audit
from bus.telemetry.health import Status, judge
from bus.telemetry.keeping import Keeping, Subject
from bus.telemetry.metrics import Sample, labelled
from bus.wire.dedup import Dedup
from heartbeat.liveness.beat import BEAT, Beat
from heartbeat.liveness.namesake import Namesake, is_namesake
from heartbeat.liveness.pulse import Pulse
from services.instance.about import About
from services.instance.local_api import answer, is_misplaced, misplaced, refuse, unknown
from services.instance.switching import Switching, unswitched

Leaves = TypeVar("Leaves")


class Due(Protocol):
    """A part with a deadline."""

    def deadline(self) -> float | None:
        """The moment when it is due; None if it is not."""


class Frame(Generic[Leaves]):
    """The common parts of one machine. `service` is dhcp, mps or cfm, `trust` decides who is believed,
    `counts` are the names of its parts' counters, `undecodable` among them, `keeps` the records that belong
    on the disk.
    """

    def __init__(
        self,
        stamp: Stamp,
        service: str,
        *,
        trust: Believing,
        counts: Sequence[str],
        keeps: Mapping[type, Subject],
        namesake: Namesake | None = None,
        about: About | None = None,
        switching: Switching | None = None,
    ) -> None:
        self.stamp = stamp
        self.service = service
        self.counts = dict.fromkeys(counts, 0)
        self.audit = Audit(stamp)
        self.pulse = Pulse(stamp)
        self.about = about or About()
        self.namesake = namesake or Namesake(stamp.incarnation)
        self.switching = switching or unswitched(stamp)
        self.dedup = Dedup()
        # An incarnation that could not be kept is asked for anew, with a later one.
        own = {
            TakeIncarnation: Subject("incarnation", lambda: None),
            StoreSwitch: Subject("switch", self.switching.wanted, self.switching.stored),
        }
        self.keeping = Keeping({**keeps, **own})
        self.misplaced = 0
        self.wall_offset_s = 0.0
        self._trust = trust
        self.lacks: tuple[Reason, ...] = ()
        """The faults of the carrier and of the other parts outside of the machine."""
        self._beat: Callable[[float], Beat]
        self._status: Status
        self._types: Mapping[str, Callable[[Received, float], Sequence[Leaves]]] = {}
        self._operations: Mapping[str, Callable[[LocalRequest, float], Sequence[Leaves]]] = {}
        self._moves: Sequence[Callable[[float], Sequence[Leaves]]] = ()
        self._overhears = False
        self._leaps: dict[str, int] = dict.fromkeys(REFUSED, 0)
        self._last_leap = ""

    def serve(
        self,
        types: Mapping[str, Callable[[Received, float], Sequence[Leaves]]],
        operations: Mapping[str, Callable[[LocalRequest, float], Sequence[Leaves]]],
        moves: Sequence[Callable[[float], Sequence[Leaves]]],
        beat: Callable[[float], Beat],
        status: Status,
        by_minters: Collection[str] = (),
        overhears: bool = False,
    ) -> None:
        """Dispatch messages of these types and requests of these operations from now on. A tick does the
        `moves` in this order; `beat` makes the next beat, in which `status` tells how the machine stands. Of
        the types `by_minters` only messages of minters count. A machine that `overhears` others' messages
        ignores those of other types; to any other machine they are a mistake of their sender.
        """
        self._types = {
            type_: self._believed(handle, MINTERS if type_ in by_minters else SERVICES)
            if traffic_of(type_) in SIGNED
            else handle
            for type_, handle in types.items()
        }
        self._operations = {**operations, **self.switching.operations}
        self._moves, self._beat, self._overhears = moves, beat, overhears
        self._status = status

    def wall_s(self, now: float) -> float:
        """The Unix time of this moment."""
        return now + self.wall_offset_s

    def received(self, message: Received, now: float) -> Sequence[Leaves]:
        """Handle a message of the bus. One of a type that is not served is dropped, and counted once, unless
        we overhear.
        """
        try:
            handle = self._types.get(message.envelope.type)
            if handle is not None:
                return handle(message, now)
            if self._overhears:
                return ()
            if message.envelope.traffic in SIGNED:  # a forged one must not be remembered in another's name
                self._trust.check(message.envelope, now)
            if self.dedup.is_new(message.envelope):
                raise DecodeError(f"{message.envelope.type} is not for us")
        except UnprovenError:
            return ()  # counted by who does not believe it
        except LeapError as error:
            self._leaps[error.number] += 1
            self._last_leap = str(error)
        except DecodeError:
            self.counts["undecodable"] += 1
        return ()

    def _believed(
        self, handle: Callable[[Received, float], Sequence[Leaves]], services: Collection[str]
    ) -> Callable[[Received, float], Sequence[Leaves]]:
        """The same handler, for messages of proven writers of these services: no other one is remembered."""
        check = self._trust.check

        def believed(message: Received, now: float) -> Sequence[Leaves]:
            check(message.envelope, now, services)
            return handle(message._replace(is_proven=True), now)

        return believed

    def once(
        self, handle: Callable[[Received, float], Sequence[Leaves]]
    ) -> Callable[[Received, float], Sequence[Leaves]]:
        """The same handler, for messages that were not received before."""
        return lambda message, now: handle(message, now) if self.dedup.is_new(message.envelope) else ()

    def unless_yielding(
        self, handle: Callable[[Received, float], Sequence[Leaves]]
    ) -> Callable[[Received, float], Sequence[Leaves]]:
        """The same handler, unless we yield to another process of our name."""
        return lambda message, now: () if self.namesake.yields else handle(message, now)

    def is_namesake(self, message: Received, now: float) -> bool:
        """Whether this is a beat of our name that we did not send; then it is noted (`DecodeError`)."""
        envelope = message.envelope
        if envelope.type != BEAT or not is_namesake(envelope, self.stamp):
            return False
        self.namesake.heard(envelope.incarnation, decode(Beat, envelope.data).namesake, now)
        return True

    def requested(self, request: LocalRequest, now: float) -> Sequence[Any]:
        """Answer a request of a local socket by its operation, or refuse it; one that its door does not have
        is counted.
        """
        name = request.body.get("op")
        operation = self._operations.get(name) if isinstance(name, str) else None
        if operation is None:
            return [unknown(request, self.service, votes="failover.admit" in self._operations)]
        if is_misplaced(request):
            self.misplaced += 1
            return [misplaced(request)]
        try:
            return operation(request, now)
        except DecodeError as error:
            return [refuse(request, "bad_request", str(error))]

    def trace(self, request: LocalRequest, now: float) -> list[Effect]:
        """`trace`: the events of a device or a FileID that our audit stream remembers."""
        return [answer(request, **self.audit.answer(request.body))]

    def clock(self, message: WallClock, now: float) -> list[Effect]:
        """Adopt the wall clock's offset."""
        self.wall_offset_s = message.offset_s
        return []

    def lacking(self, message: Lacking, now: float) -> list[Effect]:
        """Adopt the faults of what is outside."""
        self.lacks = message.reasons
        return []

    def drain(self, message: Draining, now: float) -> list[Effect]:
        """From now on beats say that we finish our work."""
        self.pulse.drain()
        return []

    def stop(self, message: Stopping, now: float) -> list[Effect]:
        """Send the last events, and the last beat."""
        wall_s = self.wall_s(now)
        return [*self.audit.flush(wall_s), self.pulse.leave(self._whole_beat(now), now, wall_s)]

    def undelivered(self, message: Undelivered) -> bool:
        """Whether this was a batch of the audit stream; then it is counted."""
        if message.envelope.type != AUDIT:
            return False
        self.audit.undelivered(message.envelope.data)
        return True

    def kept(self, message: Kept | Unkept, now: float) -> list[Effect]:
        """The disk took a record, or refused it."""
        return [*self.keeping.receive(message, now)]

    def tick(self, now: float) -> list[Leaves]:
        """Do every move of the machine, in order."""
        return [effect for move in self._moves for effect in move(now)]

    def be_alone(self, now: float) -> list[Effect]:
        """A move: the reaction to another process of our name."""
        return self.namesake.tick(self.stamp.incarnation, now, self.wall_s(now))

    def beat(self, now: float) -> list[Effect]:
        """A move: the beat, if it is due, or has news of a switch."""
        if now < self.pulse.deadline() and not self.switching.has_news:
            return []
        return [self.pulse.tick(self._whole_beat(now), now, self.wall_s(now))]

    def _whole_beat(self, now: float) -> Beat:
        told = {**self._standing(), "switch": self.switching.standing()}
        return self._beat(now).model_copy(update=told)

    def _standing(self) -> dict[str, Any]:
        """How we stand, for our beats and for whoever asks."""
        found, about = judge(self._status), self.about
        return {
            "verdict": found.word,
            "reason": found.code,
            "version": about.version,
            "transport": about.transport(),
            "keys": about.keys(),
        }

    def tell(self, now: float) -> list[Effect]:
        """A move: the audit batches that are due."""
        return [*self.audit.tick(now, self.wall_s(now))]

    def keep_again(self, now: float) -> list[Effect]:
        """A move: the records that the disk refused, if it is time to try again."""
        return [*self.keeping.tick(now)]

    def leave(self, beats: int, is_idle: Callable[[], bool]) -> Callable[[float], list[Effect]]:
        """A move: exit, once so many beats said that we drain and no work is left."""

        def move(now: float) -> list[Effect]:
            return [Exit(0, "drained")] if self.pulse.draining_beats >= beats and is_idle() else []

        return move

    def deadline(self, *parts: Due) -> float:
        """The earliest deadline of the frame and of these parts."""
        due = 0.0 if self.switching.has_news else self.pulse.deadline()
        own: tuple[Due, ...] = (self.audit, self.namesake, self.keeping, self.switching)
        for part in (*own, *parts):
            other = part.deadline()
            if other is not None and other < due:
                due = other
        return due

    def facts(self) -> dict[str, str]:
        """What every service tells of itself, in words."""
        about, keys = self.about, self.about.keys()
        ids = {"fleet file": keys.fleet, "seal": "".join(keys.seal_ids()), "group": keys.group}
        ids["settings"] = keys.settings
        said = ", ".join(f"{name} {value}" for name, value in ids.items() if value)
        leaps = {"leap": f"refused: {self._last_leap}"} if self._last_leap else {}
        return {
            **leaps,
            **self.switching.facts(),
            "transport": f"transport: {about.transport()}, provbus {about.version}",
            "keys": f"keys: {said or 'none'}",
        }

    def describe(self) -> dict[str, Any]:
        """The first fields of `status`, the same for every service."""
        return {
            "instance": self.stamp.instance,
            "service": self.service,
            "incarnation": self.stamp.incarnation,
            "draining": self.pulse.is_draining,
            **self._standing(),
            "keys": self.about.keys().model_dump(),
        }

    def missing(self) -> list[Reason]:
        """The reasons why this process does no work."""
        drains = [Reason("stopping", "it drains, to stop")] if self.pulse.is_draining else []
        return [*drains, *self.namesake.missing()]

    def samples(self) -> Iterator[Sample]:
        """The metrics of every service."""
        yield Sample("provbus_duplicates_total", self.dedup.duplicates)
        yield Sample("provbus_local_misplaced_total", self.misplaced)
        yield Sample("provbus_draining", self.pulse.is_draining)
        yield from labelled("provbus_leaps_refused_total", "number", self._leaps)
        yield from self.namesake.samples()
        yield from self.switching.samples()
        yield from self.keeping.samples()
