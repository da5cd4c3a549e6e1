"""Real sidecars and CFMs in virtual time, where the CFMs grant the role: somebody acts soon, and never two.

Everything sent to one instance is a datagram that may be lost, doubled or late; beats and settings come over
the world's topics, which stand in for the group. A checker of its own asks after every step, in true time,
who may act: the sidecars, and a host service that each has attached, by the lease it was told last.
"""

from functools import partial
from random import Random
from typing import Any

import pytest

from bus.effects import Reply, Send, WatchHost
from bus.envelope import Stamp
from bus.machine import AnyMachine
from bus.messages import LocalRequest, Received
from bus.testing.checkers import Crashed, WorldStep
from bus.testing.faults import Crash, Cut, Drift, Mend, Pause, Restart, SetWeather, Weather
from bus.testing.world import World
from bus.wire.codec import DATAGRAM_KINDS, from_frame, to_frame
from fileid.seal import Sealer
from fileid.table import Table
from heartbeat.roles.claim import BY_APPOINTMENT, Claim
from heartbeat.roles.granted.grants import Promise, StorePromises, Voter
from heartbeat.roles.granted.holder import GrantedHolder
from heartbeat.roles.log.fence import Fence, Known, StoreFence
from services.cfm.assembly import assemble as assemble_cfm
from services.cfm.machine import Cfm
from services.cfm.voting import Voting
from services.dhcp.process import BUDGET
from services.settings.catalogue import StoreCatalogue
from services.settings.history import StoreHistory
from services.settings.vault import Vault
from services.sidecar.assembly import assemble
from services.sidecar.role.authority import Authority
from services.sidecar.role.record import StoreFailover
from services.tftp.server_core import TftpServer
from tests.simulation import settings
from tests.simulation.failover.parts import CATALOGUE, KEYS, OPENER
from tests.trusting import ANYBODY

ROLE = "dhcp/sim"
DHCPS = ("dhcp-1", "dhcp-2", "dhcp-3")
CFMS = ("cfm-1", "cfm-2", "cfm-3")
ROLES = dict.fromkeys(DHCPS, ROLE)
SERVICES = dict.fromkeys(DHCPS, "dhcp") | dict.fromkeys(CFMS, "cfm")
HOST = 1
WITHIN_S = 3.5 + 5.0  # a voter's lease, and what the random pauses cost
ASK_EVERY_S = 0.5
SEEDS = range(5)


