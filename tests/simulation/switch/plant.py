"""A plant that can switch: real sidecars, CFMs and hosts, whose messages leave by one column or by both.

Theory of operation
-------------------
Every process has the real `Columns` over the carriers of `carriers`, and takes a step as its runner does: the
columns are opened first, then the record is on the disk, then it is told. It may be refused, or die in
between. What a process keeps on disk survives a crash and not a wipe.

The scenario says what is done to the plant and when; from `calm_at` on nothing is, and the plant must be well
in time. The rules see every step.
"""

from collections import Counter
from collections.abc import Callable
from functools import partial
from random import Random
from typing import Any

from bus.columns.columns import Columns, Opener
from bus.effects import CatchUp, Connect, Publish, Send
from bus.envelope import Stamp
from bus.errors import ConfigError, LocalError, StateError, TransportError, UnavailableError
from bus.machine import AnyMachine
from bus.routes import Column
from bus.switch.machine import Switch
from bus.switch.standing import Step, StoreSwitch
from bus.testing import faults
from bus.testing.checkers import Checker, Crashed, WorldStep
from bus.testing.faults import DRIFT_MAX
from bus.testing.world import World
from bus.transport.carrier import Sends
from fileid.row import LIFE_S
from fileid.table import Table
from heartbeat.roles.granted.grants import StorePromises, Voter
from heartbeat.roles.log.fence import Fence, StoreFence
from heartbeat.roles.states import State
from heartbeat.roles.switched.holder import SwitchedHolder
from services.settings.catalogue import StoreCatalogue
from services.settings.history import StoreHistory
from services.sidecar.role.authority import Authority
from services.sidecar.role.record import StoreFailover
from tests.simulation import parts as p1
from tests.simulation import plant_checkers, row_checkers
from tests.simulation.device import Device
from tests.simulation.failover.host import Host
from tests.simulation.failover.log_rules import Health
from tests.simulation.failover.wires import Wires
from tests.simulation.switch import parts
from tests.simulation.switch.act_rules import Acts
from tests.simulation.switch.carriers import Air, BusSide, Cables, GroupSide
from tests.simulation.switch.deeds import Deeds
from tests.simulation.switch.end_rules import WELL_WITHIN_S, lacks
from tests.simulation.switch.era_rules import Confirms, Eras
from tests.simulation.switch.parts import Disk
from tests.simulation.switch.scenario import Abort, Admit, BeginEra, Promote, Scenario
from tests.simulation.switch.troubles import Troubles

REPLAY = ".venv/bin/python -m tests.simulation.switch {seed}"
READS = ("heartbeat", "config", "failover")
REVIVE_S = 4.0  # after so long a process in HALT is restarted, as an operator would
VACANT_S = 8.0  # after so long without anybody who acts a person appoints one
STUCK_S = 25.0  # after so long at one step an operator calls a switch off
LOOK_EVERY_S = 0.25
STAYS_WELL_S = 5.0

Wrap = Callable[[str, Any], AnyMachine]
"""Stands something else between the world and a node's machine; for tests of the checkers."""


