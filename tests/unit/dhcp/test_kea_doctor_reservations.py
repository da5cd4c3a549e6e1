"""Reservations as the doctor sees them: looked up or not, and what their devices are told."""

from typing import Any

import pytest

from fileid.lease import LeaseFile
from services.dhcp.kea.doctor.reserving import HOSTS_MAX
from tests.unit.dhcp.test_kea_doctor_paths import (
    MODEM,
    WRONG,
    Change,
    Config,
    after,
    docsis,
    examined,
    findings,
    second,
    share,
)

OWN = LeaseFile("cm", "{device}.cm", ("cfm-1",))
INSTEAD = ', in the place of any "reservation-mode"'
SWITCH = "reservations-global"


def host(number: int = 1, **values: Any) -> Config:
    """A reservation; a keyword that is None is left out."""
    device = number.to_bytes(6, "big")
    said = {"hw-address": device.hex(":"), **{k.replace("_", "-"): v for k, v in values.items()}}
    return {key: value for key, value in said.items() if value is not None}


def named(number: int = 1, **values: Any) -> Config:
    """One with the name of its own and a CFM that has it."""
    own = {"boot_file_name": f"{number:012x}.cm", "next_server": "192.0.2.11"}
    return host(number, **{**own, **values})


def inside(*hosts: Config, **switches: Any) -> Change:
    def change(config: Config) -> None:
        config["subnet4"][0]["reservations"] = [*hosts]
        config.update(switches)

    return change


def everywhere(*hosts: Config, **switches: Any) -> Change:
    def change(config: Config) -> None:
        config["reservations"] = [*hosts]
        config.update(switches)

    return change


def test_both_forms_are_good() -> None:
    assert findings(inside(named()), OWN) == []
    assert findings(everywhere(named(), **{SWITCH: True}), OWN) == []


@pytest.mark.parametrize("hosts", [[], [host(hostname="x")], [named(boot_file_name="0000000000.cm")]])
def test_a_name_per_device_that_no_reservation_gives_out(hosts: list[Config]) -> None:
    assert examined(inside(*hosts), OWN).findings == [
        '{device}.cm of minter.kea.files: nothing gives it out: put what "provbus kea reservations" '
        "prints into Kea"
    ]


