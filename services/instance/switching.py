"""The switch of the transport, as a part of every machine: orders, beats, records, and the parity report.

The rules are in `bus.switch`. This part gives them what is said in beats, puts their records on the disk, and
answers a person: `transport.status`, `transport.parity` and `transport.switch`.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from bus.effects import Effect, Keep
from bus.envelope import Stamp
from bus.errors import DecodeError, StateError, TryAgainError
from bus.fleet.fleet import MINTERS, Fleet
from bus.messages import Kept, LocalRequest, Unkept
from bus.reason import Reason
from bus.routes import Column
from bus.switch.carrying import single
from bus.switch.machine import Begun, Party, Switch, WriteEra
from bus.switch.standing import TARGETS, Plan, Step, StoreSwitch, SwitchStanding
from bus.telemetry.metrics import Sample, labelled
from heartbeat.liveness.beat import Beat, KeyIds
from services.instance.local_api import answer, refuse
from services.instance.missing_keys import missing_keys

WORDS: dict[Step | None, str] = {None: "", **{step: step.name.lower() for step in Step}}
VERBS = ("switch", "check", "abort", "finish")
EVERY_S = 0.25  # a step waits for nobody longer than that: beats come twice a second


class Watches(Protocol):
    """Both columns as one sees them: what comes by each."""

    def not_green(self, wanted: Mapping[str, Iterable[str]], now: float) -> list[str]:
        """What of these classes of these peers does not come by both columns yet."""

    def silent(self) -> list[str]:
        """Why no era could be written now."""

    def report(self, now: float) -> dict[str, Any]:
        """The parity report, for people."""


class Writes(Party, Protocol):
    """The parts of an instance, as a switch asks them; a sidecar's write the role log."""

    def note(self, *, is_overtaken: bool, is_under_way: bool) -> None:
        """Set whether a switch went on without us: then we stand for nothing before we have come there; and
        whether one is under way here.
        """

    def write(self, era: WriteEra, now: float) -> list[Effect]:
        """Write the ERA of a switch. A CFM writes none."""


class NoParty:
    """The parts of an instance that can hear one column only: it takes no step."""

    def cannot_lead(self, column: Column) -> str:
        """It is not asked."""
        return ""

    def known_era(self) -> int:
        """None."""
        return 0

    def begun(self) -> Begun | None:
        """Nothing that it could follow."""
        return None

    def is_log_read(self) -> bool:
        """It does not matter."""
        return False

    def freeze(self, plan: Plan, now: float) -> bool:
        """It is not asked."""
        return False

    def frozen(self, now: float) -> None:
        """Nothing to do."""

    def thaw(self) -> None:
        """Nothing to do."""

    def begin(self, record: StoreSwitch, now: float) -> None:
        """Nothing to do."""

    def note(self, *, is_overtaken: bool, is_under_way: bool) -> None:
        """Nothing to do."""

    def write(self, era: WriteEra, now: float) -> list[Effect]:
        """None."""
        return []


def switching_of(
    stamp: Stamp,
    kept: StoreSwitch,
    party: "Writes",
    watched: "Watches",
    *,
    can: Collection[Column],
    fleet: Fleet,
    new_id: Callable[[], str],
    linger_s: float,
    moved: Callable[[StoreSwitch], None] = lambda record: None,
    keys: Callable[[], KeyIds] = KeyIds,
) -> "Switching":
    """The part of an instance that `can` hear both columns, with where its disk says that it stands; `new_id`
    makes the id of a plan, `keys` are those that we have now.
    """
    services = {name: service for name, service in fleet.services().items() if name != stamp.instance}
    is_cfm = fleet.services()[stamp.instance] == "cfm"
    minters = [name for name, service in fleet.services().items() if service in MINTERS]

    def wanted(now: float) -> dict[str, list[str]]:
        """Rows, or greetings, pass between a minter and a CFM."""
        awaited = switch.awaited(now)
        return {
            name: ["heartbeat", "fileid"] if (service == "cfm") != is_cfm else ["heartbeat"]
            for name, service in services.items()
            if name in awaited
        }

    switch = Switch(
        stamp.instance,
        kept,
        party,
        can=can,
        members=services,
        minters={name: rank for rank, name in enumerate(minters)},
        not_green=lambda now: watched.not_green(wanted(now), now),
        new_id=new_id,
        linger_s=linger_s,
    )

    def differences(peers: Mapping[str, KeyIds]) -> list[str]:
        return missing_keys(stamp.instance, {stamp.instance: keys(), **peers}, minters)

    return Switching(switch, party, watched, moved, differences)


