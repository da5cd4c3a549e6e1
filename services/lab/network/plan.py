"""The machines of a run on paper: their addresses, and the commands of iproute2 that make them.

Theory of operation
-------------------
A machine is a network namespace with one link, `eth0`, into the switch, a bridge in the lab's own namespace.
The plan of loopback, 127.0.0.0/8, is moved to 10.0.0.0/8 as it is. Machines know each other's link addresses
by permanent entries and ask nobody: so a machine that is dead or cut off is a black hole, as behind a router,
and no kernel answers for it that it is unreachable.

All addresses of devices are the plant's, which has them by a local route; the others reach them through it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv4Address
from typing import NamedTuple

PLANNED, REAL = "127.", "10."
PREFIX_BITS = 8
DEVICES = "10.64.0.0/10"
SWITCH = "switch"
SWITCH_ADDRESS = "10.255.255.254"
NOWHERE = "02:00:00:00:00:00"
"""A link address that no machine has: what is sent there is lost on the switch, and nobody is told."""
FORWARDING, DISABLED = 3, 0  # states of a bridge's port, as `bridge link set` numbers them


class MachinePlan(NamedTuple):
    """A machine: its name, its port at the switch, and its address."""

    name: str
    port: str
    address: str


def real_address(planned: str) -> str:
    """The address, or subnet, of a machine in the place of one of loopback; others are as they are.

    >>> real_address("127.0.0.11"), real_address("127.64.0.0/11"), real_address("192.0.2.1")
    ('10.0.0.11', '10.64.0.0/11', '192.0.2.1')
    """
    return REAL + planned.removeprefix(PLANNED) if planned.startswith(PLANNED) else planned


def link_address(address: str) -> str:
    """The link address of the machine that has this address.

    >>> link_address("10.0.0.11")
    '02:10:0a:00:00:0b'
    """
    return ":".join(["02", "10", *(f"{byte:02x}" for byte in IPv4Address(address).packed)])


def numbered(addresses: Mapping[str, str]) -> dict[str, MachinePlan]:
    """The machines of these names, each with its address."""
    return {
        name: MachinePlan(name, f"port{number}", address)
        for number, (name, address) in enumerate(addresses.items(), start=1)
    }


def switch_commands() -> Iterator[str]:
    """The commands of `ip` that make the switch, where the lab is."""
    yield "link set lo up"
    yield f"link add {SWITCH} type bridge"
    yield f"address add {SWITCH_ADDRESS}/{PREFIX_BITS} dev {SWITCH}"
    yield f"link set {SWITCH} address {link_address(SWITCH_ADDRESS)} up"


def port_commands(machine: MachinePlan, pid: int) -> Iterator[str]:
    """Those that plug a machine in, the namespace of this process."""
    link = f"name eth0 address {link_address(machine.address)} netns {pid}"
    yield f"link add {machine.port} type veth peer {link}"
    yield f"link set {machine.port} master {SWITCH} up"


def machine_commands(
    machine: MachinePlan, all_machines: Sequence[MachinePlan], plant: MachinePlan
) -> Iterator[str]:
    """Those that a machine gives itself: its address, and the way to all others."""
    yield "link set lo up"
    yield f"address add {machine.address}/{PREFIX_BITS} dev eth0"
    yield "link set eth0 up"
    if machine == plant:
        yield f"route add local {DEVICES} dev lo"
    else:
        yield f"route add {DEVICES} via {plant.address} dev eth0"
    yield from neighbour_commands("eth0", [one for one in all_machines if one != machine])
    yield neighbour("eth0", SWITCH_ADDRESS, link_address(SWITCH_ADDRESS))


def neighbour_commands(device: str, machines: Sequence[MachinePlan]) -> Iterator[str]:
    """Those that tell a machine, or the lab, the link addresses of these."""
    for one in machines:
        yield neighbour(device, one.address, link_address(one.address))


def neighbour(device: str, address: str, link: str) -> str:
    """The command that tells a machine the link address of one address."""
    return f"neighbour replace {address} lladdr {link} dev {device} nud permanent"


def cut_command(to: MachinePlan, *, is_cut: bool) -> str:
    """The one with which a machine loses all that it sends to another one, or no longer does."""
    return neighbour("eth0", to.address, NOWHERE if is_cut else link_address(to.address))


def tap(machine: MachinePlan) -> str:
    """The name of the tap that takes the place of its port at the switch while its link is slow."""
    return f"slow-{machine.port}"


def slow_commands(machine: MachinePlan, *, is_slow: bool) -> Iterator[str]:
    """Those that put the tap of a machine into the place of its port, or the port back."""
    if is_slow:
        yield f"link set {tap(machine)} up"
        yield f"link set {machine.port} nomaster"
        yield f"link set {tap(machine)} master {SWITCH}"
    else:
        yield f"link set {tap(machine)} nomaster"
        yield f"link set {machine.port} master {SWITCH}"
