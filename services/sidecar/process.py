"""The sidecar process: a minter between its host service's local socket and the CFMs."""

import logging
import os
from random import Random

from bus.config import Config
from bus.errors import ConfigError, LocalError
from bus.fleet import load_seal_key
from bus.machine import Connect, Exit, Send
from bus.node import Node
from bus.transport.zeromq import Dealers
from fileid.handoff import Budget
from fileid.row import number_of
from fileid.seal import KEY_BYTES, Sealer, SealKey
from services.docsis.errors import DocsisError
from services.docsis.template import compile_template
from services.settings.catalogue import Classes, StoreCatalogue
from services.settings.store import load, read_classes, save
from services.sidecar.minter import Minter

_log = logging.getLogger("provbus.sidecar")


def run(config: Config, service: str, budget: Budget) -> Exit:
    """Run the sidecar of a DHCP or MPS server until it is stopped."""
    section = config.minter
    if section is None:
        raise ConfigError(f"{config.instance} needs a 'minter' section")
    publish = _own_catalogue(config)
    node = Node(config, [service], read=("heartbeat", "config"))
    try:
        minter, seal_id, key = load_seal_key(section.seal_key, node.fleet, KEY_BYTES)
        if minter != config.instance:
            raise ConfigError(f"{section.seal_key} is the seal key of {minter}, not of {config.instance}")
        copy = config.state_directory / "catalogue.json"
        catalogue = load(copy)
        node.check_broker(has_copy=catalogue is not None)
        dealers = node.keep(Dealers(node.context, node.poller, node.keys, node.fleet.keys("cfm")))
        machine = Minter(
            service=service,
            stamp=node.stamp,
            services=node.fleet.services(),
            sealer=Sealer(SealKey(seal_id, number_of(minter), key)),
            budget=budget,
            random=Random(node.stamp.incarnation),
            random_bytes=RandomPool().take,
            minted_max=section.minted_max,
            default_next_server=section.default_next_server,
            catalogue=catalogue,
            publish=publish,
        )

        def connect(effect: Connect) -> None:
            try:
                dealers.connect(effect.peer, effect.endpoint)
            except LocalError as error:
                _log.warning("%s", error)

        return node.run(
            machine,
            {
                Send: lambda effect: dealers.send(effect.to, effect.envelope),
                Connect: connect,
                StoreCatalogue: lambda effect: save(copy, effect.record),
            },
        )
    finally:
        node.close()


class RandomPool:
    """The kernel's randomness, fetched by the page: one system call for many serials."""

    def __init__(self) -> None:
        self._pool = b""
        self._at = 0

    def take(self, size: int) -> bytes:
        """`size` random bytes."""
        if self._at + size > len(self._pool):
            self._pool, self._at = os.urandom(4096), 0
        self._at += size
        return self._pool[self._at - size : self._at]


def _own_catalogue(config: Config) -> Classes | None:
    """The catalogue that this sidecar publishes, checked before anybody sees it."""
    if config.minter is None or config.minter.publish_catalogue is None:
        return None
    path = config.minter.publish_catalogue
    classes = read_classes(path)
    for name, definition in classes.items():
        try:
            compile_template(definition)
        except DocsisError as error:
            raise ConfigError(f"{path}: class {name}: {error}") from error
    return classes
