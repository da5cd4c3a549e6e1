"""The weather of a run: the proxy on the hand-off path, which delays messages and drops some."""

from typing import Any

from services.lab.site.lab import Lab, Part
from services.lab.site.site import Site


class HandoffWeather(Part):
    """The proxy, at the endpoints that the CFMs announce to minters."""

    def prepare(self, lab: Lab) -> None:
        """Start it before any minter connects."""
        lab.ready_module("proxy", "lab", "faults.proxy", proxy_config(lab.site))


def proxy_config(site: Site) -> dict[str, Any]:
    """The configuration of the proxy on the hand-off path."""
    faults = site.scenario.weather()
    assert faults is not None
    return {
        "keys": str(site.directory / "keys"),
        "listen": site.advertised,
        "forward": site.real_endpoints,
        "faults": faults.model_dump(),
        "seed": site.scenario.seed,
    }
