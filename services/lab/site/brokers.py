"""The brokers of a run of the lab: none, embedded, the user's standing cluster, or the run's own."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from bus.errors import StateError, UnavailableError
from bus.transport.kafka.admin.leaders import partitions
from bus.transport.kafka.admin.topics import create_topics
from services.brokers.cluster import KafkaCluster
from services.brokers.places import BrokerPlaces
from services.brokers.state import ClusterInfo
from services.lab.site.embedded import embedded, real

ASK_S = 2.0

Kind = Literal["none", "embedded", "kafka"]


class Brokers:
    """The brokers of a run. `cluster` is given if it is the run's own, to be killed and replaced.
    `client` is what a client needs to reach them, beside `bootstrap`.
    """

    def __init__(
        self,
        kind: Kind,
        bootstrap: str,
        cluster: KafkaCluster | None = None,
        client: Mapping[str, str] | None = None,
    ) -> None:
        self.kind = kind
        self.bootstrap = bootstrap
        self.client = client or {}
        self._cluster = cluster

    @property
    def settings(self) -> dict[str, str | int | float | bool]:
        """The settings of a quiet client of the lab's own."""
        return {**self.client, "bootstrap.servers": self.bootstrap, "log_level": 0}

    def own(self) -> KafkaCluster:
        """The cluster of this run; `StateError` if it has none of its own."""
        if self._cluster is None:
            raise StateError("the brokers of this run are not its own")
        return self._cluster

    def processes(self) -> list[tuple[str, int]]:
        """The name and process id of each broker that runs, if they are the run's own."""
        return [] if self._cluster is None else self._cluster.processes()

    def out_of_sync(self) -> str:
        """The first partition without a leader, or with a running broker out of sync; empty without any."""
        try:
            found = partitions(self.settings, wait_s=ASK_S)
        except UnavailableError as error:
            return str(error)
        living = set(self.own().living())
        for one in found:
            if not one.has_leader or not living <= set(one.in_sync):
                in_sync = ", ".join(map(str, one.in_sync)) or "nobody"
                return f"{one.topic}-{one.number} has leader {one.leader}, in sync {in_sync}"
        return ""

    def renew(self) -> None:
        """Replace the cluster by another one with empty topics, and another `bootstrap`."""
        cluster = self.own()
        cluster.down()
        self.bootstrap = _with_topics(cluster).bootstrap


@contextmanager
def brokers_of(
    kind: Kind,
    own: bool,
    directory: Path,
    report: Callable[[str], None],
    places: BrokerPlaces,
    templates: Sequence[str],
) -> Iterator[Brokers]:
    """The brokers of one run, with empty topics; `own` in `directory`, else the standing cluster's if there
    is one. Own ones are at these places, and made from these `templates`.
    """
    if kind == "none":
        yield Brokers(kind, "")
    elif kind == "embedded":
        with embedded() as bootstrap:
            yield Brokers(kind, bootstrap)
    elif not own:
        with real(report) as bootstrap:
            yield Brokers(kind, bootstrap)
    else:
        cluster = KafkaCluster(directory, report=report, places=places, templates=templates)
        try:
            info = _with_topics(cluster)
            yield Brokers(kind, info.bootstrap, cluster, info.client)
        finally:
            cluster.down()


def _with_topics(cluster: KafkaCluster) -> ClusterInfo:
    info = cluster.up()
    create_topics(info.settings)
    return info
