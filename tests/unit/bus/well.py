"""The status of a machine that lacks nothing."""

from collections.abc import Iterator

from bus.telemetry.metrics import Sample


class Well:
    """Ready, and there is nothing to count."""

    def samples(self, now: float) -> Iterator[Sample]:
        """None."""
        return iter(())

    def missing(self) -> list[str]:
        """Nothing."""
        return []

    def degraded(self) -> list[str]:
        """Nothing."""
        return []
