"""What every provbus process has: its name, its keys, its poller, its Kafka client, its local socket, its
runner.

A composition root opens a `Node`, adds the sockets of its service, hands over its machine and the handlers of
its effects, and runs. Opening checks everything a configuration can get wrong and raises one clear error for
it.
"""

import logging
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import zmq

from bus.config import Config, KafkaSection, read_secret
from bus.envelope import Stamp, Token
from bus.errors import ConfigError
from bus.fleet import load_fleet
from bus.machine import Exit, Machine, Publish, Reply
from bus.runner import Handler, Runner
from bus.transport.curve import key_pair
from bus.transport.kafka import Kafka
from bus.transport.local import LocalServer
from bus.transport.poller import Poller

BROKER_TIMEOUT_S = 5.0
_log = logging.getLogger("provbus.node")


class Node:
    """The frame of one instance. Close it, whatever happened."""

    def __init__(self, config: Config, services: Sequence[str], read: Sequence[str]) -> None:
        """Open what every service needs; `services` are those this process may be, `read` the classes it
        reads.
        """
        self.config = config
        self.fleet = load_fleet(config.fleet)
        self.member = self.fleet.member(config.instance)
        if self.member.service not in services:
            raise ConfigError(
                f"{config.instance} is {self.member.service} in {config.fleet}, not {services[0]}"
            )
        self.keys = key_pair(read_secret(config.key))
        if self.keys.public.decode() != self.member.key:
            raise ConfigError(f"{config.key} is not the key that {config.fleet} pins for {config.instance}")
        token = Token(config.era, config.epoch)
        incarnation = next_incarnation(config.state_directory)
        self.stamp = Stamp(config.instance, self.member.site, incarnation, token)
        self.context: zmq.Context[Any] = zmq.Context()
        self.poller = Poller()
        self._closers: list[Any] = [self.poller.close, self.context.term]
        try:
            self.local = self.keep(LocalServer(self.poller, config.local.socket))
            self.kafka = self.keep(_kafka(self.poller, config.kafka, read))
        except BaseException:
            self.close()
            raise

    def keep(self, part: Any) -> Any:
        """Close this part with the node, before what was opened earlier."""
        self._closers.append(part.close)
        return part

    def check_broker(self, has_copy: bool) -> None:
        """Say whether Kafka answers; without it only a node that `has_copy` of the settings can start."""
        try:
            self.kafka.check_broker(BROKER_TIMEOUT_S)
        except Exception as error:
            if not has_copy:
                raise
            _log.warning("%s; starting with the settings kept on disk", error)

    def run(self, machine: Machine, handlers: Mapping[type, Handler]) -> Exit:
        """Run the machine until it exits or a signal stops it."""
        common: dict[type, Handler] = {
            Publish: lambda effect: self.kafka.publish(effect.envelope, effect.key),
            Reply: self.local.reply,
        }
        return Runner(machine, self.poller, {**common, **handlers}).run()

    def close(self) -> None:
        """Close everything, newest first."""
        while self._closers:
            self._closers.pop()()


def next_incarnation(directory: Path) -> int:
    """A number larger than that of any earlier start: Unix milliseconds, or one more than the last if time
    went back.
    """
    path = directory / "incarnation"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        last = int(path.read_text()) if path.exists() else 0
        incarnation = max(int(time.time() * 1000), last + 1)
        fresh = path.with_suffix(".new")
        with fresh.open("w") as file:
            file.write(str(incarnation))
            file.flush()
            os.fsync(file.fileno())
        fresh.rename(path)
    except OSError as error:
        raise ConfigError(f"state_directory: cannot write {path}: {error.strerror}") from error
    except ValueError as error:
        raise ConfigError(f"state_directory: {path} does not hold a number") from error
    return incarnation


def client_settings(section: KafkaSection) -> dict[str, Any]:
    """librdkafka's settings for the connection; the password comes from its file."""
    settings: dict[str, Any] = {"bootstrap.servers": section.bootstrap, **section.client}
    if section.password_file is not None:
        settings["sasl.password"] = read_secret(section.password_file).decode()
    return settings


def _kafka(poller: Poller, section: KafkaSection, read: Sequence[str]) -> Kafka:
    return Kafka(
        poller,
        client_settings(section),
        read=read,
        message_timeout_s=section.message_timeout_s,
        fetch_wait_s=section.fetch_wait_s,
    )
