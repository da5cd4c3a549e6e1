"""Stand-in for a host service: it plays the DHCP server or the MPS.

`python -m services.lab.hosts.process CONFIG.json`.

Theory of operation
-------------------
The shell of `services.lab.hosts.dhcp_server`: one thread, one epoll over the UDP socket, the sidecar's Unix
socket and the stop signal. The UDP socket is drained in batches, so the creates of one batch travel to the
sidecar together and answers may come back in any order. Per batch the journal is flushed before the first ACK
leaves.

A sidecar that is gone is tried again after 0.1 s, then twice as long each time up to 1 s; requests of devices
meanwhile are dropped and counted. `{"ready": true}` on standard output says that the UDP socket is bound, and
that the sidecar accepted the host if it has to attach. At the end the counters are the journal's last line.
PacketCable's SNMP step between MPS and adapter is not simulated (see the core).

A host under election (`attach`) is silent unless it may act (`services.lab.hosts.authority`), which it checks
as the last thing before each datagram leaves. Each is in the journal before, with its epoch; so a host that
was killed finds there the addresses it gave away.

A host that `obeys` takes words on standard input: `spin` has it answer no device until `work`, while it goes
on to speak with its sidecar, as a service whose working thread hangs while another one lives.
"""

from __future__ import annotations

import ipaddress
import json
import os
import select
import socket
import sys
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bus.device import device_text, parse_device
from services.dhcp.client.bootp import address_text
from services.lab.hosts.authority import HostAuthority
from services.lab.hosts.dhcp_server import (
    AskSidecar,
    DhcpServer,
    Effect,
    SendReply,
    Service,
    SettingsRule,
)
from services.lab.hosts.stream import Sidecar
from services.lab.site.journal import Journaled, JournalWriter, boottime_s, read_journal
from services.lab.site.stop_signal import stop_descriptor

BATCH_DATAGRAMS_MAX = 256  # then the sidecar's answers get their turn
RECEIVE_BUFFER_BYTES = 4 << 20  # a storm's requests wait here, not at the modems


class SettingsEntry(BaseModel):
    """Devices by option-60 prefix, their settings class and its values (texts may hold templates)."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    match: str
    class_name: str = Field(alias="class")
    values: dict[str, int | str] = {}

    def rule(self) -> SettingsRule:
        """The entry as a rule of the server core."""
        return SettingsRule(self.match.encode(), {"class": self.class_name, **self.values})


class HostConfig(BaseModel):
    """The configuration of one host service, as JSON."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    service: Service
    listen: tuple[str, int]
    socket: Path
    journal: Path
    pool: ipaddress.IPv4Network
    attach: bool = False
    # It obeys words on standard input.
    obeys: bool = False
    settings: list[SettingsEntry]


