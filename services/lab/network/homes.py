"""The machines of a scenario with hosts of their own: one for each instance, each broker, and the plant."""

from collections.abc import Iterable

from services.brokers.properties import NODES
from services.lab.network.addresses import HOST_ADDRESS, RELAY_ADDRESS, cfm_address
from services.lab.network.machines import Machines
from services.lab.network.plan import real_address

PLANT = "plant"


def machines_of(instances: Iterable[str]) -> Machines:
    """The machines of a run with these instances, once it is entered."""
    addresses = {name: real_address(HOST_ADDRESS.get(name) or cfm_address(name)) for name in instances}
    addresses |= {broker_machine(number): broker_address(number) for number in range(1, NODES + 1)}
    return Machines(addresses | {PLANT: real_address(RELAY_ADDRESS)}, PLANT, home_of)


def home_of(process: str) -> str:
    """The machine of a process of the lab by its name; a host service is on that of its sidecar.

    >>> home_of("cfm-1"), home_of("host-dhcp-2"), home_of("plant-3")
    ('cfm-1', 'dhcp-2', 'plant')
    """
    return PLANT if process.startswith("plant-") else process.removeprefix("host-")


def broker_machine(number: int) -> str:
    """The machine of this broker."""
    return f"kafka-{number}"


def broker_address(number: int) -> str:
    """The address of this broker's machine."""
    return f"10.0.0.{200 + number}"
