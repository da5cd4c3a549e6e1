"""`small_disks`, `fill` and `room`: state directories that are full for a while."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

from pydantic import Field

from bus.errors import StateError, UnavailableError
from services.lab.steps.instances import OnInstances, OnRunning

if TYPE_CHECKING:
    from pathlib import Path

    from services.lab.site.lab import Lab
    from services.lab.site.scenario import Scenario

JUNK = "junk"
_BLOCK = bytes(4096)


class SmallDisks(OnInstances):
    """Give each of these stopped instances a disk of its own for its state directory, a tmpfs of this size;
    the directory's files are moved there.
    """

    kib: int = Field(512, ge=64)

    def wrong(self, scenario: Scenario) -> str | None:
        """Only root mounts."""
        return super().wrong(scenario) or (None if scenario.root else "the scenario needs root: true")

    def do(self, lab: Lab) -> None:
        """Mount."""
        for name in lab.instances.down(self.names):
            directory = lab.site.state_directory(name)
            aside = directory.with_name(f"{name}.aside")
            directory.rename(aside)
            directory.mkdir()
            _mount(directory, self.kib)
            lab.undo.callback(subprocess.run, ["umount", "--lazy", str(directory)], check=False)
            shutil.copytree(aside, directory, dirs_exist_ok=True)
            shutil.rmtree(aside)


class Fill(OnRunning):
    """Fill the state directories of these instances, which have a disk of their own, to the last byte."""

    def do(self, lab: Lab) -> None:
        """Fill."""
        for name in self.running(lab):
            directory = lab.site.state_directory(name)
            if not directory.is_mount():
                raise StateError(f"{name} has no disk of its own: see small_disks")
            _fill(directory / JUNK)
            lab.count("disks_filled")


class Room(OnRunning):
    """Make room again in the state directories of these instances."""

    def do(self, lab: Lab) -> None:
        """Remove the filling files."""
        for name in self.running(lab):
            (lab.site.state_directory(name) / JUNK).unlink(missing_ok=True)


def _mount(directory: Path, kib: int) -> None:
    words = ["mount", "-t", "tmpfs", "-o", f"size={kib}k,mode=0700", "tmpfs", str(directory)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise UnavailableError(f"no disk can be mounted here: {done.stderr.strip()}")


def _fill(path: Path) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        while True:
            os.write(descriptor, _BLOCK)
    except OSError:
        pass  # nothing more fits
    finally:
        os.close(descriptor)
