"""The simulated plant: real sidecars and CFMs, devices that boot, and a storm, all from one seed.

Theory of operation
-------------------
`dhcp-1` and `mps-1` are `services.sidecar.minter.Minter`, the CFMs `services.cfm.machine.Cfm` with their TFTP
server. What a process keeps on disk (the catalogue) survives a crash here too. A device's question reaches
its minter as the host's local request, over the lossy network that DHCP is; a thief asks for the names it
overhears, from its own address or another device's.

A run has three acts. In the **storm** devices boot, some of them several times, while messages are lost,
doubled and held up, nodes crash, pause and are cut off, and clocks are wrong. When the weather has
**cleared** every device must come online. Then the minters are switched off, and in the **quiet** everything
that anybody holds must go.
"""

from collections.abc import Callable, Sized
from itertools import count, product
from random import Random
from typing import Any, NamedTuple

from bus.effects import Reply
from bus.machine import AnyMachine
from bus.messages import LocalRequest
from bus.testing.checkers import Checker, Numbered
from bus.testing.faults import Crash, Slow, clear, storm
from bus.testing.world import World
from fileid.row import LIFE_S
from fileid.table import TOMBSTONE_S, Table
from services.cfm.machine import Cfm
from services.settings.catalogue import StoreCatalogue
from services.settings.history import StoreHistory
from services.settings.record import CatalogueRecord
from services.sidecar.minter import Minter
from services.tftp.effects import Datagram
from services.tftp.packets import RRQ, parse_opcode
from services.tftp.sockets import Wakeup
from tests.simulation import parts, plant_checkers, row_checkers, settings
from tests.simulation.device import (
    LISTENING_PORT,
    Ask,
    Device,
    Finished,
    FromServer,
    Offered,
    PowerOn,
    State,
    ToServer,
)

REPLAY = ".venv/bin/python -m tests.simulation {seed}"
STORM_S = 20.0
APPLIED_AT_S = (4.0, 12.0)  # when an operator changes the settings, and when he tries again
RECOVERY_S = 120.0  # three ladders of 30 s, and the plant's own few seconds
SETTLE_S = 5.0  # the longest budget, and the last acknowledgements
QUIET_S = TOMBSTONE_S + LIFE_S  # a row that came last, and the tombstone of its download
THIEF = "10.66.6.6"
THIEF_PORT = 666

Wrap = Callable[[str, Any], AnyMachine]
"""Stands something else between the world and a node's machine; for tests of the checkers."""


class Shape(NamedTuple):
    """How large a plant is and how much it suffers."""

    cfms: int = 2
    devices: int = 6
    troubles: int = 0
    read_delay_s_max: float = 0.05
    reboots: int = 0
    rows_max: int = 1_000
    handoff_delay_s: float = 0.0
    thefts: float = 0.0

    @classmethod
    def draw(cls, random: Random) -> "Shape":
        """A plant like no other, small enough for hundreds of them."""
        return cls(
            cfms=random.choice((1, 2, 2, 3)),
            devices=random.randint(4, 12),
            troubles=random.randint(4, 16),
            read_delay_s_max=random.choice((0.0, 0.05, 2.0, 15.0)),
            reboots=random.randint(0, 10),
            rows_max=random.choice((4, 1_000, 1_000)),
            handoff_delay_s=random.choice((0.0, 0.0, 0.2, 0.45, 1.0)),
            thefts=0.2,
        )


