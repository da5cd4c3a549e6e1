"""One metric of an instance, from its page for Prometheus."""

import http.client
from collections.abc import Mapping

from prometheus_client.parser import text_string_to_metric_families

from services.lab.site.site import Instance

ASK_S_MAX = 2.0


def scrape(one: Instance, name: str, labels: Mapping[str, str]) -> float | None:
    """The value of this metric with exactly these labels; None if it does not answer, or has none."""
    connection = http.client.HTTPConnection(*one.http, timeout=ASK_S_MAX)
    try:
        connection.request("GET", "/metrics")
        page = connection.getresponse().read().decode(errors="replace")
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            if sample.name == name and sample.labels == labels:
                return float(sample.value)
    return None
