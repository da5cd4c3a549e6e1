"""A real Kea in a run of the lab: started, under load, watched.

Theory of operation
-------------------
From outside, a clean-up of the journal shows as another inode at its path.
"""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import yaml

from bus.errors import UnavailableError
from services.lab.books.audit_tap import AuditTap
from services.lab.kea.configuration import device_catalogue, kea_config, kea_files, kea_section
from services.lab.kea.lease_journal import granted, write_journal
from services.lab.kea.networks import roaming_figures
from services.lab.kea.perfdhcp import LoadFigures, LoadGenerator
from services.lab.kea.process import Kea, running
from services.lab.kea.resync import SidecarStart, resync_figures
from services.lab.plant.process import MAC_PREFIX
from services.lab.site.lab import Answers, Lab, Part
from services.lab.site.processes import wait_until
from services.lab.site.scenario import KeaHost, LoadPlan
from services.lab.site.site import Instance, Site

RESERVATIONS_S_MAX = 60.0
ROWS_S = 30.0


class KeaRun(Part):
    """The Keas of one run, one for each sidecar of DHCP."""

    def __init__(self, kea: KeaHost) -> None:
        self.clean_ups = 0
        self._kea = kea
        self._stack = ExitStack()
        self._inode = 0
        self._keas: dict[str, Kea] = {}
        self._alone: LoadFigures | None = None
        self._load: LoadGenerator | None = None
        self._loaded_at = 0.0
        self._resync: tuple[SidecarStart, AuditTap] | None = None
        self._found: dict[str, Any] = {}

    @property
    def control_socket(self) -> Path:
        """The control socket of the first Kea."""
        return self.of("dhcp-1").control_socket

    @property
    def journals(self) -> list[Path]:
        """The files that may hold leases of the first Kea: the one it writes, and those of a clean-up."""
        journal = self.of("dhcp-1").journal
        return [journal, *(journal.with_name(f"{journal.name}.{number}") for number in (1, 2))]

    def config(self, site: Site, one: Instance) -> Mapping[str, Mapping[str, Any]]:
        """The names of Kea's files for a CFM, or the Kea that a DHCP sidecar follows."""
        if one.service == "cfm":
            return {"cfm": {"kea_names": [file["name"] for file in kea_files(self._kea, [])]}}
        directory = site.kea_directory_of(one.name)
        return {"minter": {"kea": kea_section(self._kea, directory, [*site.real_endpoints])}}

    def prepare(self, lab: Lab) -> None:
        """Start the Keas, after a measurement of one alone if there is a load; `UnavailableError` if the
        machine has no Kea, or it does not start.
        """
        site, kea = lab.site, self._kea
        reservations = _reservations(site) if kea.names == "device" else []
        config = kea_config(kea, [cfm.address for cfm in site.cfms()], reservations)
        if kea.perfdhcp is not None:
            lab.say("perfdhcp against Kea alone")
            alone, alone_s = site.kea_directory.with_name("kea-alone"), kea.perfdhcp.alone_s
            self._establish(alone)
            with running(config, alone, site.kea_port, site.relay_port):
                self._alone = _generator(site, kea.perfdhcp, alone_s or kea.perfdhcp.duration_s).end()
            shutil.rmtree(alone)
        for sidecar, port in site.kea_ports.items():
            directory = site.kea_directory_of(sidecar)
            self._establish(directory)
            self._keas[sidecar] = self._stack.enter_context(running(config, directory, port, site.relay_port))

    def of(self, sidecar: str) -> Kea:
        """The Kea that this sidecar follows."""
        return self._keas[sidecar]

    def boot(self, lab: Lab) -> None:
        """Begin the load with the first boot, unless a step began it."""
        self.load(lab.site)

    def load(self, site: Site) -> None:
        """Begin the load, if there is one that has not begun."""
        plan = self._kea.perfdhcp
        if plan is not None and self._load is None:
            self._loaded_at = time.monotonic()
            self._load = _generator(site, plan, plan.duration_s)

    def load_s(self) -> float:
        """The time for which Kea has been under load, in seconds."""
        return time.monotonic() - self._loaded_at if self._load is not None else 0.0

    def resynced(self, start: SidecarStart, told: AuditTap) -> None:
        """A sidecar started without a position; `told` has the audit events meanwhile."""
        self._resync = start, told

    def tick(self, lab: Lab) -> None:
        """Count a clean-up if Kea began another journal."""
        try:
            inode = self.of("dhcp-1").journal.stat().st_ino
        except FileNotFoundError:  # between the renaming and the new file
            return
        if self._inode and inode != self._inode:
            self.clean_ups += 1
        self._inode = inode

    def finish(self, lab: Lab, plant: Answers) -> None:
        """End the load, and wait for the row of each lease."""
        self._found = self._figures(lab.site, plant)
        owed = self._owed(self._found["leases"])
        wait_until(lambda: _has_rows(lab, owed), ROWS_S, "a row for each lease", [])

    def report(self, lab: Lab, answers: Answers) -> Mapping[str, Any]:
        """The leases that Kea granted, and the sidecars' own counts of their outcomes."""
        return {"kea": self._found, "kea_rows": lease_counts(answers)}

    def _figures(self, site: Site, plant: Answers) -> dict[str, Any]:
        found: dict[str, Any] = {"names": self._kea.names, "clean_ups": self.clean_ups}
        found["leases"] = sum(event["event"] == "leased" for event in plant)
        if self._kea.shared_networks:
            found["roaming"] = roaming_figures(plant, self._kea.shared_networks)
        if self._load is not None and self._alone is not None:
            beside = self._load.end()
            found["leases"] += beside.acks
            found |= {"alone_per_s": self._alone.per_s, "followed_per_s": beside.per_s}
            found["followed_vs_alone"] = round(beside.per_s / self._alone.per_s, 3)
            found["ack_gap_s"] = beside.gap_s()
            if self._resync is not None:
                start, told = self._resync
                leases, cfms = granted(self.journals, *start.owed()), [one.name for one in site.cfms()]
                loads = (self._alone, beside)
                found["resync"] = resync_figures(start, leases, told.events(), cfms, loads)
        return found

    def _owed(self, leases: int) -> int:
        """The number of leases that must have a row: all, but 0 after a resync or with two Keas, for leases
        of hours without a sidecar, and those of a standby's Kea, are not told.
        """
        return leases if self._resync is None and len(self._keas) == 1 else 0

    def stop(self) -> None:
        """Stop the load and the Keas."""
        if self._load is not None:
            self._load.stop()
        self._stack.close()

    def _establish(self, directory: Path) -> None:
        """Write a journal of old leases into this directory, if the scenario wants one."""
        if self._kea.leases:
            directory.mkdir(parents=True, exist_ok=True)
            write_journal(directory / "leases4.csv", self._kea.leases, int(time.time()))


def lease_counts(answers: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """The leases that sidecars saw, by their own counts of outcomes, over all incarnations."""
    counted = [answer["leases"] for answer in answers if "leases" in answer]
    return {key: sum(one[key] for one in counted) for key in (counted[0] if counted else ())}


def _has_rows(lab: Lab, leases: int) -> bool:
    """Whether rows were made and settled for so many leases."""
    counts = lease_counts(lab.instances.answers())
    return counts.get("acked", 0) + counts.get("unacked", 0) >= leases


def _generator(site: Site, plan: LoadPlan, duration_s: int) -> LoadGenerator:
    return LoadGenerator(site.kea_port, site.relay_port, plan.rate_per_s, duration_s)


def _reservations(site: Site) -> list[dict[str, Any]]:
    """The reservations that the operator's command prints for this plant's catalogue."""
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
    found: list[dict[str, Any]] = json.loads(done.stdout)["reservations"]
    return found
