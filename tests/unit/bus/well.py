"""The status of a machine that lacks nothing."""

from collections.abc import Iterator

from bus.reason import Reason
from bus.telemetry.metrics import Sample


class Well:
    """Ready, and there is nothing to count."""

    def samples(self, now: float) -> Iterator[Sample]:
        """None."""
        return iter(())

    def facts(self, now: float) -> dict[str, str]:
        """None."""
        return {}

    def missing(self) -> list[Reason]:
        """Nothing."""
        return []

    def degraded(self) -> list[Reason]:
        """Nothing."""
        return []
