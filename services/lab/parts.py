"""The parts of each scenario."""

from services.lab.books.closing import TakeoverBooks
from services.lab.books.refusals import Refusals
from services.lab.books.role_log import RoleLogMemory
from services.lab.faults.attackers import Attackers
from services.lab.faults.busy import BusyProcesses
from services.lab.faults.crowds import Crowds
from services.lab.faults.key_rotation import KeyRotation
from services.lab.faults.kills import Kills
from services.lab.faults.primary_kills import PrimaryKilling
from services.lab.faults.weather import HandoffWeather
from services.lab.kea.host import KeaRun
from services.lab.site.lab import Part
from services.lab.site.scenario import Scenario
from services.lab.steps.clone import Clones


def parts_of(scenario: Scenario, mode: str) -> list[Part]:
    """The parts of a scenario, in the order in which they are called, which is also that of the report. Parts
    that only steps use are in every run.
    """
    parts: list[Part] = []
    if scenario.has_proxy(mode):
        parts.append(HandoffWeather())
    parts.append(Kills(scenario))
    if scenario.rotate_at_online is not None:
        parts.append(KeyRotation(scenario))
    parts.append(Refusals())
    if scenario.attack is not None:
        parts.append(Attackers(scenario.attack))
    if scenario.primary_kills is not None:
        parts.append(PrimaryKilling(scenario.primary_kills, scenario.seed))
    parts.append(TakeoverBooks())
    if scenario.kea is not None:
        parts.append(KeaRun(scenario.kea))
    return [*parts, BusyProcesses(), Clones(), Crowds(), RoleLogMemory()]
