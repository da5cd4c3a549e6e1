"""A real Apache Kafka cluster for the lab: start, inspect and stop three brokers, by default on loopback.

Theory of operation
-------------------
A cluster belongs to a directory. The user's *standing* cluster has its place under `$XDG_STATE_HOME`, so
every command finds the same one; tests use directories of their own. The brokers live in sessions of their
own and survive the process that started them, until `down`; those that a run of the lab started end with it
at the latest (`services.lab.site.guard`).

`up` and `down` hold the directory's lock, one at a time; `find` and `status` only read. The state file is
never trusted: a broker counts if its very process lives and a client is told of it
(`services.brokers.launch`).
"""

import contextlib
import logging
import os
import shutil
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel

from bus.errors import StateError, UnavailableError
from services.brokers.archive import archive_path, with_archive
from services.brokers.broker_log import BrokerEvents, broker_events
from services.brokers.detached import kill, rss_mib, send_signal, stop
from services.brokers.jars import deployed, find_jars, find_java
from services.brokers.launch import (
    CLEAN_SHUTDOWN,
    SERVER,
    PortTakenError,
    launch,
    missing_brokers,
    quote,
    relaunch,
    silent_brokers,
    take_down,
)
from services.brokers.places import BrokerPlaces, OnLoopback
from services.brokers.properties import Jvm
from services.brokers.state import (
    Broker,
    ClusterInfo,
    data_path,
    locked,
    log_path,
    read_cluster,
    state_directory,
)

logger = logging.getLogger(__name__)

READY_S_MAX = 60.0
"""Measured 5 to 7 s on two idle cores; a loaded machine gets ten times that."""

ANSWER_S_MAX = 5.0
"""A living cluster answers a metadata request in milliseconds; this forgives a starved machine."""


class BrokerStatus(BaseModel):
    """One broker as it is now; `pid` and `rss_mib` are None when its process is gone."""

    id: int
    pid: int | None
    port: int
    rss_mib: int | None


class ClusterStatus(BaseModel):
    """A cluster as it is now: up when all its brokers live and answer. None where there is no cluster."""

    state: Literal["up", "down"]
    bootstrap: str | None
    brokers: list[BrokerStatus]
    version: str | None
    directory: Path


