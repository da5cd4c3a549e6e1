"""Plain numbers and their exposition: what is declared is shown, what is not is an error."""

from collections.abc import Callable, Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bus.errors import StateError
from bus.telemetry.exposition import CONTENT_TYPE, Exposition
from bus.telemetry.metrics import Histogram, MetricKind, Sample, Tally, labelled
from services.instance.metrics import METRICS


def rendered(*samples: Sample) -> dict[str, dict[tuple[str, ...], float]]:
    """What Prometheus reads of these: values by sample name and label values in the order of their names."""
    text = Exposition(METRICS, lambda: samples).render().decode()
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(text):
        for one in family.samples:
            found.setdefault(one.name, {})[tuple(one.labels.values())] = one.value
    return found


def test_a_value_on_a_bound_is_in_its_bucket() -> None:
    histogram = Histogram((1.0, 2.0))
    for value in (0.0, 1.0, 1.5, 2.0, 2.5):
        histogram.observe(value)
    assert histogram.buckets() == [("1.0", 2), ("2.0", 4), ("+Inf", 5)]
    assert histogram.sum == 7.0


def test_samples_become_what_prometheus_reads() -> None:
    histogram = Histogram((0.1,))
    histogram.observe(0.05)
    histogram.observe(2.0)
    found = rendered(
        *labelled("provbus_reads_total", "how", {"row": 3, "sealed": 1}),
        Sample("provbus_table_rows", 7),
        Sample("provbus_handoff_seconds", histogram),
    )
    assert found["provbus_reads_total"] == {("row",): 3, ("sealed",): 1}
    assert found["provbus_table_rows"] == {(): 7}
    assert found["provbus_handoff_seconds_bucket"] == {("0.1",): 1, ("+Inf",): 2}
    assert (found["provbus_handoff_seconds_count"], found["provbus_handoff_seconds_sum"]) == (
        {(): 2},
        {(): 2.05},
    )


def test_help_kind_and_content_type_are_those_of_the_text_format() -> None:
    text = Exposition(METRICS, lambda: [Sample("provbus_table_rows", 7)]).render().decode()
    assert "# TYPE provbus_table_rows gauge\n" in text
    assert f"# HELP provbus_table_rows {METRICS['provbus_table_rows'].help}\n" in text
    assert CONTENT_TYPE.startswith("text/plain; version=0.0.4")


def test_the_process_tells_of_itself() -> None:
    assert rendered()["process_cpu_seconds_total"][()] > 0
    assert not any(name.startswith("python_") for name in rendered())


@pytest.mark.parametrize(
    ("samples", "said"),
    [
        ([Sample("provbus_surprise_total", 1)], "provbus_surprise_total is not declared"),
        ([Sample("provbus_reads_total", 1)], r"has labels \[\], not \['how'\]"),
        ([Sample("provbus_reads_total", 1, {"who": "x"})], "has labels"),
        ([Sample("provbus_reads_total", 1, {"how": "row", "peer": "x"})], "has labels"),
        ([Sample("provbus_table_rows", 1, {"how": "row"})], "has labels"),
        ([Sample("provbus_table_rows", 1)] * 2, "comes from two places"),
        ([Sample("provbus_table_rows", Histogram((1.0,)))], "which"),
        ([Sample("provbus_handoff_seconds", 1.0)], "which"),
    ],
)
def test_what_is_not_declared_is_refused(samples: list[Sample], said: str) -> None:
    with pytest.raises(StateError, match=said):
        Exposition(METRICS, lambda: samples).render()


def test_every_scrape_looks_anew() -> None:
    numbers = iter((1, 2))

    def gather() -> Iterator[Sample]:
        yield Sample("provbus_table_rows", next(numbers))

    exposition = Exposition(METRICS, gather)
    assert "provbus_table_rows 1.0" in exposition.render().decode()
    assert "provbus_table_rows 2.0" in exposition.render().decode()


def test_what_was_offered_and_not_sent_was_refused() -> None:
    tally = Tally("kafka", ["audit", "config"])
    tally.offered["audit"] += 3
    tally.sent["audit"] += 2
    tally.undelivered["audit"] += 1
    tally.received["config"] += 5
    tally.undecodable["config"] += 1
    found = rendered(*tally.samples())["provbus_messages_total"]
    assert {key: count for key, count in found.items() if count} == {
        ("audit", "sent", "kafka"): 2,
        ("audit", "refused", "kafka"): 1,
        ("audit", "undelivered", "kafka"): 1,
        ("config", "received", "kafka"): 5,
        ("config", "undecodable", "kafka"): 1,
    }
    assert len(found) == 10, "what did not happen yet is there as 0"


def _suffix(name: str) -> bool:
    return name.endswith("_total") == (METRICS[name].kind is MetricKind.COUNTER)


def _prefix(name: str) -> bool:
    return name.startswith("provbus_") and name == name.lower()


def _says_something(name: str) -> bool:
    return METRICS[name].help.endswith(".") and "_ms" not in name


def _labels_of_few_values(name: str) -> bool:
    return not {"mac", "ip", "address", "device", "host", "le"} & set(METRICS[name].labels)


@pytest.mark.parametrize("rule", [_suffix, _prefix, _says_something, _labels_of_few_values])
def test_declarations_keep_the_conventions(rule: Callable[[str], bool]) -> None:
    assert [name for name in METRICS if not rule(name)] == []
