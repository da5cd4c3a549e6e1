"""The frame of every provbus process: its name, keys, poller, carrier, local sockets and runner.

A composition root opens a `Node`, adds the sockets of its service, hands over its machine and the handlers of
its effects, and runs. Opening checks the whole configuration and raises one clear error for a mistake.
"""

import logging
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import zmq

from bus import state_file
from bus.columns.columns import Columns
from bus.columns.switch_file import at_start, take_step
from bus.config.model import MODES, NodeConfig
from bus.effects import CatchUp, Connect, Exit, Publish, Reply, Send, TakeIncarnation
from bus.envelope import Stamp
from bus.errors import LocalError, TryAgainError, UnavailableError
from bus.fleet.identity import Identity, identify
from bus.fleet.members import Members, members
from bus.fleet.trust import Trust
from bus.leaps import GROWTH, Number
from bus.reason import Reason
from bus.routes import SIGNED
from bus.runtime import shortage
from bus.runtime.carriers import open_carrier
from bus.runtime.http_server import HttpServer
from bus.runtime.instance_lock import InstanceLock
from bus.runtime.local_socket import LocalServer
from bus.runtime.notify import Notifier
from bus.runtime.runner import Handler, Runner, boottime
from bus.runtime.shortage import check_threads
from bus.switch.standing import StoreSwitch
from bus.telemetry.changes import Changes
from bus.telemetry.health import Health, Worker
from bus.telemetry.metrics import Metric, Sample, labelled
from bus.transport.carrier import Link
from bus.transport.descriptors import Descriptors
from bus.transport.here import Patience
from bus.transport.peer import group_named
from bus.transport.poller import Poller

_log = logging.getLogger("provbus.node")


class Node:
    """The frame of one instance. Close it, whatever happened."""

    def __init__(
        self,
        config: NodeConfig,
        services: Sequence[str],
        read: Sequence[str],
        metrics: Mapping[str, Metric],
        peers: Sequence[str],
        link: Callable[["Node"], Link],
        overhear: Sequence[str] = (),
        patience: Patience | None = None,
    ) -> None:
        """Open the parts of every service; `services` are those this process may be, `metrics` is the table
        of its metrics, `patience` bounds the wait for late parts at this start. The rest is for its carrier
        (`bus.runtime.carriers`).
        """
        self.config = config
        self._metrics = metrics
        identity = identify(config, services)
        self.fleet, self.member, self.keys, self._signing = identity
        self._signer = self._signing.signer()
        self.members = members(self.fleet, self.fleet)
        self.trust = Trust(self.fleet)
        self._started = self.fleet
        self.descriptors = Descriptors()
        check_threads()
        self.lock = InstanceLock(config.state_directory)
        self._closers: list[Any] = [self.lock.close]
        self._tellers: list[Callable[[], Iterable[Sample]]] = [self.trust.samples]
        self._lackers: list[Callable[[], list[Reason]]] = [
            lambda: self.trust.degraded(boottime()),
            lambda: self._signing.lacks(),
        ]
        self._is_running = False
        self.patience = patience or Patience()
        try:
            incarnation = next_incarnation(config.state_directory)
            self.stamp = Stamp(config.instance, self.member.site, incarnation)
            self.stamp.signs(self._signer, SIGNED)
            self.context: zmq.Context[Any] = zmq.Context()
            self.poller = Poller()
            self._closers += [self.poller.close, self.context.term]
            group = group_named(config.local.group)
            self.local = self.keep(LocalServer(self.poller, config.local.socket, group))
            self.switched = at_start(config)
            self.carrier: Columns = self.keep(
                open_carrier(
                    lambda: self.config,
                    self.poller,
                    self.stamp,
                    self.fleet,
                    self.trust,
                    read=read,
                    overhear=overhear,
                    peers=peers,
                    link=lambda: link(self),
                    patience=self.patience,
                    carrying=self.switched.carrying,
                )
            )
        except BaseException as error:
            self.close()
            self.explain(error)
            raise

    def configure(self, config: NodeConfig) -> None:
        """Open columns by these sections from now on. Which mode is in force a switch decides."""
        mode = config.transport.mode
        if mode not in (self.config.transport.mode, self.carrier.mode):
            _log.warning("transport.mode is %s in the file now: see provbus transport switch %s", mode, mode)
        self.config = config

    def keep(self, part: Any) -> Any:
        """Close this part with the node, before parts that were opened earlier, and show it until then."""
        self._closers.append(part.close)
        return self.show(part)

    def show(self, part: Any) -> Any:
        """Have the `samples` of this part in every scrape, and its `lacks` among the reasons for being
        degraded, if it has any.
        """
        if hasattr(part, "samples"):
            self._tellers.append(part.samples)
        if hasattr(part, "lacks"):
            self._lackers.append(part.lacks)
        return part

    def explain(self, error: BaseException) -> None:
        """Raise `TryAgainError` in place of an error by which only this start fails, for a shortage."""
        if not self._is_running and isinstance(error, Exception):
            shortage.explain(error)

    def renew(self, identity: Identity) -> Callable[[], None]:
        """A function that puts these keys and members in force, and the group's keys as they are on disk now;
        `ConfigError` or `UnavailableError` here if they cannot be read.
        """
        take = self.carrier.renew(identity)

        def renewed() -> None:
            before = self.members
            self.fleet, self.member, self.keys, self._signing = identity
            self.members = members(self._started, self.fleet)
            self._signer.use(self._signing.secret, self._signing.certificate, self._signing.role)
            self.trust.use(self.fleet)
            take()
            _tell_members(before, self.members)

        return renewed

    def run(
        self,
        machine: Worker,
        handlers: Mapping[type, Handler],
        reload: Callable[[], None] | None = None,
    ) -> Exit:
        """Run the machine until it exits or a signal stops it, and serve its pages if `http` is configured
        (`BusyError` or `UnavailableError` if that place cannot be had for a while). SIGHUP calls `reload`;
        its `ConfigError` or `UnavailableError` changes nothing.
        """
        carrier = self.carrier
        send, publish, directory = carrier.send, carrier.publish, self.config.state_directory
        common: dict[type, Handler] = {
            Send: lambda effect: send(effect.to, effect.envelope, effect.column),
            Publish: lambda effect: publish(effect.envelope, effect.key, effect.column),
            Connect: self._connect,
            CatchUp: lambda effect: carrier.catch_up(effect.traffic),
            Reply: self.local.reply,
            TakeIncarnation: self._take_incarnation,
            StoreSwitch: lambda effect: take_step(carrier, directory, effect),
        }
        handlers = {**common, **carrier.handlers(), **handlers}
        status = machine.status
        health = Health(status, self._metrics, self._samples)
        changes = Changes()
        runner = Runner(
            carrier.around(machine),
            self.poller,
            handlers,
            notifier=self.keep(Notifier(os.environ)),
            spare=self.descriptors.spare,
            reload=reload,
            lacks=self._lacks,
            every_second=lambda: _tell(
                changes.lines(status.facts(boottime()), boottime()), health.news(boottime())
            ),
        )
        self._tellers.append(runner.samples)
        if self.config.http is not None:
            self._tellers.append(lambda: status.samples(boottime()))
            place, pages = self.config.http.place, health.pages()
            self.keep(self.patience.until_done(lambda: HttpServer(self.poller, place, pages, boottime)))
        self._is_running = True
        return runner.run()

    def _connect(self, effect: Connect) -> None:
        """Connect; a peer with an endpoint that cannot be used, or not now, is named in the log."""
        try:
            self.carrier.connect(effect.peer, effect.endpoint)
        except (LocalError, UnavailableError) as error:
            _log.warning("%s", error)

    def _take_incarnation(self, effect: TakeIncarnation) -> None:
        """Keep it, then use it (`OSError`)."""
        keep_incarnation(self.config.state_directory, effect.incarnation)
        _log.warning("the other process of our name is silent: from now on we are %d", effect.incarnation)
        self.stamp.begin(effect.incarnation)

    def _samples(self) -> Iterable[Sample]:
        """The metrics of all parts."""
        modes = {mode: float(mode == self.carrier.mode) for mode in MODES}
        tellers = (tell() for tell in self._tellers)
        return chain(labelled("provbus_transport_active", "mode", modes), *tellers)

    def _lacks(self) -> list[Reason]:
        """The faults of the carrier and the other parts."""
        return [*chain.from_iterable(told() for told in self._lackers)]

    def close(self) -> None:
        """Close everything, newest first."""
        while self._closers:
            self._closers.pop()()


