"""The CFM process: minters on one side, modems on the other."""

import logging
from ipaddress import ip_network
from pathlib import Path
from typing import Any, NamedTuple

from bus.config import Config
from bus.endpoint import parse
from bus.envelope import number_of
from bus.errors import ConfigError
from bus.fleet import MINTERS, load_seal_keys
from bus.machine import Exit, Send
from bus.node import Identity, Node, identify
from bus.runner import boottime
from bus.secret_file import read_secret
from bus.service_sections import CfmSection
from bus.transport.curve import ZapHandler, check_strangers_refused
from bus.transport.here import check_one_host, look_up_advertised, look_up_endpoint
from bus.transport.zeromq import Router
from fileid.given import Given
from fileid.seal import KEY_BYTES, Opener, SealKey
from fileid.table import Table
from heartbeat.fence import Fence, StoreFence
from heartbeat.granted_role import check_voters
from heartbeat.grants import StorePromises, Voter
from services.cfm.fence_file import load_fence, save_fence
from services.cfm.machine import Cfm
from services.cfm.promises_file import load_promises, save_promises
from services.cfm.voting import Voting
from services.settings.catalogue import StoreCatalogue
from services.settings.store import load, save
from services.tftp.effects import Datagram
from services.tftp.server_core import TftpServer
from services.tftp.sockets import TftpSockets

_log = logging.getLogger("provbus.cfm")


class Files(NamedTuple):
    """What the files of a CFM's configuration hold: `secret` signs the CMTS MIC."""

    section: CfmSection
    secret: bytes
    seal_keys: list[SealKey]
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
    seals = [
        SealKey.of(*line)
        for path in section.seal_keys
        for line in load_seal_keys(path, identity.fleet, KEY_BYTES)
    ]
    if len({seal.key_id for seal in seals}) != len(seals):
        raise ConfigError(f"{config.instance}: two of its seal keys have the same id")
    known = {seal.minter for seal in seals}
    for name in identity.fleet.keys(*MINTERS):
        if number_of(name) not in known:
            _log.warning("cfm.seal_keys: no key of %s: a read that comes before its row gets nothing", name)
    return Files(section, secret, seals, identity)


def run(config: Config) -> Exit:
    """Run a CFM until it is stopped."""
    section, secret, seal_keys, _ = read_files(config)
    node = Node(config, ["cfm"], read=("heartbeat", "config", "failover"), overhear=("fileid",))
    try:
        minters = node.fleet.keys(*MINTERS)
        opener = Opener(seal_keys)
        given = Given(section.kea_names)
        if given.is_shared and section.tftp.proxies:
            _log.warning(
                "a name of kea_names is shared by many modems: behind tftp.proxies nobody knows whose it is"
            )
        copy = config.state_directory / "catalogue.json"
        catalogue = load(copy)
        node.check(has_copy=catalogue is not None)
        zap, router = (None, None) if node.multicast else _serve(node, section.listen or "")
        link: Any = node.multicast or router
        place = link.endpoint
        if node.multicast is None and section.advertise is not None:
            place = _advertised(node, section.advertise)

        def reload() -> None:
            files = read_files(config)
            node.use(files.identity)
            opener.use(files.seal_keys)
            machine.use(files.secret)
            if zap is not None and router is not None:
                zap.use(_minters(node))
                router.use(node.keys)

        directory = config.state_directory
        fence = _fence(node, directory)
        voting = _voting(node, directory)
        tftp = section.tftp
        sockets: TftpSockets | None = None
        if tftp.serve:
            ports = tftp.source_ports
            sockets = node.keep(
                node.patience.until_done(
                    lambda: TftpSockets(node.poller, tftp.address, tftp.port, tftp.transfer_sockets, ports)
                )
            )
        machine = Cfm(
            stamp=node.stamp,
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
            endpoints={"fileid": place, "tftp": tftp.address},
            capacity=tftp.capacity,
            secret=secret,
            proxies=[ip_network(one) for one in tftp.proxies],
            given=given,
            givers=[name for name, service in node.fleet.services().items() if service == "dhcp"],
            catalogue=catalogue,
            data_bytes_max=node.data_bytes_max,
            receive_buffer_bytes=sockets.granted_bytes if sockets else 0,
        )
        return node.run(
            machine,
            {
                Send: lambda effect: link.send(effect.to, effect.envelope),
                StoreFence: lambda effect: save_fence(directory, effect),
                # An `OSError` ends the process: a promise that is not kept must not be answered.
                StorePromises: lambda effect: save_promises(directory, effect),
                StoreCatalogue: lambda effect: save(copy, effect.record),
                **({Datagram: sockets.send} if sockets else {}),
            },
            reload,
        )
    except Exception as error:
        node.explain(error)
        raise
    finally:
        node.close()


def _fence(node: Node, directory: Path) -> Fence | None:
    """Over multicast the roles that several instances may hold, unless all of them may at once."""
    roles = node.fleet.roles()
    if node.multicast is not None:
        roles = node.fleet.shared_roles()
        if not roles or node.config.failover.allow_dual_active:
            return None
    return Fence(roles, load_fence(directory), has_log=node.multicast is None)


def _voting(node: Node, directory: Path) -> Voting | None:
    """Our vote on the roles that several instances may hold, if the CFMs grant them."""
    if not node.config.failover.grants:
        return None
    roles = node.fleet.shared_roles()
    voter = Voter(node.stamp.instance, {*roles.values()}, load_promises(directory), boottime())
    return Voting(node.stamp, voter, roles)


def _serve(node: Node, endpoint: str) -> tuple[ZapHandler, Router]:
    """The minters' end of the hand-off, proven to refuse everybody else."""
    zap: ZapHandler = node.keep(ZapHandler(node.context, node.poller, _minters(node)))

    def listen() -> Router:
        place = look_up_endpoint(endpoint, "cfm.listen")
        check_one_host("cfm.listen", parse(place).host)
        descriptors = node.descriptors
        return Router(
            node.context,
            node.poller,
            node.keys,
            place,
            shut_at=descriptors.for_strangers,
            spare=descriptors.spare,
        )

    router: Router = node.keep(node.patience.until_done(listen))
    check_strangers_refused(node.context, zap, router.endpoint, node.keys.public)
    return zap, router


def _advertised(node: Node, endpoint: str) -> str:
    """What beats announce in the place of where we listen."""
    return node.patience.until_done(lambda: look_up_advertised(endpoint, "cfm.advertise"))


def _minters(node: Node) -> dict[bytes, str]:
    """Who may connect, by key."""
    return {key: name for name, keys in node.fleet.keys(*MINTERS).items() for key in keys}
