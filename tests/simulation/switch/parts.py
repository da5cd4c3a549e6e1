"""The parts of a plant that can switch, put together as their processes put them together.

Compare `services.sidecar.process` and `services.cfm.process`. What is on a process's disk comes in as an
argument; everything random is drawn from the source that the world gives.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from bus.columns.columns import Columns
from bus.envelope import Stamp
from bus.fleet.fleet import Fleet
from bus.routes import Column
from bus.switch.carrying import hearing_both, single
from bus.switch.standing import StoreSwitch
from fileid.seal import Sealer
from fileid.table import Table
from heartbeat.roles.appointed.holder import AppointedHolder
from heartbeat.roles.appointed.tenure import Tenure
from heartbeat.roles.claim import BY_APPOINTMENT, BY_GRANTS
from heartbeat.roles.elected.election import Election
from heartbeat.roles.granted.grants import Promise, Voter
from heartbeat.roles.granted.holder import GrantedHolder
from heartbeat.roles.holder import RoleHolder, SoleHolder
from heartbeat.roles.log.fence import Fence, Known, Unlogged
from heartbeat.roles.switched.holder import SwitchedHolder
from services.cfm.assembly import assemble as assemble_cfm
from services.cfm.machine import Cfm
from services.cfm.party import CfmParty
from services.cfm.voting import Voting
from services.dhcp.process import BUDGET
from services.instance.about import About
from services.instance.switching import switching_of
from services.settings.record import CatalogueRecord
from services.settings.vault import Vault
from services.sidecar.assembly import assemble
from services.sidecar.minter import Minter
from services.sidecar.role.authority import Authority
from services.sidecar.role.party import SidecarParty
from services.sidecar.role.record import StoreFailover
from services.tftp.server_core import TftpServer
from tests.fleets import fleet_of, member
from tests.simulation import parts, settings
from tests.simulation.failover.parts import (
    CATALOGUE,
    DHCPS,
    KEYS,
    MPS,
    OPENER,
    ROLES,
    SITE,
    checkpoint_soon,
)
from tests.simulation.switch.scenario import Shape
from tests.trusting import ANYBODY, anybody

CFMS = ("cfm-1", "cfm-2", "cfm-3")
LOCK = "the lock of a state directory"
ROLE = ROLES[DHCPS[0]]
BOTH = frozenset(Column)
__all__ = ["ANYBODY", "CFMS", "DHCPS", "MPS", "OPENER", "ROLE", "ROLES", "SITE"]


@dataclass(slots=True)
class Disk:
    """What a process keeps. A crash leaves it, a wipe does not."""

    switch: StoreSwitch | None = None
    catalogue: CatalogueRecord | None = None
    failover: StoreFailover | None = None
    fence: dict[str, list[Known]] = field(default_factory=dict)
    promises: dict[str, Promise] | None = None


def stamp_of(name: str, start: int) -> Stamp:
    """The stamp of an instance at its start of this number: no two instances have one incarnation."""
    return Stamp(name, SITE, 16 * start + [*ROLES, *CFMS].index(name))


def switch_of(disk: Disk, configured: Column, shape: Shape) -> StoreSwitch:
    """Where a process begins (`bus.columns.switch_file.at_start`)."""
    carrying = hearing_both(configured) if shape.is_quick else single(configured)
    asked, kept = StoreSwitch(carrying, configured=str(configured)), disk.switch
    if kept is None or kept.configured == asked.configured:
        return kept or asked
    return asked._replace(era=kept.era)


def fleet_with(minters: list[str]) -> Fleet:
    """The fleet of a plant."""
    services = {name: ROLES[name].split("/")[0] for name in minters} | dict.fromkeys(CFMS, "cfm")
    return fleet_of({name: member(name, kind, [f"{name:.<40}"], SITE) for name, kind in services.items()})


def build_holder(
    stamp: Stamp, fleet: Fleet, shape: Shape, kept: StoreSwitch, disk: Disk, random: Random
) -> SwitchedHolder:
    """The holder of a sidecar's role."""
    name, roles = stamp.instance, fleet.roles()
    members = [one for one in roles if roles[one] == roles[name]]
    failover = disk.failover or StoreFailover(None)

    def elect() -> Election:
        election = Election(
            role=roles[name],
            stamp=stamp,
            rank=members.index(name),
            cfms=CFMS,
            new_id=lambda: f"{random.getrandbits(64):016x}",
            writers=anybody,
            former=failover.held_under(LOCK),
        )
        if shape.checkpoint_at:
            checkpoint_soon(election, shape.checkpoint_at)
        return election

    leads = kept.carrying.leads
    unlogged = _without_log(stamp, fleet, shape, leads, failover, members, random)
    return SwitchedHolder(name, lambda: stamp.incarnation, leads, elect, unlogged, members, kept.era)


