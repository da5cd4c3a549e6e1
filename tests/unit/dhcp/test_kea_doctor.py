"""Findings in Kea's configuration; a real Kea is asked in tests/integration/test_kea.py."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from fileid.lease import LeaseFile
from services.dhcp.kea.doctor.examination import examine
from services.dhcp.kea.doctor.remarks import LINES_MAX, Remark, Report, report
from services.dhcp.kea.doctor.upkeep import TRIED

JOURNAL = "/var/lib/kea/kea-leases4.csv"
MODEM = LeaseFile("cm", "modem.cm", ("cfm-1", "cfm-2"))
NAMED = LeaseFile("cm", "modem-{device}.cm", ("cfm-1",))
SERVERS = {"cfm-1": "192.0.2.11", "cfm-2": "192.0.2.12"}
DOCSIS = "substring(option[60].hex,0,6) == 'docsis'"
GOOD: dict[str, Any] = {
    "lease-database": {"type": "memfile", "persist": True, "name": JOURNAL, "lfc-interval": 3600},
    "hooks-libraries": [{"library": "/usr/lib/kea/hooks/libdhcp_lease_cmds.so"}],
    "store-extended-info": True,
    "client-classes": [
        {"name": "docsis", "test": DOCSIS, "boot-file-name": "modem.cm", "next-server": "192.0.2.11"}
    ],
    "shared-networks": [{"name": "north", "subnet4": [{"id": 2}]}],
    "subnet4": [{"id": 1, "reservations": []}],
}

Change = Callable[[dict[str, Any]], Any]


def examined(
    change: Change, version: str = "2.2.0", file: LeaseFile = MODEM, servers: dict[str, str] | None = None
) -> Report:
    config = copy.deepcopy(GOOD)
    change(config)
    return report(examine(config, version, JOURNAL, [file], SERVERS if servers is None else servers))


def findings(
    change: Change, version: str = "2.2.0", file: LeaseFile = MODEM, servers: dict[str, str] | None = None
) -> list[str]:
    return examined(change, version, file, servers).findings


def north(config: dict[str, Any]) -> dict[str, Any]:
    level: dict[str, Any] = config["shared-networks"][0]
    return level


def named(**values: str) -> Change:
    reservation = {"hw-address": "00:1a:2c:00:00:01", "next-server": "192.0.2.11", **values}
    return lambda config: config["subnet4"][0]["reservations"].append(
        {name.replace("_", "-"): value for name, value in reservation.items()}
    )


def test_nothing_is_wrong_with_a_good_one() -> None:
    assert findings(lambda config: None) == []
    assert findings(lambda config: config.update({"cache-threshold": 0.0}), "3.0.4") == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda config: config.pop("lease-database"), "leases of type missing"),
        (lambda config: config["lease-database"].update(type="mysql"), 'mysql: write "type": "memfile"'),
        (lambda config: config["lease-database"].update(name="/tmp/x.csv"), "write the same path in both"),
        (lambda config: config["lease-database"].pop("name"), "name is not given"),
        (lambda config: config["lease-database"].update({"lfc-interval": 0}), "grows for ever"),
        (lambda config: north(config).update({"store-extended-info": False}), "shared network north: option"),
        (
            lambda config: north(config)["subnet4"][0].update({"store-extended-info": False}),
            "shared network north, subnet 2: option 82",
        ),
        (lambda config: north(config).update({"cache-threshold": 0.5}), "north: a modem that boots again"),
        (lambda config: config.update({"client-classes": []}), "modem.cm of minter.kea.files: nothing gives"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(change: Change, said: str) -> None:
    (finding,) = findings(change)
    assert said in finding


@pytest.mark.parametrize("wrong", ["store-extended-info", "cache-threshold"])
def test_what_every_level_inherits_is_said_once(wrong: str) -> None:
    def change(config: dict[str, Any]) -> None:
        value = False if wrong == "store-extended-info" else 0.25
        for level in (config, north(config), north(config)["subnet4"][0], config["subnet4"][0]):
            level[wrong] = value

    (finding,) = findings(change)
    assert finding.startswith("Dhcp4: ")


@pytest.mark.parametrize(
    ("version", "change", "said"),
    [
        ("2.6.3", lambda config: config.update({"cache-threshold": 0.25}), "remove cache-threshold"),
        ("3.0.4", lambda config: config.update({"cache-threshold": 0.25}), '"cache-threshold": 0.0'),
        ("2.2.1", lambda config: config.update({"cache-threshold": 0.25}), "remove cache-threshold"),
    ],
)
def test_early_renewals_are_written_down_by_every_version(version: str, change: Change, said: str) -> None:
    (finding,) = findings(change, version)
    assert said in finding


def test_a_name_per_device_is_given_out_by_reservations() -> None:
    assert findings(named(boot_file_name="modem-001a2c000001.cm"), file=NAMED) == []
    for name in ("modem.cm", "modem-{device}.cm", "modem-001a2c.cm", "modem-001a2c00000g.cm", "x.cm"):
        (finding,) = findings(named(boot_file_name=name), file=NAMED)
        assert "provbus kea reservations" in finding


def test_a_reservation_names_a_cfm_that_gets_the_rows() -> None:
    change = named(boot_file_name="modem-001a2c000001.cm", next_server="192.0.2.12")
    (finding,) = findings(change, file=NAMED)
    assert finding == (
        "subnet 1, reservation 00:1a:2c:00:00:01: next-server 192.0.2.12 gets no rows of modem-{device}.cm: "
        "write 192.0.2.11 (cfm-1)"
    )


def test_a_server_is_not_judged_while_one_is_unknown() -> None:
    def change(config: dict[str, Any]) -> None:
        config["client-classes"][0]["next-server"] = "192.0.2.99"

    assert examined(change, servers={"cfm-1": "192.0.2.11"}) == Report(
        [],
        [
            "minter.kea.files: nobody says where cfm-2 serves files, so next-server is not judged: start "
            "the instance, or add --server CFM=ADDRESS"
        ],
    )
    assert len(findings(change)) == 1


def test_a_partner_is_noted() -> None:
    def change(config: dict[str, Any]) -> None:
        config["hooks-libraries"].append({"library": "/usr/lib/kea/hooks/libdhcp_ha.so"})

    assert examined(change) == Report(
        [], ["Kea: it has a partner (libdhcp_ha): each of the two needs a sidecar of its own"]
    )


@pytest.mark.parametrize("version", TRIED)
def test_a_version_that_was_tried_is_not_spoken_of(version: str) -> None:
    assert examined(lambda config: None, version).notes == []


def test_another_version_is_noted() -> None:
    said = "Kea: this is 2.4.1; provbus was tried with 2.2.0, 2.6.3 and 3.0.4"
    assert examined(lambda config: None, "2.4.1") == Report([], [said])


def test_what_many_subnets_have_is_one_line() -> None:
    def change(config: dict[str, Any]) -> None:
        config["subnet4"] = [{"id": number, "cache-threshold": 0.5} for number in range(1, 1001)]

    (finding,) = findings(change)
    assert finding == (
        "subnet 1 and 999 more: a modem that boots again early leaves no lease: remove cache-threshold"
    )


def test_a_report_is_bounded_and_counts_what_it_leaves_out() -> None:
    made = report([Remark("here", f"fault {number}") for number in range(LINES_MAX + 3)])
    assert len(made.findings) == LINES_MAX + 1
    assert made.findings[-1] == "and 3 more: mend these, then ask again"
