"""The brokers of a run of the lab: none, embedded, the user's standing cluster, or the run's own."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from bus.errors import StateError
from bus.transport.kafka.admin.topics import create_topics
from services.brokers.cluster import KafkaCluster
from services.brokers.launch import SERVER
from services.lab.site.embedded import embedded, real

AUTHORIZER = "authorizer.properties"

Kind = Literal["none", "embedded", "kafka"]


class Brokers:
    """The brokers of a run. `cluster` is given if it is the run's own, to be killed and replaced."""

    def __init__(self, kind: Kind, bootstrap: str, cluster: KafkaCluster | None = None) -> None:
        self.kind = kind
        self.bootstrap = bootstrap
        self._cluster = cluster

    def own(self) -> KafkaCluster:
        """The cluster of this run; `StateError` if it has none of its own."""
        if self._cluster is None:
            raise StateError("the brokers of this run are not its own")
        return self._cluster

    def renew(self) -> str:
        """Replace the cluster by another one with empty topics. Returns its bootstrap servers."""
        cluster = self.own()
        cluster.down()
        self.bootstrap = _with_topics(cluster)
        return self.bootstrap


@contextmanager
def brokers_of(
    kind: Kind, own: bool, directory: Path, report: Callable[[str], None], *, authorizer: bool = False
) -> Iterator[Brokers]:
    """The brokers of one run, with empty topics; `own` in `directory`, else the standing cluster's if there
    is one. Own ones may have an `authorizer`.
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
        templates = (SERVER, AUTHORIZER) if authorizer else (SERVER,)
        cluster = KafkaCluster(directory, report=report, templates=templates)
        try:
            yield Brokers(kind, _with_topics(cluster), cluster)
        finally:
            cluster.down()


def _with_topics(cluster: KafkaCluster) -> str:
    bootstrap = cluster.up().bootstrap
    create_topics({"bootstrap.servers": bootstrap, "log_level": 0})
    return bootstrap
