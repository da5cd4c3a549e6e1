"""The simulated plant: `python -m services.lab.plant.process CONFIG.json` boots all its devices once.

Theory of operation
-------------------
The shell of `services.lab.plant.population`: one process, one thread, one epoll. DHCP goes through the
sockets of the relay agents, which send each message to every server they know; every read has a socket of its
own, bound to the address its device leased, because that address is what the file is made for.

With its orchestrator it speaks JSON lines: it prints `{"ready": true}`, waits for `go` on standard input,
prints `{"online": …, "failed": …, "started": …}` every 0.2 s, and at the end the totals with `"done": true`.
SIGTERM or the end of standard input stops it early: the same line, with `"done": false`. The journal is
complete before that line.
"""

from __future__ import annotations

import ipaddress
import json
import os
import resource
import select
import socket
import sys
import time
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from bus.config.secret_file import read_secret
from bus.errors import ConfigError
from services.lab.plant.boot import BootPlan, CloseRead, Effect, OpenRead, SendDhcp, SendTftp
from services.lab.plant.modem import DALLY_S
from services.lab.plant.population import DEVICES_MAX, Population
from services.lab.site.journal import Journaled, JournalWriter, boottime_s
from services.lab.site.stop_signal import stop_descriptor

PROGRESS_S = 0.2
BATCH_DATAGRAMS_MAX = 64  # DHCP replies per turn, so that reads are not starved
EVENTS_MAX = 256
RECEIVE_BUFFER_BYTES = 4 << 20
STANDARD_INPUT = 0
MAC_PREFIX = "00:1a:2c"

Address = tuple[ipaddress.IPv4Address, Annotated[int, Field(gt=0, lt=65536)]]
NotNegative = Annotated[float, Field(ge=0)]


