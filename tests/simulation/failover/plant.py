"""A plant under election: real sidecars with their elections, real CFMs with their fences, hosts, devices.

Theory of operation
-------------------
Every sidecar of a role asks for it on the role log, CFMs judge rows by what they read there, hosts act by the
leases that they are told, and a device's question reaches all DHCP servers, as through two helper addresses.
What a process keeps on disk survives a crash and not a wipe. A host and its sidecar share a machine, so they
share its clock; each can be paused and can die alone.

The scenario says what is done to the plant and when. The rules (`lease_rules`, `cfm_rules`, `log_rules`) see
every step.
"""

from collections import Counter
from collections.abc import Callable
from functools import partial
from random import Random
from typing import Any

from bus.envelope import Envelope
from bus.machine import AnyMachine
from bus.messages import Entry
from bus.testing import faults
from bus.testing.checkers import Checker, Crashed, Numbered, WorldStep
from bus.testing.world import World
from fileid.table import Table
from heartbeat.roles.elected.election import Election
from heartbeat.roles.log.fence import Fence, StoreFence
from heartbeat.roles.log.reader import Reader
from heartbeat.roles.states import Cause, State
from services.settings.catalogue import StoreCatalogue
from services.settings.history import StoreHistory
from services.sidecar.role.authority import Authority
from services.sidecar.role.record import StoreFailover
from tests.simulation import parts as p1
from tests.simulation import plant_checkers, row_checkers
from tests.simulation.device import (
    Device,
)
from tests.simulation.device import State as DeviceState
from tests.simulation.failover import parts
from tests.simulation.failover.cfm_rules import Acceptors
from tests.simulation.failover.deeds import Clerk, Deeds
from tests.simulation.failover.host import Host
from tests.simulation.failover.insider import INSIDER, Insider
from tests.simulation.failover.lease_rules import Leases
from tests.simulation.failover.log_rules import Health, Liveness, Readers
from tests.simulation.failover.oracle import Oracle
from tests.simulation.failover.parents import Parents, sidecar_of
from tests.simulation.failover.parts import Disk
from tests.simulation.failover.scenario import Scenario
from tests.simulation.failover.wires import Wires

REPLAY = ".venv/bin/python -m tests.simulation.failover {seed}"
LOOK_EVERY_S = 1.0

Wrap = Callable[[str, Any], AnyMachine]
"""Stands something else between the world and a node's machine; for tests of the checkers."""


