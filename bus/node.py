"""What every provbus process has: its name, its keys, its poller, its Kafka client, its local socket, its
runner.

A composition root opens a `Node`, adds the sockets of its service, hands over its machine and the handlers of
its effects, and runs. Opening checks everything a configuration can get wrong and raises one clear error for
it.
"""

import logging
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import zmq

from bus import shortage, state_file
from bus.config import MODES, Config, KafkaSection, MulticastSection
from bus.datagram import DATA_BYTES_MAX, GroupKey
from bus.descriptors import Descriptors
from bus.envelope import Stamp
from bus.errors import ConfigError, UnavailableError
from bus.fleet import Fleet, Member, load_fleet, load_group_keys
from bus.health import Health, Worker
from bus.instance_lock import InstanceLock
from bus.machine import CatchUp, Exit, Machine, Publish, Reply, TakeIncarnation
from bus.metrics import Sample, labelled
from bus.notify import Notifier
from bus.replica import Replica
from bus.routes import ROUTES
from bus.runner import Handler, Runner, boottime
from bus.shortage import check_threads
from bus.transport.curve import KeyPair, read_key_pair
from bus.transport.here import Patience
from bus.transport.http import HttpServer
from bus.transport.kafka.client import Kafka
from bus.transport.kafka.settings import client_settings
from bus.transport.local import LocalServer
from bus.transport.multicast import Multicast, Place, lossy
from bus.transport.poller import Poller

CHECK_TIMEOUT_S = 5.0
STATISTICS_EVERY_S = 5.0  # a document of 10 KB; scrapes come every 10 s or more
_log = logging.getLogger("provbus.node")


class Identity(NamedTuple):
    """Who there is, who we are among them, and the keys that prove it."""

    fleet: Fleet
    member: Member
    keys: KeyPair


class Node:
    """The frame of one instance. Close it, whatever happened."""

    def __init__(
        self,
        config: Config,
        services: Sequence[str],
        read: Sequence[str],
        overhear: Sequence[str] = (),
        patience: Patience | None = None,
    ) -> None:
        """Open what every service needs; `services` are those this process may be, `read` the classes it
        reads, `overhear` those of which it wants what others are told in a group. `patience` is what this
        start has for what is late.
        """
        self.config = config
        self.fleet, self.member, self.keys = identify(config, services)
        self.descriptors = Descriptors()
        check_threads()
        self.lock = InstanceLock(config.state_directory)
        self._closers: list[Any] = [self.lock.close]
        self._tellers: list[Callable[[], Iterable[Sample]]] = []
        self._lackers: list[Callable[[], list[str]]] = []
        self._is_running = False
        self.patience = patience or Patience()
        try:
            incarnation = next_incarnation(config.state_directory)
            self.stamp = Stamp(config.instance, self.member.site, incarnation)
            self.context: zmq.Context[Any] = zmq.Context()
            self.poller = Poller()
            self._closers += [self.poller.close, self.context.term]
            self.local = self.keep(LocalServer(self.poller, config.local.socket))
            self.kafka: Kafka | None = None
            self.multicast: Multicast | None = None
            if config.transport.mode == "multicast":
                self.multicast = self.keep(self.patience.until_done(lambda: self._join(overhear)))
            else:
                assert config.kafka is not None
                every_s = 0.0 if config.http is None else STATISTICS_EVERY_S
                pins = config.state_directory
                self.kafka = self.keep(_kafka(self.poller, config.kafka, read, every_s, pins))
        except BaseException as error:
            self.close()
            self.explain(error)
            raise

    def keep(self, part: Any) -> Any:
        """Close this part with the node, before what was opened earlier; its `samples`, if it has any, are in
        every scrape, and what it `lacks` is among the reasons for being degraded.
        """
        self._closers.append(part.close)
        if hasattr(part, "samples"):
            self._tellers.append(part.samples)
        if hasattr(part, "lacks"):
            self._lackers.append(part.lacks)
        return part

    def explain(self, error: BaseException) -> None:
        """Raise `TryAgainError` in the place of an error that only means that a start cannot be had now."""
        if not self._is_running and isinstance(error, Exception):
            shortage.explain(error)

    @property
    def data_bytes_max(self) -> int:
        """How much data a `fileid` message may have."""
        return ROUTES["fileid"].payload_bytes_max if self.multicast is None else DATA_BYTES_MAX

    def check(self, has_copy: bool) -> None:
        """`UnavailableError` if the group cannot be heard, or if Kafka does not answer; but a node that
        `has_copy` of the settings can start without Kafka.
        """
        if self.multicast is not None:
            self.multicast.check_heard(CHECK_TIMEOUT_S)
            return
        assert self.kafka is not None
        try:
            self.kafka.check_broker(CHECK_TIMEOUT_S)
        except UnavailableError as error:
            if not has_copy:
                raise
            _log.warning("%s; starting with the settings kept on disk", error)

    def use(self, identity: Identity) -> None:
        """Have these keys from now on, and the group's as they are on disk now. Who there is stays: a fleet
        that grew needs a restart.
        """
        if self.multicast is not None:
            self.multicast.use(self._group_keys())
        self.fleet, self.member, self.keys = identity

    def run(
        self,
        machine: Worker,
        handlers: Mapping[type, Handler],
        reload: Callable[[], None] | None = None,
    ) -> Exit:
        """Run the machine until it exits or a signal stops it, and answer about it where that is configured
        (`BusyError` or `UnavailableError` if that place cannot be had for a while). SIGHUP calls `reload`;
        its `ConfigError` changes nothing.
        """
        driven: Machine = machine
        carrier = self.multicast or self.kafka
        assert carrier is not None
        if self.multicast is not None:
            driven = replica = Replica(machine, self.stamp)
            self._tellers.append(replica.samples)
        common: dict[type, Handler] = {
            Publish: lambda effect: carrier.publish(effect.envelope, effect.key),
            Reply: self.local.reply,
            TakeIncarnation: self._take_incarnation,
        }
        if self.kafka is not None:
            kafka = self.kafka
            common[CatchUp] = lambda effect: kafka.catch_up(effect.traffic)
        handlers = {**common, **handlers}
        if self.kafka is not None:
            self.kafka.speak()
        status = machine.status
        health = Health(status, self._lacks, self._samples)
        runner = Runner(
            driven,
            self.poller,
            handlers,
            notifier=self.keep(Notifier(os.environ)),
            spare=self.descriptors.spare,
            reload=reload,
            every_second=lambda: _tell(health.news()),
        )
        self._tellers.append(runner.samples)
        if self.config.http is not None:
            self._tellers.append(lambda: status.samples(boottime()))
            address, pages = self.config.http.address, health.pages()
            self.keep(self.patience.until_done(lambda: HttpServer(self.poller, address, pages)))
        self._is_running = True
        return runner.run()

    def _take_incarnation(self, effect: TakeIncarnation) -> None:
        """What cannot be kept (`OSError`) is not taken."""
        keep_incarnation(self.config.state_directory, effect.incarnation)
        _log.warning("the other process of our name is silent: from now on we are %d", effect.incarnation)
        self.stamp.begin(effect.incarnation)

    def _samples(self) -> Iterable[Sample]:
        """Everything that can be told now."""
        modes = {mode: float(mode == self.config.transport.mode) for mode in MODES}
        tellers = (tell() for tell in self._tellers)
        return chain(labelled("provbus_transport_active", "mode", modes), *tellers)

    def _lacks(self) -> list[str]:
        """What the transport in force lacks. Multicast lacks nothing that a peer's silence does not tell."""
        return [*chain.from_iterable(told() for told in self._lackers)]

    def _join(self, overhear: Sequence[str]) -> Multicast:
        section = self.config.multicast
        assert section is not None
        if section.lose:
            _log.warning("throwing away %g of what arrives, as multicast.lose asks", section.lose)
        return Multicast(
            self.poller,
            Place(section.group, section.port, section.address, section.ttl),
            self.stamp,
            list(self.fleet.instances),
            self._group_keys(),
            overhear,
            boottime,
            rate_per_s=section.rate_per_s,
            burst=section.burst,
            weather=lossy(Random(self.stamp.incarnation), section.lose) if section.lose else None,
        )

    def _group_keys(self) -> list[GroupKey]:
        assert self.config.multicast is not None
        return group_keys(self.config.multicast)

    def close(self) -> None:
        """Close everything, newest first."""
        while self._closers:
            self._closers.pop()()