class Plant:
    """Three sidecars of one role, three CFMs that were admitted on the first day, and the hosts' leases."""

    def __init__(self, seed: int, promises: dict[str, Promise] | None = None) -> None:
        self.world = world = World(seed)
        self.roles: dict[str, GrantedHolder] = {}
        self.authorities: dict[str, Authority] = {}
        self.cfms: dict[str, Cfm] = {}
        self.promises: dict[str, dict[str, Promise] | None] = dict.fromkeys(CFMS, promises)
        self.fences: dict[str, Any] = {}
        self.failover: dict[str, StoreFailover] = {}
        self.lease_ends: dict[str, float] = {}  # of the host, on its machine's clock; it outlives its sidecar
        self.epochs: list[tuple[int, int]] = []
        world.on(Send, self._send)
        world.on(Reply, self._reply)
        world.on(WatchHost, lambda name, effect: None)
        world.on(StoreCatalogue, lambda name, effect: None)
        world.on(StoreHistory, lambda name, effect: None)
        world.on(StoreFailover, self.failover.__setitem__)
        world.on(StoreFence, lambda name, effect: self.fences.__setitem__(name, effect.known))
        world.on(StorePromises, lambda name, effect: self.promises.__setitem__(name, dict(effect.promises)))
        world.check(self._check)
        for name in DHCPS:
            world.add(name, partial(self._sidecar, name), reads=("heartbeat", "config"))
        for name in CFMS:
            world.add(name, partial(self._cfm, name), reads=("config",))
        for name in DHCPS:
            world.at(0.0, partial(self._attach, name))

    def primary(self) -> str | None:
        """Who says that it may act."""
        able = [name for name, one in self.authorities.items() if one.may_act(self.world.local(name))]
        return able[0] if able else None

    def until_primary(self, other_than: str | None = None) -> str:
        """Run until there is a primary, which must come in time."""
        until = self.world.now + WITHIN_S
        while self.world.now < until:
            found = self.primary()
            if found is not None and found != other_than:
                return found
            self.world.run(self.world.now + 0.05)
        raise AssertionError(f"nobody acts after {WITHIN_S} s")

    def told(self, name: str, **body: Any) -> None:
        """A person tells this instance something."""
        self.world.deliver(name, LocalRequest(9, {"id": 1, **body}))

    def _check(self, step: WorldStep) -> str | None:
        if type(step.message) is Crashed:
            self.authorities.pop(step.node, None)
            self.roles.pop(step.node, None)
            self.cfms.pop(step.node, None)
        acting = {
            name
            for name in DHCPS
            if (name in self.authorities and self.authorities[name].may_act(self.world.local(name)))
            or self.world.local(name) < self.lease_ends.get(name, 0.0)
        }
        for name, role in self.roles.items():
            token = role.claim.token
            holds = self.world.local(name) < role.acts_until
            if holds and (not self.epochs or token != self.epochs[-1]):
                if self.epochs and token < self.epochs[-1]:
                    return f"{name} won {token} after {self.epochs[-1]}"
                self.epochs.append(token)
        return f"{' and '.join(sorted(acting))} act" if len(acting) > 1 else None

    def _sidecar(self, name: str, incarnation: int, random: Random) -> AnyMachine:
        stamp = Stamp(name, "sim", incarnation)
        role = GrantedHolder(role=ROLE, stamp=stamp, index=DHCPS.index(name), voters=CFMS, random=random)
        authority = Authority(stamp, role, kept=self.failover.get(name))
        self.roles[name], self.authorities[name] = role, authority
        return assemble(
            service="dhcp",
            trust=ANYBODY,
            stamp=stamp,
            services=SERVICES,
            sealer=Sealer(KEYS[name]),
            budget=BUDGET,
            random=random,
            random_bytes=random.randbytes,
            minted_max=1_000,
            pins={},
            vault=Vault(),
            authority=authority,
            catalogue=CATALOGUE,
            publish=CATALOGUE,
        )

    def _cfm(self, name: str, incarnation: int, _: Random) -> AnyMachine:
        stamp = Stamp(name, "sim", incarnation)
        voter = Voter(name, {ROLE}, self.promises[name], self.world.local(name))
        self.cfms[name] = cfm = assemble_cfm(
            trust=ANYBODY,
            stamp=stamp,
            minters=DHCPS,
            opener=OPENER,
            table=Table(),
            tftp=TftpServer(transfer_sockets=1),
            fence=Fence(ROLES, self.fences.get(name), writers=None),
            voting=Voting(stamp, voter, ROLES),
            endpoints=lambda: {"fileid": "tcp://10.9.0.1:7000", "tftp": "10.9.0.1"},
            capacity=100,
            secret=settings.SECRET,
            vault=Vault(),
            catalogue=CATALOGUE,
        )
        return cfm

    def _send(self, name: str, effect: Send) -> None:
        envelope = from_frame(to_frame(effect.envelope), name, DATAGRAM_KINDS)
        self.world.carry(name, str(effect.to), Received(envelope, name))

    def _attach(self, name: str) -> None:
        """A host that asks for its lease all the time, as the library of hosts does."""
        self.world.deliver(name, LocalRequest(HOST, {"op": "host.attach", "id": 1}))
        self.world.after(ASK_EVERY_S, partial(self._attach, name))

    def _reply(self, name: str, effect: Reply) -> None:
        if effect.session == HOST and "lease_until_s" in effect.body:
            self.lease_ends[name] = effect.body["lease_until_s"]


def started(seed: int) -> tuple[Plant, str]:
    """A plant whose role is held for a while."""
    plant = Plant(seed, promises={})
    first = plant.until_primary()
    plant.world.run(plant.world.now + plant.world.random.uniform(1.0, 2.0))
    assert plant.primary() == first
    return plant, first


