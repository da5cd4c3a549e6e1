"""The CFM process: minters on one side, modems on the other."""

import logging
from ipaddress import ip_network
from pathlib import Path
from typing import NamedTuple

from bus.config.secret_file import read_secret
from bus.effects import Exit
from bus.envelope import number_of
from bus.errors import ConfigError
from bus.fleet.fleet import MINTERS, Fleet, load_seal_keys, seal_keys_owner, settings_keys
from bus.fleet.identity import Identity, identify
from bus.routes import Column
from bus.runtime.carriers import group_keys
from bus.runtime.node import Node
from bus.runtime.runner import boottime
from bus.transport.here import check_one_host, look_up_advertised, look_up_endpoint
from bus.transport.zeromq.listening import Listening
from bus.transport.zeromq.owners import Owners
from bus.transport.zeromq.router import Router
from bus.wire.endpoint import parse
from fileid.given import Given
from fileid.seal import KEY_BYTES, Opener, SealKey
from fileid.table import Table
from heartbeat.liveness.beat import KeyIds
from heartbeat.roles.claim import BY_APPOINTMENT, BY_GRANTS
from heartbeat.roles.granted.grants import StorePromises, Voter
from heartbeat.roles.granted.holder import check_voters
from heartbeat.roles.log.fence import Fence, StoreFence, Unlogged
from heartbeat.roles.log.writers import Writers
from services.cfm.assembly import assemble
from services.cfm.fence_file import load_fence, save_fence
from services.cfm.party import CfmParty
from services.cfm.promises_file import load_promises, save_promises
from services.cfm.voting import Voting
from services.config.instance import Config
from services.config.sections import CfmSection, FailoverSection
from services.instance.about import KeysInForce, about, key_ids
from services.instance.metrics import METRICS
from services.instance.switching import switching_of
from services.settings.catalogue import StoreCatalogue
from services.settings.history import StoreHistory
from services.settings.history_files import HistoryFiles
from services.settings.store import load, save
from services.settings.vault import Vault
from services.tftp.effects import Datagram
from services.tftp.server_core import TftpServer
from services.tftp.sockets import TftpSockets

PROXY_BITS_MIN = {4: 24, 6: 64}
"""The shortest prefix of a network of proxies that is not warned of: a subnet of CMTSs."""
_log = logging.getLogger("provbus.cfm")


class Files(NamedTuple):
    """The contents of the files that a CFM's configuration names: `secret` signs the CMTS MIC."""

    section: CfmSection
    secret: bytes
    seal_keys: list[SealKey]
    settings_keys: list[tuple[int, bytes]]
    keys: KeyIds
    identity: Identity


def read_files(config: Config) -> Files:
    """Read every file that a start needs; `ConfigError` says which of them is wrong."""
    section = config.cfm
    if section is None:
        raise ConfigError(f"{config.instance} needs a 'cfm' section")
    secret = read_secret(section.secret_file)
    identity = identify(config, ["cfm"])
    if config.failover.grants:
        check_voters([*identity.fleet.keys("cfm")])
    seals = [SealKey.of(*line) for path in section.seal_keys for line in _seal_lines(path, identity.fleet)]
    if len({seal.key_id for seal in seals}) != len(seals):
        raise ConfigError(f"{config.instance}: two of its seal keys have the same id")
    known = {seal.minter for seal in seals}
    for name in identity.fleet.keys(*MINTERS):
        if number_of(name) not in known:
            _log.warning("cfm.seal_keys: no key of %s: a read that comes before its row gets nothing", name)
    for network in map(ip_network, section.tftp.proxies):
        if network.prefixlen < PROXY_BITS_MIN[network.version]:
            _log.warning(
                "cfm.tftp.proxies: %s holds more than the CMTSs of a site: each of its addresses is believed"
                " to proxy, and gets any device's file by its name",
                network,
            )
    group = [key.key_id for key in group_keys(config.multicast)]
    settings = settings_keys(config.settings_key)
    keys = key_ids(identity.fleet, [seal.key_id for seal in seals], group, [key_id for key_id, _ in settings])
    return Files(section, secret, seals, settings, keys, identity)


