"""A sidecar as the child of a parent that gives back its role when it dies (`Parent`).

The parent takes the lock of the state directory once the child has ended: while it holds that, nobody runs
under the claim that it takes off the disk.
"""

import logging
import os
import signal
import time
from collections.abc import Callable
from typing import Any

import confluent_kafka  # noqa: F401  # now, for a parent whose child died has no time to read files

from bus.effects import Exit, Keep, Publish
from bus.envelope import Stamp
from bus.errors import BusyError, ConfigError, TryAgainError, UnavailableError
from bus.fleet.fleet import load_fleet
from bus.fleet.identity import signing_of
from bus.messages import Kept, Unkept
from bus.routes import SIGNED
from bus.runtime import child
from bus.runtime.instance_lock import InstanceLock, LockedError
from bus.runtime.node import next_incarnation
from bus.state_file import DoubtError
from bus.transport.kafka.admin.one_record import OneRecord
from bus.transport.kafka.client_settings import client_settings
from services.config.instance import Config
from services.sidecar.parent.parent import (
    Ended,
    Estate,
    HandOn,
    Parent,
    Reached,
    ReachLog,
    Signalled,
)
from services.sidecar.role.record_file import load_failover, save_failover

REACH_S = 1.0
SEND_S = 2.0
_log = logging.getLogger("provbus.parent")


def run(config: Config, work: Callable[[], Exit]) -> Exit:
    """Run the work in a child of ours, and give back its role if it dies. In both processes this returns the
    child's exit code, or 128 and the number of the signal that ended it.
    """
    number = child.fork()
    if number == 0:
        return work()
    return _Guard(config, number).wait()


class _Guard:
    """The parent's process: signals, the disk and the brokers around a `Parent`."""

    def __init__(self, config: Config, number: int) -> None:
        self._config = config
        self._child = number
        self._parent = Parent(time.time)
        self._lock: InstanceLock | None = None
        self._role_log: OneRecord | None = None
        self._exit: Exit | None = None
        self._handlers: dict[type, Callable[[Any], None]] = {
            HandOn: lambda effect: os.kill(self._child, effect.number),
            ReachLog: lambda _: self._receive(Reached(self._is_log_there())),
            Keep: self._keep,
            Publish: self._publish,
            Exit: self._leave,
        }

    def wait(self) -> Exit:
        """Wait for the child's end, do what follows from it, and end alike."""
        code = child.wait(self._child, lambda number: self._receive(Signalled(number)))
        if code < 0:
            _log.error("the sidecar was ended by %s", signal.Signals(-code).name)
        try:
            self._receive(Ended(code, self._estate()))
        finally:
            if self._lock is not None:
                self._lock.close()
        assert self._exit is not None
        if self._exit.reason:
            _log.warning("the sidecar ended: %s", self._exit.reason)
        return self._exit

    def _estate(self) -> Estate | None:
        """What the child left; None, and a warning, if nobody knows."""
        config = self._config
        if config.brokers is None:  # without a role log there is nothing to write
            return None
        try:
            self._lock = InstanceLock(config.state_directory)
            kept = load_failover(config.state_directory)
            claim = kept.held_under(self._lock.identity)
            if claim is None:
                return None
            fleet = load_fleet(config.fleet)
            stamp = Stamp(
                config.instance,
                fleet.member(config.instance).site,
                next_incarnation(config.state_directory),
            )
            stamp.signs(signing_of(config, fleet.member(config.instance)).signer(), SIGNED)
            return Estate(fleet.roles()[config.instance], claim, kept, stamp)
        except LockedError:  # another process runs under that claim, or the child found one that does
            return None
        except (BusyError, ConfigError, TryAgainError, UnavailableError) as error:
            _log.warning("the sidecar's role is not given back: %s", error)
            return None

    def _is_log_there(self) -> bool:
        assert self._config.brokers is not None
        try:
            self._role_log = OneRecord("failover", client_settings(self._config.brokers))
        except (ConfigError, UnavailableError) as error:  # a password or a certificate that is gone
            _log.warning("%s", error)
            return False
        return self._role_log.is_led(REACH_S)

    def _receive(self, message: Any) -> None:
        for effect in self._parent.receive(message):
            self._handlers[type(effect)](effect)

    def _keep(self, effect: Keep) -> None:
        try:
            save_failover(self._config.state_directory, effect.record)
        except OSError as error:
            reason = error.strerror or str(error)
            self._receive(Unkept(effect.record, effect.then, reason, isinstance(error, DoubtError)))
        else:
            self._receive(Kept(effect.record))

    def _publish(self, effect: Publish) -> None:
        assert self._role_log is not None
        try:
            self._role_log.publish(effect.envelope, effect.key, SEND_S)
        except UnavailableError as error:
            _log.warning("others wait for silence, for nobody confirmed that the role is free: %s", error)

    def _leave(self, effect: Exit) -> None:
        self._exit = effect
