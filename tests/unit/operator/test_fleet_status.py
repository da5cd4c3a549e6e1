"""The whole fleet by the word of one of it: what is wrong with each instance, and what it is called."""

from typing import Any

import pytest

from bus.fleet.key_pair import new_key_pair
from services.operator.fleet.fleet_status import FleetEntry, judge_fleet, peers_of
from tests.fleets import fleet_of, member

KEY = new_key_pair().public.decode()
SERVICES = {"dhcp-1": "dhcp", "dhcp-2": "dhcp", "cfm-1": "cfm"}
FLEET = fleet_of({name: member(name, service, [KEY]) for name, service in SERVICES.items()})


def peer(**changes: Any) -> dict[str, Any]:
    """One that is well, as another one knows it."""
    return {
        "state": "alive",
        "twice": False,
        "generation": 3,
        "sealed": "00",
        "verdict": "ready",
        "reason": "",
        "version": "1.0",
        "transport": "bus",
        "keys": {"fleet": "0badc0de", "seal": "00", "group": "", "settings": "00"},
        "standing": None,
        "beat_age_s": 0.25,
        **changes,
    }


def status(**peers: dict[str, Any]) -> dict[str, Any]:
    """The status of dhcp-1, by which all are well but those that are told otherwise; `-` is `_` there."""
    all_of_them = {name: peer() for name in SERVICES}
    all_of_them |= {name.replace("_", "-"): one for name, one in peers.items()}
    return {"instance": "dhcp-1", "service": "dhcp", **peer(), "peers": all_of_them}


def entry(name: str, found: dict[str, Any]) -> FleetEntry:
    """What is said of one."""
    (one,) = (one for one in judge_fleet(FLEET, found) if one.name == name)
    return one


def test_every_instance_of_the_fleet_file_is_told_and_well() -> None:
    found = judge_fleet(FLEET, status())
    assert [(one.name, one.service, one.site) for one in found] == [
        (name, service, "lab") for name, service in SERVICES.items()
    ]
    assert {(one.state, one.verdict, one.wrong) for one in found} == {("alive", "ready", "")}
    assert (found[1].version, found[1].generation, found[1].transport) == ("1.0", 3, "bus")
    assert (found[1].keys["seal"], found[1].beat_age_s) == ("00", 0.25)


def test_one_that_was_never_heard_is_silent() -> None:
    found = status()
    del found["peers"]["cfm-1"]
    one = entry("cfm-1", found)
    assert (one.state, one.wrong, one.verdict, one.generation) == ("silent", "never heard", "", 0)


@pytest.mark.parametrize(
    ("state", "age_s", "shown", "wrong"),
    [
        ("suspect", 1.6, "suspect", "suspect, no beat for 2 s"),
        ("dead", 44.0, "dead", "dead, no beat for 44 s"),
        ("left", 9.0, "left", "left, no beat for 9 s"),
        ("left", None, "left", "left"),
        (None, None, "forgotten", "forgotten"),
    ],
)
def test_one_that_does_not_beat_is_wrong_however_well_it_was(
    state: str | None, age_s: float | None, shown: str, wrong: str
) -> None:
    last = peer(state=state, beat_age_s=age_s, generation=2, verdict="degraded", reason="locked")
    one = entry("dhcp-2", status(dhcp_2=last))
    assert (one.state, one.wrong) == (shown, wrong)


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"verdict": "not ready", "reason": "drained"}, "not ready: drained"),
        ({"verdict": "degraded", "reason": "locked"}, "degraded: locked"),
        ({"twice": True}, "its name is in use twice"),
        ({"generation": 2}, "settings 2 of 3"),
        ({"transport": "multicast"}, "in mode multicast"),
        (
            {"verdict": "degraded", "reason": "locked", "generation": 0},
            "degraded: locked; settings 0 of 3",
        ),
    ],
)
def test_what_is_wrong_with_one_that_beats(changes: dict[str, Any], wrong: str) -> None:
    found = status(cfm_1=peer(**changes))
    assert entry("cfm-1", found).wrong == wrong
    assert entry("dhcp-2", found).wrong == ""


def test_the_newest_settings_are_those_of_one_that_is_alive() -> None:
    found = status(dhcp_2=peer(generation=4), cfm_1=peer(state="dead", generation=9))
    assert entry("dhcp-2", found).wrong == ""
    assert entry("dhcp-1", found).wrong == "settings 3 of 4"


@pytest.mark.parametrize(
    ("standing", "role"),
    [
        (None, ""),
        ({"role": "dhcp/lab", "state": "standby", "era": 1, "epoch": -1}, "standby"),
        ({"role": "dhcp/lab", "state": "active", "era": 1, "epoch": 17}, "active 17"),
        ({"role": "dhcp/lab", "state": "active", "era": 1, "epoch": 0}, "active 0"),
    ],
)
def test_the_role_is_told_with_the_epoch_of_who_holds_it(standing: Any, role: str) -> None:
    assert entry("dhcp-2", status(dhcp_2=peer(standing=standing))).role == role


def test_the_asked_one_says_of_itself_what_its_beat_does_not_say_yet() -> None:
    found = status(dhcp_1=peer(state="dead", verdict="ready", generation=2))
    found |= {"verdict": "degraded", "reason": "locked"}
    one = entry("dhcp-1", found)
    assert (one.state, one.verdict, one.reason, one.generation) == ("alive", "degraded", "locked", 3)
    assert one.wrong == "degraded: locked"
    assert peers_of(found)["dhcp-1"]["service"] == "dhcp"


def test_the_asked_one_without_its_own_beats_is_alive_and_the_others_are_not_blamed() -> None:
    """Its first beat did not come back yet."""
    found = status()
    del found["peers"]["dhcp-1"]
    assert [(one.name, one.state, one.wrong) for one in judge_fleet(FLEET, found)] == [
        (name, "alive", "") for name in SERVICES
    ]


def test_where_nobody_is_heard_the_last_word_of_the_others_is_not_shown() -> None:
    """A broker that stands still silences the asked one too, so nobody is suspected."""
    one = entry("cfm-1", status(cfm_1=peer(beat_age_s=12.0)))
    assert (one.state, one.verdict, one.wrong) == ("alive", "", "no beat for 12 s, nor of the asked one")
    assert entry("dhcp-1", status(dhcp_1=peer(beat_age_s=12.0))).wrong == ""
