"""What differs in the keys of a fleet, before a switch of the transport."""

import pytest

from heartbeat.liveness.beat import KeyIds
from services.instance.missing_keys import missing_keys

MINTERS = ("dhcp-1", "dhcp-2")


def found(**keys: KeyIds) -> list[str]:
    """What dhcp-1 finds; `cfm_1` is cfm-1."""
    return missing_keys("dhcp-1", {name.replace("_", "-"): ids for name, ids in keys.items()}, MINTERS)


def test_a_fleet_with_the_same_keys_differs_in_nothing() -> None:
    same = KeyIds(fleet="01234567", group="00", settings="00")
    assert found(dhcp_1=same, dhcp_2=same, cfm_1=same) == []


def test_other_fleet_files_are_named_in_one_sentence() -> None:
    ours, other = KeyIds(fleet="01234567"), KeyIds(fleet="0badc0de")
    assert found(dhcp_1=ours, cfm_2=other, cfm_1=other, dhcp_2=ours) == [
        "the fleet file of cfm-1, cfm-2 is another one than that of dhcp-1"
    ]


def test_who_names_no_fleet_file_is_not_compared() -> None:
    assert found(dhcp_1=KeyIds(fleet="01234567"), cfm_1=KeyIds()) == []
    assert found(dhcp_1=KeyIds(), cfm_1=KeyIds(fleet="01234567")) == []


@pytest.mark.parametrize(
    ("ours", "theirs", "said"),
    [
        ("0001", "0100", []),  # a rotation in which everybody has both
        ("00", "0001", []),  # the next key came to one, and is not used
        ("0100", "00", ["the group's key 1, in use at dhcp-1, is missing at cfm-1, cfm-2"]),
        ("00", "0100", ["the group's key 1, in use at cfm-1, cfm-2, is missing at dhcp-1"]),
        (
            "10",
            "01",
            [
                "the group's key 1, in use at cfm-1, cfm-2, is missing at dhcp-1",
                "the group's key 16, in use at dhcp-1, is missing at cfm-1, cfm-2",
            ],
        ),
        ("00", "", []),  # it is not in the group
    ],
)
def test_everybody_has_the_key_of_the_group_that_another_one_uses(
    ours: str, theirs: str, said: list[str]
) -> None:
    other = KeyIds(group=theirs)
    assert found(dhcp_1=KeyIds(group=ours), cfm_1=other, cfm_2=other) == said


@pytest.mark.parametrize(
    ("minter", "cfm", "said"),
    [
        ("00", "00", []),
        ("00", "0100", []),  # a CFM seals nothing
        ("0100", "00", ["settings key 1, in use at dhcp-2, is missing at cfm-1, dhcp-1"]),
        ("00", "", ["settings key 0, in use at dhcp-1, dhcp-2, is missing at cfm-1"]),
    ],
)
def test_everybody_has_the_settings_key_that_a_minter_uses(minter: str, cfm: str, said: list[str]) -> None:
    ids = {"dhcp_1": KeyIds(settings="00"), "dhcp_2": KeyIds(settings=minter), "cfm_1": KeyIds(settings=cfm)}
    assert found(**ids) == said
