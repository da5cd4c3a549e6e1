"""The rules of "never two" are tested by breaking: each broken machine makes its rule's checker go red."""

from math import inf
from typing import Any

import pytest

from bus.effects import Effect, Keep, Publish
from bus.messages import Entry
from bus.testing.checkers import ViolationError
from bus.testing.faults import Crash
from heartbeat.roles.claim import Claim
from heartbeat.roles.log.fence import StoreFence, Verdict
from heartbeat.roles.log.reader import Mark
from heartbeat.roles.states import State
from services.sidecar.role.record import StoreFailover
from tests.simulation.failover.directed import DIRECTED
from tests.simulation.failover.host import Acted
from tests.simulation.failover.plant import FailoverPlant
from tests.simulation.failover.scenario import Boot, Scenario, Shape
from tests.simulation.test_checkers import Broken, Change, unchanged

SEED = 3
CALM = Scenario("calm", Shape(devices=1), ((10.0, Boot("device-0")),), 30.0)
HOSTED = CALM._replace(name="hosted", shape=Shape(hosts=True), faults=())


def directed(name: str) -> Scenario:
    return next(scenario for scenario in DIRECTED if scenario.name.startswith(name))


def _is_claim(effect: Effect) -> bool:
    is_record = isinstance(effect, Keep) and isinstance(effect.record, StoreFailover)
    return is_record and effect.record.claim is not None


SLEEPER = directed("a primary that sleeps")
LATE = directed("rows of a deposed primary that come late")
AWAY = directed("the brokers are away")
SEALED = directed("a seal of a deposed primary")
DOWN = (Crash("cfm-1"), Crash("cfm-2"))


def violation(node: str, change: Change, scenario: Scenario = CALM) -> str:
    """What is violated when the nodes whose names begin so are broken in this way."""

    def wrap(name: str, machine: Any) -> Any:
        return Broken(machine, change if name.startswith(node) else unchanged)

    with pytest.raises(ViolationError) as caught:
        FailoverPlant(SEED, scenario, wrap=wrap).run()
    assert f"tests.simulation.failover {SEED})" in str(caught.value)
    return caught.value.what


@pytest.mark.parametrize("scenario", [CALM, HOSTED, SLEEPER, LATE, AWAY, SEALED], ids=lambda one: one.name)
def test_what_is_not_broken_is_green(scenario: Scenario) -> None:
    """Otherwise the tests below would prove nothing."""
    FailoverPlant(SEED, scenario, wrap=lambda _, machine: Broken(machine, unchanged)).run()


def election(minter: Any) -> Any:
    return minter.parts.authority._holder.election


# Sidecars


def test_two_live_leases() -> None:
    def keep(minter: Any, message: Any, effects: list[Any], now: float) -> list[Any]:
        if election(minter).state is State.STANDBY and now > 5.0:
            election(minter).state = State.ACTIVE
            election(minter).acts_until = inf
        return effects

    assert "both have a lease" in violation("dhcp-2", keep)


def test_an_epoch_that_shrinks() -> None:
    def turn_back(minter: Any, message: Any, effects: list[Any], now: float) -> list[Any]:
        if now > 5.0 and election(minter).state is State.ACTIVE:
            election(minter).claim = Claim(0, 0, "0" * 16)
        return effects

    assert "acts at epoch (0, 0), after" in violation("dhcp-1", turn_back)


def test_a_holder_of_a_claim_that_did_not_win() -> None:
    def pretend(minter: Any, message: Any, effects: list[Any], now: float) -> list[Any]:
        for at, effect in enumerate(effects):
            if isinstance(effect, Keep) and _is_claim(effect):
                election(minter).claim = effect.record.claim._replace(claim_id="0" * 16)
                effects[at] = Keep(effect.record._replace(claim=election(minter).claim))
        return effects

    assert "which the log gives to" in violation("dhcp-1", pretend)


def test_an_effect_before_its_claim_was_read_back() -> None:
    def hurry(minter: Any, message: Any, effects: list[Any], now: float) -> list[Any]:
        if now > 5.0:
            ahead = minter.parts.frame.stamp.token._replace(epoch=99)
            minter.parts.frame.stamp.speaks_for(lambda: ahead)
        return effects

    assert "has an effect at epoch {99}" in violation("dhcp-1", hurry)


