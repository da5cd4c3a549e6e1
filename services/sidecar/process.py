"""The sidecar process: a minter between its host service's local socket and the CFMs."""

import os
import secrets
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, NamedTuple, Protocol

from bus.effects import Exit, WatchHost
from bus.errors import ConfigError
from bus.fleet.fleet import Fleet, load_seal_keys, settings_keys
from bus.fleet.identity import Identity, identify
from bus.routes import Column
from bus.runtime.carriers import group_keys
from bus.runtime.node import Node
from bus.runtime.process_watch import ProcessWatch
from bus.transport.poller import Poller
from bus.transport.zeromq.dealers import Dealers
from fileid.handoff import Budget
from fileid.lease import ExcuseServer, LeaseFile, StorePosition
from fileid.seal import KEY_BYTES, Sealer, SealKey
from heartbeat.liveness.beat import KeyIds
from heartbeat.liveness.namesake import Namesake
from heartbeat.roles.appointed.holder import AppointedHolder
from heartbeat.roles.appointed.tenure import Tenure
from heartbeat.roles.claim import BY_APPOINTMENT
from heartbeat.roles.elected.election import Election
from heartbeat.roles.granted.holder import GrantedHolder, check_voters
from heartbeat.roles.holder import RoleHolder, SoleHolder
from heartbeat.roles.log.writers import Writers
from heartbeat.roles.switched.holder import SwitchedHolder
from services.config.instance import Config
from services.config.sections import FailoverSection, KeaSection, MinterSection
from services.instance.about import KeysInForce, about, key_ids
from services.instance.metrics import METRICS
from services.instance.switching import switching_of
from services.settings.catalogue import StoreCatalogue
from services.settings.history import StoreHistory
from services.settings.history_files import HistoryFiles
from services.settings.judging import catalogue_problems, plain_record
from services.settings.record import CatalogueRecord
from services.settings.store import load, read_catalogue, save
from services.settings.vault import Vault
from services.sidecar.assembly import assemble
from services.sidecar.role.authority import Authority
from services.sidecar.role.party import SidecarParty
from services.sidecar.role.record import StoreFailover
from services.sidecar.role.record_file import load_failover, save_failover


class Files(NamedTuple):
    """The contents of the files that a sidecar's configuration names: first catalogue, seal key, and the keys
    for the secrets of the settings.
    """

    section: MinterSection
    publish: CatalogueRecord | None
    seal_key: SealKey
    settings_keys: list[tuple[int, bytes]]
    keys: KeyIds
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
    lines = load_seal_keys(section.seal_key, identity.fleet, KEY_BYTES)
    line = lines[0]
    if line[0] != config.instance:
        raise ConfigError(f"{section.seal_key} is the seal key of {line[0]}, not of {config.instance}")
    group = [key.key_id for key in group_keys(config.multicast)]
    settings = settings_keys(config.settings_key)
    keys = key_ids(
        identity.fleet, [key_id for _, key_id, _ in lines], group, [key_id for key_id, _ in settings]
    )
    return Files(section, publish, SealKey.of(*line), settings, keys, identity)


class Follower(Protocol):
    """Tells the runner `Leased`, read through the poller it was made with."""

    def store(self, position: Any) -> None:
        """Leases up to this position are settled: after a restart go on there."""

    def excuse(self, seconds: float) -> None:
        """The server reloads because of us: ignore its silence for so long; 0: the reload is over."""

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
    """Run the sidecar of a DHCP or MPS server until it is stopped. `follow` starts the follower of a DHCP
    server that does not ask us, and that gives out `files`.
    """
    section, publish, seal_key, settings, ids, _ = read_files(config, service)
    node = Node(
        config,
        [service],
        read=("heartbeat", "config", "failover"),
        metrics=METRICS,
        peers=("cfm",),
        link=lambda node: Dealers(node.context, node.poller, node.keys, node.fleet.keys("cfm")),
    )
    try:
        copy = config.state_directory / "catalogue.json"
        catalogue = load(copy)
        history = HistoryFiles(config.state_directory)
        node.carrier.begin(has_copy=catalogue is not None)
        sealer = Sealer(seal_key)
        keys = KeysInForce(ids)
        directory = config.state_directory
        kept = load_failover(directory)
        needs_host = section.attached or follow is not None
        namesake = Namesake(node.stamp.incarnation)
        writers: Writers = node.show(Writers(node.fleet.root_key, node.fleet.signing_keys()))
        holder = holder_of(node, config.failover, kept, writers)
        authority = Authority(
            node.stamp,
            holder,
            namesake=namesake,
            leads=lambda: str(node.carrier.carrying.leads),
            lock=node.lock.identity,
            needs_host=needs_host,
            kept=kept,
        )
        watch = node.keep(ProcessWatch(node.poller))

        def reload() -> None:
            again = config.again()
            files = read_files(again, service)
            renew = node.renew(files.identity)
            sealer.use(files.seal_key)
            keys.use(files.keys)
            writers.use(files.identity.fleet.signing_keys())
            renew()
            machine.parts.offering.use(files.settings_keys)
            machine.keep_to(node.members.services, node.fleet.pins())
            node.configure(again)
            switching.switch.can(node.carrier.configured)
            switching.keep_to(node.members.services.keys() - {node.stamp.instance})

        party = SidecarParty(
            node.stamp,
            holder,
            lambda: machine.parts.peers.roster.others(),
            obstacles=_obstacles(config, node.fleet),
            new_id=lambda: secrets.token_hex(8),
            switched=authority.switched,
        )
        switching = switching_of(
            node.stamp,
            node.switched,
            party,
            node.carrier,
            can=node.carrier.configured,
            fleet=node.fleet,
            new_id=lambda: secrets.token_hex(8),
            linger_s=config.transport.linger_s,
            keys=keys.now,
            moved=lambda record: machine.parts.peers.moved(has_echo=Column.BUS in record.carrying.sends),
        )
        machine = assemble(
            service=service,
            stamp=node.stamp,
            trust=node.trust,
            services=node.fleet.services(),
            pins=node.fleet.pins(),
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
            history=history.load(has_copy=catalogue is not None),
            vault=Vault(settings),
            files=files,
            about=about(lambda: node.carrier.mode, keys),
            switching=switching,
            data_bytes_max=lambda: node.carrier.data_bytes_max,
            schemes=node.carrier.schemes,
        )

        def watch_host(effect: WatchHost) -> None:
            pid = node.local.peer_pid(effect.session)
            if pid is not None:
                watch.watch(effect.session, pid)

        following: dict[type, Callable[[Any], None]] = {}
        if follow is not None:
            follower = node.keep(follow(node.poller))
            following = {
                StorePosition: lambda effect: follower.store(effect.position),
                ExcuseServer: lambda effect: follower.excuse(effect.seconds),
            }
        return node.run(
            machine,
            {
                **following,
                WatchHost: watch_host,
                StoreFailover: lambda effect: save_failover(directory, effect),
                StoreCatalogue: lambda effect: save(copy, effect.record),
                StoreHistory: history.save,
            },
            reload,
        )
    except Exception as error:
        node.explain(error)
        raise
    finally:
        node.close()


def holder_of(node: Node, section: FailoverSection, kept: StoreFailover, writers: Writers) -> SwitchedHolder:
    """The role's holder: the log decides while the bus leads, else the CFMs, a person, or nobody."""
    return SwitchedHolder(
        node.stamp.instance,
        lambda: node.stamp.incarnation,
        node.switched.carrying.leads,
        lambda: elect(node, kept, writers),
        without_log(node, section, kept),
        _members(node)[1],
        node.switched.era,
    )


def without_log(node: Node, section: FailoverSection, kept: StoreFailover) -> RoleHolder:
    """The role's holder while the group leads: decided by the CFMs, a person, or nobody."""
    if node.stamp.instance not in node.fleet.shared_roles() or section.allow_dual_active:
        return SoleHolder()
    return granted(node) if section.grants else appointed(node, section, kept)


def granted(node: Node) -> GrantedHolder:
    """The holder of a role that a majority of the CFMs grants."""
    role, members = _members(node)
    return GrantedHolder(
        role=role,
        stamp=node.stamp,
        index=members.index(node.stamp.instance),
        voters=[*node.fleet.keys("cfm")],
        random=secrets.SystemRandom(),
    )


def appointed(node: Node, section: FailoverSection, kept: StoreFailover) -> AppointedHolder:
    """The holder of a role to which a person appoints."""
    role, members = _members(node)
    claim = kept.claim
    is_ours = claim is not None and claim.authority == BY_APPOINTMENT
    is_appointed = is_ours and kept.mode == node.switched.carrying.leads
    return AppointedHolder(
        role=role,
        tenure=Tenure(claim, kept.is_ours) if claim is not None and is_appointed else None,
        is_configured=section.primary == node.stamp.instance,
        is_alone=kept.lock == node.lock.identity,
        index=members.index(node.stamp.instance),
        cfms=[*node.fleet.keys("cfm")],
        new_id=lambda: secrets.token_hex(8),
        asks_first=len(node.carrier.configured) > 1,
    )


def elect(node: Node, kept: StoreFailover, writers: Writers) -> Election:
    """The election of this instance's role. The first instance in the fleet file stands first."""
    role, members = _members(node)
    return Election(
        role=role,
        stamp=node.stamp,
        rank=members.index(node.stamp.instance),
        cfms=[*node.fleet.keys("cfm")],
        new_id=lambda: secrets.token_hex(8),
        writers=writers,
        former=kept.held_under(node.lock.identity),
    )


def _members(node: Node) -> tuple[str, list[str]]:
    """Our role, and the instances that may hold it, in the order of the fleet file."""
    name = node.stamp.instance
    return node.fleet.roles()[name], _members_of(name, node.fleet)


def _members_of(name: str, fleet: Fleet) -> list[str]:
    """The instances that may hold the role of this one, in the order of the fleet file."""
    roles = fleet.roles()
    return [other for other in roles if roles[other] == roles[name]]


def _check_roles(config: Config, fleet: Fleet) -> None:
    """Check that over multicast something decides who holds a role for which several stand."""
    section = config.failover
    if section.grants:
        check_voters([*fleet.keys("cfm")])
    elif config.brokers is None and config.instance in fleet.shared_roles():
        members = _members_of(config.instance, fleet)
        if not section.allow_dual_active and section.primary not in members:
            raise ConfigError(
                f"failover.primary: over multicast a person says who of {', '.join(members)} is it"
            )


def _obstacles(config: Config, fleet: Fleet) -> dict[Column, str]:
    """Why a column could not decide our role."""
    section = config.failover
    if config.instance not in fleet.shared_roles():
        return {}
    if section.allow_dual_active:
        return {Column.BUS: "failover.allow_dual_active: several are the primary"}
    if not section.grants and section.primary not in _members_of(config.instance, fleet):
        return {Column.MULTICAST: "failover: neither primary nor grants"}
    return {}


def _check_kea(section: KeaSection, service: str, fleet: Fleet) -> None:
    """Check that only a DHCP sidecar has a Kea, and that every CFM that it may name is in the fleet."""
    if service != "dhcp":
        raise ConfigError("minter.kea is for a DHCP sidecar")
    for name in (name for file in section.files for name in file.cfms):
        if fleet.services().get(name) != "cfm":
            raise ConfigError(f"minter.kea.files: {name} is no CFM of the fleet")


class RandomPool:
    """Random bytes of the kernel, fetched by the page: one system call for many serials."""

    def __init__(self) -> None:
        self._pool = b""
        self._at = 0

    def take(self, size: int) -> bytes:
        """`size` random bytes."""
        if self._at + size > len(self._pool):
            self._pool, self._at = os.urandom(4096), 0
        self._at += size
        return self._pool[self._at - size : self._at]
