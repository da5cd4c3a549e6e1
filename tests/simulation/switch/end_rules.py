"""After the last trouble the fleet is well in time: one leads, one acts, all agree, no switch is stuck."""

from typing import TYPE_CHECKING

from bus.routes import Column
from tests.simulation.switch.parts import ROLES

if TYPE_CHECKING:
    from tests.simulation.switch.plant import SwitchPlant

WELL_WITHIN_S = 45.0


def lacks(plant: "SwitchPlant") -> list[str]:
    """What is not as it must be after a while in which nothing happens, in words."""
    down = [name for name in plant.nodes if name not in plant.switches]
    if down:
        return [f"{', '.join(down)} do not run"]
    if halted := plant.halted():
        return [f"{', '.join(halted)} have halted"]
    if lost := plant.without_start():
        return [f"{', '.join(lost)} found no beginning of the role log"]
    return [*_switch_lacks(plant), *(one for role in _roles(plant) for one in _role_lacks(plant, role))]


def _roles(plant: "SwitchPlant") -> set[str]:
    return {ROLES[name] for name in plant.minters}


def _switch_lacks(plant: "SwitchPlant") -> list[str]:
    records = {name: switch.record for name, switch in plant.switches.items()}
    waits = {name: one.waits_for(plant.world.local(name)) for name, one in plant.switches.items()}
    found = [
        f"{name} is at {one.step!r} of {one.plan}, waiting for {waits[name]}"
        for name, one in records.items()
        if not one.is_over
    ]
    leads = {name: str(one.carrying.leads) for name, one in records.items()}
    wanted = {*leads.values()} if plant.scenario.leads is None else {str(plant.scenario.leads)}
    if {*leads.values()} != wanted or len(wanted) > 1:
        found.append(f"they are not led by one column: {leads}")
    # Whoever was away, and hears the group alone, does not know the era: it stands in the log. And a log in
    # which a person began another era tells nobody who lost its disk of the one before.
    eras = {
        name: one.era
        for name, one in records.items()
        if Column.BUS in one.carrying.hears and name not in plant.wiped
    }
    if len({*eras.values()}) > 1:
        found.append(f"they are not in one era: {eras}")
    return found


def _role_lacks(plant: "SwitchPlant", role: str) -> list[str]:
    local = plant.world.local
    able = [
        name for name, one in plant.authorities.items() if ROLES[name] == role and one.may_act(local(name))
    ]
    if len(able) != 1:
        states = {name: str(one.state) for name, one in plant.holders.items() if ROLES[name] == role}
        return [f"{able or 'nobody'} may act for {role}: {states}"]
    (holder,) = able
    host = plant.hosts.get(holder.replace("dhcp", "host"))
    if plant.shape.hosts and host is not None and local(holder) >= host.until:
        return [f"the host of {holder} has no lease"]
    claim = plant.authorities[holder].claims()[0]
    if claim.epoch < 0:
        return []
    answers = {name: fence.answer(holder) for name, fence in plant.fences.items()}
    return [
        f"{name} stands by {answer} and not by {claim} of {holder}"
        for name, answer in answers.items()
        if answer is None or answer.highest != claim or answer.released
    ]