class HostProcess:
    """The process: sockets, journal and loop around a `DhcpServer`."""

    def __init__(self, config: HostConfig, stop: int) -> None:
        self._stop = stop
        self._journal = JournalWriter(config.journal)
        self._epoll = select.epoll()
        self._sidecar = Sidecar(config.socket, self._epoll)
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        self._udp.bind(config.listen)
        self._epoll.register(self._udp, select.EPOLLIN)
        self._epoll.register(stop, select.EPOLLIN)
        self._orders = sys.stdin.fileno() if config.obeys else -1
        if config.obeys:
            self._epoll.register(self._orders, select.EPOLLIN)
        self._spins = False
        own = ipaddress.IPv4Address(config.listen[0]).packed
        rules = [entry.rule() for entry in config.settings]
        self._server = DhcpServer(config.service, own, config.pool, rules)
        self._authority = HostAuthority() if config.attach else None
        if config.attach:
            self._restore(config.journal)

    def run(self) -> None:
        """Serve until the stop descriptor is readable; the journal is complete when this returns."""
        try:
            if self._authority is None:
                _say_ready()
            stopping = False
            while not stopping:
                now = boottime_s()
                if not self._sidecar.up and now >= self._sidecar.retry_at:
                    self._connect(now)
                if self._authority is not None:
                    if not self._spins:
                        self._authority.worked()
                    self._perform(self._authority.tick(now), now)
                for descriptor, _ in self._epoll.poll(self._wait_s(now)):
                    if descriptor == self._orders:
                        self._obey()
                    elif descriptor == self._udp.fileno():
                        self._drain(boottime_s())
                    elif descriptor == self._sidecar.fileno():
                        self._hear(boottime_s())
                    stopping = stopping or descriptor == self._stop
        finally:
            self._journal.append({"event": "counters", "at": boottime_s(), **asdict(self._server.counters)})
            self._journal.close()
            self._sidecar.close(0.0)
            self._udp.close()
            self._epoll.close()

    def _obey(self) -> None:
        words = os.read(self._orders, 4096).split()
        if not words:  # the lab is gone
            self._epoll.unregister(self._orders)
            return
        self._spins = words[-1] == b"spin"
        self._epoll.modify(self._udp, 0 if self._spins else select.EPOLLIN)

    def _restore(self, journal: Path) -> None:
        for event in read_journal(journal):
            if event["event"] == "effect":
                address = ipaddress.IPv4Address(event["address"]).packed
                self._server.restore(parse_device(event["device"]), address)

    def _connect(self, now: float) -> None:
        self._sidecar.connect(now)
        if self._sidecar.up and self._authority is not None:
            self._perform(self._authority.connected(now), now)

    def _wait_s(self, now: float) -> float:
        """The time until something is due, in seconds, for epoll; -1 without limit."""
        if not self._sidecar.up:
            return max(0.0, self._sidecar.retry_at - now)
        return -1.0 if self._authority is None else max(0.0, self._authority.deadline() - now)

    def _drain(self, now: float) -> None:
        effects: list[Effect] = []
        for _ in range(BATCH_DATAGRAMS_MAX):
            try:
                data, peer = self._udp.recvfrom(2048)
            except OSError:  # nothing left
                break
            if self._authority is not None and not self._authority.may_act(now):
                self._server.counters.standby += 1
                continue
            effects += self._server.receive(data, peer, now, sidecar_up=self._sidecar.up)
        self._perform(effects, now)

    def _hear(self, now: float) -> None:
        lines = self._sidecar.receive()
        if lines is None:
            self._lose_sidecar(now)
            return
        self._perform([effect for line in lines for effect in self._answer(line, now)], now)
        if not self._sidecar.send(b""):
            self._lose_sidecar(now)

    def _answer(self, line: bytes, now: float) -> list[Effect]:
        """The effects of an answer, to the authority or to the server core."""
        if self._authority is None:
            return self._server.answer(line, now)
        was_attached = self._authority.is_attached
        try:
            effects = self._authority.answer(json.loads(line), now)
        except (AttributeError, KeyError, ValueError):  # no JSON object, or not as agreed
            self._server.counters.bad_answers += 1
            return []
        if self._authority.is_attached and not was_attached:
            _say_ready()
        return self._server.answer(line, now) if effects is None else effects

    def _perform(self, effects: Iterable[Effect], now: float) -> None:
        asks: list[bytes] = []
        replies: list[SendReply] = []
        for effect in effects:
            match effect:
                case AskSidecar():
                    asks.append(effect.line)
                case Journaled():
                    self._journal.append(effect.event)
                case SendReply():
                    replies.append(effect)
        self._journal.flush()
        for reply in replies:
            if not self._may_leave(reply):
                continue
            try:
                self._udp.sendto(reply.data, reply.peer)
            except OSError:  # a datagram may get lost; its device asks again
                pass
        if asks and not self._sidecar.send(b"".join(asks)):
            self._lose_sidecar(now)

    def _may_leave(self, reply: SendReply) -> bool:
        """Whether this reply may leave now. Under election it is in the journal before it leaves."""
        authority = self._authority
        if authority is None:
            return True
        now = boottime_s()
        if authority.may_act(now):
            whose = {"device": device_text(reply.device), "address": address_text(reply.address)}
            self._journal.append({**authority.effect(now), **whose})
            self._journal.flush()
            if authority.may_act(boottime_s()):
                return True
        self._server.counters.standby += 1
        return False

    def _lose_sidecar(self, now: float) -> None:
        self._sidecar.close(now)
        self._server.disconnect()
        if self._authority is not None:
            self._perform(self._authority.lost(now), now)


def _say_ready() -> None:
    print(json.dumps({"ready": True}), flush=True)


def main(arguments: list[str]) -> int:
    """Run one host service by the JSON file named in `arguments`; returns the exit code (sysexits)."""
    try:
        config = HostConfig.model_validate_json(Path(arguments[0]).read_bytes())
        stop = stop_descriptor()
        host = HostProcess(config, stop)
    except (IndexError, ValidationError) as error:
        print(f"services.lab.hosts.process CONFIG.json: {error}", file=sys.stderr)
        return os.EX_CONFIG
    except OSError as error:  # the address or the journal
        print(f"services.lab.hosts.process: {error}", file=sys.stderr)
        return os.EX_CANTCREAT
    host.run()
    os.close(stop)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