def _tell_members(before: Members, after: Members) -> None:
    """Log who does not count any more, who does again, and who would after a restart."""
    for name in after.gone:
        if name not in before.gone:
            _log.warning("%s was taken out of the fleet file: nothing of it counts from now on", name)
    for name in before.gone:
        if name not in after.gone:
            _log.warning("%s is in the fleet file again, and counts", name)
    for name in after.new:
        if name not in before.new:
            _log.warning("%s is new in the fleet file: it counts here after a restart", name)


def _tell(changes: Iterable[str], verdicts: Iterable[str]) -> None:
    for line in changes:
        _log.info("%s", line)
    for line in verdicts:
        _log.log(logging.INFO if line.startswith("ready") else logging.WARNING, "%s", line)


def next_incarnation(directory: Path) -> int:
    """A number larger than that of any earlier start: Unix milliseconds, or one more than the last if time
    went back. If it cannot be kept the start fails: see `state_file.unusable`.
    """
    path = directory / "incarnation"
    try:
        last = int(path.read_text()) if path.exists() else 0
        incarnation = max(int(time.time() * 1000), last + 1)
        if incarnation > GROWTH[Number.INCARNATION].last:
            raise TryAgainError(f"state_directory: no incarnation is left above the one in {path}")
        keep_incarnation(directory, incarnation)
    except OSError as error:
        raise state_file.unusable("write", path, error) from error
    except ValueError as error:
        raise state_file.damaged(path, "it does not hold a number") from error
    return incarnation


def keep_incarnation(directory: Path, incarnation: int) -> None:
    """Keep it, so that the next start takes a later one (`OSError`)."""
    state_file.keep(directory / "incarnation", str(incarnation).encode())