class FailoverPlant:
    """The plant of one seed and one scenario. `run` raises a `ViolationError` when something is not as it
    must be.
    """

    def __init__(self, seed: int, found: Scenario, *, wrap: Wrap | None = None) -> None:
        self.world = World(seed, replay=REPLAY)
        self.scenario = found
        self.shape = shape = found.shape
        self.minters = [*parts.DHCPS[: shape.dhcps], *([parts.MPS] if shape.mps else [])]
        self.homes = {f"cfm-{at}": p1.cfm_address(at) for at in range(1, shape.cfms + 1)}
        self.elections: dict[str, Election] = {}
        self.authorities: dict[str, Authority] = {}
        self.fences: dict[str, Fence] = {}
        self.hosts: dict[str, Host] = {}
        self.tables: dict[str, Table] = {}
        self.devices: dict[str, Device] = {}
        self.insider: Insider | None = None
        self.disks = {name: Disk() for name in (*self.minters, *self.homes)}
        self.health = Health()
        self.operated: Counter[str] = Counter()
        self.oracle = Oracle(self._is_forged)
        self.leases = Leases(self, self.oracle)
        self.cfm_rules = Acceptors(self, self.oracle)
        self.readers = Readers(self, self.oracle)
        self.liveness = Liveness(self)
        self._wrap = wrap or (lambda _, machine: machine)
        self._gone: list[Election] = []
        self._services = {name: "mps" if name == parts.MPS else "dhcp" for name in self.minters}
        self._services |= dict.fromkeys(self.homes, "cfm")
        self._halted_since: dict[str, float] = {}
        self._deeds = Deeds(self)
        self._wires = Wires(self, Random(f"plant {seed}"))
        self.parents = Parents(self, Random(f"parents {seed}")) if shape.parents else None
        self._route_effects()
        for checker in self._checkers():
            self.world.check(checker)
        self._add_nodes()

    def run(self) -> None:
        """Do to the plant what the scenario says."""
        world = self.world
        for at_s, fault in self.scenario.faults:
            world.at(at_s, partial(self._deeds.do, fault))
        world.after(LOOK_EVERY_S, self._look)
        if self.scenario.online_at:
            world.at(self.scenario.online_at, self._must_be_online)
        world.run(self.scenario.until_s)
        if self.leases.takeovers > self.scenario.takeovers_max:
            world.fail(f"{self.leases.takeovers} takeovers, and there was no reason for them")

    def taken(self) -> Counter[tuple[State, Cause]]:
        """How often each transition was taken, by everybody who ever ran."""
        found: Counter[tuple[State, Cause]] = Counter()
        for election in (*self._gone, *self.elections.values()):
            found += election.taken
        return found

    def reader(self, node: str) -> Reader | None:
        """The role log's reader of a node that runs."""
        owner = self.elections.get(node) or self.fences.get(node)
        return None if owner is None else owner.reader

    def sidecar_of(self, host: str) -> str:
        """The sidecar of this host."""
        return host.replace("host", "dhcp")

    def host_is_up(self, sidecar: str, now: float) -> bool:
        """Whether the host of this sidecar runs; one without a host needs none."""
        host = sidecar.replace("dhcp", "host")
        return sidecar == parts.MPS or (
            self.world.incarnation(host) > 0 and self.health.paused_until.get(host, 0.0) <= now
        )

    def _must_be_online(self) -> None:
        offline = [
            name
            for name, device in self.devices.items()
            if device.state not in (DeviceState.OFF, DeviceState.ONLINE)
        ]
        if offline:
            self.world.fail(f"not online: {', '.join(offline)}")

    def _look(self) -> None:
        """What no step shows: that nothing happens; and the operator who restarts what has halted."""
        world = self.world
        fault = self.liveness.look(world.now)
        if fault is not None:
            world.fail(fault)
        for name, election in list(self.elections.items()):
            if election.state is not State.HALT:
                self._halted_since.pop(name, None)
            elif world.now - self._halted_since.setdefault(name, world.now) >= self.shape.revive_s:
                self._deeds.do(faults.Crash(name))
                self._deeds.do(faults.Restart(name))
        for name, fence in list(self.fences.items()):
            if not fence.reason:
                self._halted_since.pop(name, None)
            elif world.now - self._halted_since.setdefault(name, world.now) >= self.shape.revive_s:
                self._deeds.do(faults.Crash(name))
                self._deeds.do(faults.Restart(name))
        world.after(LOOK_EVERY_S, self._look)

    # The parts

    def _checkers(self) -> list[Checker]:
        found: list[Checker] = [self._see, self.leases, self.cfm_rules, self.readers]
        if self.shape.devices:
            settings_read = row_checkers.SettingsRead()
            acked = row_checkers.AckedRowsAreServable(self.tables, parts.OPENER, settings_read)
            found += [
                self._as_stamped(Numbered()),
                settings_read,
                acked,
                row_checkers.AckedAnswersHold(acked, {at: name for name, at in self.homes.items()}),
                plant_checkers.BytesGoHome(parts.OPENER),
                plant_checkers.CompletesOnce(),
                plant_checkers.FilesAreRight(),
            ]
        return found

    def _as_stamped(self, checker: Checker) -> Checker:
        """Show the steps of honest instances, with their own incarnations; a parent's one record is in the
        name of its child.
        """

        def check(step: WorldStep) -> str | None:
            if sidecar_of(step.node) or step.node == INSIDER:
                return None
            if step.node in self.minters:
                step = step._replace(incarnation=parts.of_sidecar(step.incarnation))
            return checker(step)

        return check

    def _see(self, step: WorldStep) -> None:
        """Follow who runs, and what stands in the log."""
        kind = type(step.message)
        if kind is Entry:
            self.oracle.see(step.message.offset, step.message.envelope)
            if not self.oracle.has(step.message.offset, step.message.envelope):
                self.leases.misled.add((step.node, step.incarnation))
        elif kind is Crashed:
            self._crashed(step.node)

    def _crashed(self, node: str) -> None:
        election = self.elections.pop(node, None)
        if election is not None:
            self._gone.append(election)
            self.authorities.pop(node)
        self.fences.pop(node, None)
        self.hosts.pop(node, None)
        self.health.paused_until.pop(node, None)
        if self.shape.hosts:
            self._wires.hang_up(node)
        if self.parents is not None:
            self.parents.crashed(node)

    def _add_nodes(self) -> None:
        world, shape = self.world, self.shape
        for name in self.minters:
            world.add(name, partial(self._minter, name), reads=("heartbeat", "config", "failover"))
        for name in self.homes:
            world.add(name, partial(self._cfm, name), reads=("config", "failover"))
        if shape.hosts:
            for name in self.minters:
                if name != parts.MPS:
                    host = name.replace("dhcp", "host")
                    world.add(host, partial(self._host, host), has_clock=False)
        for at in range(shape.devices):
            world.add(f"device-{at}", partial(self._device, at), has_clock=False)
        if shape.insider:
            world.add(INSIDER, self._insider, reads=("heartbeat", "failover"), has_clock=False)
        world.add(parts.OPERATOR, lambda incarnation, _: Clerk(incarnation), has_clock=False)
        world.on_wipe(self._wipe)

    def _wipe(self, name: str) -> None:
        if name in self.disks:
            self.disks[name] = Disk()
        self.cfm_rules.wiped(name)

    def _minter(self, name: str, start: int, random: Random) -> AnyMachine:
        if self.parents is not None:
            self.parents.started(name, start)
        disk = self.disks[name]
        election = parts.build_election(name, start, random, [*self.homes], disk)
        if self.shape.checkpoint_at:
            parts.checkpoint_soon(election, self.shape.checkpoint_at)
        needs_host = self.shape.hosts and name != parts.MPS
        minter, authority = parts.build_minter(election, random, self._services, disk, needs_host=needs_host)
        self.elections[name], self.authorities[name] = election, authority
        return self._wrap(name, minter)

    def _cfm(self, name: str, incarnation: int, _: Random) -> AnyMachine:
        disk = self.disks[name]
        table = self.tables[name] = Table(1_000)
        fence = self.fences[name] = parts.build_fence(self.minters, disk)
        cfm = parts.build_cfm(name, incarnation, self.homes[name], table, fence, disk)
        return self._wrap(name, cfm)

    def _is_forged(self, envelope: Envelope) -> bool:
        return self.insider is not None and envelope in self.insider.forged

    def _insider(self, _: int, random: Random) -> AnyMachine:
        self.insider = Insider(random, self._services)
        return self.insider

    def _host(self, name: str, _: int, __: Random) -> AnyMachine:
        host = self.hosts[name] = Host()
        return self._wrap(name, host)

    def _device(self, at: int, _: int, random: Random) -> AnyMachine:
        device = p1.build_device(at, random, 0.3)
        self.devices[f"device-{at}"] = device
        return self._wrap(f"device-{at}", device)

    # Effects

    def _route_effects(self) -> None:
        on = self.world.on
        on(StoreCatalogue, self._keep("catalogue", lambda effect: effect.record))
        on(StoreHistory, lambda name, effect: None)
        on(StoreFailover, self._keep("failover", lambda effect: effect))
        on(StoreFence, self._keep("fence", lambda effect: effect.known))

    def _keep(self, field: str, what: Callable[[Any], Any]) -> Callable[[str, Any], None]:
        return lambda name, effect: setattr(self.disks[sidecar_of(name) or name], field, what(effect))