@pytest.mark.parametrize("seed", SEEDS)
def test_a_primary_that_dies_has_a_successor_in_time(seed: int) -> None:
    plant, first = started(seed)
    plant.world.inflict(Crash(first))
    assert plant.until_primary() != first
    plant.world.inflict(Restart(first))
    plant.world.run(plant.world.now + 3.0)
    assert plant.primary() not in (None, first)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_primary_that_is_paused_finds_another_one_when_it_wakes(seed: int) -> None:
    plant, first = started(seed)
    plant.world.inflict(Pause(first, 20.0))
    assert plant.until_primary(other_than=first) != first
    plant.world.run(plant.world.now + 20.0)
    assert plant.primary() not in (None, first)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_primary_that_is_drained_hands_over_and_stays_away(seed: int) -> None:
    plant, first = started(seed)
    plant.told(first, op="failover.drain")
    second = plant.until_primary(other_than=first)
    plant.world.inflict(Crash(second))
    assert plant.until_primary() not in (first, second)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_cfm_takes_the_rows_of_the_primary_and_of_nobody_else(seed: int) -> None:
    plant, first = started(seed)
    plant.world.inflict(Crash(first))
    second = plant.until_primary()
    plant.world.run(plant.world.now + 1.0)
    for cfm in plant.cfms.values():
        found = cfm.status.describe(0.0)["failover"]["roles"][ROLE]
        assert found["holder"] == second
        assert found["epoch"] == plant.roles[second].claim.epoch


@pytest.mark.parametrize("seed", SEEDS)
def test_one_cfm_of_three_may_die_and_come_back(seed: int) -> None:
    plant, first = started(seed)
    plant.world.inflict(Crash("cfm-1"))
    plant.world.run(plant.world.now + 10.0)
    assert plant.primary() == first
    plant.world.inflict(Restart("cfm-1"))
    plant.world.inflict(Crash("cfm-2"))
    plant.world.run(plant.world.now + 10.0)
    assert plant.primary() == first
    assert len(plant.epochs) == 1


def test_without_a_majority_nobody_acts() -> None:
    plant, _ = started(1)
    for name in CFMS[:2]:
        plant.world.inflict(Crash(name))
    plant.world.run(plant.world.now + WITHIN_S)
    assert plant.primary() is None
    plant.world.inflict(Restart("cfm-1"))
    plant.until_primary()


def test_on_the_first_day_nobody_acts_until_two_cfms_are_admitted() -> None:
    plant = Plant(1)
    plant.world.run(10.0)
    assert plant.primary() is None
    plant.told("cfm-1", op="failover.admit")
    plant.world.run(20.0)
    assert plant.primary() is None
    plant.told("cfm-2", op="failover.admit")
    plant.until_primary()


def test_a_fleet_that_had_an_appointed_primary_goes_on_in_the_next_era() -> None:
    plant = Plant(1, promises={})
    plant.fences["cfm-2"] = {ROLE: [Known(Claim(1, 6400, "a" * 16, BY_APPOINTMENT), "dhcp-1")]}
    plant.world.run(2 * WITHIN_S)
    primary = plant.until_primary()
    assert plant.roles[primary].claim.era == 2
    assert plant.cfms["cfm-2"].status.describe(0.0)["failover"]["roles"][ROLE]["holder"] == primary


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(12))
def test_in_foul_weather_there_are_never_two_and_afterwards_there_is_one(seed: int) -> None:
    plant = Plant(seed, promises={})
    world, random = plant.world, plant.world.random
    world.inflict(SetWeather(Weather(loss=0.2, duplication=0.1, slow=0.05, slow_s_max=4.0)))
    for at in range(12):
        world.run(1.0 + 2.0 * at)
        name, other = random.choice((*DHCPS, *CFMS)), random.choice((*DHCPS, *CFMS))
        kind = random.choice(("crash", "pause", "cut", "drift"))
        if kind == "crash":
            world.inflict(Crash(name))
            world.after(random.uniform(0.0, 3.0), partial(world.inflict, Restart(name)))
        elif kind == "pause":
            world.inflict(Pause(name, random.uniform(0.0, 6.0)))
        elif kind == "drift":
            world.inflict(Drift(name, 1.0 + random.uniform(-0.001, 0.001)))
        elif name != other:
            world.inflict(Cut(name, other))
            world.after(4.0, partial(world.inflict, Mend(name, other)))
    world.inflict(SetWeather(Weather()))
    world.run(world.now + 8.0)  # slow datagrams arrive, pauses end, what was cut is mended
    plant.until_primary()