class SwitchPlant:
    """The plant of one seed and one scenario. `run` raises a `ViolationError` when something is not as it
    must be.
    """

    def __init__(self, seed: int, found: Scenario, *, wrap: Wrap | None = None) -> None:
        self.world = world = World(seed, replay=REPLAY)
        self.scenario = found
        self.shape = shape = found.shape
        self.minters = [*parts.DHCPS[: shape.dhcps], *([parts.MPS] if shape.mps else [])]
        self.homes = {name: p1.cfm_address(at) for at, name in enumerate(parts.CFMS, 1)}
        self.nodes = [*self.minters, *self.homes]
        self.fleet = parts.fleet_with(self.minters)
        self.columns: dict[str, Columns] = {}
        self.switches: dict[str, Switch] = {}
        self.authorities: dict[str, Authority] = {}
        self.holders: dict[str, SwitchedHolder] = {}
        self.fences: dict[str, Fence] = {}
        self.voters: dict[str, Voter] = {}
        self.hosts: dict[str, Host] = {}
        self.tables: dict[str, Table] = {}
        self.devices: dict[str, Device] = {}
        self.disks = {name: Disk(promises={}) for name in self.nodes}
        self.configured = dict.fromkeys(self.nodes, shape.begins)
        self.refused: set[tuple[str, Column]] = set()
        self.wiped: set[str] = set()
        self.lying: set[str] = set()
        self.doubtful: set[str] = set()
        """Whose disk has a step of which it was told that it does not."""
        self.health = Health()
        self.operated: Counter[str] = Counter()
        self.troubles = Troubles()
        self.acts = Acts(self)
        self.eras = Eras(self)
        self._wrap = wrap or (lambda _, machine: machine)
        self._cables = Cables(world)
        self._air = Air(world)
        self._deeds = Deeds(self)
        self._halted_since: dict[str, float] = {}
        self._woken: set[str] = set()
        self._vacant_since = 0.0
        self._no_start_since = 0.0
        self._wires = Wires(self, Random(f"plant {seed}"))
        self._route_effects()
        for checker in self._checkers():
            world.check(checker)
        self._add_nodes()

    def run(self) -> None:
        """Do to the plant what the scenario says; then it must be well in time, and stay so."""
        world, found = self.world, self.scenario
        for at_s, deed in found.faults:
            world.at(at_s, partial(self._deeds.do, deed))
        world.after(LOOK_EVERY_S, self._look)
        world.run(found.calm_at)
        self._deeds.forget()
        for repair in found.repairs:
            self._deeds.do(repair)
        self._must_be_well()
        world.run(world.now + STAYS_WELL_S)
        if any(not one.record.is_over for one in self.switches.values()):
            self._must_be_well()  # an order came late, to one that slept
        elif still := lacks(self):
            world.fail(f"it was well, and is not any more: {'; '.join(still)}")
        if self.eras.switches < found.switches_min:
            world.fail(f"{self.eras.switches} switches came to their end, not {found.switches_min}")
        if self.acts.replaced > found.replaced_max:
            world.fail(f"{self.acts.replaced} holders were replaced, and there was no reason for it")

    def _must_be_well(self) -> None:
        """In time; or in as much time again, if an operator had to help."""
        world, found = self.world, []
        for _ in range(2):
            if world.run(world.now + WELL_WITHIN_S, goal=lambda: not lacks(self)):
                return
            found = lacks(self)
            if not self.operated["gave up"]:
                break
        world.fail(f"it is not well {WELL_WITHIN_S:g} s after the last trouble: {'; '.join(found)}")

    def acting_now(self) -> list[str]:
        """Who may act, by its own word."""
        local = self.world.local
        return [name for name, one in self.authorities.items() if one.may_act(local(name))]

    def _take_along(self) -> None:
        """Whoever was absent hears nobody in the group alone: a person gives it the mode of the others."""
        leads = Counter(one.record.carrying.leads for one in self.switches.values())
        if leads[Column.BUS] <= leads[Column.MULTICAST] or self.world.now < self.scenario.calm_at + REVIVE_S:
            return
        for name in [name for name, one in self.columns.items() if Column.BUS not in one.carrying.hears]:
            self.configured[name] = Column.BUS
            self._deeds.do(faults.Stop(name))
            self._deeds.do(faults.Restart(name))

    def _give_up(self) -> None:
        """A switch that does not get on is called off; and whoever did not read its era is started again."""
        local, now = self.world.local, self.world.now
        stuck = {
            name: one.record.step
            for name, one in self.switches.items()
            if not one.record.is_over and one.age_s(local(name)) > STUCK_S
        }
        if not stuck or now < self.scenario.calm_at + STUCK_S:
            return
        self.operated["gave up"] += 1
        self._deeds.do(Abort(self.minters[0]))
        for name in [name for name, step in stuck.items() if step is Step.FREEZE]:
            # If the log does not have its era any more, only a new disk helps.
            self._deeds.do(faults.Wipe(name) if name in self._woken else faults.Stop(name))
            self._deeds.do(faults.Restart(name))
            self._woken.add(name)

    def halted(self) -> list[str]:
        """Who has lost the role log, or was told something else of it than others."""
        found = [name for name, one in self.holders.items() if one._elected.election.state is State.HALT]
        return [*found, *(name for name, one in self.fences.items() if one.reason)]

    def without_start(self) -> list[str]:
        """Who reads a log of which retention left no beginning."""
        readers = {name: one._elected.election.reader for name, one in self.holders.items()}
        readers |= {name: one.reader for name, one in self.fences.items()}
        return [name for name, one in readers.items() if one.no_start]

    def sidecar_of(self, host: str) -> str:
        """The sidecar of this host."""
        return host.replace("host", "dhcp")

    def disturbed(self, deed: Any) -> None:
        """Something was done to the plant."""
        self.troubles.note(deed, self.world.now)
        if isinstance(deed, faults.Full):
            (self.lying.add if deed.is_on and deed.lies else self.lying.discard)(deed.node)

    def met(self) -> Counter[str]:
        """What came about."""
        return Counter(
            switches=self.eras.switches,
            replaced=self.acts.replaced,
            rows=self.acked.acked,
            steps=self.world.witness.steps,
            **{f"operator {name}": times for name, times in self.operated.items()},
        )

    def _look(self) -> None:
        """What no step shows; and the operator who restarts what halted, and lets vote who lost its disk."""
        world = self.world
        if (fault := self.acts.look(world.now)) is not None:
            world.fail(fault)
        self._halted_since = {name: self._halted_since.get(name, world.now) for name in self.halted()}
        for name, since in self._halted_since.items():
            if world.now - since >= REVIVE_S:
                self._deeds.do(faults.Crash(name))
                self._deeds.do(faults.Restart(name))
        for name, voter in self.voters.items():
            if not voter.votes:
                self._deeds.do(Admit(name))
        self._take_along()
        self._give_up()
        lost = self.without_start()
        if not lost:
            self._no_start_since = world.now
        elif world.now - self._no_start_since >= REVIVE_S:
            self._no_start_since = world.now
            able = [name for name in self.minters if name in self.switches and name not in lost]
            self._deeds.do(BeginEra(able[0] if able else self.minters[0]))
        if self.acting_now() or world.now < self.scenario.calm_at or self.shape.grants:
            self._vacant_since = world.now
        elif world.now - self._vacant_since >= VACANT_S:
            self._deeds.do(Promote(self.minters[0]))  # the disk of the appointed primary was lost
        world.after(LOOK_EVERY_S, self._look)

    # The parts

    def _checkers(self) -> list[Checker]:
        settings_read = row_checkers.SettingsRead()
        self.acked = acked = row_checkers.AckedRowsAreServable(
            self.tables, parts.OPENER, settings_read, overhears=True, drift_s=2 * LIFE_S * DRIFT_MAX
        )
        return [
            self._see,
            self.acts,
            self.eras,
            Confirms(self),
            settings_read,
            acked,
            row_checkers.AckedAnswersHold(acked, {at: name for name, at in self.homes.items()}),
            plant_checkers.BytesGoHome(parts.OPENER),
            plant_checkers.FilesAreRight(),
        ]

    def _see(self, step: WorldStep) -> None:
        if type(step.message) is Crashed:
            self._crashed(step.node)

    def _crashed(self, node: str) -> None:
        columns = self.columns.pop(node, None)
        if columns is not None:
            columns.close()
        for table in (self.switches, self.authorities, self.holders, self.fences, self.voters, self.hosts):
            table.pop(node, None)
        self.health.paused_until.pop(node, None)
        self.doubtful.discard(node)
        self._wires.hang_up(node)

    def _add_nodes(self) -> None:
        world, shape = self.world, self.shape
        for name in self.minters:
            world.add(name, partial(self._minter, name))
        for name in self.homes:
            world.add(name, partial(self._cfm, name))
        if shape.hosts:
            for name in self.minters:
                if name != parts.MPS:
                    host = name.replace("dhcp", "host")
                    world.add(host, partial(self._host, host), has_clock=False)
        for at in range(shape.devices):
            world.add(f"device-{at}", partial(self._device, at), has_clock=False)
        world.on_wipe(self._wipe)

    def _wipe(self, name: str) -> None:
        if name not in self.disks:
            return
        self.disks[name] = Disk()
        self.wiped.add(name)
        self.eras.wiped(name)
        # Whoever sets a host up anew gives it the mode that the fleet has.
        leads = Counter(one.record.carrying.leads for one in self.switches.values())
        if leads:
            self.configured[name] = leads.most_common(1)[0][0]

    def _opened(self, stamp: Stamp, kept: StoreSwitch, incarnation: int) -> Columns:
        name, world = stamp.instance, self.world
        address = self.homes.get(name, "")
        listens = f"tcp://{address}:7000" if address else ""
        numbered = address or f"10.8.0.{self.minters.index(name) + 1}"

        def open_bus(_: Sends) -> BusSide:
            self._may_open(name, Column.BUS)
            return BusSide(self._cables, world, name, incarnation, READS, listens)

        def open_group(sends: Sends) -> GroupSide:
            self._may_open(name, Column.MULTICAST)
            return GroupSide(
                self._air,
                world,
                stamp,
                parts.ANYBODY,
                sends,
                incarnation=incarnation,
                overhears=("fileid",) if address else (),
                endpoint=f"udp://{numbered}:7001",
            )

        openers: dict[Column, Opener] = {Column.BUS: open_bus, Column.MULTICAST: open_group}
        columns = Columns(openers, lambda: parts.BOTH, kept.carrying, parts.ANYBODY, name, handlers={})
        self.columns[name] = columns
        return columns

    def _may_open(self, name: str, column: Column) -> None:
        if name in self.columns and (name, column) in self.refused:  # a start is tried again until it is
            raise UnavailableError(f"{column} cannot be opened")

    def _minter(self, name: str, incarnation: int, random: Random) -> AnyMachine:
        disk, stamp = self.disks[name], parts.stamp_of(name, incarnation)
        kept = parts.switch_of(disk, self.configured[name], self.shape)
        columns = self._opened(stamp, kept, incarnation)
        needs_host = self.shape.hosts and name != parts.MPS
        minter, self.authorities[name], self.holders[name] = parts.build_minter(
            stamp, self.fleet, self.shape, kept, disk, columns, random, needs_host=needs_host
        )
        self.switches[name] = minter.parts.frame.switching.switch
        return columns.around(self._wrap(name, minter))

    def _cfm(self, name: str, incarnation: int, random: Random) -> AnyMachine:
        disk, stamp = self.disks[name], parts.stamp_of(name, incarnation)
        kept = parts.switch_of(disk, self.configured[name], self.shape)
        columns = self._opened(stamp, kept, incarnation)
        table = self.tables[name] = Table(1_000)
        cfm, self.fences[name], voter = parts.build_cfm(
            stamp,
            self.fleet,
            self.shape,
            kept,
            disk,
            columns,
            table,
            random,
            address=self.homes[name],
            now=self.world.local(name),
        )
        if voter is not None:
            self.voters[name] = voter
        self.switches[name] = cfm.parts.frame.switching.switch
        return columns.around(self._wrap(name, cfm))

    def _host(self, name: str, _: int, __: Random) -> AnyMachine:
        host = self.hosts[name] = Host()
        return self._wrap(name, host)

    def _device(self, at: int, _: int, random: Random) -> AnyMachine:
        device = p1.build_device(at, random, 0.3)
        self.devices[f"device-{at}"] = device
        return device

    # Effects

    def _route_effects(self) -> None:
        on, columns = self.world.on, self.columns
        on(Send, lambda name, effect: columns[name].send(effect.to, effect.envelope, effect.column))
        on(Publish, lambda name, effect: columns[name].publish(effect.envelope, effect.key, effect.column))
        on(CatchUp, lambda name, effect: columns[name].catch_up(effect.traffic))
        on(Connect, self._connect)
        on(StoreSwitch, self._take_step)
        on(StoreCatalogue, lambda name, effect: setattr(self.disks[name], "catalogue", effect.record))
        on(StoreHistory, lambda name, effect: None)
        on(StoreFailover, lambda name, effect: setattr(self.disks[name], "failover", effect))
        on(StoreFence, lambda name, effect: setattr(self.disks[name], "fence", effect.known))
        on(StorePromises, lambda name, one: setattr(self.disks[name], "promises", dict(one.promises)))

    def _connect(self, name: str, effect: Connect) -> None:
        try:
            self.columns[name].connect(effect.peer, effect.endpoint)
        except (LocalError, UnavailableError):
            return  # the process says so in its log

    def _take_step(self, name: str, record: StoreSwitch) -> None:
        """As `bus.columns.switch_file.take_step`."""
        crash = self._deeds.crashes(name, record.step)
        if crash is not None:
            if crash.kept:
                self.disks[name].switch = record
            self._deeds.crash(name)
            return
        columns = self.columns[name]
        before = columns.carrying
        try:
            columns.carry(record.carrying)
        except (TransportError, ConfigError, LocalError, StateError) as error:
            raise OSError(str(error)) from error
        self.disks[name].switch = record
        self.doubtful.discard(name)
        if name in self.lying:  # the disk failed after the file was put in its place
            self.doubtful.add(name)
            columns.carry(before)
