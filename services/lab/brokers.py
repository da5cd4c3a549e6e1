"""The brokers of a run of the lab: none, embedded, the user's standing cluster, or one of the run's own."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from bus.transport.topics import create_topics
from services.lab.broker import embedded, real
from services.lab.kafka import KafkaCluster

Kind = Literal["none", "embedded", "kafka"]


class Brokers:
    """Where the brokers are. `cluster` is there only if it is the run's own, to be killed and replaced."""

    def __init__(self, kind: Kind, bootstrap: str, cluster: KafkaCluster | None = None) -> None:
        self.kind = kind
        self.bootstrap = bootstrap
        self.cluster = cluster


@contextmanager
def brokers_of(kind: Kind, own: bool, directory: Path, report: Callable[[str], None]) -> Iterator[Brokers]:
    """The brokers of one run, with empty topics; `own` in `directory`, else the standing cluster's if there
    is one.
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
        cluster = KafkaCluster(directory, report=report)
        try:
            bootstrap = cluster.up().bootstrap
            report("creating the topics")
            create_topics({"bootstrap.servers": bootstrap, "log_level": 0})
            yield Brokers(kind, bootstrap, cluster)
        finally:
            cluster.down()
