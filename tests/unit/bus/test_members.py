"""Who counts after the fleet file was read again."""

import pytest

from bus.fleet.fleet import Fleet
from bus.fleet.key_pair import new_key_pair
from bus.fleet.members import Members, members
from tests.fleets import fleet_of, member

STARTED = {"dhcp-1": ("dhcp", "lab"), "mps-1": ("mps", "lab"), "cfm-1": ("cfm", "lab")}
SERVICES = {name: service for name, (service, _) in STARTED.items()}


def fleet(**instances: tuple[str, str]) -> Fleet:
    return fleet_of(
        {
            name: member(name, service, [new_key_pair().public.decode()], site)
            for name, (service, site) in instances.items()
        }
    )


def without(*names: str) -> dict[str, str]:
    return {name: service for name, service in SERVICES.items() if name not in names}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, Members(SERVICES, (), ())),
        ({"mps-1": None}, Members(without("mps-1"), ("mps-1",), ())),
        ({"mps-1": ("dhcp", "lab")}, Members(without("mps-1"), ("mps-1",), ())),
        ({"mps-1": ("mps", "north")}, Members(without("mps-1"), ("mps-1",), ())),
        ({"cfm-2": ("cfm", "lab")}, Members(SERVICES, (), ("cfm-2",))),
        (
            {"cfm-1": None, "dhcp-1": None, "cfm-2": ("cfm", "lab")},
            Members(without("cfm-1", "dhcp-1"), ("dhcp-1", "cfm-1"), ("cfm-2",)),
        ),
    ],
)
def test_who_counts(changes: dict[str, tuple[str, str] | None], expected: Members) -> None:
    """Keys may change: the transports compare those."""
    now = {name: one for name, one in {**STARTED, **changes}.items() if one is not None}
    assert members(fleet(**STARTED), fleet(**now)) == expected
