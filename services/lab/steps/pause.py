"""`pause`: wait for a while."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from services.lab.steps.step import Word

if TYPE_CHECKING:
    from services.lab.site.lab import Lab

MARGIN_S = 5.0


class Pause(Word):
    """Let so many seconds pass; a process that ends meanwhile is an error."""

    plain: ClassVar[str] = "seconds"
    seconds: float = Field(gt=0)

    def do(self, lab: Lab) -> None:
        """Wait."""
        end = time.monotonic() + self.seconds
        lab.wait_for(lambda: "" if time.monotonic() >= end else "the end of a pause", self.seconds + MARGIN_S)
