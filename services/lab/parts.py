"""The parts of each scenario."""

from services.lab.admissions import Admissions
from services.lab.books.closing import TakeoverBooks
from services.lab.books.growth import ProcessGrowth
from services.lab.books.refusals import Refusals
from services.lab.books.role_log import RoleLogMemory
from services.lab.faults.attack.attackers import Attackers
from services.lab.faults.busy import BusyProcesses
from services.lab.faults.crowds import Crowds
from services.lab.faults.insider.insiders import Insiders
from services.lab.faults.key_rotation import KeyRotation
from services.lab.faults.kills import Kills
from services.lab.faults.schedule.scheduling import FaultSchedule
from services.lab.faults.schedule.switch_books import SwitchBooks
from services.lab.faults.weather import HandoffWeather
from services.lab.kea.host import KeaRun
from services.lab.release.mixed import MixedReleases
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
    if scenario.insider is not None:
        parts.append(Insiders(scenario.insider))
    if scenario.schedule is not None:
        parts.append(FaultSchedule(scenario.schedule, scenario.seed))
    parts.append(TakeoverBooks())
    if scenario.grants:
        parts.append(Admissions())
    if scenario.switches():
        parts.append(SwitchBooks())
    if scenario.growth:
        parts.append(ProcessGrowth())
    if scenario.baseline is not None:
        parts.append(MixedReleases(scenario.baseline))
    if scenario.kea is not None:
        parts.append(KeaRun(scenario.kea))
    return [*parts, BusyProcesses(), Clones(), Crowds(), RoleLogMemory()]
