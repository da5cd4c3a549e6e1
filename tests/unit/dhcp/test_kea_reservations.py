"""Host reservations: a name per device, and its CFM."""

from collections import Counter
from typing import Any

import pytest

from bus.errors import ConfigError
from fileid.lease import LeaseFile
from services.dhcp.kea.reservations import Reservation, choose_cfm, reserve

CFMS = ("cfm-1", "cfm-2", "cfm-3")
MODEM = LeaseFile("cm", "modem-{device}.cm", CFMS)
ADAPTER = LeaseFile("mta", "{device}.cfg", ("cfm-2",))
SERVERS = {name: f"192.0.2.1{name[-1]}" for name in CFMS}
KINDS = {"residential": "cm", "voice": "mta"}
RULES: list[dict[str, Any]] = [
    {"mac": "00:1A:2c:00:00:01", "class": "residential", "values": {"customer": 1}},
    {"subnet": "10.0.0.0/8", "class": "residential"},
    {"remote_id": "001a2c000002", "class": "residential"},
    {"mac": "001a2c000003", "class": "voice"},
]


def test_each_mac_rule_is_a_reservation_of_its_kind() -> None:
    made = [*reserve(RULES, KINDS, [MODEM, ADAPTER], SERVERS)]
    device = bytes.fromhex("001a2c000001")
    assert made == [
        Reservation(device, "modem-001a2c000001.cm", SERVERS[choose_cfm(device, CFMS)]),
        Reservation(bytes.fromhex("001a2c000003"), "001a2c000003.cfg", "192.0.2.12"),
    ]
    assert made[1].as_kea() == {
        "hw-address": "00:1a:2c:00:00:03",
        "boot-file-name": "001a2c000003.cfg",
        "next-server": "192.0.2.12",
    }


def test_a_kind_whose_name_is_one_for_all_has_none() -> None:
    files = [LeaseFile("mta", "adapter.cfg", ("cfm-9",)), MODEM]
    assert [one.file for one in reserve(RULES, KINDS, files, SERVERS)] == ["modem-001a2c000001.cm"]


def test_the_first_file_of_a_kind_counts() -> None:
    files = [LeaseFile("cm", "modem.cm", CFMS), MODEM, LeaseFile("cm", "x{device}", CFMS)]
    assert [one.file for one in reserve(RULES, KINDS, files, SERVERS)] == ["modem-001a2c000001.cm"]


def test_without_a_name_per_device_it_says_so() -> None:
    with pytest.raises(ConfigError, match=r"no name in minter\.kea\.files has {device}"):
        [*reserve(RULES, KINDS, [LeaseFile("cm", "modem.cm", CFMS)], SERVERS)]


def test_a_server_that_nobody_knows_is_asked_for() -> None:
    with pytest.raises(ConfigError, match="add --server cfm-3=ADDRESS"):
        [*reserve(RULES, KINDS, [MODEM], dict.fromkeys(CFMS[:2], "192.0.2.1"))]


def test_one_cfm_more_moves_only_its_own_share() -> None:
    devices = [number.to_bytes(6, "big") for number in range(3000)]
    before = {device: choose_cfm(device, CFMS) for device in devices}
    after = {device: choose_cfm(device, ("cfm-4", *reversed(CFMS))) for device in devices}
    assert all(count > 800 for count in Counter(before.values()).values())
    moved = [device for device in devices if before[device] != after[device]]
    assert {after[device] for device in moved} == {"cfm-4"}
    assert 600 < len(moved) < 900
