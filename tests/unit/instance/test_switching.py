"""A person's order to switch the transport: what stands in its way is named before the first step."""

from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from bus.effects import Keep
from bus.envelope import Stamp
from bus.errors import DecodeError
from bus.messages import Kept, LocalDoor, LocalRequest
from bus.routes import Column
from bus.switch.carrying import single
from bus.switch.standing import Step, StoreSwitch, SwitchStanding
from heartbeat.liveness.beat import Beat, KeyIds
from services.instance.switching import NoParty, Switching, switching_of
from tests.fleets import fleet_of, member

SERVICES = {
    "dhcp-1": "dhcp",
    "dhcp-2": "dhcp",
    "mps-1": "mps",
    "cfm-1": "cfm",
    "cfm-2": "cfm",
    "cfm-3": "cfm",
}
OTHERS = [name for name in SERVICES if name != "dhcp-1"]
KEYS = KeyIds(fleet="01234567", group="00", settings="00")
STANDING = SwitchStanding(can=[*Column], hears=[Column.MULTICAST], leads=Column.MULTICAST)


class Mute:
    """Both columns, by which nothing came yet of anybody."""

    answers = True

    def not_green(self, wanted: Mapping[str, Iterable[str]], now: float) -> list[str]:
        return sorted(wanted)

    def silent(self) -> list[str]:
        return [] if self.answers else ["Kafka does not answer"]

    def report(self, now: float) -> dict[str, Any]:
        return {}


class Read(NoParty):
    """Has read the role log to its end."""

    def is_log_read(self) -> bool:
        return True


class Asked:
    """dhcp-1, over multicast, and what it says to an operator."""

    def __init__(self, *, can: Iterable[Column] = Column, keys: KeyIds = KEYS) -> None:
        self.beats = 0
        self.columns = Mute()
        self.switching: Switching = switching_of(
            Stamp("dhcp-1", "lab", 7),
            StoreSwitch(single(Column.MULTICAST)),
            Read(),
            self.columns,
            can=[*can],
            fleet=fleet_of({name: member(name, service, ["k" * 40]) for name, service in SERVICES.items()}),
            new_id=lambda: "0123456789abcdef",
            linger_s=3600.0,
            keys=lambda: keys,
        )

    def hear(self, name: str, *, now: float = 0.0, keys: KeyIds = KEYS, **fields: Any) -> None:
        """A beat of another one."""
        beat = Beat(service=SERVICES[name], keys=keys, switch=STANDING)
        self.beats += 1
        self.switching.heard(name, beat.model_copy(update=fields), now, (1, self.beats))

    def hear_all(self, *but: str, now: float = 0.0) -> None:
        """A beat of everybody else."""
        for name in OTHERS:
            if name not in but:
                self.hear(name, now=now)

    def tick(self, now: float) -> None:
        """Take the next step, and keep it."""
        for one in self.switching.tick(now):
            if isinstance(one, Keep):
                self.switching.stored(Kept(one.record), now)

    def told(self, now: float = 0.0, **body: Any) -> dict[str, Any]:
        """The answer to an order."""
        request = LocalRequest(1, {"op": "transport.switch", **body}, door=LocalDoor.ADMIN)
        (reply,) = self.switching.operations["transport.switch"](request, now)
        return dict(reply.body)

    def obstacles(self, to: str = "bus", now: float = 0.0, absent: Iterable[str] = ()) -> list[str]:
        """What is named, by a question and by an order alike; nothing has changed then."""
        named: list[str] = self.told(now, verb="check", to=to, absent=[*absent])["obstacles"]
        if named:
            refused = self.told(now, verb="switch", to=to, absent=[*absent])
            assert refused == {"id": None, "error": "refused", "detail": "; ".join(named)}
        assert not [one for one in self.switching.tick(now) if isinstance(one, Keep)]
        return named


def test_nothing_stands_in_the_way_of_a_fleet_that_is_well() -> None:
    asked = Asked()
    asked.hear_all()
    assert asked.obstacles() == []
    assert asked.told(verb="switch", to="bus")["plan"] == "0123456789abcdef"
    assert [one for one in asked.switching.tick(0.0) if isinstance(one, Keep)]


def test_a_section_that_is_missing_is_named_of_each_who_lacks_it() -> None:
    asked = Asked(can=[Column.MULTICAST])
    asked.hear_all("cfm-2")
    asked.hear("cfm-2", switch=STANDING.model_copy(update={"can": [Column.MULTICAST]}))
    assert asked.obstacles() == ["dhcp-1 has no section for mode bus", "cfm-2 has no section for mode bus"]


def test_a_fleet_file_that_differs_is_named() -> None:
    asked = Asked()
    asked.hear_all("mps-1")
    asked.hear("mps-1", keys=KEYS.model_copy(update={"fleet": "0badc0de"}))
    assert asked.obstacles() == ["the fleet file of mps-1 is another one than that of dhcp-1"]


