"""Kea's configuration for a plant with several CMTSs, each of them a shared network of several subnets.

Theory of operation
-------------------
Each relay has a subnet for each class of devices. Within a shared network Kea lets a device keep the address
that it has, and gives a new one from the subnet that it used last, whatever the relay. So each subnet is for
one class alone, that of the devices behind its relay: a device that moves gets another address each time.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from ipaddress import IPv4Address, IPv4Network
from itertools import islice
from typing import Any

from bus.device import parse_device
from services.lab.network.addresses import POOLS, part_of_pool, relay_addresses

_SERVICE_OF = {"docsis": "dhcp", "pktc": "mps"}
"""The service whose pool has the devices of a class, by the class's name in Kea's configuration."""

Event = Mapping[str, Any]


def one_subnet(subnet: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """The operator's subnet with this prefix and the lab's pools."""
    pools = [_filled(pool, IPv4Network(POOLS[_SERVICE_OF[pool["client-class"]]])) for pool in subnet["pools"]]
    return {**subnet, "subnet": prefix, "pools": pools}


def shared_networks(subnet: Mapping[str, Any], sizes: Sequence[int]) -> list[dict[str, Any]]:
    """The operator's subnet once for each relay and class of devices, in a network for each CMTS; `sizes` are
    the numbers of relays of each CMTS.
    """
    relays = enumerate(relay_addresses(sum(sizes)))
    return [
        {
            "name": f"cmts-{number}",
            "subnet4": [
                one for relay, address in islice(relays, size) for one in _behind(relay, address, subnet)
            ],
        }
        for number, size in enumerate(sizes, start=1)
    ]


def classes_by_relay(classes: Iterable[Mapping[str, Any]], sizes: Iterable[int]) -> list[dict[str, str]]:
    """Each of the operator's classes once for each relay: its devices behind that relay."""
    relays = [*enumerate(relay_addresses(sum(sizes)))]
    return [
        {
            "name": _class_behind(one["name"], relay),
            "test": f"({one['test']}) and (pkt4.giaddr == {address})",
        }
        for one in classes
        for relay, address in relays
    ]


def roaming_figures(plant: Iterable[Event], sizes: Sequence[int]) -> dict[str, int]:
    """The report's figures of devices that moved: leases through another relay than before (`moves`), those
    of them through another CMTS (`to_another_cmts`); addresses that are not of the subnet of their relay
    (`strange_addresses`), and files that are not the device's own, or from another CFM than before
    (`strange_files`).
    """
    cmts_of = [number for number, size in enumerate(sizes) for _ in range(size)]
    relays = {address: relay for relay, address in enumerate(relay_addresses(sum(sizes)))}
    found = dict.fromkeys(("moves", "to_another_cmts", "strange_addresses", "strange_files"), 0)
    before: dict[str, tuple[int, str]] = {}
    for event in plant:
        if event["event"] != "leased":
            continue
        device, relay, server = event["device"], relays[event["relay"]], event["server"]
        former, former_server = before.get(device, (relay, server))
        before[device] = relay, server
        name, _, ending = event["file"].partition(".")
        service = "dhcp" if ending == "cm" else "mps"
        found["moves"] += relay != former
        found["to_another_cmts"] += cmts_of[relay] != cmts_of[former]
        found["strange_addresses"] += IPv4Address(event["address"]) not in part_of_pool(service, relay)
        found["strange_files"] += name != parse_device(device).hex() or server != former_server
    return found


def _behind(relay: int, address: str, subnet: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for at, pool in enumerate(subnet["pools"], start=1):
        name = pool["client-class"]
        network = part_of_pool(_SERVICE_OF[name], relay)
        yield {
            **subnet,
            "id": len(subnet["pools"]) * relay + at,
            "subnet": str(network),
            "client-class": _class_behind(name, relay),
            "relay": {"ip-addresses": [address]},
            "pools": [_filled(pool, network)],
        }


def _class_behind(name: str, relay: int) -> str:
    return f"{name}-{relay + 1}"


def _filled(pool: Mapping[str, Any], network: IPv4Network) -> dict[str, Any]:
    return {**pool, "pool": f"{network[1]} - {network[-2]}"}