def run(config: Config) -> Exit:
    """Run a CFM until it is stopped."""
    section, secret, seal_keys, settings, ids, _ = read_files(config)
    node = Node(
        config,
        ["cfm"],
        read=("heartbeat", "config", "failover"),
        metrics=METRICS,
        peers=MINTERS,
        link=_listen,
        overhear=("fileid",),
    )
    try:
        minters = node.fleet.keys(*MINTERS)
        opener = Opener(seal_keys)
        keys = KeysInForce(ids)
        given = Given(section.kea_names)
        if given.is_shared and section.tftp.proxies:
            _log.warning(
                "a name of kea_names is shared by many modems: behind tftp.proxies nobody knows whose it is"
            )
        copy = config.state_directory / "catalogue.json"
        catalogue = load(copy)
        history = HistoryFiles(config.state_directory)
        node.carrier.begin(has_copy=catalogue is not None)

        def reload() -> None:
            again = config.again()
            files = read_files(again)
            renew = node.renew(files.identity)
            opener.use(files.seal_keys)
            machine.parts.builder.held.use(files.settings_keys)
            keys.use(files.keys)
            machine.use(files.secret)
            writers.use(files.identity.fleet.signing_keys())
            renew()
            machine.keep_to(node.members.services)
            node.configure(again)
            switching.switch.can(node.carrier.configured)
            switching.keep_to(node.members.services.keys() - {node.stamp.instance})

        directory = config.state_directory
        writers: Writers = node.show(Writers(node.fleet.root_key, node.fleet.signing_keys()))
        fence = _fence(node, config.failover, directory, writers)
        voting = _voting(node, config.failover, directory)
        voter = None if voting is None else voting.voter
        switching = switching_of(
            node.stamp,
            node.switched,
            CfmParty(fence, voter, node.switched.era),
            node.carrier,
            can=node.carrier.configured,
            fleet=node.fleet,
            new_id=str,  # a CFM gives no orders
            linger_s=config.transport.linger_s,
            moved=lambda record: machine.parts.roster.expect_echo(
                is_expected=Column.BUS in record.carrying.sends
            ),
            keys=keys.now,
        )
        tftp = section.tftp
        sockets: TftpSockets | None = None
        if tftp.serve:
            ports = tftp.source_ports
            sockets = node.keep(
                node.patience.until_done(
                    lambda: TftpSockets(node.poller, tftp.address, tftp.port, tftp.transfer_sockets, ports)
                )
            )
        machine = assemble(
            stamp=node.stamp,
            trust=node.trust,
            minters=minters,
            opener=opener,
            table=Table(section.rows_max),
            tftp=TftpServer(
                transfer_sockets=tftp.transfer_sockets,
                sessions_max=tftp.sessions_max,
                blksize_max=tftp.blksize_max,
            ),
            fence=fence,
            voting=voting,
            endpoints=lambda: {**node.carrier.endpoints, "tftp": tftp.address},
            capacity=tftp.capacity,
            secret=secret,
            proxies=[ip_network(one) for one in tftp.proxies],
            given=given,
            givers=[name for name, service in node.fleet.services().items() if service == "dhcp"],
            catalogue=catalogue,
            history=history.load(has_copy=catalogue is not None),
            vault=Vault(settings),
            services=node.fleet.services(),
            about=about(lambda: node.carrier.mode, keys),
            switching=switching,
            data_bytes_max=lambda: node.carrier.data_bytes_max,
            receive_buffer_bytes=sockets.granted_bytes if sockets else 0,
        )
        return node.run(
            machine,
            {
                StoreFence: lambda effect: save_fence(directory, effect),
                StorePromises: lambda effect: save_promises(directory, effect),
                StoreCatalogue: lambda effect: save(copy, effect.record),
                StoreHistory: history.save,
                **({Datagram: sockets.send} if sockets else {}),
            },
            reload,
        )
    except Exception as error:
        node.explain(error)
        raise
    finally:
        node.close()


def _seal_lines(path: Path, fleet: Fleet) -> list[tuple[str, int, bytes]]:
    """The seal keys in a file; none of an instance that was taken out of the fleet: its names do not open."""
    if seal_keys_owner(path) not in fleet.instances:
        _log.warning("%s: the fleet file does not have its minter, so its seal keys are not used", path)
        return []
    return load_seal_keys(path, fleet, KEY_BYTES)


def _fence(node: Node, failover: FailoverSection, directory: Path, writers: Writers) -> Fence:
    """The fence; while the group leads it knows shared roles alone, and none in dual-active."""
    shared = {} if failover.allow_dual_active else node.fleet.shared_roles()
    return Fence(
        node.fleet.roles(),
        load_fence(directory),
        writers=writers,
        leads=node.switched.carrying.leads,
        in_group=Unlogged(BY_GRANTS if failover.grants else BY_APPOINTMENT, frozenset(shared.values())),
    )


def _voting(node: Node, failover: FailoverSection, directory: Path) -> Voting | None:
    """Our vote on the roles that several instances may hold, if the CFMs grant them."""
    if not failover.grants:
        return None
    roles = node.fleet.shared_roles()
    voter = Voter(node.stamp.instance, {*roles.values()}, load_promises(directory), boottime())
    return Voting(node.stamp, voter, roles)


def _listen(node: Node) -> Listening:
    """The socket for minters, proven to refuse all others, where the configuration says."""
    assert isinstance(node.config, Config)
    assert node.config.cfm is not None
    section = node.config.cfm

    def listen(owners: Owners) -> Router:
        place = look_up_endpoint(section.listen or "", "cfm.listen")
        check_one_host("cfm.listen", parse(place).host)
        descriptors = node.descriptors
        return Router(
            node.context,
            node.poller,
            node.keys,
            owners,
            place,
            shut_at=descriptors.for_strangers,
            spare=descriptors.spare,
        )

    def announced(endpoint: str) -> str:
        told = section.advertise
        if told is None:
            return endpoint
        return node.patience.until_done(lambda: look_up_advertised(told, "cfm.advertise"))

    return Listening(
        node.context,
        node.poller,
        node.keys,
        node.fleet.keys(*MINTERS),
        lambda owners: node.patience.until_done(lambda: listen(owners)),
        announced,
    )
