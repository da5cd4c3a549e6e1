"""`small_disks`, `fill` and `room`: state directories that are full for a while."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from pydantic import Field

from bus.errors import StateError
from services.lab.network.small_disk import fill, make_room, small_disk
from services.lab.steps.instances import OnInstances, OnRunning

if TYPE_CHECKING:
    from services.lab.site.lab import Lab
    from services.lab.site.scenario import Scenario


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
            lab.undo.enter_context(small_disk(directory, self.kib))
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
            fill(directory)
            lab.count("disks_filled")


class Room(OnRunning):
    """Make room again in the state directories of these instances."""

    def do(self, lab: Lab) -> None:
        """Make room."""
        for name in self.running(lab):
            make_room(lab.site.state_directory(name))
