"""The other instances: their clocks, and whose keys are a step behind."""

from typing import Any

import pytest

from bus.contract import encode
from bus.envelope import Envelope
from heartbeat.liveness.beat import BEAT, Beat, KeyIds, seals_of
from heartbeat.liveness.detector import DEAD_AFTER_S, FORGET_AFTER_S
from heartbeat.liveness.roster import SKEW_S_MAX, Roster
from services.instance.fellows import fellow_facts, fellow_reasons

SERVICES = {"dhcp-1": "dhcp", "mps-1": "mps", "cfm-1": "cfm", "cfm-2": "cfm"}
WALL_S = 1_700_000_000.0


class Fellows:
    """What an instance of the small fleet knows of the others."""

    def __init__(self, own: str) -> None:
        self._service = SERVICES[own]
        self.roster = Roster(SERVICES, own=own)

    def beat(self, name: str, now: float = 0.0, ahead_s: float = 0.0, **fields: Any) -> None:
        """A beat of another one, whose clock is so far ahead of ours."""
        data = encode(Beat(service=SERVICES[name], **fields))
        time_ms = int((WALL_S + now + ahead_s) * 1000)
        self.roster.receive(Envelope(BEAT, name, 1, 1, time_ms, data), now, WALL_S + now)

    def reasons(self, **keys: str) -> list[tuple[str, str]]:
        """What is out of order for an instance with these keys."""
        found = fellow_reasons(self.roster, self._service, KeyIds(**keys))
        return [(one.code, str(one)) for one in found]


@pytest.mark.parametrize("sign", [1, -1], ids=["ahead", "behind"])
def test_a_clock_that_is_off_is_said_and_a_bit_is_not(sign: int) -> None:
    fellows = Fellows("cfm-1")
    fellows.beat("dhcp-1", ahead_s=sign * SKEW_S_MAX)
    assert fellows.reasons() == []
    fellows.beat("dhcp-1", ahead_s=sign * (SKEW_S_MAX + 0.001))
    assert fellows.reasons() == [("clock-off", "the clock of dhcp-1 is more than 5 s off ours")]


def test_the_clock_of_one_that_is_dead_is_nobodys_business() -> None:
    fellows = Fellows("cfm-1")
    fellows.beat("dhcp-1", ahead_s=60.0)
    fellows.roster.tick(DEAD_AFTER_S + 1.0)
    assert fellows.reasons() == []


def test_fleet_files_that_differ_are_said_at_once_for_all() -> None:
    fellows = Fellows("cfm-1")
    for name, fleet in (("mps-1", "0badc0de"), ("dhcp-1", "0badc0de"), ("cfm-2", "01234567")):
        fellows.beat(name, keys=KeyIds(fleet=fleet))
    (one,) = fellows.reasons(fleet="01234567")
    assert one == ("keys-behind", "the fleet file of dhcp-1, mps-1 is another one than ours")


def test_who_names_no_fleet_file_differs_from_nobody() -> None:
    fellows = Fellows("cfm-1")
    fellows.beat("dhcp-1", keys=KeyIds(fleet="0badc0de"))
    fellows.beat("mps-1")
    assert fellows.reasons() == []
    assert fellows.reasons(fleet="0badc0de") == []


@pytest.mark.parametrize(
    ("used", "opened", "is_behind"),
    [
        ("00", "00", False),
        ("00", "0100", False),
        ("0100", "0001", False),  # the minter uses 1, and the CFM has both
        ("0001", "00", False),  # it has 1 and does not use it yet
        ("0100", "00", True),
        ("01", "0010", True),  # hex pairs, not digits
    ],
)
def test_a_seal_key_that_a_cfm_lacks_is_said_at_both_ends(used: str, opened: str, is_behind: bool) -> None:
    at_cfm, at_minter = Fellows("cfm-1"), Fellows("dhcp-1")
    at_cfm.beat("dhcp-1", keys=KeyIds(seal=used))
    at_minter.beat("cfm-1", keys=KeyIds(seal=opened))
    number = int(used[:2], 16)
    at_cfm_said = [("keys-behind", f"dhcp-1 seals with key {number}, which we do not have")]
    at_minter_said = [("keys-behind", f"we seal with key {number}, which cfm-1 does not have")]
    assert at_cfm.reasons(seal=opened) == (at_cfm_said if is_behind else [])
    assert at_minter.reasons(seal=used) == (at_minter_said if is_behind else [])


@pytest.mark.parametrize(("missing", "is_behind"), [(200, True), (201, False)])
def test_of_many_seal_keys_the_one_that_is_missing_is_said_at_both_ends(
    missing: int, is_behind: bool
) -> None:
    opened = KeyIds(seals=seals_of({*range(256)} - {missing}))
    at_cfm, at_minter = Fellows("cfm-1"), Fellows("dhcp-1")
    at_cfm.beat("dhcp-1", keys=KeyIds(seal="c8"))
    at_minter.beat("cfm-1", keys=opened)
    assert bool(at_cfm.reasons(seals=opened.seals)) == is_behind
    assert bool(at_minter.reasons(seal="c8")) == is_behind


def test_minters_do_not_open_each_others_names_nor_do_cfms_seal() -> None:
    at_cfm, at_minter = Fellows("cfm-1"), Fellows("dhcp-1")
    at_cfm.beat("cfm-2", keys=KeyIds(seal="00"))
    at_minter.beat("mps-1", keys=KeyIds(seal="01"))
    assert at_cfm.reasons(seal="01") == []
    assert at_minter.reasons(seal="00") == []


def test_who_says_no_keys_is_not_behind() -> None:
    at_cfm, at_minter = Fellows("cfm-1"), Fellows("dhcp-1")
    at_cfm.beat("dhcp-1")
    at_minter.beat("cfm-1")
    assert at_cfm.reasons(seal="00") == []
    assert at_minter.reasons(seal="00") == []
    at_cfm.beat("dhcp-1", keys=KeyIds(seal="05"))
    assert at_cfm.reasons() == []


@pytest.mark.parametrize(
    ("ours", "theirs", "is_behind"), [("01", "0001", False), ("0100", "01", False), ("0001", "01", True)]
)
def test_a_group_key_that_another_one_lacks_is_said(ours: str, theirs: str, is_behind: bool) -> None:
    fellows = Fellows("dhcp-1")
    fellows.beat("mps-1", keys=KeyIds(group=theirs))
    said = [("keys-behind", "mps-1 does not have the group's key 0, which we use")]
    assert fellows.reasons(group=ours) == (said if is_behind else [])


def test_the_state_of_every_other_one_is_a_fact() -> None:
    fellows = Fellows("dhcp-1")
    fellows.beat("dhcp-1")
    fellows.beat("cfm-1", 0.0)
    fellows.beat("cfm-2", 1.0, leaves=True)
    assert fellow_facts(fellows.roster) == {
        "peer cfm-1": "peer cfm-1: alive",
        "peer cfm-2": "peer cfm-2: left",
    }


def test_one_that_was_forgotten_is_said_so() -> None:
    fellows = Fellows("dhcp-1")
    fellows.beat("cfm-1")
    fellows.roster.tick(FORGET_AFTER_S + 10.0)
    assert fellow_facts(fellows.roster) == {"peer cfm-1": "peer cfm-1: forgotten"}


def test_one_that_is_not_reached_is_said_so() -> None:
    fellows = Fellows("dhcp-1")
    fellows.beat("cfm-1")
    fellows.beat("cfm-2")
    facts = fellow_facts(fellows.roster, ["cfm-2"])
    assert [*facts.values()] == ["peer cfm-1: alive", "peer cfm-2: alive, and not reached"]