def test_a_name_that_a_reservation_gives_out_may_be_of_two_files() -> None:
    """One for modems that name themselves, one for subnets where the CMTSs name none."""
    other = OWN._replace(subnet_ids=frozenset((1,)), takes_no_remote_id=True)
    assert examined(inside(named(next_server="192.0.2.11")), OWN, other).findings == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (inside(host(next_server="192.0.2.99")), f"subnet 1, reservation 00:00:00:00:00:01: {WRONG}"),
        (
            everywhere(host(next_server="192.0.2.99"), **{SWITCH: True}),
            f"Dhcp4, reservation 00:00:00:00:00:01: {WRONG}",
        ),
        (
            everywhere(host(next_server="192.0.2.11")),
            f'Dhcp4: its reservations are not looked up: write "{SWITCH}": true beside them{INSTEAD}',
        ),
        (
            inside(host(next_server="192.0.2.11"), **{"reservations-in-subnet": False}),
            'Dhcp4: reservations in subnets are not looked up: write "reservations-in-subnet": true'
            + INSTEAD,
        ),
        (
            inside(host(next_server="192.0.2.11"), **{"host-reservation-identifiers": ["circuit-id"]}),
            'host-reservation-identifiers: reservations by hw-address are not looked up: add "hw-address" '
            "to the list",
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_place(change: Change, said: str) -> None:
    assert findings(change) == [said]


def test_a_switch_is_inherited_from_the_level_around() -> None:
    def off(config: Config) -> None:
        config["subnet4"][0]["reservations"] = [host(next_server="192.0.2.11")]
        share(config, **{"reservations-in-subnet": False})

    (finding,) = findings(off)
    assert finding.startswith("shared network n: reservations in subnets are not looked up")

    def on_again(config: Config) -> None:
        off(config)
        config["shared-networks"][0]["subnet4"][0]["reservations-in-subnet"] = True

    assert findings(on_again) == []

    def on_at_the_subnet(config: Config) -> None:
        config["reservations"] = [host(next_server="192.0.2.11")]
        config["subnet4"][0][SWITCH] = True

    assert findings(on_at_the_subnet) == []


def test_a_subnet_without_the_switch_is_noted_beside_one_with_it() -> None:
    def change(config: Config) -> None:
        config["reservations"] = [named()]
        config["subnet4"][0][SWITCH] = True
        second(config)

    made = examined(change, OWN)
    assert (made.findings, made.notes) == ([], ["subnet 2: global reservations are not looked up here"])


def test_reservations_that_say_nothing_of_a_file_may_be_anywhere() -> None:
    hosts = [host(hostname="x"), host(2, ip_address="10.0.0.9")]
    assert findings(everywhere(*hosts)) == []
    assert findings(inside(*hosts, **{"reservations-in-subnet": False})) == []


def test_a_name_without_a_server_takes_that_of_the_class_or_level() -> None:
    assert findings(inside(named(next_server=None)), OWN) == []  # from class docsis

    def bare(config: Config) -> None:
        inside(named(next_server=None))(config)
        docsis(config, next_server="0.0.0.0")

    assert findings(bare, OWN) == [
        'subnet 1, reservation 00:00:00:00:00:01: {device}.cm without a server: write "next-server" beside it'
    ]

    def wrong(config: Config) -> None:
        bare(config)
        config["next-server"] = "192.0.2.99"

    assert findings(wrong, OWN) == [f"Dhcp4: {WRONG.replace('modem.cm', '{device}.cm')}"]


def test_a_global_reservation_is_judged_in_each_subnet() -> None:
    def change(config: Config) -> None:
        docsis(config, next_server="0.0.0.0")
        everywhere(named(next_server=None), **{SWITCH: True})(config)
        config["subnet4"][0]["next-server"] = "192.0.2.11"
        second(config, **{"next-server": "192.0.2.99"})

    assert findings(change, OWN) == [f"subnet 2: {WRONG.replace('modem.cm', '{device}.cm')}"]


def test_a_server_that_is_right_for_one_kind_of_device_is_right() -> None:
    assert findings(inside(host(next_server="192.0.2.12"))) == []  # an adapter's


def test_the_name_of_another_device_is_named() -> None:
    assert findings(inside(named(), named(2, boot_file_name="000000000003.cm")), OWN) == [
        "subnet 1, reservation 00:00:00:00:00:02: its name is that of another device: {device}.cm has its own"
    ]


def test_a_file_that_is_none_of_ours_is_noted() -> None:
    made = examined(inside(host(boot_file_name="pxe.0", next_server="192.0.2.99")), MODEM)
    assert made.findings == []
    assert made.notes == [
        "subnet 1, reservation 00:00:00:00:00:01: the file name that it gives is none of minter.kea.files "
        "(modem.cm)"
    ]


def test_a_class_that_a_reservation_names_goes_before_those_with_a_test() -> None:
    def change(config: Config) -> None:
        inside(host(client_classes=["z"]))(config)
        after(config, next_server="192.0.2.99")

    assert findings(change, MODEM) == [f"client class z: {WRONG}"]

    def unknown(config: Config) -> None:
        inside(host(client_classes=["z"]))(config)
        after(config, boot_file_name="pxe.0")

    assert "none of minter.kea.files" in examined(unknown, MODEM).notes[0]


def test_a_reservation_of_a_subnet_hides_the_global_one() -> None:
    def change(*hosts: Config) -> Change:
        def both(config: Config) -> None:
            everywhere(named(), **{SWITCH: True})(config)
            inside(*hosts)(config)

        return both

    said = (
        "subnet 1, reservation 00:00:00:00:00:01: it hides the global reservation of the same device, which "
        "says more of its file: make them one"
    )
    assert findings(change(host(ip_address="10.0.0.9")), OWN) == [said]
    assert findings(change(named(next_server=None)), OWN) == [said]
    assert findings(change(host(next_server="192.0.2.11")), OWN) == [said]
    assert findings(change(host(2, ip_address="10.0.0.9")), OWN) == []
    assert findings(change(named()), OWN) == []

    def unseen(config: Config) -> None:
        change(host(ip_address="10.0.0.9"))(config)
        config["subnet4"][0][SWITCH] = False
        second(config)

    assert examined(unseen, OWN).findings == []


def test_a_name_for_all_may_be_reserved_alone() -> None:
    def change(config: Config) -> None:
        docsis(config, boot_file_name=None)
        inside(host(boot_file_name="modem.cm"))(config)

    assert findings(change, MODEM) == []


def test_a_global_reservation_is_judged_where_it_is_looked_up() -> None:
    def change(config: Config) -> None:
        docsis(config, next_server="0.0.0.0")
        config["reservations"] = [named(next_server=None)]
        config["subnet4"][0].update({SWITCH: True, "next-server": "192.0.2.11"})
        second(config)

    assert examined(change, OWN).findings == []


def test_reservations_in_one_of_two_subnets_do_not_follow() -> None:
    def change(config: Config) -> None:
        inside(named())(config)
        second(config)

    made = examined(change, OWN)
    assert made.findings == []
    (note,) = made.notes
    assert note.startswith("subnet 1: its reservations do not follow a modem to another subnet or CMTS")


@pytest.mark.parametrize("key", ["hosts-database", "hosts-databases"])
def test_what_is_in_a_database_is_not_judged_and_said(key: str) -> None:
    made = examined(lambda config: config.update({key: [{"type": "mysql"}]}), MODEM)
    assert made.findings == []
    assert made.notes == [
        "hosts-database: reservations that are in a database are not looked at: try --ask with the MAC of one"
    ]


def test_a_hundred_thousand_are_one_line() -> None:
    hosts = [named(number, next_server="192.0.2.99") for number in range(100_000)]
    assert findings(everywhere(*hosts, **{SWITCH: True}), OWN) == [
        "Dhcp4, reservation 00:00:00:00:00:00 and 99999 more: next-server 192.0.2.99 gets no rows of "
        "{device}.cm: write 192.0.2.11 (cfm-1)"
    ]


def test_as_many_of_other_servers_are_bounded_and_counted() -> None:
    hosts = [
        named(number, next_server=f"10.0.{number >> 8}.{number & 255}") for number in range(HOSTS_MAX + 50)
    ]
    made = examined(everywhere(*hosts, **{SWITCH: True}), OWN)
    assert made.findings[-1] == f"and {HOSTS_MAX - 50} more: mend these, then ask again"
    (note,) = made.notes
    assert "and 49 more: not judged" in note
