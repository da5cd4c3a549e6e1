"""The parts of a plant under election, put together as their processes put them together.

Compare `services.sidecar.process` and `services.cfm.process`. What is on a process's disk comes in as an
argument; everything random is drawn from the source that the world gives.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random

from bus.envelope import Stamp, number_of
from bus.fleet.trust import Trust
from bus.routes import SIGNED
from fileid.seal import KEY_BYTES, Opener, Sealer, SealKey
from fileid.table import Table
from heartbeat.roles.elected.election import Election
from heartbeat.roles.elected.holder import ElectedHolder
from heartbeat.roles.log.fence import Fence, Known
from heartbeat.roles.log.writers import Writers
from heartbeat.timing import CHECKPOINT_EVERY
from services.cfm.assembly import assemble as assemble_cfm
from services.cfm.machine import Cfm
from services.dhcp.process import BUDGET
from services.settings.catalogue import record
from services.settings.record import CatalogueRecord
from services.settings.vault import Vault
from services.sidecar.assembly import assemble
from services.sidecar.minter import Minter
from services.sidecar.role.authority import Authority
from services.sidecar.role.record import StoreFailover
from services.tftp.server_core import TftpServer
from tests.fleets import fleet_of, member, signing_of
from tests.simulation import parts, settings
from tests.trusting import verify_once

DHCPS = ("dhcp-1", "dhcp-2", "dhcp-3")
MPS = "mps-1"
ROLES = {**dict.fromkeys(DHCPS, "dhcp/sim"), MPS: "mps/sim"}
KEYS = {
    name: SealKey(key_id, number_of(name), bytes([key_id]) * KEY_BYTES) for key_id, name in enumerate(ROLES)
}
OPENER = Opener([*KEYS.values()])
CATALOGUE = record(settings.classes(1), 1)
OPERATOR = "operator"
"""Writes eras into the role log, in the name of a person."""
SITE = "sim"
_SERVICES = {
    **{name: role.split("/")[0] for name, role in ROLES.items()},
    **{f"cfm-{at}": "cfm" for at in range(1, 6)},
    OPERATOR: "dhcp",
}
MEMBERS = {name: member(name, service, [f"{name:.<40}"], SITE) for name, service in _SERVICES.items()}
FLEET = fleet_of(MEMBERS)


def stamp_of(name: str, incarnation: int) -> Stamp:
    """The stamp of an instance, which signs."""
    stamp = Stamp(name, SITE, incarnation)
    stamp.signs(signing_of(name, MEMBERS[name]).signer(), SIGNED)
    return stamp


def of_sidecar(start: int) -> int:
    """The incarnation of a sidecar at its start of this number in the world, from 1."""
    return 2 * start


def of_parent(start: int) -> int:
    """That of its parent, which takes the next one when its child has ended."""
    return of_sidecar(start) + 1


def trust() -> Trust:
    """Believes the fleet."""
    return Trust(FLEET, verify_once)


def writers() -> Writers:
    """Proves the writers of the role log."""
    return Writers(FLEET.root_key, FLEET.signing_keys(), verify_once)


@dataclass(slots=True)
class Disk:
    """What a process keeps. A crash leaves it, a wipe does not."""

    catalogue: CatalogueRecord | None = None
    failover: StoreFailover | None = None
    fence: dict[str, list[Known]] = field(default_factory=dict)


def build_election(name: str, start: int, random: Random, cfms: list[str], disk: Disk) -> Election:
    """The election of a sidecar's role at its start of this number, among those of the same service."""
    role = ROLES[name]
    return Election(
        role=role,
        stamp=stamp_of(name, of_sidecar(start)),
        rank=[one for one in ROLES if ROLES[one] == role].index(name),
        cfms=cfms,
        new_id=lambda: f"{random.getrandbits(64):016x}",
        writers=writers(),
        former=disk.failover.claim if disk.failover is not None else None,
    )


def checkpoint_soon(election: Election, records: int) -> None:
    """Have the holder write a checkpoint when so many records are in the log, and not only after the usual
    number: as if the last one spoke of a time long ago.
    """
    election.reader.checkpointed = records - CHECKPOINT_EVERY


def build_minter(
    election: Election, random: Random, services: Mapping[str, str], disk: Disk, *, needs_host: bool
) -> tuple[Minter, Authority]:
    """A sidecar under election."""
    stamp = election._stamp  # one per process: the tokens of rows and of records are those of one stamp
    authority = Authority(stamp, ElectedHolder(election), needs_host=needs_host, kept=disk.failover)
    minter = assemble(
        service=services[stamp.instance],
        trust=trust(),
        stamp=stamp,
        services=services,
        sealer=Sealer(KEYS[stamp.instance]),
        budget=BUDGET,
        random=random,
        random_bytes=random.randbytes,
        minted_max=1_000,
        pins={},
        vault=Vault(),
        authority=authority,
        catalogue=disk.catalogue,
        publish=CATALOGUE,
    )
    return minter, authority


def build_fence(minters: list[str], disk: Disk) -> Fence:
    """What a CFM makes of the role log."""
    return Fence({name: ROLES[name] for name in minters}, disk.fence, writers=writers())


def build_cfm(name: str, incarnation: int, address: str, table: Table, fence: Fence, disk: Disk) -> Cfm:
    """A CFM with its TFTP server and its fence."""
    return assemble_cfm(
        stamp=stamp_of(name, incarnation),
        trust=trust(),
        minters=[*ROLES],
        opener=OPENER,
        table=table,
        tftp=TftpServer(transfer_sockets=parts.TRANSFER_SOCKETS),
        fence=fence,
        endpoints=lambda: {"fileid": f"tcp://{address}:7000", "tftp": address},
        capacity=100,
        secret=settings.SECRET,
        vault=Vault(),
        catalogue=disk.catalogue,
    )
