"""What the lab tells a real Kea, and the catalogue that it makes for names per device."""

import json
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any

import pytest
import yaml

from bus.errors import ConfigError
from services.lab.kea.configuration import device_catalogue, kea_config, kea_files
from services.lab.network.addresses import POOLS
from services.lab.plant.population import kind_of
from services.lab.site.scenario import KeaHost
from services.settings.lookup import LookedUp, Lookup

ROOT = Path(__file__).parents[4]
DEPLOYED = ROOT / "deploy" / "kea" / "kea-dhcp4.conf"
SETTINGS = ROOT / "deploy" / "settings" / "lab.yaml"
SERVERS = ["127.0.0.11", "127.0.0.12"]

SMALL = """
{ // what modems get: "not a string"
  "Dhcp4": { # another kind
    "x": "http://127.0.0.1/a#b /* no */ \\" // neither",
    "client-classes": [
      /* two
         lines */
      { "name": "docsis", "boot-file-name": "modem.cm", "next-server": "192.0.2.1" }
    ],
    "subnet4": [ { "subnet": "192.0.2.0/24", "pools": [ { "pool": "-", "client-class": "docsis" } ] } ],
    "lease-database": { "type": "memfile", "lfc-interval": 3600 }
  }
}
"""


def host(path: Path, **changes: Any) -> KeaHost:
    return KeaHost(config=path, **changes)


def written(directory: Path, text: str) -> Path:
    path = directory / "kea.conf"
    path.write_text(text)
    return path


def test_the_operators_example_gets_the_labs_addresses_and_pools() -> None:
    dhcp4 = kea_config(host(DEPLOYED, clean_up_s=4), SERVERS, [])["Dhcp4"]
    classes = {one["name"]: (one["boot-file-name"], one["next-server"]) for one in dhcp4["client-classes"]}
    assert classes == {"docsis": ("modem.cm", SERVERS[0]), "pktc": ("adapter.cfg", SERVERS[1])}
    assert dhcp4["lease-database"]["lfc-interval"] == 4
    (subnet,) = dhcp4["subnet4"]
    for pool, service in zip(subnet["pools"], ("dhcp", "mps"), strict=True):
        low, high = map(IPv4Address, pool["pool"].split(" - "))
        network = IPv4Network(POOLS[service])
        assert (low, high) == (network[1], network[-2])
    assert "reservations" not in dhcp4
    assert dhcp4["store-extended-info"] is True


def test_the_names_of_its_classes_are_those_that_the_services_are_told() -> None:
    dhcp4 = kea_config(host(DEPLOYED), SERVERS, [])["Dhcp4"]
    told = kea_files(host(DEPLOYED), ["cfm-1", "cfm-2"])
    assert [one["name"] for one in told] == [one["boot-file-name"] for one in dhcp4["client-classes"]]
    assert [one["cfms"] for one in told] == [["cfm-1", "cfm-2"]] * 2


def test_one_cfm_is_the_server_of_both_classes() -> None:
    dhcp4 = kea_config(host(DEPLOYED), SERVERS[:1], [])["Dhcp4"]
    assert [one["next-server"] for one in dhcp4["client-classes"]] == SERVERS[:1] * 2


def test_where_reservations_name_the_files_the_classes_do_not() -> None:
    reservations = [{"hw-address": "00:1a:2c:00:00:00", "boot-file-name": "001a2c000000.cm"}]
    dhcp4 = kea_config(host(DEPLOYED, names="device"), SERVERS, reservations)["Dhcp4"]
    assert (dhcp4["reservations-global"], dhcp4["reservations"]) == (True, reservations)
    for one in dhcp4["client-classes"]:
        assert one.keys() & {"boot-file-name", "next-server"} == set()


def test_comments_go_and_strings_stay(tmp_path: Path) -> None:
    config = kea_config(host(written(tmp_path, SMALL)), SERVERS, [])
    assert config["Dhcp4"]["x"] == 'http://127.0.0.1/a#b /* no */ " // neither'
    assert [one["name"] for one in config["Dhcp4"]["client-classes"]] == ["docsis"]


def without(part: str) -> str:
    """The small configuration lacking a part, without comments."""
    config: dict[str, Any] = {
        "client-classes": [],
        "subnet4": [{"subnet": "", "pools": []}],
        "lease-database": {},
    }
    del config[part]
    return json.dumps({"Dhcp4": config})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '"Dhcp4"',
        '{"Dhcp6": {}}',
        '{"Dhcp4": 5}',
        without("client-classes"),
        without("subnet4"),
        without("lease-database"),
        '{"Dhcp4": {"client-classes": [], "subnet4": [{}, {}], "lease-database": {}}}',
        SMALL.replace('"client-class": "docsis"', '"client-class": "other"'),
        "// only a comment",
    ],
)
def test_what_is_no_configuration_for_the_lab_is_named(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match=r"kea\.conf is not Kea's configuration"):
        kea_config(host(written(tmp_path, text)), SERVERS, [])


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nowhere"):
        kea_config(host(tmp_path / "nowhere"), SERVERS, [])


def test_the_catalogue_of_devices_knows_each_of_the_plant() -> None:
    made = device_catalogue(SETTINGS, 20, 3, "00:1a:2c")
    kinds = {name: one["kind"] for name, one in made["classes"].items()}
    assert len(made["lookup"]) == 20
    lookup = Lookup(made["lookup"], kinds)
    for index in range(20):
        device, kind = bytes.fromhex("001a2c") + index.to_bytes(3), kind_of(index, 20, 3)
        found = lookup.find(LookedUp(device, bytes(4), b"", b""), kind)
        assert found is not None
        assert found.class_name == ("voice" if kind == "mta" else "residential")
    assert made["classes"] == yaml.safe_load(SETTINGS.read_text())["classes"]


def test_a_catalogue_without_rules_for_the_pools_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "settings.yaml"
    path.write_text(yaml.safe_dump({"classes": {}, "lookup": [{"subnet": "10.0.0.0/8", "class": "x"}]}))
    with pytest.raises(ConfigError, match=POOLS["dhcp"].replace(".", r"\.")):
        device_catalogue(path, 2, 1, "00:1a:2c")
