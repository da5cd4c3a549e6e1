"""Kea's configuration for several CMTSs, and what is said of devices that moved between them."""

from ipaddress import IPv4Address, IPv4Network
from itertools import combinations
from typing import Any

import pytest

from services.lab.kea.networks import classes_by_relay, one_subnet, roaming_figures, shared_networks
from services.lab.network.addresses import POOLS, RELAYS_MAX, part_of_pool, relay_addresses

SUBNET = {
    "id": 1,
    "subnet": "198.18.0.0/15",
    "pools": [{"pool": "-", "client-class": "docsis"}, {"pool": "-", "client-class": "pktc"}],
}
CLASSES = [{"name": "docsis", "test": "1"}, {"name": "pktc", "test": "2", "next-server": "192.0.2.1"}]
ONE, TWO = "001a.2c00.0001", "001a.2c00.0002"
RELAYS = relay_addresses(4)


def leased(device: str, relay: int, **changes: str) -> dict[str, Any]:
    address = str(part_of_pool("dhcp", relay)[5])
    file = {"file": f"{device.replace('.', '')}.cm", "server": "127.0.0.11"}
    return {"event": "leased", "device": device, "relay": RELAYS[relay], "address": address} | file | changes


def found(*events: dict[str, Any]) -> tuple[int, ...]:
    """Moves, to another CMTS, strange addresses, strange files; of three relays and one."""
    return tuple(roaming_figures(events, [3, 1]).values())


def test_one_subnet_has_the_pools_of_the_lab() -> None:
    made = one_subnet(SUBNET, "127.0.0.0/8")
    assert (made["id"], made["subnet"]) == (1, "127.0.0.0/8")
    assert [pool["pool"].split(" - ")[0] for pool in made["pools"]] == ["127.64.0.1", "127.96.0.1"]
    assert SUBNET["subnet"] == "198.18.0.0/15"


def test_each_cmts_is_a_shared_network_with_a_subnet_for_each_relay_and_class() -> None:
    one, two = shared_networks(SUBNET, [3, 1])
    assert (one["name"], two["name"]) == ("cmts-1", "cmts-2")
    assert [subnet["client-class"] for subnet in one["subnet4"]] == [
        f"{name}-{relay}" for relay in (1, 2, 3) for name in ("docsis", "pktc")
    ]
    assert [subnet["relay"]["ip-addresses"] for subnet in two["subnet4"]] == [[RELAYS[3]]] * 2
    subnets = [*one["subnet4"], *two["subnet4"]]
    assert [subnet["id"] for subnet in subnets] == [*range(1, 9)]
    networks = [IPv4Network(subnet["subnet"]) for subnet in subnets]
    assert not any(network.overlaps(other) for network, other in combinations(networks, 2))
    for subnet, network in zip(subnets, networks, strict=True):
        (pool,) = subnet["pools"]
        assert all(IPv4Address(end) in network for end in pool["pool"].split(" - "))


def test_a_class_of_a_relay_says_nothing_of_files() -> None:
    made = classes_by_relay(CLASSES, [1, 1])
    assert [one["name"] for one in made] == ["docsis-1", "docsis-2", "pktc-1", "pktc-2"]
    assert made[3]["test"] == f"(2) and (pkt4.giaddr == {RELAYS[1]})"
    assert all(one.keys() == {"name", "test"} for one in made)


def test_there_is_a_part_of_each_pool_for_every_relay() -> None:
    for service, pool in POOLS.items():
        parts = [part_of_pool(service, relay) for relay in range(RELAYS_MAX)]
        assert sum(part.num_addresses for part in parts) == IPv4Network(pool).num_addresses
    assert len({*relay_addresses(RELAYS_MAX)}) == RELAYS_MAX


def test_moves_are_counted_by_device() -> None:
    assert found(leased(ONE, 0), leased(TWO, 1), leased(ONE, 1), leased(TWO, 3), leased(TWO, 3)) == (
        2,
        1,
        0,
        0,
    )
    assert found({"event": "read", "device": ONE}) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("changes", "strange"),
    [
        ({"address": "127.64.0.5"}, (1, 0)),  # of the first relay's subnet
        ({"file": "001a2c000002.cm"}, (0, 1)),
        ({"server": "127.0.0.12"}, (0, 1)),
        ({"file": "001a2c000001.cfg", "address": str(part_of_pool("mps", 2)[9])}, (0, 0)),
    ],
)
def test_what_a_move_must_not_change_is_seen(changes: dict[str, str], strange: tuple[int, int]) -> None:
    assert found(leased(ONE, 0), leased(ONE, 2, **changes)) == (1, 0, *strange)
