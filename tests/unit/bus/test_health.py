"""Health: alive whatever else, ready if work is possible, degraded if it could go better."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from bus.telemetry.health import Health, Page
from bus.telemetry.metrics import Sample
from services.instance.metrics import METRICS


@dataclass
class Fake:
    """A status and a transport that say what a test wants."""

    lacks: list[str] = field(default_factory=list)
    limps: list[str] = field(default_factory=list)
    transport: list[str] = field(default_factory=list)

    def samples(self, now: float) -> Iterator[Sample]:
        yield Sample("provbus_table_rows", 7)

    def missing(self) -> list[str]:
        return self.lacks

    def degraded(self) -> list[str]:
        return self.limps


def page(fake: Fake, path: str) -> Page:
    return Health(fake, lambda: fake.transport, METRICS, lambda: fake.samples(0.0)).pages()[path]()


@pytest.mark.parametrize(
    ("fake", "status", "body"),
    [
        (Fake(), 200, "ready\n"),
        (Fake(transport=["Kafka is away"]), 200, "degraded: Kafka is away\nKafka is away\n"),
        (Fake(limps=["slow"], transport=["away"]), 200, "degraded: slow; away\nslow\naway\n"),
        (Fake(lacks=["settings"]), 503, "not ready: settings\nsettings\n"),
        (
            Fake(lacks=["settings", "no CFM is alive"], transport=["away"]),
            503,
            "not ready: settings; no CFM is alive\nsettings\nno CFM is alive\n",
        ),
    ],
)
def test_ready_says_which_part_is_missing(fake: Fake, status: int, body: str) -> None:
    found = page(fake, "/readyz")
    assert (found.status, found.body.decode()) == (status, body)
    assert found.content_type == "text/plain; charset=utf-8"


def test_alive_looks_at_nothing() -> None:
    found = page(Fake(lacks=["everything"], transport=["Kafka is away"]), "/livez")
    assert (found.status, found.body) == (200, b"alive\n")


def test_readiness_is_judged_when_asked() -> None:
    fake = Fake()
    ready = Health(fake, list, METRICS, list).pages()["/readyz"]
    assert ready().status == 200
    fake.lacks.append("settings")
    assert ready().status == 503


def test_metrics_are_those_gathered() -> None:
    found = page(Fake(), "/metrics")
    assert found.status == 200
    assert b"provbus_table_rows 7.0\n" in found.body
    assert found.content_type.startswith("text/plain; version=0.0.4")


def test_a_change_of_readiness_is_news_once() -> None:
    fake = Fake()
    health = Health(fake, lambda: fake.transport, METRICS, lambda: fake.samples(0.0))
    assert health.news() == ""
    fake.lacks = ["settings"]
    assert [health.news(), health.news()] == ["not ready: settings", ""]
    fake.lacks, fake.limps = [], ["slow"]
    assert health.news() == "degraded: slow"
    fake.limps = []
    assert health.news() == "ready"
