"""ZeroMQ for the contract: a minter's dealers and a CFM's router, each in a context of its own, and back."""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import zmq
from zmq.utils.monitor import parse_monitor_message

from bus.envelope import Envelope
from bus.fleet.key_pair import KeyPair, new_key_pair
from bus.transport.poller import Poller
from bus.transport.zeromq.address_families import bind, connect
from bus.transport.zeromq.curve import ZapHandler, secure_client, secure_server
from bus.transport.zeromq.dealers import Dealers
from bus.transport.zeromq.owners import Owners
from bus.transport.zeromq.router import Router
from bus.wire.codec import FRAME_HEADER, FRAME_VERSION, KINDS
from tests.contract.harness import Harness

QUEUE_MAX = 20
MINTERS = ("dhcp-1", "dhcp-2")
CFMS = ("cfm-1", "cfm-2")
ANY_PORT = "tcp://127.0.0.1:*"
GARBAGE = (
    b"",
    b"garbage",
    FRAME_HEADER.pack(FRAME_VERSION, 1, 0, 1, 1, 1, 0)[:-1],  # a byte short
    FRAME_HEADER.pack(FRAME_VERSION + 1, 1, 0, 1, 1, 1, 0),
    FRAME_HEADER.pack(FRAME_VERSION, 255, 0, 1, 1, 1, 0),  # a kind that nobody declared
)


class ZeroMqHarness(Harness):
    """From `dhcp-1` to `cfm-1`."""

    name = "zeromq"
    types = tuple(KINDS.values())
    attests_source = True
    bulk_bytes = 64 * 1024

    def __init__(self, any_port: str = ANY_PORT) -> None:
        super().__init__()
        self.endpoint = self.any_port = any_port
        self.keys = {name: new_key_pair() for name in (*MINTERS, *CFMS)}

    @property
    def minter_poller(self) -> Poller:
        """The poller of the minter's end."""
        return self.near

    @property
    def cfm_poller(self) -> Poller:
        """The poller of the CFM's end."""
        return self.far

    def start(self) -> None:
        self.minter: zmq.Context[Any] = zmq.Context()
        self.cfm: zmq.Context[Any] = zmq.Context()
        self.parts.callback(self.cfm.term)
        self.parts.callback(self.minter.term)
        self.start_cfm()
        self.dealers = self.minter_of(self.keys["dhcp-1"])
        self.until(lambda: self.dealers.is_connected("cfm-1"), "the connection")

    def start_cfm(self) -> None:
        """The CFM's end, at the port of an earlier start if there was one."""
        self.owners = Owners({self.keys[name].public: name for name in MINTERS})
        self.zap = ZapHandler(self.cfm, self.cfm_poller, self.owners)
        self.parts.callback(self.zap.close)
        self.router = Router(
            self.cfm, self.cfm_poller, self.keys["cfm-1"], self.owners, self.endpoint, QUEUE_MAX
        )
        self._router_open = ExitStack()
        self._router_open.callback(self.router.close)
        self.parts.callback(self._router_open.close)
        self.endpoint = self.router.endpoint

    def minter_of(self, keys: KeyPair) -> Dealers:
        """The end of a minter that has these keys, told to connect to the CFM."""
        dealers = Dealers(
            self.minter,
            self.minter_poller,
            keys,
            {name: [self.keys[name].public] for name in CFMS},
            QUEUE_MAX,
        )
        self.parts.callback(dealers.close)
        dealers.connect("cfm-1", self.endpoint)
        return dealers

    def socket(self, kind: int, context: zmq.Context[Any]) -> zmq.Socket[bytes]:
        """A bare socket, closed with the rest."""
        socket: zmq.Socket[bytes] = context.socket(kind)
        socket.setsockopt(zmq.LINGER, 0)
        self.parts.callback(socket.close)
        return socket

    def bare_minter(self, name: str) -> zmq.Socket[bytes]:
        """A connection with this minter's key that can say what it likes."""
        socket = self.socket(zmq.DEALER, self.minter)
        secure_client(socket, self.keys[name], self.keys["cfm-1"].public)
        connect(socket, self.endpoint)
        return socket

    def event(self, socket: zmq.Socket[bytes], *events: int) -> Callable[[], int]:
        """Watch a bare socket for events of its connection; what is returned waits for the first of them."""
        monitor = socket.get_monitor_socket(sum(events))
        self.parts.callback(monitor.close)
        self.parts.callback(socket.disable_monitor)

        def first() -> int:
            self.until(lambda: monitor.poll(0), "an event of the connection")
            return parse_monitor_message(monitor.recv_multipart())["event"]

        return first

    def send(self, envelope: Envelope) -> None:
        self.dealers.send("cfm-1", envelope)

    def break_peer(self) -> None:
        self._router_open.close()

    def inject_garbage(self) -> int:
        socket = self.bare_minter("dhcp-1")
        for frame in GARBAGE:
            socket.send(frame)
        socket.send_multipart([b"two", b"parts"])
        return len(GARBAGE) + 1

    @property
    def undecodable(self) -> int:
        return self.router.undecodable

    def expected(self, envelope: Envelope) -> Envelope:
        return envelope._replace(source=self.source, site="")


class ZeroMqReplyHarness(ZeroMqHarness):
    """The way back: what `cfm-1` says to `dhcp-1` on the connection that the minter opened."""

    name = "zeromq-reply"
    source = "cfm-1"

    @property
    def minter_poller(self) -> Poller:
        return self.far

    @property
    def cfm_poller(self) -> Poller:
        return self.near

    def start(self) -> None:
        super().start()
        hello = self.some(1)[0]
        self.dealers.send("cfm-1", hello)
        self.receive(hello)

    def send(self, envelope: Envelope) -> None:
        self.router.send("dhcp-1", envelope)

    def break_peer(self) -> None:
        self.dealers.close()

    def inject_garbage(self) -> int:
        """`cfm-2` is a bare router of ours: it answers the minter's hello with garbage."""
        rogue = self.socket(zmq.ROUTER, self.cfm)
        secure_server(rogue, self.keys["cfm-2"])
        bind(rogue, self.any_port)
        self.dealers.connect("cfm-2", rogue.getsockopt_string(zmq.LAST_ENDPOINT))
        self.until(lambda: self.dealers.is_connected("cfm-2"), "the connection to cfm-2")
        self.dealers.send("cfm-2", self.some(1)[0])
        self.until(lambda: rogue.poll(0), "the hello")
        route, _ = rogue.recv_multipart()
        for frame in GARBAGE:
            rogue.send_multipart([route, frame])
        return len(GARBAGE)

    @property
    def undecodable(self) -> int:
        return self.dealers.undecodable


class ZeroMqIPv6Harness(ZeroMqHarness):
    """The same over IPv6."""

    name = "zeromq-ipv6"
    needs = ("any_ipv6_port",)


class ZeroMqIPv6ReplyHarness(ZeroMqReplyHarness):
    """The way back over IPv6."""

    name = "zeromq-ipv6-reply"
    needs = ("any_ipv6_port",)
