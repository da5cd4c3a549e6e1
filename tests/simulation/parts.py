"""The parts of the simulated plant, put together as their processes put them together.

Compare `services.sidecar.process` and `services.cfm.process`. What is on a process's disk comes in as an
argument; everything random is drawn from the source that the world gives.
"""

from random import Random

from bus.envelope import Token, number_of
from fileid.handoff import Budget
from fileid.row import pack_address
from fileid.seal import KEY_BYTES, Opener, Sealer, SealKey
from fileid.table import Table
from services.cfm.assembly import assemble as assemble_cfm
from services.cfm.machine import Cfm
from services.dhcp.process import BUDGET as DHCP_BUDGET
from services.mps.process import BUDGET as MPS_BUDGET
from services.settings.catalogue import record
from services.settings.record import CatalogueRecord
from services.settings.vault import Vault
from services.sidecar.assembly import assemble
from services.sidecar.minter import Minter
from services.tftp.server_core import TftpServer
from tests.simulation import settings
from tests.simulation.device import Device
from tests.stamps import stamp_under
from tests.trusting import ANYBODY

MINTERS: dict[str, tuple[str, Budget]] = {"dhcp-1": ("dhcp", DHCP_BUDGET), "mps-1": ("mps", MPS_BUDGET)}
TRANSFER_SOCKETS = 2
TOKEN = Token(1, 1)
KEYS = {
    name: SealKey(key_id, number_of(name), bytes([key_id]) * KEY_BYTES) for key_id, name in enumerate(MINTERS)
}


def opener() -> Opener:
    """Opens what any minter sealed."""
    return Opener([*KEYS.values()])


def cfm_address(number: int) -> str:
    """The TFTP address of CFM `number`."""
    return f"10.9.0.{number}"


def device_address(number: int) -> str:
    """The address that DHCP leases to device `number`."""
    return f"10.64.0.{number + 1}"


def device_service(number: int) -> str:
    """Every fourth device is a telephone adapter."""
    return "mps" if number % 4 == 3 else "dhcp"


def build_minter(
    name: str, incarnation: int, random: Random, cfms: list[str], disk: CatalogueRecord | None
) -> Minter:
    """A sidecar. That of DHCP has the first settings for an empty topic."""
    service, budget = MINTERS[name]
    services = {one: kind for one, (kind, _) in MINTERS.items()} | dict.fromkeys(cfms, "cfm")
    return assemble(
        service=service,
        trust=ANYBODY,
        stamp=stamp_under(TOKEN, name, "sim", incarnation),
        services=services,
        sealer=Sealer(KEYS[name]),
        budget=budget,
        random=random,
        random_bytes=random.randbytes,
        minted_max=1_000,
        pins={},
        vault=Vault(),
        catalogue=disk,
        publish=record(settings.classes(1), 1) if service == "dhcp" else None,
    )


def build_cfm(name: str, incarnation: int, address: str, table: Table, disk: CatalogueRecord | None) -> Cfm:
    """A CFM with its TFTP server."""
    return assemble_cfm(
        trust=ANYBODY,
        stamp=stamp_under(TOKEN, name, "sim", incarnation),
        minters=MINTERS,
        opener=opener(),
        table=table,
        tftp=TftpServer(transfer_sockets=TRANSFER_SOCKETS),
        endpoints=lambda: {"fileid": f"tcp://{address}:7000", "tftp": address},
        capacity=100,
        secret=settings.SECRET,
        vault=Vault(),
        catalogue=disk,
    )


def build_device(number: int, random: Random, read_delay_s_max: float) -> Device:
    """A device, which knows its own file when it sees it."""
    service, address = device_service(number), pack_address(device_address(number))

    def judge(data: bytes) -> str:
        return settings.judge(data, number, service, address)

    return Device(random, judge, read_delay_s_max, blksize=random.choice((None, 600, 1448)))
