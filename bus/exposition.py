"""Exposition: samples as Prometheus reads them.

A registry of our own, so what other libraries register by themselves stays out. Beside our metrics it holds
the client library's `process_*` (CPU, memory, descriptors). A sample that is not declared in `bus.metrics`,
or not with these labels, is a mistake of ours (`StateError`): what is not documented is not shown.
"""

from collections.abc import Callable, Iterable, Iterator

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from bus.errors import StateError
from bus.metrics import METRICS, Histogram, Kind, Sample

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
_FAMILIES = {
    Kind.COUNTER: CounterMetricFamily,
    Kind.GAUGE: GaugeMetricFamily,
    Kind.HISTOGRAM: HistogramMetricFamily,
}


class Exposition(Collector):
    """Renders what `gather` returns at the moment of the scrape."""

    def __init__(self, gather: Callable[[], Iterable[Sample]]) -> None:
        self._gather = gather
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    def render(self) -> bytes:
        """The text of one scrape, of `CONTENT_TYPE`."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """The metric families of the samples, each once; `StateError` for a sample that is not declared."""
        families: dict[str, Metric] = {}
        seen: set[tuple[str, tuple[str, ...]]] = set()
        for sample in self._gather():
            labels = _label_values(sample)
            if (sample.name, labels) in seen:
                raise StateError(f"{sample.name} {dict(sample.labels)} comes from two places")
            seen.add((sample.name, labels))
            if sample.name not in families:
                declared = METRICS[sample.name]
                family = _FAMILIES[declared.kind]
                families[sample.name] = family(sample.name, declared.help, labels=declared.labels)
            _add(families[sample.name], labels, sample.value)
        yield from families.values()


def _label_values(sample: Sample) -> tuple[str, ...]:
    declared = METRICS.get(sample.name)
    if declared is None:
        raise StateError(f"metric {sample.name} is not declared")
    if sample.labels.keys() != set(declared.labels):
        raise StateError(f"{sample.name} has labels {sorted(sample.labels)}, not {sorted(declared.labels)}")
    return tuple(sample.labels[name] for name in declared.labels)


def _add(family: Metric, labels: tuple[str, ...], value: float | Histogram) -> None:
    if isinstance(family, HistogramMetricFamily) and isinstance(value, Histogram):
        family.add_metric(labels, value.buckets(), value.sum)
    elif isinstance(family, CounterMetricFamily | GaugeMetricFamily) and not isinstance(value, Histogram):
        family.add_metric(labels, value)
    else:
        raise StateError(f"metric {family.name} is a {family.type}, which {value!r} is not")
