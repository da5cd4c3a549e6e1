"""`make journey`: which of our modules a FileID enters, from `fileid.create` to the last block of its file.

`.venv/bin/python -m tests.simulation.journey`

What counts
-----------
A journey is what one message sets off in the machine that takes it, a real sidecar or a real CFM with all
their parts. `hand-off` is the tick of the sidecar that follows a `fileid.create`, because the tick sends the
row. `read` is a whole read: its `request` and its `last block` together. Each block between them makes the
same journey, `block`. The other journeys are other ends of a read.

A module is **entered** when another module, or the tracer with a message, calls one of its functions. A
module that called out and has control back is not entered by that. Every entrance but the first is a
**return**: whoever follows the FileID through the sources turns back to a page that he has read already. The
count is strict: a loop enters a module once per item, and so does a callback.

Three things are read as a part of the function that uses them, so they do not count. What they call does.

- properties, and methods with Python's names (`__len__`, `__init__`): they read as fields and values;
- lambdas, comprehensions and generator expressions: they stand in the text of their function;
- the second and later items of a generator: it is entered once.

Everything is walked twice, the second time by new machines, and only that counts. So what a process remembers
(an `lru_cache`) is there whoever ran before, and what a machine remembers is not: it reads its first file.
"""

import inspect
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from random import Random
from types import CodeType, FrameType
from typing import Any, NamedTuple, TypeVar

from bus.contract import encode
from bus.effects import Send
from bus.envelope import Envelope
from bus.machine import AnyMachine
from bus.messages import LocalRequest, Received, WallClock
from fileid.row import ROWS, split_rows
from fileid.table import Table
from heartbeat.liveness.beat import BEAT, Beat
from services.settings.catalogue import record
from services.tftp.client_core import ReadClient
from services.tftp.effects import Datagram
from services.tftp.packets import ERROR_UNDEFINED, Request, format_error, format_request
from services.tftp.server_core import LISTENING_SOCKET
from services.tftp.sockets import Wakeup
from tests.simulation import parts, settings
from tests.simulation.plant import Wrap

PACKAGES = ("bus", "fileid", "heartbeat", "services")
MINTER, CFM = "dhcp-1", "cfm-1"
PORT = 2000
WALL_OFFSET_S = 1_700_000_000.0
STEP_S = 0.01  # between two messages: everything fits into a hand-off's budget
VIA = b"the way back to dhcp-1"

_Result = TypeVar("_Result")


class Entrance(NamedTuple):
    """A call into a module from outside of it."""

    module: str
    function: str


class Journey(NamedTuple):
    """What one message set off: the entrances in the order of the calls."""

    name: str
    entrances: tuple[Entrance, ...]

    def entered(self) -> Counter[str]:
        """How often each module was entered, in the order in which they were entered first."""
        return Counter(entrance.module for entrance in self.entrances)

    def returns_max(self) -> int:
        """How often the module that was returned to most was entered again."""
        return max(self.entered().values()) - 1

    def returns(self) -> int:
        """How often any module was entered again."""
        return len(self.entrances) - len(self.entered())

    def lines(self) -> list[str]:
        """The modules in the order of their first entrance, and the sum."""
        modules = [f"{module} entered {count} times" for module, count in self.entered().items()]
        return [*modules, f"{self.name}: at most {self.returns_max()} returns, {self.returns()} in all"]


class Tracer:
    """Records the entrances of what is called through `call`."""

    def __init__(self) -> None:
        self.entrances: list[Entrance] = []
        self._modules: list[str] = []  # of the functions that run: the module whose page is open
        self._generators: set[FrameType] = set()

    def call(self, function: Callable[..., _Result], *arguments: Any) -> _Result:
        """The result of this call, whose entrances are recorded."""
        former = sys.getprofile()
        sys.setprofile(self._profile)
        try:
            return function(*arguments)
        finally:
            sys.setprofile(former)

    def _profile(self, frame: FrameType, event: str, _: object) -> None:
        module = frame.f_globals.get("__name__", "")
        if module.partition(".")[0] not in PACKAGES:
            return
        if event == "return":
            self._modules.pop()
        elif event == "call":
            caller = self._modules[-1] if self._modules else ""
            if self._is_part_of_its_caller(frame, module):
                module = caller
            elif module != caller:
                self.entrances.append(Entrance(module, frame.f_code.co_qualname))
            self._modules.append(module)

    def _is_part_of_its_caller(self, frame: FrameType, module: str) -> bool:
        code = frame.f_code
        if code.co_flags & inspect.CO_GENERATOR:
            if frame in self._generators:
                return True
            self._generators.add(frame)
        return code.co_name.startswith(("<", "__")) or _is_property(module, code)


def _is_property(module: str, code: CodeType) -> bool:
    found: Any = sys.modules[module]
    for name in code.co_qualname.split("."):
        found = vars(found).get(name)
        if not inspect.isclass(found):
            break
    return isinstance(found, property) and getattr(found.fget, "__code__", None) is code


class NamedDevice(NamedTuple):
    """A device by its address, the name that it was given, and the frame that carries its row to a CFM."""

    address: str
    name: bytes
    frame: Received


