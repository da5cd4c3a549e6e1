"""The addresses of a lab, on loopback: those of 127.0.0.0/8 need no set-up.

The hosts are on 127.0.0.2, 127.0.0.3, 127.0.0.6 and 127.0.0.7, the CMTS that relays on 127.0.0.4 (more
relays on 127.0.1.n), CFM n on 127.0.0.(10+n), the devices from 127.64.0.0/10 upwards; Kea's leases of before
the run begin at 127.1.0.1.
"""

from ipaddress import IPv4Network

HOST_ADDRESS = {
    "dhcp-1": "127.0.0.2",
    "mps-1": "127.0.0.3",
    "dhcp-2": "127.0.0.6",
    "dhcp-3": "127.0.0.7",
}
"""The address of the host beside each sidecar."""
INSIDER_ADDRESS = "127.0.0.98"
KEA_ADDRESS = "127.0.0.1"  # the one that Kea finds on the interface lo
HTTP_ADDRESS = "127.0.0.1"  # of the health pages of all instances
RELAY_ADDRESS = "127.0.0.4"
RELAYS_MAX = 8  # a pool has as many parts
POOLS = {"dhcp": "127.64.0.0/11", "mps": "127.96.0.0/11"}
BAIT_NETWORK = "127.95.255"  # the end of the DHCP pool, which no lease reaches
ABUSE_NETWORK = "127.95.254"
STRANGERS_NETWORK = "127.200.0"
ESTABLISHED_FIRST = bytes((127, 1, 0, 1))
"""The first address of the leases that Kea's journal holds before the run. They are below the pools, so a
query of all leases, by address, comes to those of the run last.
"""
ESTABLISHED_MAX = 4_000_000  # there is room for more below the pools


def cfm_address(name: str) -> str:
    """The address of this CFM.

    >>> cfm_address("cfm-1")
    '127.0.0.11'
    """
    return f"127.0.0.{10 + int(name.removeprefix('cfm-'))}"


def relay_addresses(count: int) -> list[str]:
    """The addresses of so many relays."""
    return [RELAY_ADDRESS, *(f"127.0.1.{number}" for number in range(2, count + 1))]


def part_of_pool(service: str, relay: int) -> IPv4Network:
    """The part of a pool for the devices behind the relay of this number, if the pool is divided."""
    return [*IPv4Network(POOLS[service]).subnets(RELAYS_MAX.bit_length() - 1)][relay]