def _tell(news: str) -> None:
    if news:
        _log.warning("%s", news)


def group_keys(section: MulticastSection) -> list[GroupKey]:
    """The keys of the group, the one that seals first (`ConfigError`, `UnavailableError`)."""
    keys = [key for path in section.keys for key in load_group_keys(path)]
    if len({key.key_id for key in keys}) != len(keys):
        raise ConfigError("multicast.keys: two keys have the same id")
    return keys


def identify(config: Config, services: Sequence[str]) -> Identity:
    """Who the instance of this configuration is; `ConfigError` if it is none of `services`, or if its key is
    another's.
    """
    fleet = load_fleet(config.fleet)
    member = fleet.member(config.instance)
    if member.service not in services:
        raise ConfigError(f"{config.instance} is {member.service} in {config.fleet}, not {services[0]}")
    keys = read_key_pair(config.key)
    if keys.public.decode() not in member.keys:
        raise ConfigError(f"{config.key} is not the key that {config.fleet} pins for {config.instance}")
    return Identity(fleet, member, keys)


def next_incarnation(directory: Path) -> int:
    """A number larger than that of any earlier start: Unix milliseconds, or one more than the last if time
    went back. Without having kept it nobody starts: see `state_file.unusable`.
    """
    path = directory / "incarnation"
    try:
        last = int(path.read_text()) if path.exists() else 0
        incarnation = max(int(time.time() * 1000), last + 1)
        keep_incarnation(directory, incarnation)
    except OSError as error:
        raise state_file.unusable("write", path, error) from error
    except ValueError as error:
        raise state_file.damaged(path, "it does not hold a number") from error
    return incarnation


def keep_incarnation(directory: Path, incarnation: int) -> None:
    """Have the next start take a later one (`OSError`)."""
    state_file.keep(directory / "incarnation", str(incarnation).encode())


def _kafka(
    poller: Poller, section: KafkaSection, read: Sequence[str], statistics_every_s: float, pins: Path
) -> Kafka:
    return Kafka(
        poller,
        client_settings(section),
        read=read,
        message_timeout_s=section.message_timeout_s,
        fetch_wait_s=section.fetch_wait_s,
        statistics_every_s=statistics_every_s,
        pin_directory=pins,
    )
