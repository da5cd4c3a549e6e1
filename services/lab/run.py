"""Runs of the lab: one at a time, each with a broker and a directory of its own, removed afterwards."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bus.errors import ConfigError, TryAgainError, UnavailableError
from bus.transport.here import has_ipv6
from services.brokers.state import state_directory
from services.lab.orchestrator import Run, Watcher
from services.lab.parts import parts_of
from services.lab.script.script import Script
from services.lab.site.brokers import Kind, brokers_of
from services.lab.site.site import build_site


def chosen_broker(script: Script, mode: str, asked: str | None) -> Kind:
    """The brokers of a run: what the command line asked for, or what the scenario needs, or embedded ones;
    none in mode multicast. `ConfigError` if the scenario cannot run on them.
    """
    if mode == "multicast":
        if script.broker is not None:
            raise ConfigError(f"{script.name}: it needs broker {script.broker}, so mode bus")
        return "none"
    needed = script.broker
    if needed is not None and asked not in (None, needed):
        raise ConfigError(f"{script.name}: it needs broker {needed}, and not {asked}")
    return "kafka" if "kafka" in (needed, asked) else "embedded"


def rehearse(script: Script, mode: str, broker: Kind, watcher: Watcher) -> dict[str, Any]:
    """The figures of the same storm without its attack; none for a scenario that has none."""
    if script.attack is None:
        return {}
    calm = script.model_copy(update={"attack": None, "expect": {}})
    with running(calm, mode, broker, watcher) as lab:
        found = lab.run()
    return {f"calm_{key}": found[key] for key in ("failed", "duration_s", "boot_p50_s", "boot_p99_s")}


@contextmanager
def running(
    script: Script,
    mode: str,
    broker: Kind,
    watcher: Watcher,
    keep: Path | None = None,
) -> Iterator[Run]:
    """A started lab, with its broker (none, embedded, kafka) and a directory of its own; afterwards all is
    removed but for the logs and journals, which are copied to `keep`.

    `TryAgainError` if another run is under way.
    """
    if mode == "multicast" and script.faults is not None:
        raise ConfigError(f"{script.name}: its faults need the proxy of the hand-off path, so mode bus")
    if mode == "multicast" and script.dhcps > 1:
        raise ConfigError(f"{script.name}: its DHCP hosts need the election, so mode bus")
    if mode == "multicast" and script.ipv6:
        raise ConfigError(f"{script.name}: hand-offs over IPv6 need ZeroMQ, so mode bus")
    if script.ipv6 and not has_ipv6():
        raise UnavailableError(f"{script.name}: this machine has no IPv6, not even ::1: leave --ipv6 out")
    if script.root and os.geteuid() != 0:
        raise UnavailableError(f"{script.name}: what it does to the machine only root may do")
    own = script.alters_brokers()
    with (
        _alone(),
        tempfile.TemporaryDirectory(prefix="provbus-lab-") as name,
        brokers_of(broker, own, Path(name) / "kafka", watcher.say, authorizer=script.authorizer) as brokers,
    ):
        watcher.say("making keys and starting processes")
        parts = parts_of(script, mode)
        site = build_site(Path(name), script, mode, brokers.bootstrap, broker, parts)
        lab = Run(site, brokers, parts, script.steps, script.repeat, watcher)
        try:
            lab.start()
            yield lab
        finally:
            lab.stop()
            if keep is not None:
                _copy_logs(site.directory, keep)


def _copy_logs(directory: Path, keep: Path) -> None:
    """Copy the logs and journals of a run; they hold no key and no secret."""
    keep.mkdir(parents=True, exist_ok=True)
    for pattern in ("*.log", "*.jsonl", "kafka/logs/*.log"):
        for path in directory.glob(pattern):
            shutil.copy(path, keep)


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
