"""The picture of a run: every line says one thing, and none is wider than the terminal."""

import pytest

from services.cli.lab.picture import BAR_CHARS, RATE_S, Boots, Rate, picture
from services.lab.site.readiness import Sight

SIGHTS = [
    Sight("dhcp-1", "ready", "active"),
    Sight("mps-1", "not ready: it has no settings", "standby"),
    Sight("cfm-1", "ready (degraded: no minter is connected, and none ever was)", ""),
    Sight("cfm-2", "does not answer", ""),
]


def test_a_run_that_begins_says_what_it_is_at() -> None:
    assert picture("making keys", None, [], 80) == ["making keys"]


def test_boots_and_instances_have_a_line_each() -> None:
    assert picture("booting", Boots(218, 2, 600, 95.6), SIGHTS, 80) == [
        "booting",
        "[###########-------------------]  220/600   96 boots/s",
        "online 218  failed 2",
        "dhcp-1  ready                          active",
        "mps-1   not ready: it has no settings  standby",
        "cfm-1   ready (degraded: no minter is connected, and none ever was)",
        "cfm-2   does not answer",
    ]


@pytest.mark.parametrize("width", [0, 1, 20, 40])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    lines = picture("booting", Boots(1, 0, 2, 1.0), SIGHTS, width)
    assert len(lines) == 7
    assert max(map(len, lines)) == width


@pytest.mark.parametrize(("online", "devices", "done"), [(0, 0, 0), (0, 7, 0), (3, 6, 15), (7, 7, BAR_CHARS)])
def test_the_bar_is_full_when_all_have_finished(online: int, devices: int, done: int) -> None:
    bar = picture("", Boots(online, 0, devices, 0.0), [], 80)[1].split("]")[0]
    assert bar == "[" + "#" * done + "-" * (BAR_CHARS - done)


def test_a_rate_forgets_what_is_long_ago() -> None:
    rate = Rate()
    rate.note(0, 0.0)
    rate.note(1000, 1.0)
    assert rate.note(1000 + 30, 1.0 + RATE_S) == 30 / RATE_S
    assert rate.note(1000 + 30, 100.0) == 0.0
    assert rate.note(5, 101.0) == 0.0
    assert rate.note(15, 102.0) == 10.0
