"""The plants of a run: a process for each boot of the same devices, one at a time."""

from collections.abc import Callable, Mapping
from typing import Any

from bus.errors import StateError
from services.lab.network.addresses import KEA_ADDRESS
from services.lab.plant.totals import merged
from services.lab.site.journal import read_journal
from services.lab.site.processes import Process
from services.lab.site.site import Site

BOOTS_PER_S_MIN = 50.0  # of a very slow machine; the devices beyond `in_flight_max` wait for their turn
MTA_MARKER = "line-1.{device}.voice.lab.example.net"  # as hosts tell it
OVERTIME_S = 30.0  # past the scenario's own deadline, before a plant that does not end is given up

Module = Callable[[str, str, str, Mapping[str, Any]], Process]
"""Starts a process of the lab's own and waits until it is ready: name, CPU group, module, configuration."""


class Plants:
    """The plants of one run. `heard` gets the numbers of devices that are online, and that have finished."""

    def __init__(self, site: Site, start: Module, heard: Callable[[int, int], None]) -> None:
        self._site = site
        self._start = start
        self._heard = heard
        self._present: Process | None = None
        self._totals: list[dict[str, Any]] = []

    def make(self) -> Process:
        """The plant of the next boot, which waits for `go`."""
        if self._present is not None:
            raise StateError("the plant boots already")
        number = len(self._totals) + 1
        config = plant_config(self._site, number)
        self._present = self._start(plant_name(number), "plant", "plant.process", config)
        return self._present

    def listen(self, wait_s: float = 0.0) -> bool:
        """Read the present plant's lines. Returns whether it is done."""
        for line in [] if self._present is None else self._present.lines(wait_s):
            if "done" in line:
                self._totals.append(line)
                return True
            self._heard(line["online"], line["online"] + line["failed"])
        return False

    def end(self) -> None:
        """End the present plant, done or not."""
        if self._present is not None:
            self._present.terminate()
            self._present.stop()
        self._present = None

    def patience_s(self) -> float:
        """The longest time that a boot may take, in seconds."""
        scenario = self._site.scenario
        patience_s = scenario.deadline_s + scenario.boot_window_s + OVERTIME_S
        return patience_s + max(0, scenario.modems - scenario.in_flight_max) / BOOTS_PER_S_MIN

    def totals(self) -> dict[str, Any]:
        """The totals of all boots."""
        return merged(self._totals)

    def journal(self) -> list[dict[str, Any]]:
        """The events of the journals of all plants."""
        numbers = range(1, len(self._totals) + 1)
        return [event for number in numbers for event in read_journal(self._site.journal(plant_name(number)))]


def plant_name(boot: int) -> str:
    """The name of the plant of a boot; the first boot is number 1."""
    return f"plant-{boot}"


def plant_config(site: Site, boot: int = 1) -> dict[str, Any]:
    """The configuration of the plant of one boot: the same devices each time, in another order."""
    scenario = site.scenario
    dhcp, mps = site.host_endpoint("dhcp-1"), site.host_endpoint("mps-1")
    if scenario.kea is not None:
        dhcp = mps = (KEA_ADDRESS, site.kea_port)
    keys: tuple[str, ...] = (
        "modems", "mtas", "seed", "boot_window_s", "in_flight_max", "read_delay_s", "deadline_s", "loss",
        "reboot_after_s", "proxied",
    )  # fmt: skip
    return {key: getattr(scenario, key) for key in keys} | {
        "seed": scenario.seed + boot - 1,
        "relays": [[address, site.relay_port] for address in site.relays],
        "earlier_boots": (boot - 1) * (1 if scenario.reboot_after_s is None else 2),
        "dhcp": dhcp,
        "helpers": [site.host_endpoint(one.name) for one in site.rivals()[1:]],
        "mps": mps,
        "tftp_port": site.tftp_port,
        "secret_file": str(site.secret_file),
        "journal": str(site.journal(plant_name(boot))),
        "mta_marker": MTA_MARKER,
    }
