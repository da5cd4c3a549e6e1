"""Runs of the lab: one at a time, each with a broker and a directory of its own; afterwards all is gone."""

import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from bus.errors import ConfigError, TryAgainError
from services.lab.broker import embedded, real
from services.lab.kafka_state import state_directory
from services.lab.orchestrator import Lab, Progress
from services.lab.scenario import Scenario
from services.lab.site import build_site


def rehearse(
    scenario: Scenario, mode: str, broker: str, report: Callable[[str], None], progress: Progress
) -> dict[str, Any]:
    """How the same storm goes without its attack; nothing for a scenario that has none."""
    if scenario.attack is None:
        return {}
    with running(scenario.model_copy(update={"attack": None}), mode, broker, report) as lab:
        calm = lab.finish(lab.boot(progress))
    return {f"calm_{key}": calm[key] for key in ("failed", "duration_s", "boot_p50_s", "boot_p99_s")}


@contextmanager
def running(scenario: Scenario, mode: str, broker: str, report: Callable[[str], None]) -> Iterator[Lab]:
    """A started lab, with its broker (none, embedded, kafka) and a directory of its own; everything is gone
    afterwards.

    `TryAgainError` if another run is under way.
    """
    if mode == "multicast" and scenario.faults is not None:
        raise ConfigError(f"{scenario.name}: its faults need the proxy of the hand-off path, so mode bus")
    if mode == "multicast" and scenario.dhcps > 1:
        raise ConfigError(f"{scenario.name}: its DHCP hosts need the election, so mode bus")
    with (
        _alone(),
        tempfile.TemporaryDirectory(prefix="provbus-lab-") as directory,
        _brokers(broker, report) as bootstrap,
    ):
        report("making keys and starting processes")
        lab = Lab(build_site(Path(directory), scenario, mode, bootstrap, broker), broker, report)
        try:
            lab.start()
            yield lab
        finally:
            lab.stop()


def _brokers(broker: str, report: Callable[[str], None]) -> AbstractContextManager[str]:
    """Where the brokers are, while they are needed; nowhere if there are none."""
    if broker == "none":
        return nullcontext("")
    return embedded() if broker == "embedded" else real(report)


@contextmanager
def _alone() -> Iterator[None]:
    directory = state_directory(os.environ)
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "lab.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise TryAgainError("another lab run is under way; try again when it is over") from None
        yield