class PlantConfig(BaseModel):
    """The configuration of one plant, as JSON; `services.lab.plant.boot.BootPlan` has that of its devices."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    modems: int = Field(ge=1, le=DEVICES_MAX)
    mtas: int = Field(default=0, ge=0)
    seed: int = Field(default=1, ge=0)
    boot_window_s: float = Field(default=0.0, ge=0)
    in_flight_max: int = Field(default=400, ge=1)
    read_delay_s: tuple[NotNegative, NotNegative] = (0.0, 0.0)
    ladder_s: tuple[Annotated[float, Field(gt=0)], ...] = Field(default=(2.0, 4.0, 8.0, 16.0), min_length=1)
    deadline_s: float = Field(gt=0)
    loss: float = Field(default=0.0, ge=0, lt=1)
    reboot_after_s: float | None = Field(default=None, ge=DALLY_S)
    relays: tuple[Address, ...] = Field(min_length=1)  # a device boots each time through the next one
    earlier_boots: int = Field(default=0, ge=0)
    proxied: bool = False
    dhcp: Address
    helpers: tuple[Address, ...] = ()  # more DHCP servers, which get the same as `dhcp`
    mps: Address | None = None
    tftp_port: int = Field(gt=0, lt=65536)
    secret_file: Path
    journal: Path
    mac_prefix: str = Field(default=MAC_PREFIX, pattern="^[0-9a-f]{2}(:[0-9a-f]{2}){2}$")
    mta_marker: str = "{device}"

    @model_validator(mode="after")
    def _adapters_fit(self) -> PlantConfig:
        if self.mtas > self.modems:
            raise ValueError("`mtas` are among `modems`: there cannot be more of them")
        if self.mtas and self.mps is None:
            raise ValueError("`mtas` need the address of their `mps`")
        return self

    def plan(self) -> BootPlan:
        """The devices' shared settings; reads the CMTS's secret (ConfigError) and both clocks."""
        return BootPlan(
            ladder_s=self.ladder_s,
            read_delay_s=self.read_delay_s,
            deadline_s=self.deadline_s,
            relays=tuple(address.packed for address, _ in self.relays),
            earlier_boots=self.earlier_boots,
            proxied=self.proxied,
            tftp_port=self.tftp_port,
            secrets=(read_secret(self.secret_file),),
            loss=self.loss,
            reboot_after_s=self.reboot_after_s,
            mac_prefix=bytes.fromhex(self.mac_prefix.replace(":", "")),
            mta_marker=self.mta_marker,
            unix_offset_s=time.time() - boottime_s(),
        )


class Plant:
    """The process: sockets, journal and loop around a `Population`."""

    def __init__(self, config: PlantConfig, stop: int) -> None:
        self._stop = stop
        self._population = Population(
            config.plan(),
            modems=config.modems,
            mtas=config.mtas,
            seed=config.seed,
            boot_window_s=config.boot_window_s,
            in_flight_max=config.in_flight_max,
        )
        dhcp = [_pair(config.dhcp), *map(_pair, config.helpers)]
        self._servers = {"cm": dhcp, "mta": dhcp if config.mps is None else [_pair(config.mps)]}
        self._journal = JournalWriter(config.journal)
        self._reads: dict[int, socket.socket] = {}  # by device
        self._devices: dict[int, int] = {}  # by descriptor
        self._relays = [_relay(address) for address in config.relays]
        self._relay_of = {relay.fileno(): relay for relay in self._relays}
        self._epoll = select.epoll()
        for descriptor in (*self._relay_of, stop, STANDARD_INPUT):
            self._epoll.register(descriptor, select.EPOLLIN)

    def run(self) -> None:
        """Wait for `go`, boot all devices, report; returns when all are done or the plant is to stop."""
        try:
            _say({"ready": True})
            stopped = not self._wait_for_go()
            if not stopped:
                stopped = not self._boot()
            self._journal.flush()
            _say({"done": not stopped, **asdict(self._population.totals())})
        except BrokenPipeError:  # the orchestrator is gone: an early stop like the others
            sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - for the interpreter's own flush at exit
        finally:
            self._journal.close()
            for read in self._reads.values():
                read.close()
            for relay in self._relays:
                relay.close()
            self._epoll.close()

    def _wait_for_go(self) -> bool:
        line = b""
        while b"\n" not in line:
            ready = [descriptor for descriptor, _ in self._epoll.poll()]
            if self._stop in ready:
                return False
            if STANDARD_INPUT in ready:
                data = os.read(STANDARD_INPUT, 4096)
                if not data:
                    return False
                line += data
            for descriptor in self._relay_of.keys() & ready:  # no device has asked yet
                self._relay_of[descriptor].recv(2048)
        return line.split(b"\n")[0].strip() == b"go"

    def _boot(self) -> bool:
        """Boot. Returns True when every device is done, False when told to stop."""
        population = self._population
        now = boottime_s()
        population.go(now)
        next_progress = now + PROGRESS_S
        while not population.done:
            self._perform(population.tick(now))
            due = min(next_progress, population.deadline())
            for descriptor, _ in self._epoll.poll(max(0.0, due - boottime_s()), EVENTS_MAX):
                now = boottime_s()
                device = self._devices.get(descriptor)
                if device is not None:
                    self._receive_tftp(device, now)
                elif (relay := self._relay_of.get(descriptor)) is not None:
                    self._receive_dhcp(relay, now)
                elif descriptor == self._stop or (descriptor == STANDARD_INPUT and not os.read(0, 4096)):
                    return False
            now = boottime_s()
            if now >= next_progress:
                next_progress = now + PROGRESS_S
                self._journal.flush()
                _say(
                    {"online": population.online, "failed": population.failed, "started": population.started}
                )
        return True

    def _receive_dhcp(self, relay: socket.socket, now: float) -> None:
        for _ in range(BATCH_DATAGRAMS_MAX):
            try:
                data = relay.recv(2048)
            except OSError:  # nothing left
                return
            self._perform(self._population.receive_dhcp(data, now))

    def _receive_tftp(self, device: int, now: float) -> None:
        try:
            data, peer = self._reads[device].recvfrom(65536)
        except OSError:  # the event was for an earlier socket of this descriptor
            return
        self._perform(self._population.receive_tftp(device, data, peer, now))

    def _perform(self, effects: Iterable[Effect]) -> None:
        for effect in effects:
            match effect:
                case SendTftp():
                    self._send(self._reads[effect.device], effect.data, (effect.server, effect.port))
                case SendDhcp():
                    for server in self._servers[effect.kind]:
                        self._send(self._relays[effect.relay], effect.data, server)
                case Journaled():
                    self._journal.append(effect.event)
                case OpenRead():
                    self._open(effect.device, effect.address)
                case CloseRead():
                    self._close(effect.device)

    def _send(self, sender: socket.socket, data: bytes, peer: tuple[str, int]) -> None:
        try:
            sender.sendto(data, peer)
        except OSError:  # a full buffer loses a datagram like any other queue; the ladder repeats it
            pass

    def _open(self, device: int, address: str) -> None:
        if device in self._reads:
            self._close(device)
        read = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        read.bind((address, 0))
        self._reads[device] = read
        self._devices[read.fileno()] = device
        self._epoll.register(read.fileno(), select.EPOLLIN)

    def _close(self, device: int) -> None:
        read = self._reads.pop(device)
        del self._devices[read.fileno()]
        read.close()  # which also takes it out of the epoll


def _relay(address: Address) -> socket.socket:
    relay = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    relay.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
    relay.bind(_pair(address))
    return relay


def _pair(address: Address) -> tuple[str, int]:
    return str(address[0]), address[1]


def _say(line: dict[str, Any]) -> None:
    print(json.dumps(line), flush=True)


def main(arguments: list[str]) -> int:
    """Run one plant by the JSON file named in `arguments`; returns the exit code (sysexits)."""
    _, files_max = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files_max, files_max))  # a socket per device that reads
    try:
        config = PlantConfig.model_validate_json(Path(arguments[0]).read_bytes())
        stop = stop_descriptor()
        plant = Plant(config, stop)
    except (IndexError, ValidationError, ConfigError) as error:
        print(f"services.lab.plant.process CONFIG.json: {error}", file=sys.stderr)
        return os.EX_CONFIG
    except OSError as error:  # the relay's address or the journal
        print(f"services.lab.plant.process: {error}", file=sys.stderr)
        return os.EX_CANTCREAT
    plant.run()
    os.close(stop)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
