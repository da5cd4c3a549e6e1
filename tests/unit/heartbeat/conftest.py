"""Beats of a small fleet."""

from collections.abc import Callable
from typing import Any

import pytest

from bus.contract import encode
from bus.envelope import Envelope
from heartbeat.liveness.beat import BEAT, Beat
from heartbeat.liveness.roster import Roster

SERVICES = {"dhcp-1": "dhcp", "mps-1": "mps"} | {f"cfm-{number}": "cfm" for number in range(1, 5)}


@pytest.fixture
def beat() -> Callable[..., Envelope]:
    """Makes the envelope of a beat; keywords are the beat's fields."""

    def make(source: str, *, incarnation: int = 1, service: str = "cfm", **fields: Any) -> Envelope:
        return Envelope(BEAT, source, incarnation, 1, 0, encode(Beat(service=service, **fields)))

    return make


@pytest.fixture
def roster() -> Roster:
    """Nobody has been heard yet."""
    return Roster(SERVICES)