def test_an_effect_under_a_claim_that_is_not_on_the_disk() -> None:
    def hurry(minter: Any, message: Any, effects: list[Any], now: float) -> list[Any]:
        for effect in effects:
            if _is_claim(effect):
                election(minter).kept(effect.record.claim, now)
        return [effect for effect in effects if not _is_claim(effect)]

    assert "and that claim never was on its disk" in violation("dhcp-1", hurry)


def test_autonomy_without_the_majority_of_the_cfms() -> None:
    def trust(minter: Any, message: Any, effects: list[Any], now: float) -> list[Any]:
        election(minter).evidence.until = lambda ours, now: now + 1.0
        return effects

    alone = directed("without the log, and then without the CFMs")
    forgetful = alone._replace(faults=(*alone.faults[:1], (12.0, DOWN[0]), (12.0, DOWN[1])))
    assert "acts without the log, and 0 CFMs know" in violation("dhcp", trust, forgetful)


# Hosts


def test_a_host_that_acts_after_its_lease() -> None:
    def go_on(host: Any, message: Any, effects: list[Any], now: float) -> list[Any]:
        return [*effects, Acted(0, 0)] if now > 5.0 else effects

    assert violation("host-2", go_on, HOSTED) == "host-2 acts after its lease"


def test_a_host_that_has_a_lease_beside_another_primary() -> None:
    def keep(host: Any, message: Any, effects: list[Any], now: float) -> list[Any]:
        host.until = inf
        return effects

    assert "has a lease, and so has host-2" in violation("host-2", keep, HOSTED)


def test_a_host_that_acts_on_though_its_session_is_closed() -> None:
    """The fault of a host for which provbus cannot make up: its sidecar's role was given back."""

    def ignore(host: Any, message: Any, effects: list[Any], now: float) -> list[Any]:
        host.closed = lambda: None
        return effects

    dies = directed("a sidecar that dies alone is succeeded before a lease is over")
    assert "gives" in (found := violation("host-1", ignore, dies))
    assert "back, and host-1 may still act" in found


# CFMs


def test_a_cfm_that_is_not_fenced() -> None:
    def accept(cfm: Any, message: Any, effects: list[Any], now: float) -> list[Any]:
        cfm.parts.fence.tokens = lambda minter: None
        return effects

    found = violation("cfm", accept, LATE)
    assert "applies a row of" in found
    assert "and stored _Stored" in found


def test_a_cfm_that_takes_rows_of_a_claim_that_is_not_on_its_disk() -> None:
    def forget(cfm: Any, message: Any, effects: list[Any], now: float) -> list[Any]:
        kept = [effect for effect in effects if isinstance(effect, Keep)]
        for effect in kept:
            if isinstance(effect.record, StoreFence):
                cfm.parts.fence.kept(effect.record)
        return [effect for effect in effects if effect not in kept]

    assert "and knows of no claim" in violation("cfm", forget)


def test_a_cfm_that_opens_every_seal() -> None:
    def open_all(cfm: Any, message: Any, effects: list[Any], now: float) -> list[Any]:
        cfm.parts.fence.judge_seal = lambda *_: Verdict.VALID
        return effects

    assert "from its seal, and stored" in violation("cfm", open_all, SEALED)


def test_a_cfm_that_keeps_another_claim_than_the_log() -> None:
    def misread(cfm: Any, message: Any, effects: list[Any], now: float) -> list[Any]:
        for effect in effects:
            if isinstance(effect, Keep) and isinstance(effect.record, StoreFence):
                claims = effect.record.known["dhcp/sim"]
                claims[-1] = claims[-1]._replace(holder="dhcp-2")
        return effects

    assert "which the log gives to" in violation("cfm", misread)


# The log


def test_two_readers_of_one_position_who_differ() -> None:
    def misread(minter: Any, message: Any, effects: list[Any], now: float) -> list[Any]:
        reader = election(minter).reader
        if isinstance(message, Entry) and reader.mark.position == message.offset:
            reader.marks[-1] = Mark(message.offset, "0" * 64)
        return effects

    assert "and their digests differ" in violation("dhcp-2", misread)


def test_a_plant_without_a_primary() -> None:
    def say_nothing(minter: Any, message: Any, effects: list[Any], now: float) -> list[Any]:
        return [
            effect
            for effect in effects
            if not (isinstance(effect, Publish) and effect.envelope.traffic == "failover")
        ]

    # What is never published leaves a gap in the numbers, which is another rule's business.
    silent = CALM._replace(shape=Shape(), faults=())
    assert violation("dhcp", say_nothing, silent).startswith("nobody is active for dhcp/sim since ")