class Walk:
    """One sidecar, one CFM, and devices that boot. `journeys` has the first journey of each name so far."""

    def __init__(self, wrap: Wrap = lambda _, machine: machine) -> None:
        self.journeys: dict[str, Journey] = {}
        disk = record(settings.classes(1), 1)
        address = parts.cfm_address(1)
        self._now = 0.0
        self._devices = 0
        self._minter = wrap(MINTER, parts.build_minter(MINTER, 1, Random(1), [CFM], disk))
        self._cfm = wrap(CFM, parts.build_cfm(CFM, 1, address, Table(), disk))
        endpoints = {"fileid": f"tcp://{address}:7000", "tftp": address}
        beat = encode(Beat(service="cfm", generation=1, endpoints=endpoints))
        for machine in (self._minter, self._cfm):
            machine.receive(WallClock(WALL_OFFSET_S), self._now)
        self._minter.receive(Received(Envelope(BEAT, CFM, 1, 1, 0, beat), ""), self._now)
        self._minter.tick(self._now)

    def everything(self) -> None:
        """A boot, and the other ends of a read."""
        self._boot()
        self._ask_too_early()
        self._be_refused()
        self._give_up()
        self._ask_by_another_server()

    def _boot(self) -> None:
        device = self._named()
        client = ReadClient(device.name)
        answers = self._ask("request", device, Request(device.name))
        while answers:
            (block,) = answers
            packet = client.receive(block.data, block.socket)
            assert packet is not None
            answers = self._say("last block" if client.done else "block", device, block.socket, packet)
        entrances = self.journeys["request"].entrances + self.journeys["last block"].entrances
        self.journeys["read"] = Journey("read", entrances)
        assert not self._ask("spent", device, Request(device.name))

    def _ask_too_early(self) -> None:
        device = self._created()
        assert not self._ask("early request", device, Request(device.name))
        ack, *answers = self._take("its row", self._cfm, device.frame)
        assert _datagrams(answers)
        self._take("ack", self._minter, Received(ack.envelope, CFM))

    def _be_refused(self) -> None:
        device = self._named()
        elsewhere = device._replace(address=parts.device_address(0))
        assert not self._ask("foreign address", elsewhere, Request(device.name))
        assert not self._ask("foreign name", device, Request(b"modem.bin"))
        assert self._ask("netascii", device, Request(device.name, is_netascii=True))

    def _give_up(self) -> None:
        device = self._named()
        (block,) = self._ask("request", device, Request(device.name))
        assert not self._say("given up", device, block.socket, format_error(ERROR_UNDEFINED, "no room"))

    def _ask_by_another_server(self) -> None:
        device = self._named()
        file = {"file": device.name.decode(), "address": device.address}
        (found,) = self._take("lookup", self._cfm, LocalRequest(1, {"op": "fileid.lookup", "id": 1, **file}))
        (done,) = self._take("done", self._cfm, LocalRequest(1, {"op": "fileid.done", "id": 2, **file}))
        assert found.body["content"]
        assert done.body["done"]

    def _created(self) -> NamedDevice:
        """A device has asked for a name, and its row is on its way."""
        self._devices += 1
        address = parts.device_address(self._devices)
        body = {
            "op": "fileid.create",
            "id": self._devices,
            "device": f"00:1a:2c:00:00:{self._devices:02x}",
            "address": address,
            "settings": settings.values(self._devices, "dhcp"),
        }
        assert self._take("create", self._minter, LocalRequest(1, body)) == []
        effects = self._trace("hand-off", self._minter.tick, self._now)
        (sent,) = [one for one in effects if isinstance(one, Send) and one.envelope.type == ROWS]
        ((name,), _) = split_rows(sent.envelope.data)
        return NamedDevice(address, name, Received(sent.envelope, VIA))

    def _named(self) -> NamedDevice:
        """A device has its name, and the CFM its row."""
        device = self._created()
        (ack,) = self._take("row", self._cfm, device.frame)
        (reply,) = self._take("ack", self._minter, Received(ack.envelope, CFM))
        assert reply.body["acked"]
        return device

    def _ask(self, name: str, device: NamedDevice, request: Request) -> list[Datagram]:
        return self._say(name, device, LISTENING_SOCKET, format_request(request))

    def _say(self, name: str, device: NamedDevice, socket: int, packet: bytes) -> list[Datagram]:
        return _datagrams(self._take(name, self._cfm, Wakeup(socket, [(packet, (device.address, PORT))])))

    def _take(self, name: str, machine: AnyMachine, message: Any) -> list[Any]:
        self._now += STEP_S
        return self._trace(name, machine.receive, message, self._now)

    def _trace(self, name: str, function: Callable[..., Sequence[Any]], *arguments: Any) -> list[Any]:
        tracer = Tracer()
        effects = [*tracer.call(function, *arguments)]
        self.journeys.setdefault(name, Journey(name, tuple(tracer.entrances)))
        return effects


def _datagrams(effects: list[Any]) -> list[Datagram]:
    return [one for one in effects if isinstance(one, Datagram)]


def journeys(wrap: Wrap = lambda _, machine: machine) -> list[Journey]:
    """Every journey. `wrap` stands something else before the machines, for tests of the tracer."""
    for walk in (Walk(), Walk(wrap)):
        walk.everything()
    return [*walk.journeys.values()]


def main() -> None:
    """Print every journey."""
    for journey in journeys():
        print(*journey.lines(), "", sep="\n")


if __name__ == "__main__":
    main()
