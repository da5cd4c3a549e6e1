"""Who is wired to whom beside the bus: hosts to their sidecars, devices to DHCP servers and to TFTP."""

from itertools import count
from random import Random
from typing import Any, Protocol

from bus.effects import Reply, WatchHost
from bus.messages import HostGone, LocalRequest, SessionClosed
from bus.testing.world import World
from services.tftp.effects import Datagram
from services.tftp.sockets import Wakeup
from tests.simulation import parts as p1
from tests.simulation import settings
from tests.simulation.device import LISTENING_PORT, Ask, Finished, FromServer, Offered, ToServer
from tests.simulation.failover import parts
from tests.simulation.failover.host import Acted, FromSidecar, Host, ToSidecar, Wanted

SOCKET_S = 0.0002  # a line on the local socket
GONE_S_MAX = 0.3  # until the last process of a host's group is gone


class Size(Protocol):
    """Whether a plant has hosts, and how many devices."""

    @property
    def hosts(self) -> bool:
        """With hosts."""

    @property
    def devices(self) -> int:
        """So many."""


class Wired(Protocol):
    """A plant that is wired: `homes` are the addresses of its CFMs."""

    world: World
    homes: dict[str, str]
    hosts: dict[str, Host]
    minters: list[str]

    @property
    def shape(self) -> Size:
        """How large it is."""

    def sidecar_of(self, host: str) -> str:
        """The sidecar of this host."""


class Wires:
    """Carries what does not travel on the bus."""

    def __init__(self, plant: Wired, random: Random) -> None:
        self._plant = plant
        self._random = random
        self._cfms = {address: name for name, address in plant.homes.items()}
        self._sessions = count(1)
        self._askers: dict[int, tuple[str, int]] = {}
        self._lines: dict[int, tuple[str, int, str, int]] = {}
        self._line_of: dict[tuple[str, int, str, int], int] = {}
        self._watched: set[int] = set()
        on = plant.world.on
        on(WatchHost, lambda name, effect: self._watched.add(effect.session))
        on(Reply, self._reply)
        on(ToSidecar, self._to_sidecar)
        on(Acted, self._act)
        on(Ask, self._ask)
        on(ToServer, self._to_server)
        on(Datagram, self._to_device)
        on(Finished, lambda name, effect: None)

    def hang_up(self, node: str) -> None:
        """Whoever was on the local socket is gone; the other end is told."""
        for session, (host, _, sidecar, _) in list(self._lines.items()):
            if node == sidecar:
                del self._lines[session]
                if host in self._plant.hosts:
                    self._plant.hosts[host].closed()
            elif node == host:
                del self._lines[session]
                self._plant.world.deliver(sidecar, SessionClosed(session), SOCKET_S)
                if session in self._watched:
                    gone_s = self._random.uniform(2 * SOCKET_S, GONE_S_MAX)
                    self._plant.world.deliver(sidecar, HostGone(session), gone_s)

    def _to_sidecar(self, host: str, effect: ToSidecar) -> None:
        sidecar = self._plant.sidecar_of(host)
        if not self._plant.world.incarnation(sidecar):
            return
        ends = (host, self._plant.world.incarnation(host), sidecar, self._plant.world.incarnation(sidecar))
        session = self._line_of.setdefault(ends, 0) or next(self._sessions)
        self._line_of[ends] = session
        self._lines[session] = ends
        self._plant.hosts[host].opened()
        self._plant.world.deliver(sidecar, LocalRequest(session, effect.body), SOCKET_S)

    def _reply(self, sidecar: str, reply: Reply) -> None:
        ends = self._lines.get(reply.session)
        if ends is not None:
            if ends[1] == self._plant.world.incarnation(ends[0]):
                self._plant.world.deliver(ends[0], FromSidecar(reply.body), SOCKET_S)
        elif "file" in reply.body:
            self._offer(sidecar, reply.body)

    def _act(self, host: str, acted: Acted) -> None:
        if acted.reply is not None:
            self._offer(host, acted.reply)

    def _offer(self, source: str, body: dict[str, Any]) -> None:
        name, xid = self._askers[body["id"]]
        self._plant.world.carry(source, name, Offered(xid, body["file"].encode(), body["next_server"]))

    def _ask(self, name: str, ask: Ask) -> None:
        """As through two helper addresses: every DHCP server gets the question."""
        number = int(name.removeprefix("device-"))
        for minter in self._plant.minters:
            if minter == parts.MPS:
                continue
            session = next(self._sessions)
            self._askers[session] = (name, ask.xid)
            body = {
                "op": "fileid.create",
                "id": session,
                "device": f"00:1a:2c:00:00:{number:02x}",
                "address": p1.device_address(number),
                "settings": settings.values(number, "dhcp"),
            }
            if self._plant.shape.hosts:
                self._plant.world.carry(name, minter.replace("dhcp", "host"), Wanted(body))
            else:
                self._plant.world.carry(name, minter, LocalRequest(session, body))

    def _to_server(self, name: str, effect: ToServer) -> None:
        cfm = self._cfms[effect.server]
        address = p1.device_address(int(name.removeprefix("device-")))
        socket = 0 if effect.port == LISTENING_PORT else effect.port - self._first_port(cfm)
        if 0 <= socket <= p1.TRANSFER_SOCKETS:  # or it is a port of an earlier incarnation
            self._plant.world.carry(name, cfm, Wakeup(socket, [(effect.data, (address, effect.from_port))]))

    def _to_device(self, cfm: str, datagram: Datagram) -> None:
        address, port = datagram.peer[:2]
        for at in range(self._plant.shape.devices):
            if p1.device_address(at) == address:
                from_port = self._first_port(cfm) + datagram.socket
                message = FromServer(datagram.data, self._plant.homes[cfm], from_port, port)
                self._plant.world.carry(cfm, f"device-{at}", message)

    def _first_port(self, cfm: str) -> int:
        return 3000 + 100 * self._plant.world.incarnation(cfm)
