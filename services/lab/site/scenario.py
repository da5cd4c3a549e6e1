"""The contents of a scenario file: the plant, its weather, and the expectations."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from bus.config.section import Section
from services.lab.network.addresses import ESTABLISHED_MAX, RELAYS_MAX
from services.lab.site.expect import Expected

Share = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(ge=0)]


class MessageFault(Section):
    """The proxy's fault for one kind of message: a delay for each, and a share to drop."""

    delay_s: float = Field(0.0, ge=0)
    drop: Share = 0.0


class Faults(Section):
    """The faults of each kind of message on the hand-off path, by the word in its type; none by default."""

    rows: MessageFault = MessageFault()
    ack: MessageFault = MessageFault()
    pull: MessageFault = MessageFault()
    pulled: MessageFault = MessageFault()
    hello: MessageFault = MessageFault()
    standing: MessageFault = MessageFault()


class CfmKill(Section):
    """Kill this CFM (1 is the first) when that share of the modems is online; it is back after 1 s."""

    cfm: int = Field(ge=1)
    at_online: Share


FaultKind = Literal[
    "kill-host",
    "kill-sidecar",
    "kill-instance",
    "kill-both",
    "suspend-host",
    "suspend-sidecar",
    "suspend-machine",
    "host-spins",
    "kill-cfm",
    "machine-dies",
    "cut-from-brokers",
    "cut-to-brokers",
    "slow-machine",
    "renew-held-back",
    "claim-held-back",
    "kill-leader",
    "kill-follower",
    "kill-two-brokers",
    "kill-all-brokers",
    "suspend-leader",
    "fill-disk",
    "switch",
    "finish-switch",
    "apply-settings",
    "kill-in-switch",
]
"""The kinds of faults; see `services.lab.faults.schedule.scheduling`."""
OF_BROKERS: frozenset[FaultKind] = frozenset(
    {"kill-leader", "kill-follower", "kill-two-brokers", "kill-all-brokers", "suspend-leader", "fill-disk"}
)
OF_LINKS: frozenset[FaultKind] = frozenset({"slow-machine", "renew-held-back", "claim-held-back"})
OF_MACHINES: frozenset[FaultKind] = OF_LINKS | {
    "machine-dies",
    "cut-from-brokers",
    "cut-to-brokers",
    "fill-disk",
}
STAND_STILL: frozenset[FaultKind] = frozenset(
    {"suspend-host", "suspend-sidecar", "suspend-machine", "host-spins"}
)
OF_SWITCHES: frozenset[FaultKind] = frozenset({"switch", "finish-switch", "kill-in-switch"})
UNCLEAR_S = (2.5, 4.5)
"""Around a lease, and the silence after which another one takes over."""


class FaultPlan(Section):
    """One kind of fault in a schedule, which is taken back after `lasts_s`."""

    kind: FaultKind
    lasts_s: Seconds = 1.0

    @model_validator(mode="after")
    def _is_clear(self) -> Self:
        least, most = UNCLEAR_S
        if self.kind in STAND_STILL and least < self.lasts_s < most:
            raise ValueError(f"lasts_s: between {least:g} and {most:g} s it may cost the role, or may not")
        return self


class SchedulePlan(Section):
    """`count` faults while modems boot, one at a time, each at random within `every_s` seconds after all is
    well again, and of a kind that is drawn from `of`.
    """

    of: tuple[FaultPlan, ...] = Field(min_length=1)
    count: int = Field(ge=1)
    every_s: tuple[Seconds, Seconds]

    @model_validator(mode="after")
    def _has_an_order(self) -> Self:
        if self.every_s[0] > self.every_s[1]:
            raise ValueError("every_s: give the shorter time first")
        return self


class AttackPlan(Section):
    """A flood of reads that must go unanswered, from the first boot on; see
    `services.lab.faults.attack.arsenal`. Beside it owners abuse what is theirs
    (`services.lab.faults.attack.abusers`), and somebody asks the CFMs for their metrics.
    """

    rate_per_s: float = Field(5_000.0, gt=0)
    duration_s: float = Field(10.0, gt=0)
    # The owners who restart their reads, and their requests in all.
    restarted: int = Field(0, ge=0, le=100)
    restarts_per_s: float = Field(0.0, ge=0)
    # The owners who never end their read.
    endless: int = Field(0, ge=0, le=100)
    pages_per_s: float = Field(0.0, ge=0)


class InsiderPlan(Section):
    """A member of the fleet who forges so many messages of each kind in a second, from the first boot on; see
    `services.lab.faults.insider.forgery`.
    """

    rate_per_s: float = Field(50.0, gt=0)


class Baseline(Section):
    """The instances `of` these names start on another release, until a step upgrades them. The file `commit`
    names the commit of that release, in the repository that it stands in.
    """

    commit: Path
    of: tuple[str, ...] = Field(min_length=1)


class LoadPlan(Section):
    """Load by Kea's own generator, before and while the plant boots; each device comes once. Kea alone is
    measured under it for `alone_s`, or as long as with the plant.
    """

    rate_per_s: int = Field(ge=1)
    duration_s: int = Field(ge=1)
    alone_s: int | None = Field(None, ge=1)


