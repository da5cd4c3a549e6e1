"""Opens the carriers of the columns that a configuration has sections for."""

import logging
import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from bus.columns.columns import Columns, Opener
from bus.columns.hybrid_bus import HybridBus
from bus.config.model import KafkaSection, MulticastSection, NodeConfig
from bus.envelope import Stamp
from bus.errors import ConfigError
from bus.fleet.fleet import Fleet, load_group_keys
from bus.fleet.trust import Believing
from bus.routes import Column
from bus.runtime.runner import boottime
from bus.switch.carrying import Carrying
from bus.transport.carrier import Link, Sends
from bus.transport.here import Patience
from bus.transport.kafka.client import Kafka
from bus.transport.kafka.client_settings import client_settings
from bus.transport.multicast.carrier import GroupCarrier
from bus.transport.multicast.group import Multicast, Place, lossy
from bus.transport.multicast.incarnations import (
    StoreIncarnations,
    load_incarnations,
    save_incarnations,
)
from bus.transport.poller import Poller
from bus.wire.datagram import GroupKey
from bus.wire.proof import SECRET_BYTES, Proofs

GROUP_KEYS_MAX = 16  # a beat has room for the ids of so many
STATISTICS_EVERY_S = 5.0  # a document of 10 KB; scrapes come every 10 s or more
_log = logging.getLogger("provbus.node")


def open_carrier(
    configured: Callable[[], NodeConfig],
    poller: Poller,
    stamp: Stamp,
    fleet: Fleet,
    trust: Believing,
    *,
    read: Sequence[str],
    overhear: Sequence[str],
    peers: Sequence[str],
    link: Callable[[], Link],
    patience: Patience,
    carrying: Carrying,
) -> Columns:
    """The columns that are heard at first, open; its caller closes them. `configured` is the configuration,
    which may get the section of a column later.

    `read` are the classes to be read; of the classes `overhear` also messages in a group to others are
    wanted. `trust` decides whose settings are held for others. `link` opens our end of the hand-off
    connections, to instances of the services `peers`, when the bus begins. `patience` bounds the wait for
    late parts of a start, then `TransportError`; `ConfigError` for the rest.
    """
    directory = configured().state_directory
    is_open = False

    def bus(_: Sends) -> HybridBus:
        config = configured()
        assert config.kafka is not None
        every_s = 0.0 if config.http is None else STATISTICS_EVERY_S
        return HybridBus(_kafka(config.kafka, poller, read, every_s, directory), link, peers)

    def group(sends: Sends) -> GroupCarrier:
        section = configured().multicast
        assert section is not None
        join = partial(_join, section, poller, stamp, fleet, trust, overhear, directory, sends)
        return join() if is_open else patience.until_done(join)

    openers: dict[Column, Opener] = {Column.BUS: bus, Column.MULTICAST: group}
    handlers: dict[type, Callable[[Any], None]] = {
        StoreIncarnations: lambda effect: save_incarnations(directory, effect)
    }
    able = partial(_can_hear, configured)
    columns = Columns(openers, able, carrying, trust, stamp.instance, handlers=handlers)
    is_open = True
    return columns


def _can_hear(configured: Callable[[], NodeConfig]) -> frozenset[Column]:
    return configured().can_hear


def _join(
    section: MulticastSection,
    poller: Poller,
    stamp: Stamp,
    fleet: Fleet,
    trust: Believing,
    overhear: Sequence[str],
    directory: Path,
    sends: Sends,
) -> GroupCarrier:
    def keys() -> list[GroupKey]:
        return group_keys(section)

    if section.lose:
        _log.warning("throwing away %g of what arrives, as multicast.lose asks", section.lose)
    kept = load_incarnations(directory)
    proofs = Proofs(
        os.urandom(SECRET_BYTES), {name: one for name, one in kept.items() if name in fleet.instances}
    )
    group = Multicast(
        poller,
        Place(section.group, section.port, section.address, section.ttl),
        stamp,
        list(fleet.instances),
        keys(),
        overhear,
        boottime,
        rate_per_s=section.rate_per_s,
        burst=section.burst,
        proofs=proofs,
        is_of=trust.is_of,
        weather=lossy(Random(stamp.incarnation), section.lose) if section.lose else None,
    )
    return GroupCarrier(group, stamp, trust, keys, proofs, sends)


def group_keys(section: MulticastSection | None) -> list[GroupKey]:
    """The keys of the group, first the one that seals; [] without one (`ConfigError`, `UnavailableError`)."""
    keys = [key for path in section.keys for key in load_group_keys(path)] if section is not None else []
    if len({key.key_id for key in keys}) != len(keys):
        raise ConfigError("multicast.keys: two keys have the same id")
    if len(keys) > GROUP_KEYS_MAX:
        raise ConfigError(f"multicast.keys: {len(keys)} keys, of at most {GROUP_KEYS_MAX}")
    return keys


def _kafka(
    section: KafkaSection, poller: Poller, read: Sequence[str], statistics_every_s: float, pins: Path
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
