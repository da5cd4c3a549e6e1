"""The CFM process: minters on one side, modems on the other."""

from bus.config import Config, read_secret
from bus.errors import ConfigError
from bus.fleet import MINTERS, load_seal_key
from bus.machine import Exit, Send
from bus.node import Node
from bus.transport.curve import ZapHandler, check_strangers_refused
from bus.transport.zeromq import Router
from fileid.row import number_of
from fileid.seal import KEY_BYTES, Opener, SealKey
from fileid.table import Table
from services.cfm.machine import Cfm
from services.settings.catalogue import StoreCatalogue
from services.settings.store import load, save
from services.tftp.effects import Datagram
from services.tftp.server_core import TftpServer
from services.tftp.sockets import TftpSockets


def run(config: Config) -> Exit:
    """Run a CFM until it is stopped."""
    section = config.cfm
    if section is None:
        raise ConfigError(f"{config.instance} needs a 'cfm' section")
    secret = read_secret(section.secret_file)
    node = Node(config, ["cfm"], read=("config",))
    try:
        minters = node.fleet.keys(*MINTERS)
        copy = config.state_directory / "catalogue.json"
        catalogue = load(copy)
        node.check_broker(has_copy=catalogue is not None)
        opener = Opener(
            {
                seal_id: SealKey(seal_id, number_of(minter), key)
                for minter, seal_id, key in (
                    load_seal_key(path, node.fleet, KEY_BYTES) for path in section.seal_keys
                )
            }
        )
        zap = node.keep(ZapHandler(node.context, node.poller, {key: name for name, key in minters.items()}))
        router = node.keep(Router(node.context, node.poller, node.keys, section.listen))
        check_strangers_refused(node.context, zap, router.endpoint, node.keys.public)
        tftp = section.tftp
        sockets = node.keep(TftpSockets(node.poller, tftp.address, tftp.port, tftp.transfer_sockets))
        machine = Cfm(
            stamp=node.stamp,
            minters=minters,
            opener=opener,
            table=Table(section.rows_max),
            tftp=TftpServer(transfer_sockets=tftp.transfer_sockets, sessions_max=tftp.sessions_max),
            endpoints={"fileid": section.advertise or router.endpoint, "tftp": tftp.address},
            capacity=tftp.capacity,
            secret=secret,
            catalogue=catalogue,
        )
        return node.run(
            machine,
            {
                Send: lambda effect: router.send(effect.to, effect.envelope),
                Datagram: sockets.send,
                StoreCatalogue: lambda effect: save(copy, effect.record),
            },
        )
    finally:
        node.close()