class KeaHost(Section):
    """A real Kea in place of the hosts that ask us. `config` is its configuration, into which the lab puts
    its own addresses, pools and paths.
    """

    config: Path
    # The names of the modems' files: one per class, or one per device by host reservations.
    names: Literal["class", "device"] = "class"
    # A shared network for each CMTS, with so many subnets of modems and as many of adapters; each has a relay
    # of its own, and a device boots each time through the next relay. Without any all are in one subnet.
    shared_networks: tuple[Annotated[int, Field(ge=1)], ...] = ()
    # Kea cleans its journal up at this interval (`lfc-interval`).
    clean_up_s: int = Field(3600, ge=1)
    # The number of leases in its journal when it starts, granted hours ago.
    leases: int = Field(0, ge=0, le=ESTABLISHED_MAX)
    # Restart the DHCP sidecar when that share of the modems is online.
    restart_at_online: Share | None = None
    perfdhcp: LoadPlan | None = None

    @model_validator(mode="after")
    def _has_room(self) -> Self:
        if sum(self.shared_networks) > RELAYS_MAX:
            raise ValueError(f"shared_networks: there is room for {RELAYS_MAX} subnets in all")
        return self


class Scenario(Section):
    """One run of the lab. Times in seconds; `mtas` are among `modems`."""

    name: str
    modems: int = Field(ge=1)
    mtas: int = Field(0, ge=0)
    cfms: int = Field(2, ge=1, le=50)
    # DHCP hosts, each with its sidecar. Two or three stand for one role, and one of them is its primary.
    dhcps: int = Field(1, ge=1, le=3)
    seed: int = 1
    boot_window_s: float = Field(0.0, ge=0)
    in_flight_max: int = Field(400, ge=1)
    read_delay_s: tuple[float, float] = (0.0, 0.0)
    deadline_s: float = Field(60.0, gt=0)
    loss: float = Field(0.0, ge=0, lt=1)
    # So long after a device came online it boots once more, and that boot counts.
    reboot_after_s: float | None = Field(None, ge=1)
    # The share of messages between services that is lost, in either mode.
    carrier_loss: float = Field(0.0, ge=0, lt=1)
    # Over multicast the CFMs grant the roles, instead of a person.
    grants: bool = False
    # Hand off over IPv6, all on ::1: every CFM has a port of its own there. Modems stay on IPv4.
    ipv6: bool = False
    # The CMTS proxies TFTP: all reads come from its address, which the CFMs know (`cfm.tftp.proxies`).
    proxied: bool = False
    settings: Path
    faults: Faults | None = None
    kills: tuple[CfmKill, ...] = ()
    schedule: SchedulePlan | None = None
    # When the steps add, use and drop of a rotation of all keys are taken: shares of the modems online.
    rotate_at_online: tuple[Share, Share, Share] | None = None
    attack: AttackPlan | None = None
    insider: InsiderPlan | None = None
    kea: KeaHost | None = None
    baseline: Baseline | None = None
    # Let the same plant boot against a bare TFTP loop afterwards, and report the CPU of both.
    bare_tftp: bool = False
    # The only broker this runs on, if it matters.
    broker: Literal["embedded", "kafka"] | None = None
    # The run's own brokers have an authorizer: clients have all rights, until a step takes some away.
    authorizer: bool = False
    # Watch what every process holds: memory, descriptors, threads.
    growth: bool = False
    # A network namespace for each instance, each broker and the plant, with a real address.
    hosts: bool = False
    # It changes the machine as only root may.
    root: bool = False
    # The expectations of the report; the run fails if it breaks one.
    expect: dict[str, Expected] = Field(default_factory=dict)

    def names(self) -> dict[str, str]:
        """The service of each instance by its name."""
        names = {f"dhcp-{number}": "dhcp" for number in range(1, self.dhcps + 1)}
        names |= {} if self.kea else {"mps-1": "mps"}
        return names | {f"cfm-{number}": "cfm" for number in range(1, self.cfms + 1)}

    def has_proxy(self, mode: str) -> bool:
        """Whether a proxy stands on the hand-off path, for its weather; a group has no such path."""
        return mode == "bus" and self.weather() is not None

    def weather(self) -> Faults | None:
        """The faults of the proxy on the hand-off path, if there is one."""
        if not self.carrier_loss:
            return self.faults
        fault = MessageFault(drop=self.carrier_loss)
        return Faults(rows=fault, ack=fault, pull=fault, pulled=fault, hello=fault, standing=fault)

    def switches(self) -> bool:
        """Whether the transport is switched while modems boot."""
        return self.schedule is not None and any(one.kind in OF_SWITCHES for one in self.schedule.of)

    def calm(self) -> Self | None:
        """The same scenario without its attack, or without its switches, to compare with; None if it has
        neither, or kills processes in the midst of them: how long boots take then says nothing of a switch.
        """
        if self.attack is not None:
            return self.model_copy(update={"attack": None, "expect": {}})
        if self.schedule is None or not self.switches():
            return None
        if any(one.kind == "kill-in-switch" for one in self.schedule.of):
            return None
        rest = tuple(one for one in self.schedule.of if one.kind not in OF_SWITCHES)
        count = round(self.schedule.count * len(rest) / len(self.schedule.of))
        calm = self.schedule.model_copy(update={"of": rest, "count": count}) if count else None
        return self.model_copy(update={"schedule": calm, "expect": {}})

    def resized(self, modems: int) -> Self:
        """The same scenario with another number of modems and the same share of adapters."""
        return self.model_copy(update={"modems": modems, "mtas": round(self.mtas * modems / self.modems)})
