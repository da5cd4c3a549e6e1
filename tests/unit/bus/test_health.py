"""Health: alive whatever else, ready if work is possible, degraded if it could go better."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from bus.reason import Reason
from bus.telemetry.changes import EVERY_S, LINES_AT_ONCE
from bus.telemetry.health import Health
from bus.telemetry.metrics import Sample
from bus.telemetry.page import ASKED_BURST, ASKED_PER_S, KEPT_S, TEXT, KeptPage, Page
from services.instance.metrics import METRICS

AWAY, SLOW = Reason("away", "Kafka is away"), Reason("so", "slow")
SETTINGS = Reason("no-settings", "settings")


@dataclass
class Fake:
    """A status and a transport that say what a test wants."""

    lacks: list[Reason] = field(default_factory=list)
    limps: list[Reason] = field(default_factory=list)

    def samples(self, now: float) -> Iterator[Sample]:
        yield Sample("provbus_table_rows", 7)

    def facts(self, now: float) -> dict[str, str]:
        return {}

    def missing(self) -> list[Reason]:
        return self.lacks

    def degraded(self) -> list[Reason]:
        return self.limps


def page(fake: Fake, path: str) -> Page:
    return Health(fake, METRICS, lambda: fake.samples(0.0)).pages()[path](0.0)


@pytest.mark.parametrize(
    ("fake", "status", "body"),
    [
        (Fake(), 200, "ready\n"),
        (Fake(limps=[AWAY]), 200, "degraded: Kafka is away\naway: Kafka is away\n"),
        (Fake(limps=[SLOW, AWAY]), 200, "degraded: slow; Kafka is away\nso: slow\naway: Kafka is away\n"),
        (Fake(lacks=[SETTINGS]), 503, "not ready: settings\nno-settings: settings\n"),
        (
            Fake(lacks=[SETTINGS, SLOW], limps=[AWAY]),
            503,
            "not ready: settings; slow\nno-settings: settings\nso: slow\n",
        ),
    ],
)
def test_ready_says_which_part_is_missing(fake: Fake, status: int, body: str) -> None:
    found = page(fake, "/readyz")
    assert (found.status, found.body.decode()) == (status, body)
    assert found.content_type == "text/plain; charset=utf-8"


def test_alive_looks_at_nothing() -> None:
    found = page(Fake(lacks=[SETTINGS], limps=[AWAY]), "/livez")
    assert (found.status, found.body) == (200, b"alive\n")


def test_readiness_is_judged_when_asked() -> None:
    fake = Fake()
    ready = Health(fake, METRICS, list).pages()["/readyz"]
    assert ready(0.0).status == 200
    fake.lacks.append(SETTINGS)
    assert ready(0.0).status == 503


def test_metrics_are_those_gathered() -> None:
    found = page(Fake(), "/metrics")
    assert found.status == 200
    assert b"provbus_table_rows 7.0\n" in found.body
    assert found.content_type.startswith("text/plain; version=0.0.4")


def test_a_flood_of_questions_makes_one_page_a_second() -> None:
    """330 a second for a minute, and a Prometheus server beside them that asks every 5 s."""
    made: list[float] = []
    now = 0.0

    def make() -> Page:
        made.append(now)
        return Page(200, TEXT, b"%d" % len(made))

    page = KeptPage(make)
    statuses = []
    for at in range(330 * 60):
        now = at / 330
        statuses.append(page(now).status)
    assert len(made) <= 60 / KEPT_S
    assert {*statuses} == {200, 503}
    assert statuses.count(200) <= ASKED_BURST + 60 * ASKED_PER_S


def test_whoever_asks_every_second_gets_each_time_what_is_now() -> None:
    numbers = iter(range(100))
    page = KeptPage(lambda: Page(200, TEXT, b"%d" % next(numbers)))
    assert [page(float(now)).body for now in range(50)] == [b"%d" % number for number in range(50)]


def test_a_page_that_cannot_be_made_is_made_the_next_time() -> None:
    numbers = iter([0, 1])
    page = KeptPage(lambda: Page(200, TEXT, b"%d" % (1 // next(numbers))))
    with pytest.raises(ZeroDivisionError):
        page(0.0)
    assert page(0.1).body == b"1"


def test_verdicts_are_told_however_often_they_are_asked_for() -> None:
    pages = Health(Fake(), METRICS, list).pages()
    for path in ("/livez", "/readyz"):
        assert {pages[path](0.0).status for _ in range(1_000)} == {200}


def test_a_change_of_readiness_is_news_once() -> None:
    fake = Fake()
    health = Health(fake, METRICS, lambda: fake.samples(0.0))
    assert health.news(0.0) == ["ready"]
    fake.lacks = [SETTINGS]
    assert [health.news(1.0), health.news(2.0)] == [["not ready: settings [no-settings]"], []]
    fake.lacks, fake.limps = [], [SLOW, AWAY]
    assert health.news(3.0) == ["degraded: slow [so]; Kafka is away [away]"]
    fake.limps = []
    assert health.news(4.0) == ["ready"]


def test_a_readiness_that_flaps_gets_a_few_lines() -> None:
    fake = Fake()
    health = Health(fake, METRICS, lambda: fake.samples(0.0))
    lines = 0
    for at in range(200):
        fake.limps = [SLOW] if at % 2 else []
        lines += len(health.news(float(at)))
    assert lines == LINES_AT_ONCE + 200 // EVERY_S - 1
