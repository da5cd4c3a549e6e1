"""The status of an instance: its state, its peers and its counters."""

from typing import Annotated, Literal

from pydantic import Field

from bus.contract import Name
from heartbeat.liveness.beat import KeyIds, Load, RoleState
from services.instance.contracts.counts import (
    CfmCounts,
    HandoffCounts,
    LeaseCounts,
    LookupCounts,
    ReadCounts,
    RowCounts,
    SidecarCounts,
    TftpCounts,
    Untold,
)
from services.instance.contracts.field import Count, Generation, MinterService, Told
from services.instance.contracts.role import FenceStatus, Standing, VoterStatus

Sealed = Annotated[
    str,
    Field(
        description="The settings keys under which its copy of the settings, or the topic's newest record,"
        " is sealed."
    ),
]


class PeerStatus(Told):
    """Another instance, as its beats show it."""

    state: Literal["alive", "suspect", "dead", "left"] | None = Field(
        description="What the failure detector believes; null: it was forgotten."
    )
    twice: bool = Field(description="Whether two processes have its name.")
    service: MinterService | Literal["cfm"] = Field(description="What it is.")
    incarnation: Count = Field(description="Which start of it; a later one is a greater number.")
    draining: bool = Field(description="Whether it finishes its work, to stop.")
    load: Load = Field(description="How busy it is.")
    generation: Generation = Field(description="The generation of its settings; 0: it has none.")
    sealed: Sealed
    endpoints: dict[str, str] = Field(description="Where it is: `fileid` for minters, `tftp` for modems.")
    phi: float = Field(ge=0, description="How surprising its silence is; for people, nothing decides by it.")
    clock_skew_s: float = Field(description="How far its wall clock is ahead of ours, in seconds.")
    verdict: Literal["ready", "degraded", "not ready"] = Field(description="What its `/readyz` says.")
    reason: str = Field(description="The code of the first reason for that; empty if it is ready.")
    version: str = Field(description="The version of provbus that it runs.")
    transport: str = Field(description="Its transport mode.")
    keys: KeyIds = Field(description="Which keys it has.")
    standing: RoleState | None = Field(description="Where it stands for its role; null if it has none.")
    beat_age_s: float | None = Field(description="Seconds since its latest beat; null: it was forgotten.")
    longest_gap_s: float = Field(description="The longest time between two beats of one process of it.")


class AuditQueue(Told):
    """The audit stream at its source."""

    pending: Count = Field(description="Events that wait for their batch.")
    dropped: Count = Field(description="Events that no transport took.")


class CfmAuditQueue(AuditQueue):
    """The same at a CFM, which meters what it tells of refused reads."""

    untold: Untold = Field(description="Refused reads that it was not told of.")


class ReasonTold(Told):
    """A reason why an instance is not ready, or degraded."""

    code: str = Field(description="Its code, which never changes: see [Readiness](readiness.md).")
    text: str = Field(description="What was found, for people.")


class _Status(Told):
    instance: Name = Field(description="The instance's name in the fleet file.")
    incarnation: Count = Field(description="Which start of it; a later one is a greater number.")
    generation: Generation = Field(description="The generation of the settings in force; 0: there are none.")
    sealed: Sealed
    draining: bool = Field(description="Whether it finishes its work, to stop.")
    verdict: Literal["ready", "degraded", "not ready"] = Field(description="What its `/readyz` says.")
    reason: str = Field(description="The code of the first reason for that; empty if it is ready.")
    version: str = Field(description="The version of provbus that it runs.")
    transport: str = Field(description="Its transport mode.")
    keys: KeyIds = Field(description="Which keys it has.")
    missing: list[ReasonTold] = Field(description="Why it is not ready, as `/readyz` says it.")
    degraded: list[ReasonTold] = Field(description="Why it is degraded, as `/readyz` says it.")


class SidecarStatus(_Status):
    """A sidecar."""

    service: MinterService = Field(description="What it is.")
    peers: dict[Name, PeerStatus] = Field(description="Every instance that it ever heard of, by name.")
    cfms: list[Name] = Field(description="The CFMs that can take rows now.")
    unusable: dict[Name, str] = Field(description="CFMs that announce a place nobody can reach, and why.")
    failover: Standing = Field(description="Where it stands for its role, as `failover.status` says.")
    handoffs: HandoffCounts = Field(description="Hand-offs.")
    counts: SidecarCounts = Field(description="Requests, and messages of no use.")
    leases: LeaseCounts = Field(description="Leases of a Kea that is followed.")
    audit: AuditQueue = Field(description="Its audit stream.")


class CfmStatus(_Status):
    """A CFM."""

    service: Literal["cfm"] = Field(description="What it is.")
    peers: dict[Name, PeerStatus] = Field(description="Every instance that it ever heard of, by name.")
    connected: list[Name] = Field(description="The minters that are connected to it.")
    rows: Count = Field(description="Rows that wait for their read.")
    failover: FenceStatus | VoterStatus = Field(description="What it knows of the roles.")
    table: RowCounts = Field(description="Rows, by what became of them.")
    reads: ReadCounts = Field(description="Reads that were served, by what served them.")
    silent: dict[str, Count] = Field(description="Reads that got no answer, by reason.")
    tftp: TftpCounts = Field(description="Events of its TFTP server.")
    receive_buffer_bytes: Count = Field(
        description="The receive buffer that the kernel granted its TFTP socket."
    )
    lookups: LookupCounts = Field(description="Lookups of another TFTP server.")
    counts: CfmCounts = Field(description="Messages of no use, downloads, and files that could not be built.")
    audit: CfmAuditQueue = Field(description="Its audit stream.")