def test_a_key_of_the_group_that_only_some_have_is_named() -> None:
    asked = Asked(keys=KEYS.model_copy(update={"group": "0100"}))
    asked.hear_all("cfm-1")
    asked.hear("cfm-1", keys=KEYS.model_copy(update={"group": "0001"}))
    assert asked.obstacles() == [
        "the group's key 1, in use at dhcp-1, is missing at cfm-2, cfm-3, dhcp-2, mps-1"
    ]


def test_a_settings_key_that_only_some_have_is_named() -> None:
    asked = Asked()
    asked.hear_all("cfm-3")
    asked.hear("cfm-3", keys=KEYS.model_copy(update={"settings": ""}))
    assert asked.obstacles() == ["settings key 0, in use at dhcp-1, dhcp-2, mps-1, is missing at cfm-3"]


def test_brokers_that_do_not_answer_are_named() -> None:
    asked = Asked()
    asked.hear_all()
    asked.columns.answers = False
    assert asked.obstacles() == ["Kafka does not answer"]


def test_an_older_release_is_named() -> None:
    asked = Asked()
    asked.hear_all("dhcp-2")
    asked.hear("dhcp-2", switch=None)
    assert asked.obstacles() == ["dhcp-2 is of a release that cannot switch"]


def test_whoever_is_silent_is_named_unless_a_person_says_that_it_is_gone() -> None:
    asked = Asked()
    asked.hear("cfm-3")
    asked.hear_all("cfm-3", now=5.0)
    assert asked.obstacles(now=5.0) == ["cfm-3 is silent"]
    assert asked.obstacles(now=5.0, absent=["cfm-3"]) == []
    assert asked.obstacles(now=5.0, absent=["cfm-3", "cfm-9"]) == ["cfm-9 is no instance of the fleet"]


def test_the_keys_of_one_that_is_gone_do_not_count() -> None:
    asked = Asked()
    asked.hear_all("cfm-3")
    asked.hear("cfm-3", keys=KEYS.model_copy(update={"fleet": "0badc0de"}))
    assert asked.obstacles(absent=["cfm-3"]) == []


def test_one_that_was_taken_out_of_the_fleet_is_not_waited_for() -> None:
    asked = Asked()
    asked.hear_all("cfm-3")
    assert asked.obstacles() == ["cfm-3 is silent"]
    asked.switching.keep_to({*OTHERS} - {"cfm-3"})
    assert asked.obstacles() == []


def test_parity_does_not_wait_for_one_that_is_silent_and_absent() -> None:
    asked = Asked()
    asked.hear_all("cfm-3")
    plan = asked.told(verb="switch", to="bus", absent=["cfm-3"])["plan"]
    for at, step in ((0.0, Step.HEAR), (1.0, Step.SEND), (3.0, Step.SEND)):
        asked.tick(at)
        assert asked.switching.record.step is step
        if at == 1.0:  # whoever has just taken a step may not have heard everybody
            assert asked.switching.switch.awaited(at) == {*OTHERS}
        for name in OTHERS[:-1]:
            told = STANDING.model_copy(update={"plan": asked.switching.record.plan, "step": int(step)})
            asked.hear(name, now=at, switch=told)
    asked.tick(3.25)
    assert asked.switching.switch.waits_for(3.25) == ["dhcp-1: not by both: cfm-1 and 3 more"]
    assert asked.switching.record.plan is not None
    assert asked.switching.record.plan.id == plan


def test_the_mode_that_is_in_force_is_no_mode_to_switch_to() -> None:
    asked = Asked()
    asked.hear_all()
    assert asked.obstacles("multicast") == ["the mode is multicast already"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"to": "carrier-pigeon"}, "to: is not one of bus, multicast, dual"),
        ({"to": "bus", "verb": "jump"}, "verb: is not one of switch, check, abort, finish"),
        ({"to": "bus", "absent": "cfm-1"}, "absent: is not a list of texts"),
    ],
)
def test_what_is_no_order_is_refused(body: dict[str, Any], said: str) -> None:
    asked = Asked()
    asked.hear_all()
    with pytest.raises(DecodeError, match=said):
        asked.told(**body)


def test_a_switch_that_went_on_without_somebody_is_said_on_both_sides() -> None:
    asked = Asked()
    later = {"leads": Column.BUS, "hears": [*Column], "era": 3}
    asked.hear("cfm-1", now=5.0, switch=STANDING.model_copy(update=later))
    asked.tick(5.0)
    assert asked.switching.degraded() == ["a switch that went on without dhcp-1: it goes on by multicast"]
    ahead = StoreSwitch(single(Column.MULTICAST), era=4)
    asked.switching.stored(Kept(ahead), 6.0)
    asked.hear("cfm-1", now=9.0, switch=STANDING.model_copy(update=later))
    asked.tick(9.0)
    (reason,) = asked.switching.degraded()
    assert reason == "a switch that went on without cfm-1: it goes on by bus"
    assert reason.code == "left-behind"
