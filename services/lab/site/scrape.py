"""Metrics of an instance, from its page for Prometheus."""

import http.client
from collections.abc import Mapping

from prometheus_client.parser import text_string_to_metric_families

from services.lab.site.site import Instance

ASK_S_MAX = 2.0

Series = tuple[str, frozenset[tuple[str, str]]]
"""A metric by its name and its labels."""


def scrape(one: Instance, name: str, labels: Mapping[str, str]) -> float | None:
    """The value of this metric with exactly these labels; None if it does not answer, or has none."""
    return scraped(one).get((name, frozenset(labels.items())))


def scraped(one: Instance) -> dict[Series, float]:
    """All its metrics; none if it does not answer."""
    connection = http.client.HTTPConnection(*one.http, timeout=ASK_S_MAX)
    try:
        connection.request("GET", "/metrics")
        response = connection.getresponse()
        page = response.read().decode(errors="replace") if response.status == http.HTTPStatus.OK else ""
    except (OSError, http.client.HTTPException):
        return {}
    finally:
        connection.close()
    return {
        (sample.name, frozenset(sample.labels.items())): float(sample.value)
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }
