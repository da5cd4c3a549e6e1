"""The sidecar process: a minter between its host service's local socket and the CFMs."""

import logging
import os
import secrets
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, NamedTuple, Protocol

from bus.config import Config
from bus.errors import ConfigError, LocalError, UnavailableError
from bus.fleet import Fleet, load_seal_keys
from bus.machine import Connect, Exit, Send, WatchHost
from bus.messages import CatalogueRecord
from bus.node import Identity, Node, identify
from bus.service_sections import KeaSection, MinterSection
from bus.transport.poller import Poller
from bus.transport.processes import ProcessWatch
from bus.transport.zeromq import Dealers
from fileid.handoff import Budget
from fileid.lease import LeaseFile, StorePosition
from fileid.seal import KEY_BYTES, Sealer, SealKey
from heartbeat.appointment import Appointment
from heartbeat.election import Election
from heartbeat.granted_role import GrantedRole, check_voters
from heartbeat.namesake import Namesake
from heartbeat.stand import BY_APPOINTMENT, is_log
from heartbeat.static import Tenure
from services.settings.catalogue import StoreCatalogue
from services.settings.store import load, read_catalogue, save
from services.sidecar.authority import Authority, StoreFailover
from services.sidecar.failover_file import load_failover, save_failover
from services.sidecar.minter import Minter
from services.sidecar.offering import catalogue_problems, plain_record

_log = logging.getLogger("provbus.sidecar")


class Files(NamedTuple):
    """What the files of a sidecar's configuration hold: the catalogue for an empty topic, and its key."""

    section: MinterSection
    publish: CatalogueRecord | None
    seal_key: SealKey
    identity: Identity


def read_files(config: Config, service: str) -> Files:
    """Read every file that a start needs; `ConfigError` says which of them is wrong."""
    section = config.minter
    if section is None:
        raise ConfigError(f"{config.instance} needs a 'minter' section")
    path = section.publish_catalogue
    publish = None
    if path is not None:
        publish = plain_record(read_catalogue(path, catalogue_problems, may_come=True).sound())
    identity = identify(config, [service])
    _check_roles(config, identity.fleet)
    if section.kea is not None:
        _check_kea(section.kea, service, identity.fleet)
    line = load_seal_keys(section.seal_key, identity.fleet, KEY_BYTES)[0]
    if line[0] != config.instance:
        raise ConfigError(f"{section.seal_key} is the seal key of {line[0]}, not of {config.instance}")
    return Files(section, publish, SealKey.of(*line), identity)


class Follower(Protocol):
    """Tells the runner `Leased`, read through the poller it was made with."""

    def store(self, position: Any) -> None:
        """Everything up to here is settled: after a restart go on there."""

    def close(self) -> None:
        """Stop following."""


Follow = Callable[[Poller], Follower]


def run(
    config: Config,
    service: str,
    budget: Budget,
    follow: Follow | None = None,
    files: Sequence[LeaseFile] = (),
) -> Exit:
    """Run the sidecar of a DHCP or MPS server until it is stopped. `follow` starts to follow a DHCP server
    that does not ask us, and gives out `files`.
    """
    section, publish, seal_key, _ = read_files(config, service)
    node = Node(config, [service], read=("heartbeat", "config", "failover"))
    try:
        copy = config.state_directory / "catalogue.json"
        catalogue = load(copy)
        node.check(has_copy=catalogue is not None)
        link = node.multicast or node.keep(
            Dealers(node.context, node.poller, node.keys, node.fleet.keys("cfm"))
        )
        sealer = Sealer(seal_key)
        directory = config.state_directory
        kept = load_failover(directory)
        election = share(node, kept) if node.multicast else elect(node, kept)
        needs_host = section.attached or follow is not None
        mode = config.transport.mode
        namesake = Namesake(node.stamp.incarnation)
        authority = Authority(
            node.stamp,
            election,
            namesake=namesake,
            mode=mode,
            lock=node.lock.identity,
            needs_host=needs_host,
            kept=kept,
        )
        watch = node.keep(ProcessWatch(node.poller))

        def reload() -> None:
            files = read_files(config, service)
            node.use(files.identity)
            sealer.use(files.seal_key)
            if isinstance(link, Dealers):
                link.use(node.keys, node.fleet.keys("cfm"))

        machine = Minter(
            service=service,
            stamp=node.stamp,
            services=node.fleet.services(),
            sealer=sealer,
            budget=budget,
            random=Random(node.stamp.incarnation),
            random_bytes=RandomPool().take,
            minted_max=section.minted_max,
            authority=authority,
            namesake=namesake,
            default_next_server=section.default_next_server,
            catalogue=catalogue,
            publish=publish,
            files=files,
            data_bytes_max=node.data_bytes_max,
            scheme="tcp" if node.multicast is None else "udp",
        )

        def connect(effect: Connect) -> None:
            try:
                link.connect(effect.peer, effect.endpoint)
            except (LocalError, UnavailableError) as error:
                _log.warning("%s", error)

        def watch_host(effect: WatchHost) -> None:
            pid = node.local.peer_pid(effect.session)
            if pid is not None:
                watch.watch(effect.session, pid)

        follower = None if follow is None else node.keep(follow(node.poller))
        return node.run(
            machine,
            {
                **({} if follower is None else {StorePosition: lambda one: follower.store(one.position)}),
                Send: lambda effect: link.send(effect.to, effect.envelope),
                Connect: connect,
                WatchHost: watch_host,
                StoreFailover: lambda effect: save_failover(directory, effect),
                StoreCatalogue: lambda effect: save(copy, effect.record),
            },
            reload,
        )
    except Exception as error:
        node.explain(error)
        raise
    finally:
        node.close()


def share(node: Node, kept: StoreFailover) -> Appointment | GrantedRole | None:
    """Who holds the role without a log. None where there is nobody else, or where all may act."""
    section = node.config.failover
    if node.stamp.instance not in node.fleet.shared_roles() or section.allow_dual_active:
        return None
    return stand(node) if section.grants else appoint(node, kept)


def stand(node: Node) -> GrantedRole:
    """Whom a majority of the CFMs grants it."""
    role, members = _members(node)
    return GrantedRole(
        role=role,
        stamp=node.stamp,
        index=members.index(node.stamp.instance),
        voters=[*node.fleet.keys("cfm")],
        random=secrets.SystemRandom(),
    )


def appoint(node: Node, kept: StoreFailover) -> Appointment:
    """Whom a person named."""
    section = node.config.failover
    role, members = _members(node)
    stand = kept.stand
    is_appointed = stand is not None and stand.authority == BY_APPOINTMENT and kept.mode == "multicast"
    return Appointment(
        role=role,
        tenure=Tenure(stand, kept.is_ours) if stand is not None and is_appointed else None,
        is_configured=section.primary == node.stamp.instance,
        is_alone=kept.lock == node.lock.identity,
        index=members.index(node.stamp.instance),
        cfms=[*node.fleet.keys("cfm")],
        new_id=lambda: secrets.token_hex(8),
    )


def elect(node: Node, kept: StoreFailover) -> Election:
    """The election of this instance's role. Who is named first in the fleet file stands first."""
    role, members = _members(node)
    stand = kept.stand if kept.lock == node.lock.identity else None
    return Election(
        role=role,
        stamp=node.stamp,
        rank=members.index(node.stamp.instance),
        cfms=[*node.fleet.keys("cfm")],
        new_id=lambda: secrets.token_hex(8),
        former=stand if stand is not None and is_log(stand.authority) else None,
    )


def _members(node: Node) -> tuple[str, list[str]]:
    """Our role, and who may hold it, in the order of the fleet file."""
    name = node.stamp.instance
    return node.fleet.roles()[name], _members_of(name, node.fleet)


def _members_of(name: str, fleet: Fleet) -> list[str]:
    """Who may hold the role of this instance, in the order of the fleet file."""
    roles = fleet.roles()
    return [other for other in roles if roles[other] == roles[name]]


def _check_roles(config: Config, fleet: Fleet) -> None:
    """Over multicast somebody decides who holds a role for which several stand."""
    section = config.failover
    if section.grants:
        check_voters([*fleet.keys("cfm")])
    elif config.transport.mode == "multicast" and config.instance in fleet.shared_roles():
        members = _members_of(config.instance, fleet)
        if not section.allow_dual_active and section.primary not in members:
            raise ConfigError(
                f"failover.primary: over multicast a person says who of {', '.join(members)} is it"
            )


def _check_kea(section: KeaSection, service: str, fleet: Fleet) -> None:
    """Only a DHCP server is a Kea, and every CFM that it may name is one of the fleet."""
    if service != "dhcp":
        raise ConfigError("minter.kea is for a DHCP sidecar")
    for name in (name for file in section.files for name in file.cfms):
        if fleet.services().get(name) != "cfm":
            raise ConfigError(f"minter.kea.files: {name} is no CFM of the fleet")


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