class KafkaCluster:
    """The cluster of one directory, by default the user's standing one.

    `report` gets a few words on each wait; `places` are those of the nodes; `templates` are the files of
    `deploy/kafka` from which a new cluster's settings are made.
    """

    def __init__(
        self,
        directory: Path | None = None,
        *,
        environ: Mapping[str, str] = os.environ,
        report: Callable[[str], None] = logger.info,
        places: BrokerPlaces | None = None,
        ready_s_max: float = READY_S_MAX,
        templates: Sequence[str] = (SERVER,),
    ) -> None:
        self.directory = (directory or state_directory(environ)).absolute()
        self._environ = environ
        self._report = report
        self._places = places or OnLoopback()
        self._ready_s_max = ready_s_max
        self._templates = templates

    def fetch(self) -> None:
        """Get what a start needs from outside: Kafka itself. `UnavailableError` if that is not to be had."""
        self._jvm()

    def find(self) -> ClusterInfo | None:
        """The cluster if all its brokers live and answer, else None."""
        info = read_cluster(self.directory)
        return None if info is None or missing_brokers(info, ANSWER_S_MAX) else info

    def up(self) -> ClusterInfo:
        """A cluster that answers: the one that is already there, else a new and empty one.

        Raises `UnavailableError` if a needed program is missing or the brokers do not start, `StateError` if
        an earlier cluster is alive but not whole: it may be in use, so only `down` ends it.
        """
        with locked(self.directory):
            info = read_cluster(self.directory)
            if info is None or not info.living():
                take_down(self.directory, ())
                return self._start()
            self._report("waiting for the brokers that are already running")
            if missing := missing_brokers(info, self._ready_s_max):
                raise StateError(
                    f"brokers {missing} of the Kafka cluster in {self.directory} are dead or do not answer: "
                    "take it down first (provbus lab kafka down)"
                )
            return info

    def status(self) -> ClusterStatus:
        """The present state; a cluster with a dead or silent broker is down, and still listed."""
        info = read_cluster(self.directory)
        if info is None:
            return ClusterStatus(
                state="down", bootstrap=None, brokers=[], version=None, directory=self.directory
            )
        state: Literal["up", "down"] = "down" if missing_brokers(info, ANSWER_S_MAX) else "up"
        living = info.living()
        brokers = [
            BrokerStatus(
                id=broker.id,
                pid=broker.pid if broker in living else None,
                port=broker.port,
                rss_mib=rss_mib(broker.process) if broker in living else None,
            )
            for broker in info.brokers
        ]
        return ClusterStatus(
            state=state,
            bootstrap=info.bootstrap,
            brokers=brokers,
            version=info.version,
            directory=self.directory,
        )

    def down(self) -> bool:
        """Stop living brokers and remove all data; False if none lived. Logs stay until the next `up`."""
        with locked(self.directory):
            info = read_cluster(self.directory)
            living = info.living() if info else ()
            if living:
                self._report(f"stopping {len(living)} Kafka brokers")
            take_down(self.directory, living)
            return bool(living)

    def kill(self, numbers: Sequence[int]) -> None:
        """Kill -9 these brokers, all at once. Their data stays."""
        with locked(self.directory):
            kill([broker.process for broker in self._those(numbers, alive=True)])

    def stop(self, numbers: Sequence[int]) -> None:
        """Have these brokers close their logs and end. Their data stays."""
        with locked(self.directory):
            brokers = self._those(numbers, alive=True)
            closed = [data_path(self.directory, broker.id) / CLEAN_SHUTDOWN for broker in brokers]
            stop([broker.process for broker in brokers], lambda: all(mark.exists() for mark in closed))

    def start(self, numbers: Sequence[int]) -> None:
        """Start these brokers again, all at once, and wait until each answers if a majority of all lives:
        fewer have no controller, and do not answer. `UnavailableError` if one does not in time.
        """
        with locked(self.directory):
            self._those(numbers, alive=False)
            info = relaunch(self._jvm(), self._info(), numbers, self._places)
            if 2 * len(info.living()) <= len(info.brokers):
                return
            if missing := silent_brokers(info, self._ready_s_max):
                tail = quote(log_path(self.directory, missing[0]).read_text(errors="replace"))
                raise UnavailableError(f"Kafka broker {missing[0]} does not answer:\n{tail}")

    def signal(self, numbers: Sequence[int], number: signal.Signals) -> None:
        """Send a signal to those of these brokers that run: one that is suspended keeps its connections."""
        for broker in self._info().living():
            if broker.id in numbers:
                send_signal(broker.process, number)

    @contextlib.contextmanager
    def suspended(self, numbers: Sequence[int]) -> Iterator[None]:
        """Suspend these brokers meanwhile; their connections stay open, and they send nothing."""
        self._those(numbers, alive=True)
        try:
            self.signal(numbers, signal.SIGSTOP)
            yield
        finally:
            self.signal(numbers, signal.SIGCONT)

    def processes(self) -> list[tuple[str, int]]:
        """The name and process id of each broker whose process runs."""
        return [(f"broker-{broker.id}", broker.pid) for broker in self._info().living()]

    def living(self) -> list[int]:
        """The brokers whose process runs."""
        return [broker.id for broker in self._info().living()]

    def lose(self, partition: str) -> None:
        """Remove a partition (TOPIC-NUMBER) from the data of every broker; `StateError` while one runs."""
        with locked(self.directory):
            info = self._info()
            if living := info.living():
                raise StateError(f"brokers {sorted(broker.id for broker in living)} run: stop them first")
            for broker in info.brokers:
                shutil.rmtree(data_path(self.directory, broker.id) / partition)

    def events(self) -> BrokerEvents:
        """The events in the brokers' logs since this cluster was started."""
        paths = [log_path(self.directory, broker.id) for broker in self._info().brokers]
        return broker_events(path.read_text(errors="replace") for path in paths)

    def _info(self) -> ClusterInfo:
        info = read_cluster(self.directory)
        if info is None:
            raise StateError(f"there is no Kafka cluster in {self.directory}")
        return info

    def _those(self, numbers: Sequence[int], *, alive: bool) -> list[Broker]:
        info = self._info()
        living, found = info.living(), []
        for number in numbers:
            broker = next((one for one in info.brokers if one.id == number), None)
            if broker is None or (broker in living) is not alive:
                raise StateError(f"Kafka broker {number} {'does not run' if alive else 'runs'}")
            found.append(broker)
        return found

    def _start(self) -> ClusterInfo:
        jvm = self._jvm()
        try:
            return self._launch(jvm)
        except PortTakenError:
            self._report("another program took a port meanwhile, trying others")
            return self._launch(jvm)

    def _jvm(self) -> Jvm:
        java = find_java(self._environ)
        jars = find_jars(self._environ, deployed("pom.xml"), self._report)
        # Java reads file names in the locale's encoding, and the C locale knows ASCII only.
        jvm = Jvm(java.program, ":".join(map(str, jars)), {**self._environ, "LC_ALL": "C.UTF-8"})
        return with_archive(jvm, archive_path(jars[0].parent, java), self._report)

    def _launch(self, jvm: Jvm) -> ClusterInfo:
        return launch(
            jvm, self.directory, self._places, self._ready_s_max, self._report, templates=self._templates
        )


@contextlib.contextmanager
def running(directory: Path, *, report: Callable[[str], None] = logger.info) -> Iterator[ClusterInfo]:
    """A private cluster in `directory`, always taken down at the end, also when it was there before."""
    cluster = KafkaCluster(directory, report=report)
    info = cluster.up()
    try:
        yield info
    finally:
        cluster.down()