class Plant:
    """The plant of one seed. `run` raises a `ViolationError` when something is not as it must be."""

    def __init__(self, seed: int, *, shape: Shape | None = None, wrap: Wrap | None = None) -> None:
        self.world = World(seed, replay=REPLAY)
        self.shape = shape or Shape.draw(self.world.random)
        self.minters: dict[str, Minter] = {}
        self.cfms: dict[str, Cfm] = {}
        self.devices: dict[str, Device] = {}
        self.tables: dict[str, Table] = {}
        self._random = self.world.random
        self._wrap = wrap or (lambda _, machine: machine)
        self._cfms = {parts.cfm_address(at): f"cfm-{at}" for at in range(1, self.shape.cfms + 1)}
        self._homes = {name: address for address, name in self._cfms.items()}
        self._numbers = {f"device-{at}": at for at in range(self.shape.devices)}
        self._names = {parts.device_address(at): name for name, at in self._numbers.items()}
        self._disks: dict[str, CatalogueRecord] = {}
        self._askers: dict[int, tuple[str, int]] = {}
        self._sessions = count(1)
        self._route_effects()
        for checker in self._checkers():
            self.world.check(checker)
        self._add_nodes()

    def run(self) -> None:
        """Storm, recovery, quiet."""
        world, random, nodes = self.world, self._random, [*parts.MINTERS, *self._homes]
        world.plan(
            [(0.0, Slow(*way, self.shape.handoff_delay_s)) for way in product(parts.MINTERS, self._homes)]
        )
        if self.shape.troubles:
            world.plan(storm(random, nodes, until_s=STORM_S, count=self.shape.troubles))
        world.plan(clear(nodes, STORM_S))
        for at_s in APPLIED_AT_S:
            apply = {"op": "settings.apply", "classes": settings.classes(2)}
            world.deliver("dhcp-1", LocalRequest(next(self._sessions), apply), at_s)
        for name in self._numbers:
            world.deliver(name, PowerOn(), random.uniform(0.5, 10.0))
        for _ in range(self.shape.reboots):
            world.deliver(random.choice(list(self._numbers)), PowerOn(), random.uniform(5.0, STORM_S))
        world.run(STORM_S)
        if not world.run(STORM_S + RECOVERY_S, goal=lambda: not self._offline()):
            world.fail(f"the weather is fine, and not online: {', '.join(self._offline())}")
        world.run(world.now + SETTLE_S)
        self._must_be_empty(self._held_by_minters())
        for name in parts.MINTERS:
            world.inflict(Crash(name))
        world.run(world.now + QUIET_S)
        self._must_be_empty(self._held_by_cfms())

    def _offline(self) -> list[str]:
        return [name for name, device in self.devices.items() if device.state is not State.ONLINE]

    def _must_be_empty(self, held: dict[str, Sized]) -> None:
        left = [f"{len(things)} {what}" for what, things in held.items() if things]
        if left:
            self.world.fail(f"still held: {', '.join(left)}")

    # What a machine holds is its own business, except to a test for leaks: these two look inside.
    def _held_by_minters(self) -> dict[str, Sized]:
        return {
            f"hand-offs at {name}": minter.parts.creating.handoff for name, minter in self.minters.items()
        }

    def _held_by_cfms(self) -> dict[str, Sized]:
        held: dict[str, Sized] = {}
        for name, cfm in self.cfms.items():
            held[f"rows at {name}"] = cfm.parts.table
            held[f"tombstones at {name}"] = cfm.parts.table._spent
            held[f"parked reads at {name}"] = cfm.parts.reads
            held[f"pulls at {name}"] = cfm.parts.reads._pulls
            held[f"pulls to send at {name}"] = cfm.parts.reads._pulls._wanted
            held[f"downloads at {name}"] = cfm.parts.serving.downloads
            held[f"TFTP sessions at {name}"] = cfm.parts.serving._tftp._sessions.by_read
        return held

    def _checkers(self) -> list[Checker]:
        opener = parts.opener()
        settings_read = row_checkers.SettingsRead()
        acked = row_checkers.AckedRowsAreServable(self.tables, opener, settings_read)
        budgets_s = {name: budget.budget_s for name, (_, budget) in parts.MINTERS.items()}
        return [
            Numbered(),
            settings_read,
            acked,
            row_checkers.ReadsAreServed(self.tables, opener, settings_read),
            row_checkers.AckedAnswersHold(acked, self._cfms),
            plant_checkers.BytesGoHome(opener),
            plant_checkers.CompletesOnce(),
            plant_checkers.CreatesAreAnswered(budgets_s),
            plant_checkers.FilesAreRight(),
        ]

    def _add_nodes(self) -> None:
        for name in parts.MINTERS:
            self.world.add(name, self._minter(name), reads=("heartbeat", "config"))
        for name in self._homes:
            self.world.add(name, self._cfm(name), reads=("config",))
        for name in self._numbers:
            self.world.add(name, self._device(name), has_clock=False)

    def _minter(self, name: str) -> Callable[[int, Random], AnyMachine]:
        def start(incarnation: int, random: Random) -> AnyMachine:
            minter = parts.build_minter(name, incarnation, random, list(self._homes), self._disks.get(name))
            self.minters[name] = minter
            return self._wrap(name, minter)

        return start

    def _cfm(self, name: str) -> Callable[[int, Random], AnyMachine]:
        def start(incarnation: int, _: Random) -> AnyMachine:
            table = self.tables[name] = Table(self.shape.rows_max)
            cfm = parts.build_cfm(name, incarnation, self._homes[name], table, self._disks.get(name))
            self.cfms[name] = cfm
            return self._wrap(name, cfm)

        return start

    def _device(self, name: str) -> Callable[[int, Random], AnyMachine]:
        def start(_: int, random: Random) -> AnyMachine:
            device = parts.build_device(self._numbers[name], random, self.shape.read_delay_s_max)
            self.devices[name] = device
            return self._wrap(name, device)

        return start

    def _route_effects(self) -> None:
        self.world.on(Ask, self._ask)
        self.world.on(Reply, self._reply)
        self.world.on(ToServer, self._to_server)
        self.world.on(Datagram, self._to_device)
        self.world.on(StoreCatalogue, lambda name, effect: self._disks.update({name: effect.record}))
        self.world.on(StoreHistory, lambda name, effect: None)
        self.world.on(Finished, lambda name, effect: None)

    def _ask(self, name: str, ask: Ask) -> None:
        number = self._numbers[name]
        service = parts.device_service(number)
        minter = next(one for one, (kind, _) in parts.MINTERS.items() if kind == service)
        session = next(self._sessions)
        self._askers[session] = (name, ask.xid)
        body = {
            "op": "fileid.create",
            "id": session,
            "device": f"00:1a:2c:00:00:{number:02x}",
            "address": parts.device_address(number),
            "settings": settings.values(number, service),
        }
        self.world.carry(name, minter, LocalRequest(session, body))

    def _reply(self, minter: str, reply: Reply) -> None:
        if "file" in reply.body:
            name, xid = self._askers[reply.session]
            offer = Offered(xid, reply.body["file"].encode(), reply.body["next_server"])
            self.world.carry(minter, name, offer)

    def _to_server(self, name: str, effect: ToServer) -> None:
        cfm, address = self._cfms[effect.server], parts.device_address(self._numbers[name])
        if effect.port == LISTENING_PORT:
            socket = 0
            self._overhear(name, cfm, effect.data)
        else:
            socket = effect.port - self._first_port(cfm)
        if 0 <= socket <= parts.TRANSFER_SOCKETS:  # or it is a port of an earlier incarnation
            self.world.carry(name, cfm, Wakeup(socket, [(effect.data, (address, effect.from_port))]))

    def _overhear(self, name: str, cfm: str, data: bytes) -> None:
        if parse_opcode(data) == RRQ and self._random.random() < self.shape.thefts:
            thief = self._random.choice((THIEF, *self._names))
            if self._names.get(thief) != name:
                self.world.carry("thief", cfm, Wakeup(0, [(data, (thief, THIEF_PORT))]))

    def _to_device(self, cfm: str, datagram: Datagram) -> None:
        address, port = datagram.peer[:2]
        name = self._names.get(address)
        if name is not None:
            from_port = self._first_port(cfm) + datagram.socket
            self.world.carry(cfm, name, FromServer(datagram.data, self._homes[cfm], from_port, port))

    def _first_port(self, cfm: str) -> int:
        """A restarted process has other transfer ports."""
        return 3000 + 100 * self.world.incarnation(cfm)
