"""The sections of the services: what a minter needs, beside a Kea or not, and what a CFM needs."""

from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from bus.endpoint import is_any, parse
from bus.messages import Name
from bus.section import Advertise, HostIP, Listen, Network, NetworkIPv4, Port, Section

GivenName = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[!-~]+$")]


class KeaFile(Section):
    """A file name that Kea gives out, and which leases it is for: cable modems or telephone adapters.

    A cable modem's lease has its own hardware address as remote id (option 82); an adapter's is told by its
    subnet or its address alone.
    """

    kind: Literal["cm", "mta"]
    # As Kea's class or reservation says it. With {device}, twelve hex digits, it is a name per device.
    name: GivenName
    # Every CFM that Kea may name as `next-server` for it.
    cfms: list[Name] = Field(min_length=1)
    subnet_ids: list[int] = Field(default_factory=list)
    networks: list[NetworkIPv4] = Field(default_factory=list)

    @model_validator(mode="after")
    def _can_be_told(self) -> "KeaFile":
        if self.kind == "mta" and not self.subnet_ids and not self.networks:
            raise ValueError("adapters are told by their addresses: give subnet_ids or networks")
        if self.name.replace("{device}", "", 1).count("{"):
            raise ValueError(f"{self.name} has another placeholder than {{device}}, or it twice")
        return self


class KeaSection(Section):
    """The ISC Kea that grants the leases: it is not asked, its lease journal (memfile) is followed."""

    journal: Path
    control_socket: Path
    files: list[KeaFile] = Field(min_length=1)


class MinterSection(Section):
    """What a DHCP or MPS sidecar needs to mint FileIDs."""

    seal_key: Path
    # Named when no CFM acked and none is known to be alive; without it such a request is answered
    # `try_again`.
    default_next_server: HostIP | None = None
    # The first catalogue of an empty settings topic; what follows it comes by `provbus settings apply`.
    publish_catalogue: Path | None = None
    minted_max: int = Field(500_000, ge=1)
    # The host service attaches (`host.attach`): stand for the role only while it is there, and give the role
    # back as soon as its process is gone.
    attached: bool = False
    kea: KeaSection | None = None


def unfragmented_blksize(settings: dict[str, Any]) -> int:
    """The largest block in bytes that an Ethernet frame (1,500) takes after the headers of IP, UDP (8) and
    TFTP (4), by the family of `address`.
    """
    return 1468 if ip_address(settings["address"]).version == 4 else 1448


class TftpSection(Section):
    """The TFTP server. All CFMs of a fleet listen on the same port, each on an address of its own."""

    address: HostIP
    # Off where the operator's own TFTP server answers there, and asks us over the local socket.
    serve: bool = True
    port: Port = 69
    # CMTSs that proxy TFTP show their own address: from these a name alone is believed, whoever it is for.
    proxies: list[Network] = Field(default_factory=list)
    transfer_sockets: int = Field(2, ge=1, le=64)
    # The first and the last port from which files are sent, for a firewall; without it any free ones.
    source_ports: tuple[Port, Port] | None = None
    sessions_max: int = Field(20_000, ge=1)
    # The largest block that a client is granted (`blksize`, RFC 2348), in bytes: 1468 on IPv4, 1448 on IPv6.
    blksize_max: int = Field(default_factory=unfragmented_blksize, ge=8, le=65464)
    # Downloads at once at which this CFM calls itself fully loaded in its beats.
    capacity: int = Field(1_000, ge=1)

    @model_validator(mode="after")
    def _has_ports_enough(self) -> "TftpSection":
        low, high = self.source_ports or (1, 65535)
        if high - low + 1 < self.transfer_sockets:
            raise ValueError(
                f"source_ports [{low}, {high}] has no room for transfer_sockets {self.transfer_sockets}"
            )
        return self


class CfmSection(Section):
    """What a CFM needs to take rows and serve files."""

    listen: Listen | None = None  # where rows and pulls come in over ZeroMQ
    # What beats announce, when it is not where we listen (any address, address translation, a proxy).
    advertise: Advertise | None = None
    seal_keys: list[Path]
    secret_file: Path
    tftp: TftpSection
    # The names that Kea gives out, as its sidecars have them: such a read is known by its address.
    kea_names: list[GivenName] = Field(default_factory=list)
    rows_max: int = Field(400_000, ge=1)

    @model_validator(mode="after")
    def _says_where(self) -> "CfmSection":
        if self.listen is not None and self.advertise is None and is_any(parse(self.listen).host):
            raise ValueError(
                f"listen: {self.listen} is any address of this host: say in cfm.advertise which minters reach"
            )
        return self
