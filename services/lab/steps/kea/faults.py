"""Steps that disable the Kea of a sidecar while its process lives, or have a Kea reload."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING, ClassVar

import yaml
from pydantic import Field

from bus.config.yaml_file import read_yaml
from bus.errors import RemoteError, StateError, UnavailableError
from services.dhcp.kea.daemon.control import command
from services.lab.kea.host import KeaRun
from services.lab.site.processes import ask
from services.lab.site.readiness import primary_of
from services.lab.steps.kea.leases import OnKea

if TYPE_CHECKING:
    from pathlib import Path

    from services.lab.kea.process import Kea
    from services.lab.site.lab import Lab
    from services.lab.site.scenario import Scenario

BACK_S = 30.0
APPLY_S = 200.0
MAC_OF_EXTRAS = "00:1a:2d"  # beside those of the plant


class OnPrimary(OnKea):
    """Disable the primary's Kea, wait at most `within_s` until the other sidecar may act, and mend it. The
    report counts `kea_takeovers` and has `kea_takeover_s`, the longest.
    """

    plain: ClassVar[str] = "within_s"
    within_s: float = Field(10.0, gt=0)

    def wrong(self, scenario: Scenario) -> str | None:
        """No sidecar could take over."""
        return super().wrong(scenario) or (
            "nobody takes over without dhcps: 2" if scenario.dhcps == 1 else None
        )

    def do(self, lab: Lab) -> None:
        """Hurt, wait, mend."""
        name = _primary(lab)
        others = [one for one in lab.site.rivals() if one.name != name]
        kea = lab.part(KeaRun).of(name)
        self.hurt(lab, kea)
        try:
            took_s = lab.wait_for(
                lambda: "" if primary_of(others) else f"nobody took over from {name}", self.within_s
            )
        finally:
            self.mend(lab, kea)
        lab.count("kea_takeovers")
        lab.longest("kea_takeover_s", took_s)
        lab.wait_for(lambda: _without_kea(lab, name), BACK_S)

    def hurt(self, lab: Lab, kea: Kea) -> None:
        """Disable the Kea."""
        raise NotImplementedError

    def mend(self, lab: Lab, kea: Kea) -> None:
        """Mend the Kea."""
        raise NotImplementedError


class StandStill(OnPrimary):
    """Suspend the primary's Kea: SIGSTOP."""

    def hurt(self, lab: Lab, kea: Kea) -> None:
        """Suspend it."""
        kea.freeze()

    def mend(self, lab: Lab, kea: Kea) -> None:
        """Resume it."""
        kea.thaw()


class GoMute(OnPrimary):
    """Have the primary's Kea lose its leases by a reload that fails, as one does during a clean-up. Kea
    assumes a clean-up while a PID file of its own names a living process: here this one.
    """

    def hurt(self, lab: Lab, kea: Kea) -> None:
        """Have a reload fail."""
        lab.wait_for(lambda: "" if _claimed(_clean_up_of(kea)) else "Kea's own clean-up is under way", BACK_S)
        if not _refused_to_reload(kea):
            raise StateError("Kea reloaded although a clean-up seemed to be under way")

    def mend(self, lab: Lab, kea: Kea) -> None:
        """Have another reload succeed."""
        # A clean-up of Kea's that began at the same instant overwrote the file, and removed it at its end.
        _clean_up_of(kea).unlink(missing_ok=True)
        lab.wait_for(lambda: _refused_to_reload(kea), BACK_S)


class ApplyReservations(OnKea):
    """For `for_s` have `provbus kea apply` bring one more reservation into the Kea of the first sidecar,
    again and again, at most once an `interval_s`. The report gets `kea_applies`, `kea_silent_s`, the longest
    silence, `kea_journal_mb`, the most that the journal had, and `kea_role_changes`.
    """

    plain: ClassVar[str] = "for_s"
    for_s: float = Field(gt=0)
    interval_s: float = Field(20.0, ge=0)

    def wrong(self, scenario: Scenario) -> str | None:
        """There are no reservations."""
        if scenario.kea is not None and scenario.kea.names == "class":
            return "there are no reservations without kea.names: device"
        return super().wrong(scenario)

    def do(self, lab: Lab) -> None:
        """Apply repeatedly."""
        lab.count("kea_role_changes", 0)
        kea, before = lab.part(KeaRun).of("dhcp-1"), _holding(lab)
        end = time.monotonic() + self.for_s
        catalogue = lab.site.directory / "more-devices.yaml"
        data, _ = read_yaml(lab.site.catalogue)
        while time.monotonic() < end:
            number = lab.figures.get("kea_applies", 0)
            rule = {**data["lookup"][0], "mac": f"{MAC_OF_EXTRAS}:{number.to_bytes(3, 'big').hex(':')}"}
            data["lookup"].append(rule)
            catalogue.write_text(yaml.safe_dump(data))
            self._apply(lab, kea, catalogue)
            lab.count("kea_applies")
            now = _holding(lab)
            lab.count("kea_role_changes", now != before)
            before = now

    def _apply(self, lab: Lab, kea: Kea, catalogue: Path) -> None:
        site = lab.site
        words = ["kea", "apply", "--config", str(site.instances["dhcp-1"].config)]
        words += ["--into", str(kea.reservations), "--catalogue", str(catalogue)]
        words += ["--interval", str(self.interval_s)]
        for cfm in site.cfms():
            words += ["--server", f"{cfm.name}={cfm.address}"]
        child = subprocess.Popen(
            [sys.executable, "-m", "services.cli", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        with child:

            def going_on() -> str:
                lab.longest("kea_journal_mb", kea.journal.stat().st_size / 1e6)
                return "" if child.poll() is not None else "provbus kea apply goes on"

            late: UnavailableError | None = None
            try:
                lab.wait_for(going_on, APPLY_S)
            except UnavailableError as error:
                late = error
            finally:
                child.kill()
            said = child.stdout.read() if child.stdout is not None else ""
        if late is not None or child.returncode:
            raise UnavailableError(f"provbus kea apply: {said.strip()}" + (f" ({late})" if late else ""))
        *_, silent_s, _unit = said.split()
        lab.longest("kea_silent_s", float(silent_s))


def _primary(lab: Lab) -> str:
    name = primary_of(lab.site.rivals())
    if name is None:
        raise StateError("there is no primary")
    return name


def _clean_up_of(kea: Kea) -> Path:
    return kea.journal.with_name(f"{kea.journal.name}.pid")


def _refused_to_reload(kea: Kea) -> str:
    try:
        command(kea.control_socket, "config-reload", wait_s=BACK_S)
    except RemoteError as error:
        return str(error)
    return ""


def _claimed(clean_up: Path) -> bool:
    """Whether the PID file is ours; a running clean-up of Kea's has its own, and removes it at its end."""
    try:
        with clean_up.open("x") as file:
            file.write(f"{os.getpid()}\n")
    except FileExistsError:
        return False
    return True


def _without_kea(lab: Lab, name: str) -> str:
    answer = ask(lab.site.instances[name].socket, {"op": "status"})
    return "" if answer is not None and answer["failover"]["host"] else f"{name} does not see its Kea again"


def _holding(lab: Lab) -> tuple[str | None, object]:
    """The sidecar that may act, and its epoch."""
    name = primary_of(lab.site.rivals())
    answer = None if name is None else ask(lab.site.instances[name].socket, {"op": "status"})
    return name, None if answer is None else answer["failover"]["epoch"]