def _without_log(
    stamp: Stamp,
    fleet: Fleet,
    shape: Shape,
    leads: Column,
    failover: StoreFailover,
    members: list[str],
    random: Random,
) -> RoleHolder:
    name = stamp.instance
    if name not in fleet.shared_roles():
        return SoleHolder()
    role, index = fleet.roles()[name], members.index(name)
    if shape.grants:
        return GrantedHolder(role=role, stamp=stamp, index=index, voters=CFMS, random=random)
    claim = failover.claim
    is_appointed = claim is not None and claim.authority == BY_APPOINTMENT and failover.mode == leads
    return AppointedHolder(
        role=role,
        tenure=Tenure(claim, failover.is_ours) if claim is not None and is_appointed else None,
        is_configured=name == DHCPS[0],
        is_alone=failover.lock == LOCK,
        index=index,
        cfms=CFMS,
        new_id=lambda: f"{random.getrandbits(64):016x}",
        asks_first=True,
    )


def build_minter(
    stamp: Stamp,
    fleet: Fleet,
    shape: Shape,
    kept: StoreSwitch,
    disk: Disk,
    columns: Columns,
    random: Random,
    *,
    needs_host: bool,
) -> tuple[Minter, Authority, SwitchedHolder]:
    """A sidecar."""
    holder = build_holder(stamp, fleet, shape, kept, disk, random)
    authority = Authority(
        stamp,
        holder,
        leads=lambda: str(columns.carrying.leads),
        lock=LOCK,
        needs_host=needs_host,
        kept=disk.failover,
    )
    new_id = _ids(random)
    party = SidecarParty(
        stamp,
        holder,
        lambda: minter.parts.peers.roster.others(),
        obstacles={},
        new_id=new_id,
        switched=authority.switched,
    )
    switching = switching_of(
        stamp,
        kept,
        party,
        columns,
        can=columns.configured,
        fleet=fleet,
        linger_s=shape.linger_s,
        moved=lambda record: minter.parts.peers.moved(has_echo=Column.BUS in record.carrying.sends),
        new_id=new_id,
    )
    minter = assemble(
        service=fleet.services()[stamp.instance],
        trust=ANYBODY,
        stamp=stamp,
        services=fleet.services(),
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
        about=About(),
        switching=switching,
        data_bytes_max=lambda: columns.data_bytes_max,
        schemes=columns.schemes,
    )
    return minter, authority, holder


def build_cfm(
    stamp: Stamp,
    fleet: Fleet,
    shape: Shape,
    kept: StoreSwitch,
    disk: Disk,
    columns: Columns,
    table: Table,
    random: Random,
    *,
    address: str,
    now: float,
) -> tuple[Cfm, Fence, Voter | None]:
    """A CFM with its TFTP server, its fence and, with grants, its vote."""
    shared = fleet.shared_roles()
    fence = Fence(
        fleet.roles(),
        disk.fence,
        writers=anybody,
        leads=kept.carrying.leads,
        in_group=Unlogged(BY_GRANTS if shape.grants else BY_APPOINTMENT, frozenset(shared.values())),
    )
    voter = Voter(stamp.instance, {*shared.values()}, disk.promises, now) if shape.grants else None
    switching = switching_of(
        stamp,
        kept,
        CfmParty(fence, voter, kept.era),
        columns,
        can=columns.configured,
        fleet=fleet,
        linger_s=shape.linger_s,
        new_id=_ids(random),
    )
    cfm = assemble_cfm(
        stamp=stamp,
        trust=ANYBODY,
        minters=fleet.roles(),
        opener=OPENER,
        table=table,
        tftp=TftpServer(transfer_sockets=parts.TRANSFER_SOCKETS),
        fence=fence,
        voting=None if voter is None else Voting(stamp, voter, shared),
        endpoints=lambda: {**columns.endpoints, "tftp": address},
        capacity=100,
        secret=settings.SECRET,
        vault=Vault(),
        catalogue=disk.catalogue,
        services=fleet.services(),
        switching=switching,
        data_bytes_max=lambda: columns.data_bytes_max,
    )
    return cfm, fence, voter


def _ids(random: Random) -> Callable[[], str]:
    return lambda: f"{random.getrandbits(64):016x}"
