"""What a scenario file says: which plant boots, through what weather, and what must have come of it."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field

from bus.section import Section
from services.lab.expect import Expected

Share = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(ge=0)]


class Fault(Section):
    """What the proxy does to one kind of message: hold each back, and drop this share of them."""

    delay_s: float = Field(0.0, ge=0)
    drop: Share = 0.0


class Faults(Section):
    """Per kind of message on the hand-off path, by the word in its type. Pulls pass unless told otherwise."""

    rows: Fault = Fault()
    ack: Fault = Fault()
    pull: Fault = Fault()
    pulled: Fault = Fault()
    hello: Fault = Fault()
    standing: Fault = Fault()


class Kill(Section):
    """Kill this CFM (1 is the first) when that share of the modems is online; it is back after 1 s."""

    cfm: int = Field(ge=1)
    at_online: Share


class HostKills(Section):
    """Kill -9 the host of the primary so often, each time at random between so and so many seconds after its
    rival was ready to take over. It is back after `back_after_s`, as the next one to take over.
    """

    count: int = Field(ge=1)
    every_s: tuple[Seconds, Seconds]
    back_after_s: Seconds


class Attack(Section):
    """A flood of reads that must go unanswered, from the first boot on; see `services.lab.arsenal`."""

    rate_per_s: float = Field(5_000.0, gt=0)
    duration_s: float = Field(10.0, gt=0)


class PerfDhcp(Section):
    """Load by Kea's own generator, before and while the plant boots; each device comes once."""

    rate_per_s: int = Field(ge=1)
    duration_s: int = Field(ge=1)


class KeaHost(Section):
    """A real Kea takes the place of the hosts that ask us. `config` is its configuration, into which the
    lab puts its own addresses, pools and paths.
    """

    config: Path
    # What the modems' files are called: one name per class, or one per device by host reservations.
    names: Literal["class", "device"] = "class"
    # Kea cleans its journal up at this interval (`lfc-interval`).
    clean_up_s: int = Field(3600, ge=1)
    # Restart the DHCP sidecar when that share of the modems is online.
    restart_at_online: Share | None = None
    perfdhcp: PerfDhcp | None = None


class Scenario(Section):
    """One run of the lab. Times in seconds; `mtas` are among `modems`."""

    name: str
    modems: int = Field(ge=1)
    mtas: int = Field(0, ge=0)
    cfms: int = Field(2, ge=1, le=50)
    # DHCP hosts, each with its sidecar. Two stand for one role, and one of them is its primary.
    dhcps: int = Field(1, ge=1, le=2)
    seed: int = 1
    boot_window_s: float = Field(0.0, ge=0)
    in_flight_max: int = Field(400, ge=1)
    read_delay_s: tuple[float, float] = (0.0, 0.0)
    deadline_s: float = Field(60.0, gt=0)
    loss: float = Field(0.0, ge=0, lt=1)
    # So long after a device came online it boots once more, and that boot counts.
    reboot_after_s: float | None = Field(None, ge=1)
    # The share of what the services say to each other that is lost on its way, whatever carries it.
    carrier_loss: float = Field(0.0, ge=0, lt=1)
    # Hand off over IPv6, all on ::1: every CFM has a port of its own there. Modems stay on IPv4.
    ipv6: bool = False
    settings: Path
    faults: Faults | None = None
    kills: tuple[Kill, ...] = ()
    host_kills: HostKills | None = None
    # When the steps add, use and drop of a rotation of all keys are taken: shares of the modems online.
    rotate_at_online: tuple[Share, Share, Share] | None = None
    attack: Attack | None = None
    kea: KeaHost | None = None
    # Let the same plant boot against a bare TFTP loop afterwards, and report the CPU of both.
    bare_tftp: bool = False
    # The only broker this runs on, if it matters.
    broker: Literal["embedded", "kafka"] | None = None
    # The run's own brokers ask an authorizer what clients may do: everything, until a step takes rights away.
    authorizer: bool = False
    # It does to the machine what only root may do.
    root: bool = False
    # What the report must say, or the run has failed.
    expect: dict[str, Expected] = Field(default_factory=dict)

    def names(self) -> dict[str, str]:
        """The service of each instance by its name."""
        names = {f"dhcp-{number}": "dhcp" for number in range(1, self.dhcps + 1)}
        names |= {} if self.kea else {"mps-1": "mps"}
        return names | {f"cfm-{number}": "cfm" for number in range(1, self.cfms + 1)}

    def weather(self) -> Faults | None:
        """What the proxy does on the hand-off path, if there is one."""
        if not self.carrier_loss:
            return self.faults
        fault = Fault(drop=self.carrier_loss)
        return Faults(rows=fault, ack=fault, pull=fault, pulled=fault, hello=fault, standing=fault)

    def resized(self, modems: int) -> Self:
        """The same scenario with another number of modems and the same share of adapters."""
        return self.model_copy(update={"modems": modems, "mtas": round(self.mtas * modems / self.modems)})
