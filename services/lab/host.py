"""Stand-in for a host service: `python -m services.lab.host CONFIG.json` plays the DHCP server or the MPS.

Theory of operation
-------------------
The shell of `services.lab.dhcp_server`: one thread, one epoll over the UDP socket, the sidecar's Unix socket
and the stop signal. The UDP socket is drained in batches, so the creates of one batch travel to the sidecar
together and answers may come back in any order. Per batch the journal is flushed before the first ACK leaves.

A sidecar that is gone is tried again after 0.1 s, then twice as long each time up to 1 s; what its devices
ask for meanwhile is dropped and counted. `{"ready": true}` on standard output says that the UDP socket is
bound. At the end the counters are the journal's last line. PacketCable's SNMP step between MPS and adapter is
not simulated (see the core).
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

from services.lab.dhcp_server import Ask, DhcpServer, Effect, Noted, Reply, Service, SettingsRule
from services.lab.journal import JournalWriter, boottime_s
from services.lab.stop_signal import stop_descriptor

RECONNECT_S = (0.1, 1.0)
BATCH_DATAGRAMS_MAX = 256  # then the sidecar's answers get their turn
RECEIVE_BUFFER_BYTES = 4 << 20  # a storm's requests wait here, not at the modems
LINE_BYTES_MAX = 64 << 10  # an answer has a few hundred; a peer that sends more is not a sidecar
UNSENT_BYTES_MAX = 4 << 20  # a sidecar that stopped reading is treated as gone


class SettingsEntry(BaseModel):
    """Devices by option-60 prefix, their settings class and its values (texts may hold templates)."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    match: str
    class_name: str = Field(alias="class")
    values: dict[str, int | str] = {}

    def rule(self) -> SettingsRule:
        """The entry as the server core reads it."""
        return SettingsRule(self.match.encode(), {"class": self.class_name, **self.values})


class HostConfig(BaseModel):
    """What one host service is told, as JSON."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    service: Service
    listen: tuple[str, int]
    socket: Path
    journal: Path
    pool: ipaddress.IPv4Network
    settings: list[SettingsEntry]


class Sidecar:
    """The line-wise stream to a sidecar; never blocks, never raises, says when it is down."""

    def __init__(self, path: Path, epoll: select.epoll) -> None:
        self._path = path
        self._epoll = epoll
        self._socket: socket.socket | None = None
        self._back_off_s = RECONNECT_S[0]
        self._received = b""
        self._unsent = b""
        self.retry_at = 0.0

    @property
    def up(self) -> bool:
        """Whether it can be asked now."""
        return self._socket is not None

    def fileno(self) -> int:
        """Its descriptor, -1 while it is down."""
        return -1 if self._socket is None else self._socket.fileno()

    def connect(self, now: float) -> None:
        """Try once; on refusal the next try is due at `retry_at`."""
        attempt = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            attempt.connect(str(self._path))
        except OSError:
            attempt.close()
            self.retry_at = now + self._back_off_s
            self._back_off_s = min(2 * self._back_off_s, RECONNECT_S[1])
            return
        self._socket = attempt
        self._back_off_s = RECONNECT_S[0]
        self._epoll.register(attempt, select.EPOLLIN)

    def send(self, lines: bytes) -> bool:
        """Send, or keep for later, up to a limit; False when the sidecar turned out to be gone."""
        if self._socket is None:
            return False
        waiting = bool(self._unsent)
        self._unsent += lines
        try:
            if self._unsent:
                self._unsent = self._unsent[self._socket.send(self._unsent) :]
        except BlockingIOError:
            pass
        except OSError:
            return False
        if bool(self._unsent) is not waiting:
            events = select.EPOLLIN | select.EPOLLOUT if self._unsent else select.EPOLLIN
            self._epoll.modify(self._socket, events)
        return len(self._unsent) <= UNSENT_BYTES_MAX

    def receive(self) -> list[bytes] | None:
        """The complete lines that came; None when the sidecar is gone."""
        if self._socket is None:
            return None
        try:
            data = self._socket.recv(256 << 10)
        except BlockingIOError:
            return []
        except OSError:
            return None
        *lines, self._received = (self._received + data).split(b"\n")
        return lines if data and len(self._received) <= LINE_BYTES_MAX else None

    def close(self, now: float) -> None:
        """Forget the connection; the next try is due at `retry_at`."""
        if self._socket is not None:
            self._socket.close()
        self._socket, self._received, self._unsent = None, b"", b""
        self.retry_at = now + self._back_off_s


class Host:
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
        own = ipaddress.IPv4Address(config.listen[0]).packed
        rules = [entry.rule() for entry in config.settings]
        self._server = DhcpServer(config.service, own, config.pool, rules)

    def run(self) -> None:
        """Serve until the stop descriptor is readable; the journal is complete when this returns."""
        try:
            stopping = False
            while not stopping:
                now = boottime_s()
                if not self._sidecar.up and now >= self._sidecar.retry_at:
                    self._sidecar.connect(now)
                wait_s = -1.0 if self._sidecar.up else max(0.0, self._sidecar.retry_at - now)
                for descriptor, _ in self._epoll.poll(wait_s):
                    if descriptor == self._udp.fileno():
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

    def _drain(self, now: float) -> None:
        effects: list[Effect] = []
        for _ in range(BATCH_DATAGRAMS_MAX):
            try:
                data, peer = self._udp.recvfrom(2048)
            except OSError:  # nothing left
                break
            effects += self._server.receive(data, peer, now, sidecar_up=self._sidecar.up)
        self._perform(effects, now)

    def _hear(self, now: float) -> None:
        lines = self._sidecar.receive()
        if lines is None:
            self._lose_sidecar(now)
            return
        self._perform([effect for line in lines for effect in self._server.answer(line, now)], now)
        if not self._sidecar.send(b""):
            self._lose_sidecar(now)

    def _perform(self, effects: Iterable[Effect], now: float) -> None:
        asks: list[bytes] = []
        replies: list[Reply] = []
        for effect in effects:
            match effect:
                case Ask():
                    asks.append(effect.line)
                case Noted():
                    self._journal.append(effect.event)
                case Reply():
                    replies.append(effect)
        self._journal.flush()
        for reply in replies:
            try:
                self._udp.sendto(reply.data, reply.peer)
            except OSError:  # a datagram may get lost; its device asks again
                pass
        if asks and not self._sidecar.send(b"".join(asks)):
            self._lose_sidecar(now)

    def _lose_sidecar(self, now: float) -> None:
        self._sidecar.close(now)
        self._server.disconnect()


def main(arguments: list[str]) -> int:
    """Run one host service by the JSON file named in `arguments`; returns the exit code (sysexits)."""
    try:
        config = HostConfig.model_validate_json(Path(arguments[0]).read_bytes())
        stop = stop_descriptor()
        host = Host(config, stop)
    except (IndexError, ValidationError) as error:
        print(f"services.lab.host CONFIG.json: {error}", file=sys.stderr)
        return os.EX_CONFIG
    except OSError as error:  # the address or the journal
        print(f"services.lab.host: {error}", file=sys.stderr)
        return os.EX_CANTCREAT
    print(json.dumps({"ready": True}), flush=True)
    host.run()
    os.close(stop)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
