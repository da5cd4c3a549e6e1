"""The metric of reasons: 1 for each that is given, 0 for the others that the service may give."""

from typing import Any

import pytest

from bus.reason import Reason
from heartbeat.liveness.beat import Beat
from services.instance.reasons import REASONS, reason_samples
from tests.unit.bus.well import Well


class Ill(Well):
    """A status with these reasons."""

    def __init__(self, missing: list[str], degraded: list[str]) -> None:
        self._missing = [Reason(code, "what is missing") for code in missing]
        self._degraded = [Reason(code, "what is less") for code in degraded]

    def missing(self) -> list[Reason]:
        return self._missing

    def degraded(self) -> list[Reason]:
        return self._degraded


def given(status: Any, service: str) -> tuple[set[str], set[str]]:
    """The codes that are 1, and all that have a sample."""
    samples = [*reason_samples(status, service)]
    assert {one.name for one in samples} == {"provbus_reason"}
    assert {one.value for one in samples} <= {0.0, 1.0}
    return {one.labels["code"] for one in samples if one.value}, {one.labels["code"] for one in samples}


@pytest.mark.parametrize("service", ["dhcp", "mps", "cfm"])
def test_of_a_healthy_instance_every_reason_that_it_may_give_is_0(service: str) -> None:
    ones, all_of_them = given(Well(), service)
    assert ones == set()
    assert all_of_them == {code for code, row in REASONS.items() if service in row.services}


def test_each_service_has_its_own() -> None:
    _, dhcp = given(Well(), "dhcp")
    _, mps = given(Well(), "mps")
    _, cfm = given(Well(), "cfm")
    assert "kea-absent" in dhcp - mps
    assert "fence-stale" in cfm - dhcp
    assert "cfm-unreachable" in dhcp & mps - cfm


def test_all_that_are_given_now_are_1() -> None:
    assert given(Ill([], ["clock-off", "locked", "clock-off"]), "dhcp")[0] == {"clock-off", "locked"}


def test_what_is_missing_outweighs_what_is_less() -> None:
    """As on the other pages: an instance that is not ready says why, and nothing beside that."""
    assert given(Ill(["drained"], ["clock-off"]), "dhcp")[0] == {"drained"}


def test_every_code_fits_into_a_beat() -> None:
    assert {Beat(service="cfm", reason=code).reason for code in REASONS} == REASONS.keys()