def unswitched(stamp: Stamp, kept: StoreSwitch | None = None) -> "Switching":
    """The part of an instance that has one column for good: the bus, unless `kept` has another one."""
    kept = kept or StoreSwitch(single(Column.BUS))
    switch = Switch(
        stamp.instance,
        kept,
        NoParty(),
        can=kept.carrying.hears,
        members=(),
        minters={},
        not_green=lambda now: [],
        new_id=str,
        linger_s=0.0,
    )
    return Switching(switch, NoParty(), None)


class Switching:
    """Puts a `Switch` between beats, the disk and people."""

    def __init__(
        self,
        switch: Switch,
        party: Writes,
        watched: Watches | None,
        moved: Callable[[StoreSwitch], None] = lambda record: None,
        differences: Callable[[Mapping[str, KeyIds]], list[str]] = lambda peers: [],
    ) -> None:
        """`watched` are both columns; None where there is one for good. `moved` is told of each step that was
        taken; `differences` says in which keys we and these peers differ.
        """
        self.switch = switch
        self._party = party
        self._watched = watched
        self._moved = moved
        self._differences = differences
        self._keys: dict[str, KeyIds] = {}
        self.has_news = False
        """Whether a beat is to tell at once what is new."""
        self._due = 0.0
        self._now = 0.0
        self._taken = 0
        self.operations: dict[str, Callable[[LocalRequest, float], Sequence[Any]]] = {
            "transport.status": self._status,
            "transport.parity": self._parity,
            "transport.switch": self._order,
        }

    @property
    def record(self) -> StoreSwitch:
        """Where we stand, as it is on the disk."""
        return self.switch.record

    def wanted(self) -> StoreSwitch:
        """The record to keep on the disk."""
        return self.switch.wanted()

    def stored(self, message: Kept | Unkept, now: float) -> list[Effect]:
        """The disk took a record, and its columns are open; or not."""
        if isinstance(message, Unkept):
            self.switch.unkept(message.record, message.reason, now)
            return []
        before = self.switch.record
        self.switch.kept(message.record, now)
        if self.switch.record != before:
            self._taken += 1
            self._moved(self.switch.record)
            self.has_news = True
        self._due = now
        return []

    def heard(self, peer: str, beat: Beat, now: float, number: tuple[int, int]) -> None:
        """Take where a peer stands, by its beat of this incarnation and number; news is looked at now."""
        self.switch.others.heard(peer, beat.switch, now, number)
        self._keys[peer] = beat.keys
        self._due = now

    def keep_to(self, names: Collection[str]) -> None:
        """These alone are the other instances from now on: a switch waits for nobody else."""
        self.switch.others.keep_to(names)
        self._keys = {name: keys for name, keys in self._keys.items() if name in names}

    def news(self, now: float) -> None:
        """Look at once at what the role log says."""
        self._due = now

    def tick(self, now: float) -> list[Effect]:
        """A move: the next step, if it is time for it."""
        self._now = now
        if now < self._due:
            return []
        self._due = now + EVERY_S
        switch = self.switch
        self._party.note(is_overtaken=switch.is_overtaken(now), is_under_way=not switch.record.is_over)
        effects: list[Effect] = []
        for one in self.switch.tick(now):
            if isinstance(one, StoreSwitch):
                effects.append(Keep(one))
            else:
                effects += self._party.write(one, now)
        return effects

    def deadline(self) -> float | None:
        """When `tick` is due; None where there is one column for good."""
        return None if self._watched is None else self._due

    def standing(self) -> SwitchStanding:
        """Where we stand, for our beat."""
        self.has_news = False
        return self.switch.standing()

    def degraded(self) -> list[Reason]:
        """That a switch is under way and waits, or went on without somebody."""
        behind = [
            Reason("left-behind", f"a switch that went on without {name}: it goes on by {leads}")
            for name, leads in self.switch.left_behind(self._now)
        ]
        return [*self._waiting(self._now), *behind]

    def _waiting(self, now: float) -> list[Reason]:
        record = self.switch.record
        if record.is_over or record.plan is None or self.switch.age_s(now) < 30.0:
            return []
        waits = ", ".join(self.switch.waits_for(now)[:3]) or "nobody"
        text = f"a switch to {record.plan.to} is at step {WORDS[record.step]}: waiting for {waits}"
        return [Reason("switching", text)]

    def facts(self) -> dict[str, str]:
        """The switch under way, or why the last one ended without its mode, in words."""
        if self._watched is None:
            return {}
        record, because = self.switch.record, self.switch.because
        plan = record.plan
        if plan is None:
            return {"switch": f"switch: over ({because})"} if because else {}
        told = f" ({because})" if because else ""
        return {"switch": f"switch: to {plan.to}, era {plan.era} by {plan.by}: {WORDS[record.step]}{told}"}

    def samples(self) -> Iterator[Sample]:
        """How far we are, and how many steps we took."""
        step = self.switch.record.step
        yield from labelled("provbus_switch_step", "step", {WORDS[one]: float(one is step) for one in Step})
        yield Sample("provbus_switch_steps_total", self._taken)

    def describe(self, now: float) -> dict[str, Any]:
        """Where we stand, for an operator."""
        record, plan = self.switch.record, self.switch.record.plan
        return {
            "mode": record.carrying.mode,
            **record.carrying.describe(),
            "leads": str(record.carrying.leads),
            "can": sorted(map(str, self.switch.standing().can)),
            "era": record.era,
            "step": WORDS[record.step],
            "to": "" if plan is None else plan.to,
            "by": "" if plan is None else plan.by,
            "plan": "" if plan is None else plan.id,
            "is_over": record.is_over,
            "since_s": round(self.switch.age_s(now), 3),
            "waits_for": self.switch.waits_for(now),
            "lost_to": self.switch.lost_to,
            "because": self.switch.because,
        }

    def _status(self, request: LocalRequest, now: float) -> list[Effect]:
        fleet = {
            name: {
                "step": "" if one is None or one.step == 0 else WORDS[Step(one.step)],
                "leads": "" if one is None else str(one.leads),
                "hears": [] if one is None else [str(column) for column in one.hears],
                "era": 0 if one is None else one.era,
                "lacks": "a release that cannot switch" if one is None else one.lacks,
                "heard_s": round(now - at, 3),
            }
            for name, one, at in self.switch.others.all()
        }
        return [answer(request, **self.describe(now), fleet=fleet)]

    def _parity(self, request: LocalRequest, now: float) -> list[Effect]:
        if self._watched is None:
            return [
                refuse(request, "refused", "one column is configured here, so there is nothing to compare")
            ]
        return [answer(request, **self._watched.report(now))]

    def _order(self, request: LocalRequest, now: float) -> list[Effect]:
        body, switch = request.body, self.switch
        verb, to, absent = body.get("verb", "switch"), body.get("to", ""), body.get("absent", [])
        if verb not in VERBS:
            raise DecodeError(f"verb: is not one of {', '.join(VERBS)}")
        if to not in ("", *TARGETS):
            raise DecodeError(f"to: is not one of {', '.join(TARGETS)}")
        if not isinstance(absent, list) or not all(isinstance(name, str) for name in absent):
            raise DecodeError("absent: is not a list of texts")
        self._due = now
        try:
            if verb == "abort":
                return [answer(request, **_about(switch.drop(now)))]
            if verb == "finish":
                switch.finish(now)
                return [answer(request, plan=self.describe(now)["plan"])]
            obstacles = [*switch.obstacles(to, now, absent), *self._differing(absent), *self._silent()]
            if verb == "check":
                return [answer(request, obstacles=obstacles)]
            if obstacles:
                raise StateError("; ".join(obstacles))
            return [answer(request, **_about(switch.order(to, now, absent)))]
        except TryAgainError as error:
            return [refuse(request, "try_again", str(error))]
        except StateError as error:
            return [refuse(request, "refused", str(error))]

    def _differing(self, absent: Collection[str]) -> list[str]:
        """In which keys the instances differ that a switch waits for."""
        names = [name for name, _, _ in self.switch.others.all() if name not in absent]
        return self._differences({name: self._keys[name] for name in names})

    def _silent(self) -> list[str]:
        """Everybody would stand still for an era that nobody can write."""
        return [] if self._watched is None else self._watched.silent()


def _about(plan: Plan) -> dict[str, Any]:
    return {"plan": plan.id, "era": plan.era, "to": plan.to, "quick": plan.quick}
