"""The sections of the services: minters, with a Kea or without, CFMs, and the failover of shared roles."""

from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from bus.config.section import Advertise, HostIP, Listen, Network, NetworkIPv4, Port, Section
from bus.contract import Name
from bus.wire.endpoint import is_any, parse

GivenName = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[!-~]+$")]


class KeaFile(Section):
    """A file name that Kea gives out, and its leases: those of cable modems, or of telephone adapters.

    A cable modem's lease has its own hardware address as remote id (option 82, sub-option 2); only its subnet
    or its address identifies an adapter's.
    """

    kind: Literal["cm", "mta"] = Field(description="Whose file it is: a modem's or a telephone adapter's.")
    name: GivenName = Field(
        description="As Kea's class or reservation says it. With `{device}`, twelve hex digits, it is a name "
        "per device."
    )
    cfms: list[Name] = Field(min_length=1, description="The CFMs that Kea may name as `next-server` for it.")
    subnet_ids: list[int] = Field(default_factory=list, description="Only for leases of these subnets.")
    networks: list[NetworkIPv4] = Field(
        default_factory=list, description="Only for leases of addresses in these networks."
    )
    remote_id: Literal["own", "none"] = Field(
        "own",
        description="`none`: the CMTSs of these subnets write no remote id, so every device there is taken "
        "for a modem.",
    )

    @model_validator(mode="after")
    def _can_be_told(self) -> "KeaFile":
        if self.kind == "mta" and not self.subnet_ids and not self.networks:
            raise ValueError("adapters are told by their addresses: give subnet_ids or networks")
        is_bounded = self.kind == "cm" and (self.subnet_ids or self.networks)
        if self.remote_id == "none" and not is_bounded:
            raise ValueError("remote_id: none takes whoever asks: only for cm, with subnet_ids or networks")
        if self.name.replace("{device}", "", 1).count("{"):
            raise ValueError(f"{self.name} has another placeholder than {{device}}, or it twice")
        return self


class KeaSection(Section):
    """The ISC Kea that grants the leases: it is not asked, its lease journal (memfile) is followed."""

    journal: Path = Field(description="Kea's lease file (memfile).")
    control_socket: Path = Field(description="Kea's control socket.")
    files: list[KeaFile] = Field(
        min_length=1, description="Every name that Kea gives out; the first that fits a lease is its file."
    )


class MinterSection(Section):
    """The settings by which a DHCP or MPS sidecar mints FileIDs."""

    seal_key: Path = Field(description="The file of its seal key.")
    default_next_server: HostIP | None = Field(
        None,
        description="Named when no CFM acked and none is known to be alive; without it such a request is "
        "answered `try_again`.",
    )
    publish_catalogue: Path | None = Field(
        None,
        description="The first catalogue of an empty settings topic; later ones come by `provbus settings "
        "apply`.",
    )
    minted_max: int = Field(500_000, ge=1, description="How many rows it remembers for pulls.")
    attached: bool = Field(
        False,
        description="The host service attaches (`host.attach`): stand for the role only while it is there, "
        "and give the role back as soon as its process is gone.",
    )
    kea: KeaSection | None = None


def unfragmented_blksize(settings: dict[str, Any]) -> int:
    """The largest block in bytes that an Ethernet frame (1,500) takes after the headers of IP, UDP (8) and
    TFTP (4), by the family of `address`.
    """
    return 1468 if ip_address(settings["address"]).version == 4 else 1448


class TftpSection(Section):
    """The TFTP server. All CFMs of a fleet listen on the same port, each on an address of its own."""

    address: HostIP = Field(description="Its own address, which modems are told.")
    serve: bool = Field(
        True,
        description="Off where the operator's own TFTP server answers there, and asks us over the local "
        "socket.",
    )
    port: Port = Field(69, description="The UDP port of all CFMs of a fleet.")
    proxies: list[Network] = Field(
        default_factory=list,
        description="CMTSs that proxy TFTP show their own address: from these a name alone is believed, "
        "whatever its device.",
    )
    transfer_sockets: int = Field(2, ge=1, le=64, description="How many sockets send files.")
    source_ports: tuple[Port, Port] | None = Field(
        None,
        description="The first and the last port from which files are sent, for a firewall; without it any "
        "free ones.",
    )
    sessions_max: int = Field(20_000, ge=1, description="How many reads it has in hand at once.")
    blksize_max: int = Field(
        default_factory=unfragmented_blksize,
        ge=8,
        le=65464,
        description="The largest block in bytes that a client is granted (`blksize`, RFC 2348); without it "
        "1468 on IPv4, 1448 on IPv6.",
    )
    capacity: int = Field(
        1_000,
        ge=1,
        description="The number of concurrent downloads at which it reports full load in its beats.",
    )

    @model_validator(mode="after")
    def _has_ports_enough(self) -> "TftpSection":
        low, high = self.source_ports or (1, 65535)
        if high - low + 1 < self.transfer_sockets:
            raise ValueError(
                f"source_ports [{low}, {high}] has no room for transfer_sockets {self.transfer_sockets}"
            )
        return self


class CfmSection(Section):
    """The settings by which a CFM takes rows and serves files."""

    listen: Listen | None = Field(
        None, description="Where rows and pulls come in over ZeroMQ; required in mode bus."
    )
    advertise: Advertise | None = Field(
        None,
        description="The endpoint that beats announce, if it is not `listen` (any address, address "
        "translation, a proxy).",
    )
    seal_keys: list[Path] = Field(description="The files of every minter's seal key.")
    secret_file: Path = Field(description="The file of the shared secret of the CMTS.")
    tftp: TftpSection
    kea_names: list[GivenName] = Field(
        default_factory=list,
        description="The names that Kea gives out, as its sidecars have them: such a read is known by its "
        "address.",
    )
    rows_max: int = Field(400_000, ge=1, description="How many rows wait for their read at most.")

    @model_validator(mode="after")
    def _says_where(self) -> "CfmSection":
        if self.listen is not None and self.advertise is None and is_any(parse(self.listen).host):
            raise ValueError(
                f"listen: {self.listen} is any address of this host: say in cfm.advertise which minters reach"
            )
        return self


class FailoverSection(Section):
    """The failover of roles that several instances share where no log decides it: over multicast."""

    primary: Name | None = Field(
        None,
        description="The instance that a new site begins with; `provbus failover promote` makes another one "
        "the primary.",
    )
    allow_dual_active: bool = Field(
        False, description="Let every instance of a role act at once, each as if it were alone."
    )
    grants: bool = Field(
        False,
        description="Let the CFMs, three or more, grant the role to an instance that a majority can reach. "
        "In every file of the fleet.",
    )

    @model_validator(mode="after")
    def _decides_once(self) -> "FailoverSection":
        if self.grants and (self.primary is not None or self.allow_dual_active):
            raise ValueError("with grants the CFMs decide who acts: remove primary and allow_dual_active")
        return self
