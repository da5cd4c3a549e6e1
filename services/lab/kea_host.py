"""A real Kea in a run of the lab: started, watched, and its leases entered into the books.

Theory of operation
-------------------
Kea gives many devices one name, and a device the same name again. So the books of a run with Kea know a
FileID by the lease it is for: the device and how many leases it had. What was leased says the plant, which
has Kea's answer; that provbus owes a file for each of them is taken as given. So nothing is asked of provbus
here, and a lease that it overlooked is a loss.

A clean-up of the journal shows from outside as another inode under its name.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from typing import Any

import yaml

from bus.errors import UnavailableError
from services.lab.kea_process import running
from services.lab.kea_site import device_catalogue, kea_config
from services.lab.perfdhcp import Load, PerfDhcp
from services.lab.plant import MAC_PREFIX
from services.lab.scenario import KeaHost
from services.lab.scenario import PerfDhcp as Wanted
from services.lab.site import Site

RESERVATIONS_S_MAX = 60.0
_OF_READS = ("read", "answered", "completed")


class KeaRun:
    """The Kea of one run."""

    def __init__(self, site: Site, kea: KeaHost, report: Callable[[str], None]) -> None:
        self.clean_ups = 0
        self._site = site
        self._kea = kea
        self._report = report
        self._stack = ExitStack()
        self._inode = 0
        self._alone: Load | None = None
        self._load: PerfDhcp | None = None

    def start(self) -> None:
        """Start it, after it was measured alone if that is wanted; `UnavailableError` if the machine has
        none, or it does not start.
        """
        site, kea = self._site, self._kea
        reservations = self._reservations() if kea.names == "device" else []
        config = kea_config(kea, [cfm.address for cfm in site.cfms()], reservations)
        if kea.perfdhcp is not None:
            self._report("perfdhcp against Kea alone")
            alone = site.kea_directory.with_name("kea-alone")
            with running(config, alone, site.kea_port, site.relay_port):
                self._alone = self._perfdhcp(kea.perfdhcp).end()
        self._stack.enter_context(running(config, site.kea_directory, site.kea_port, site.relay_port))

    def go(self) -> None:
        """The plant begins to boot."""
        if self._kea.perfdhcp is not None:
            self._load = self._perfdhcp(self._kea.perfdhcp)

    def watch(self) -> None:
        """See whether Kea began another journal."""
        try:
            inode = (self._site.kea_directory / "leases4.csv").stat().st_ino
        except FileNotFoundError:  # between the renaming and the new file
            return
        if self._inode and inode != self._inode:
            self.clean_ups += 1
        self._inode = inode

    def finish(self, plant: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
        """What the report says of it, once its load is over; `plant` is the plant's journal."""
        found: dict[str, Any] = {"names": self._kea.names, "clean_ups": self.clean_ups}
        found["leases"] = sum(event["event"] == "leased" for event in plant)
        if self._load is not None and self._alone is not None:
            beside = self._load.end()
            found["leases"] += beside.acks
            found |= {"alone_per_s": self._alone.per_s, "followed_per_s": beside.per_s}
            found["followed_vs_alone"] = round(beside.per_s / self._alone.per_s, 3)
        return found

    def stop(self) -> None:
        """Stop it."""
        if self._load is not None:
            self._load.stop()
        self._stack.close()

    def _perfdhcp(self, load: Wanted) -> PerfDhcp:
        return PerfDhcp(self._site.kea_port, self._site.relay_port, load.rate_per_s, load.duration_s)

    def _reservations(self) -> list[dict[str, Any]]:
        """What the operator's command prints for this plant's catalogue."""
        site = self._site
        scenario = site.scenario
        made = device_catalogue(scenario.settings, scenario.modems, scenario.mtas, MAC_PREFIX)
        site.catalogue.write_text(yaml.safe_dump(made))
        words = ["kea", "reservations", "--config", str(site.instances["dhcp-1"].config)]
        words += ["--catalogue", str(site.catalogue), "-o", "json"]
        for cfm in site.cfms():
            words += ["--server", f"{cfm.name}={cfm.address}"]
        done = subprocess.run(
            [sys.executable, "-m", "services.cli", *words],
            capture_output=True,
            text=True,
            timeout=RESERVATIONS_S_MAX,
        )
        if done.returncode:
            raise UnavailableError(f"provbus kea reservations: {done.stderr.strip()}")
        found: list[dict[str, Any]] = json.loads(done.stdout)
        return found


def lease_counts(answers: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """What became of the leases that the sidecar saw, by its own count, over all its incarnations."""
    counted = [answer["leases"] for answer in answers if "leases" in answer]
    return {key: sum(one[key] for one in counted) for key in (counted[0] if counted else ())}


def by_lease(journal: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """The plant's journal with a name of its own for each lease, and a `minted` for it."""
    leases: dict[str, int] = {}
    for event in journal:
        device, kind = event["device"], event["event"]
        if kind == "leased":
            leases[device] = leases.get(device, 0) + 1
            name = f"{event['file']} {device} {leases[device]}"
            yield {**event, "event": "minted", "file": name, "next_server": event["server"], "acked": True}
        elif kind in _OF_READS:
            yield {**event, "file": f"{event['file']} {device} {leases[device]}"}
        else:
            yield {**event}
