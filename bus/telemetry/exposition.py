"""Exposition: samples as Prometheus reads them.

A registry of our own keeps out the metrics that other libraries register. Beside our metrics it holds the
client library's `process_*` (CPU, memory, descriptors). A sample that is not declared, or has other labels,
is a mistake of ours (`StateError`): only documented metrics are shown.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.core import Metric as Family
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from bus.errors import StateError
from bus.telemetry.metrics import Histogram, Metric, MetricKind, Sample

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
_FAMILIES = {
    MetricKind.COUNTER: CounterMetricFamily,
    MetricKind.GAUGE: GaugeMetricFamily,
    MetricKind.HISTOGRAM: HistogramMetricFamily,
}


class Exposition(Collector):
    """Renders the samples that `gather` returns at the scrape, as the table of metrics declares them."""

    def __init__(self, metrics: Mapping[str, Metric], gather: Callable[[], Iterable[Sample]]) -> None:
        self._metrics = metrics
        self._gather = gather
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    def render(self) -> bytes:
        """The text of one scrape, of `CONTENT_TYPE`."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Family]:
        """The metric families of the samples, each once; `StateError` for a sample that is not declared."""
        families: dict[str, Family] = {}
        seen: set[tuple[str, tuple[str, ...]]] = set()
        for sample in self._gather():
            declared = self._declared(sample)
            labels = tuple(sample.labels[name] for name in declared.labels)
            if (sample.name, labels) in seen:
                raise StateError(f"{sample.name} {dict(sample.labels)} comes from two places")
            seen.add((sample.name, labels))
            if sample.name not in families:
                family = _FAMILIES[declared.kind]
                families[sample.name] = family(sample.name, declared.help, labels=declared.labels)
            _add(families[sample.name], labels, sample.value)
        yield from families.values()

    def _declared(self, sample: Sample) -> Metric:
        declared = self._metrics.get(sample.name)
        if declared is None:
            raise StateError(f"metric {sample.name} is not declared")
        if sample.labels.keys() != set(declared.labels):
            raise StateError(
                f"{sample.name} has labels {sorted(sample.labels)}, not {sorted(declared.labels)}"
            )
        return declared


def _add(family: Family, labels: tuple[str, ...], value: float | Histogram) -> None:
    if isinstance(family, HistogramMetricFamily) and isinstance(value, Histogram):
        family.add_metric(labels, value.buckets(), value.sum)
    elif isinstance(family, CounterMetricFamily | GaugeMetricFamily) and not isinstance(value, Histogram):
        family.add_metric(labels, value)
    else:
        raise StateError(f"metric {family.name} is a {family.type}, which {value!r} is not")
