"""Steps on a real Kea and on the sidecar that follows it: load, clean-ups, a start without a position."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from services.dhcp.kea.daemon.control import command
from services.lab.books.audit_tap import AuditTap
from services.lab.kea.host import KeaRun
from services.lab.kea.lease_journal import LIFETIME_S, SUBNET_ID, YOUNGEST_S, established
from services.lab.kea.resync import SidecarStart
from services.lab.site.readiness import not_ready
from services.lab.steps.step import Word, unknown_name

if TYPE_CHECKING:
    from services.lab.site.lab import Lab
    from services.lab.site.scenario import Scenario

ASK_EVERY_S = 0.1  # more often would disturb the measurement


class OnKea(Word):
    """A step on the Kea of the run."""

    def wrong(self, scenario: Scenario) -> str | None:
        """There is none."""
        return "there is no Kea" if scenario.kea is None else None


class BeginLoad(OnKea):
    """Begin the load of `kea.perfdhcp` now instead of with the first boot."""

    def wrong(self, scenario: Scenario) -> str | None:
        """There is no load."""
        return "there is no kea.perfdhcp" if scenario.kea is None or scenario.kea.perfdhcp is None else None

    def do(self, lab: Lab) -> None:
        """Begin."""
        lab.part(KeaRun).load(lab.site)


class CleanUp(OnKea):
    """Wait until Kea has cleaned up its journal once more: its former leases are then in one file, and a new
    journal holds those granted since the clean-up began.
    """

    plain: ClassVar[str] = "within_s"
    within_s: float = Field(120.0, gt=0)

    def do(self, lab: Lab) -> None:
        """Wait."""
        journal, renamed, cleaned = lab.part(KeaRun).journals
        working = renamed.with_name(f"{journal.name}.pid")
        before = cleaned.stat().st_ino if cleaned.exists() else None

        def missing() -> str:
            is_over = cleaned.exists() and cleaned.stat().st_ino != before
            is_over = is_over and not renamed.exists() and not working.exists()
            return "" if is_over else "the end of a clean-up"

        lab.wait_for(missing, self.within_s)


class OldLeases(OnKea):
    """Add so many leases of an hour ago now, through Kea's control socket."""

    plain: ClassVar[str] = "count"
    count: int = Field(ge=1)

    def do(self, lab: Lab) -> None:
        """Add them."""
        kea = lab.site.scenario.kea
        assert kea is not None
        expire_s = int(time.time()) - YOUNGEST_S + LIFETIME_S
        for number in range(kea.leases, kea.leases + self.count):
            device, address = established(number)
            lease = {"hw-address": device, "ip-address": address, "subnet-id": SUBNET_ID}
            lease |= {"valid-lft": LIFETIME_S, "expire": expire_s}
            command(lab.part(KeaRun).control_socket, "lease4-add", lease)


class Resync(OnKea):
    """Start a sidecar that was stopped, best without its state directory, and wait until it is ready, at most
    `within_s`. For `watch_s` more the acks of the rows that it owes by then are noted: `kea.resync` of the
    report.
    """

    plain: ClassVar[str] = "name"
    name: str = "dhcp-1"
    within_s: float = Field(60.0, gt=0)
    watch_s: float = Field(10.0, gt=0)

    def wrong(self, scenario: Scenario) -> str | None:
        """No load measures Kea, or the name is unknown."""
        if scenario.kea is None or scenario.kea.perfdhcp is None:
            return "there is no kea.perfdhcp"
        return unknown_name((self.name,), scenario)

    def do(self, lab: Lab) -> None:
        """Start, wait and note."""
        with AuditTap(lab.brokers.settings) as told:
            kea = lab.part(KeaRun)
            load_s, started_at = kea.load_s(), time.time()
            lab.instances.start(lab.instances.down((self.name,)))
            lab.wait_for(_Readiness(lab, self.name, told), self.within_s)
            ready_at = time.time()
            end = time.monotonic() + self.watch_s
            lab.wait_for(lambda: _until(end, told), 2 * self.watch_s)
            rss_mib = lab.instances[self.name].peak_rss_mib()
        kea.resynced(SidecarStart(started_at, ready_at, load_s, rss_mib), told)


class _Readiness:
    """The reason why an instance is not ready, asked for at most every `ASK_EVERY_S`."""

    def __init__(self, lab: Lab, name: str, told: AuditTap) -> None:
        self._instance = lab.site.instances[name]
        self._told = told
        self._asked_at = 0.0
        self._answer = ""

    def __call__(self) -> str:
        if time.monotonic() >= self._asked_at + ASK_EVERY_S:
            self._told.take()
            self._answer = not_ready(self._instance)
            self._asked_at = time.monotonic()
        return self._answer


def _until(end: float, told: AuditTap) -> str:
    told.take()
    return "" if time.monotonic() >= end else "the end of the resync"
