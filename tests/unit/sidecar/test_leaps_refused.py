"""What leaps or is at its end at a minter: refused with a sentence, and nothing ends."""

from collections.abc import Callable
from random import Random

import pytest

from bus.contract import encode
from bus.envelope import Envelope, Stamp
from bus.messages import CaughtUp, LocalRequest, Received, WallClock
from heartbeat.liveness.beat import BEAT, Beat
from heartbeat.liveness.namesake import NamesakeState
from heartbeat.roles.claim import BY_GRANTS, EPOCH_MAX, ERA_MAX, Claim
from heartbeat.roles.evidence import Answer
from heartbeat.roles.granted.holder import GrantedHolder
from heartbeat.roles.hello import STANDING, pack_standing
from services.settings.catalogue import Classes, record
from services.settings.record import CATALOGUE, GENERATION_MAX
from services.sidecar.minter import Minter
from services.sidecar.role.authority import Authority

Build = Callable[..., Minter]
WALL_S = 1_700_000_000.0


@pytest.fixture
def minter(build: Build, classes: Classes) -> Minter:
    """A minter with generation 3 in force, which has read its topic."""
    made = build(catalogue=record(classes, 3))
    made.receive(WallClock(WALL_S), 0.0)
    made.receive(CaughtUp("config"), 0.0)
    return made


def test_behind_the_last_generation_nothing_is_applied_and_the_answer_says_so(
    minter: Minter, classes: Classes
) -> None:
    """A proven writer may say any generation; the process does not end for it."""
    data = encode(record({**classes, "other": next(iter(classes.values()))}, GENERATION_MAX))
    minter.receive(Received(Envelope(CATALOGUE, "dhcp-1", 1, 1, 0, data), ""), 1.0)
    assert minter.parts.offering.generation == GENERATION_MAX
    (reply,) = minter.receive(LocalRequest(1, {"op": "settings.apply", "id": 1, "classes": classes}), 2.0)
    assert reply.body["error"] == "try_again"
    assert reply.body["detail"].startswith("generation 4294967295 is the last one that there can be")


def test_beside_a_process_of_the_last_incarnation_we_stand_still_and_do_not_end(minter: Minter) -> None:
    minter.tick(0.0)
    beat = Envelope(BEAT, "dhcp-1", (1 << 64) - 1, 1, 0, encode(Beat(service="dhcp")))
    minter.receive(Received(beat, ""), 10.0)
    assert minter.tick(30.0)
    assert minter.parts.frame.namesake.state is NamesakeState.STOPPED


def test_a_leap_in_the_answer_of_a_cfm_is_counted_and_told(build: Build) -> None:
    """Once a majority has answered; and nothing goes up by it."""
    stamp, cfms = Stamp("dhcp-1", "lab", 9), ("cfm-1", "cfm-2", "cfm-3")
    role = GrantedHolder(role="dhcp/lab", stamp=stamp, index=0, voters=cfms, random=Random(1))
    minter = build(stamp=stamp, authority=Authority(stamp, role))
    first = Claim(2, 64, "1" * 16, BY_GRANTS)
    last = Claim(ERA_MAX, EPOCH_MAX, "c" * 16, BY_GRANTS)

    def told(cfm: str, highest: Claim) -> dict[str, float]:
        data = pack_standing(Answer(highest, False, -1), 0)
        minter.receive(Received(Envelope(STANDING, cfm, 1, 1, 0, data), cfm), 1.0)
        samples = [one for one in minter.status.samples(1.0) if one.name == "provbus_leaps_refused_total"]
        return {one.labels["number"]: one.value for one in samples if isinstance(one.value, int)}

    assert told("cfm-1", last) == {"era": 0, "epoch": 0}
    assert told("cfm-2", first) == {"era": 0, "epoch": 0}
    assert told("cfm-1", last) == {"era": 1, "epoch": 0}
    assert told("cfm-1", first._replace(epoch=EPOCH_MAX)) == {"era": 1, "epoch": 1}
    assert told("cfm-3", first) == {"era": 1, "epoch": 1}
    fact = minter.status.facts(1.0)["leap"]
    assert fact == f"refused: cfm-1 says epoch {EPOCH_MAX}, and 64 is known: a leap"
    assert role.evidence.credible == first
