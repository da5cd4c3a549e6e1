"""Runs of the lab: one at a time, each with a broker and a directory of its own, removed afterwards."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from bus.errors import ConfigError, TryAgainError, UnavailableError
from bus.state_file import make_directory
from bus.transport.here import has_ipv6
from services.brokers.cluster import KafkaCluster
from services.brokers.launch import SERVER
from services.brokers.places import BrokerPlaces, OnLoopback
from services.brokers.state import state_directory
from services.lab.network.broker_machines import TLS, BrokerMachines
from services.lab.network.homes import machines_of
from services.lab.network.machines import lacking
from services.lab.network.run_network import Loopback, RunNetwork
from services.lab.orchestrator import Run, Watcher
from services.lab.parts import parts_of
from services.lab.release.repository import find_commit
from services.lab.script.script import Script
from services.lab.site.brokers import Kind, brokers_of
from services.lab.site.guard import guarded
from services.lab.site.site import build_site

AUTHORIZER = "authorizer.properties"


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
    """The figures of the same storm without its attack, or without its switches; none for one without."""
    calm = script.calm()
    if calm is None:
        return {}
    with running(calm, mode, broker, watcher) as lab:
        found = lab.run()
    return {f"calm_{key}": found[key] for key in ("failed", "duration_s", "boot_p50_s", "boot_p99_s")}


def beside_calm(report: Mapping[str, Any], calm: Mapping[str, Any]) -> dict[str, Any]:
    """The figures of the calm run, and how many times longer the slowest boots took than in that."""
    if not calm:
        return {}
    ratio = report["boot_p99_s"] / calm["calm_boot_p99_s"] if calm["calm_boot_p99_s"] else 0.0
    return {**calm, "boot_p99_vs_calm": round(ratio, 3)}


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
    if script.hosts and script.ipv6:
        raise ConfigError(f"{script.name}: its hosts have addresses of IPv4 alone: leave --ipv6 out")
    if script.hosts and (reason := lacking(slow=script.slows_links())):
        raise UnavailableError(f"{script.name}: {reason}")
    if script.baseline is not None:
        find_commit(script.baseline.commit)  # before anything is started
    if script.hosts:
        KafkaCluster(report=watcher.say).fetch()  # no machine has a way out
    own = script.alters_brokers()
    templates = (SERVER, AUTHORIZER) if script.authorizer else (SERVER, TLS) if script.hosts else (SERVER,)
    with (
        _alone(),
        tempfile.TemporaryDirectory(prefix="provbus-lab-") as name,
        guarded(Path(name)),
        network_of(script, Path(name)) as (network, places),
        brokers_of(broker, own, Path(name) / "kafka", watcher.say, places, templates) as brokers,
    ):
        watcher.say("making keys and starting processes")
        parts = parts_of(script, mode)
        site = build_site(Path(name), script, mode, brokers, network, parts)
        lab = Run(site, parts, script.steps, script.repeat, watcher)
        try:
            lab.start()
            yield lab
        finally:
            lab.stop()
            if keep is not None:
                _copy_logs(site.directory, keep)


@contextmanager
def network_of(script: Script, directory: Path) -> Iterator[tuple[RunNetwork, BrokerPlaces]]:
    """The network of a run, and the places of its brokers there."""
    if not script.hosts:
        yield Loopback(), OnLoopback()
        return
    with machines_of(script.names()) as machines, ExitStack() as disks:
        yield machines, BrokerMachines(machines.enter, directory, disks if script.fills_disks() else None)


def _copy_logs(directory: Path, keep: Path) -> None:
    """Copy the logs and journals of a run; they hold no key and no secret."""
    make_directory(keep)
    for pattern in ("*.log", "*.jsonl", "kafka/logs/*.log"):
        for path in directory.glob(pattern):
            shutil.copy(path, keep)


@contextmanager
def _alone() -> Iterator[None]:
    directory = state_directory(os.environ)
    make_directory(directory)
    with (directory / "lab.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise TryAgainError("another lab run is under way; try again when it is over") from None
        yield
