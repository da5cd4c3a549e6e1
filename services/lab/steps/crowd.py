"""`descriptors`, `crowd` and `end_crowd`: a CFM with few descriptors, and many strangers that want one."""

from __future__ import annotations

import http.client
import re
import time
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from bus.errors import StateError, UnavailableError
from bus.transport.descriptors import LIMIT_MIN
from bus.wire.endpoint import parse
from services.lab.faults.crowds import CrowdRun, Crowds
from services.lab.faults.established import established
from services.lab.steps.instances import OnInstances
from services.lab.steps.step import Word, unknown_name

if TYPE_CHECKING:
    from services.lab.site.lab import Lab
    from services.lab.site.scenario import Scenario
    from services.lab.site.site import Site

END_S = 15.0


class DescriptorLimit(OnInstances):
    """Let instances that are stopped have no more than `limit` descriptors from their next start on, as
    `ulimit -n` does.
    """

    limit: int = Field(ge=LIMIT_MIN)

    def do(self, lab: Lab) -> None:
        """Limit."""
        for name in lab.instances.down(self.names):
            lab.instances[name].wrapper = ("sh", "-c", f'ulimit -n {self.limit} && exec "$@"', "sh")
        lab.count("limited", len(lab.instances.down(self.names)))


class OnCfm(Word):
    """A step on one CFM."""

    plain: ClassVar[str] = "at"
    at: str

    def wrong(self, scenario: Scenario) -> str | None:
        """No CFM, or one behind the proxy of the hand-off path, or on a machine where no crowd is."""
        if scenario.hosts:
            return "a crowd is on loopback: leave hosts out"
        if scenario.names().get(self.at) != "cfm":
            return unknown_name((self.at,), scenario) or f"{self.at} is no CFM"
        return None if scenario.weather() is None else "minters connect to the proxy of the hand-off path"


class Crowd(OnCfm):
    """From now on keep so many bare connections to the hand-off port of a CFM, renewed whenever it hangs up,
    and send it a request at its local socket and at its HTTP port every 50 ms.
    """

    strangers: int = Field(ge=1)

    def do(self, lab: Lab) -> None:
        """Gather."""
        crowds = lab.part(Crowds).at
        if self.at in crowds:
            raise StateError(f"there is a crowd at {self.at}")
        one = lab.site.instances[self.at]
        minters = _connections(lab, self.at)  # before the strangers come
        process = lab.module(
            f"crowd-{self.at}",
            "lab",
            "faults.crowd",
            {
                "endpoint": lab.site.real_endpoints[self.at],
                "strangers": self.strangers,
                "socket": str(one.socket),
                "http": one.http,
            },
        )
        crowds[self.at] = CrowdRun(process, minters, lab.instances[self.at].cpu_s(), time.monotonic())


class EndCrowd(OnCfm):
    """Send the crowd away. The report says how many strangers came (`strangers`), how often the CFM shut its
    hand-off port to them (`door_shuts`), which questions it answered, how many connections of minters it lost
    (`minter_connections_lost`), and the greatest share of a processor that it needed (`crowd_cpu_share`).
    """

    def do(self, lab: Lab) -> None:
        """End, and count."""
        crowd = lab.part(Crowds).at.pop(self.at, None)
        if crowd is None:
            raise StateError(f"there is no crowd at {self.at}")
        spent_s = lab.instances[self.at].cpu_s() - crowd.cpu_s
        share = round(spent_s / (time.monotonic() - crowd.since), 3)
        lab.figures["crowd_cpu_share"] = max(lab.figures.get("crowd_cpu_share", 0.0), share)
        lab.count("minter_connections_lost", len(crowd.connections - _connections(lab, self.at)))
        lab.count("door_shuts", _door_shuts(lab.site, self.at))
        crowd.process.say("go")
        lab.wait_for(lambda: "" if crowd.has_totals() else "the crowd does not go", END_S)
        for figure, number in crowd.totals.items():
            lab.count(figure, number)


def _connections(lab: Lab, cfm: str) -> set[str]:
    """The connections to this CFM: of minters, and of strangers while there are any."""
    port = parse(lab.site.real_endpoints[cfm]).port
    assert port is not None
    return established(port)


def _door_shuts(site: Site, cfm: str) -> int:
    """The CFM's own count of shut hand-off ports."""
    connection = http.client.HTTPConnection(*site.instances[cfm].http, timeout=5.0)
    try:
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
    except OSError as error:
        raise UnavailableError(f"{cfm} tells no metrics: {error}") from error
    finally:
        connection.close()
    found = re.search(r'^provbus_accepts_failed_total\{listener="handoff"\} ([0-9.]+)$', text, re.M)
    if found is None:
        raise UnavailableError(f"{cfm} does not say how often its hand-off port was shut")
    return int(float(found[1]))
