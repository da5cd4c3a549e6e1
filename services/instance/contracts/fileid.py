"""FileIDs: the requests of a DHCP server or an MPS to its sidecar, and of another TFTP server to a CFM."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Base64Bytes, ConfigDict, Field, model_validator

from bus.wire.endpoint import wrong_packed
from fileid.row import IPV4_BYTES, NO_RELAY, pack_address
from services.instance.contracts.field import (
    ADDRESS_SCHEMA,
    Address,
    Asked,
    AskedDevice,
    Device,
    FileId,
    FileName,
    Told,
)


def _is_of_a_host(text: str) -> str:
    if mistake := wrong_packed(pack_address(text)):
        raise ValueError(f"{text} {mistake}")
    return text


def _is_of_a_relay(text: str) -> str:
    relay = pack_address(text)
    return text if relay == NO_RELAY or len(relay) > IPV4_BYTES else _is_of_a_host(text)


HostAddress = Annotated[Address, AfterValidator(_is_of_a_host), ADDRESS_SCHEMA]
RelayAddress = Annotated[Address, AfterValidator(_is_of_a_relay), ADDRESS_SCHEMA]


class DeviceSettings(Asked):
    """What the device's file says: its class of service, and beside it a value for each placeholder that the
    class has, by the placeholder's name.
    """

    model_config = ConfigDict(extra="allow")

    class_name: str = Field(alias="class", description="The class of service, one of the settings in force.")


class CreateRequest(Asked):
    """A field that is not declared here is refused."""

    model_config = ConfigDict(extra="forbid")

    device: AskedDevice = Field(
        description="The device's hardware address: 001a.2c00.0001, or with `:`, `-` or nothing between."
    )
    address: HostAddress = Field(
        description="The address that it is leased, that of one host: its file is for reads from there."
    )
    relay: RelayAddress = Field(
        default="0.0.0.0",
        description="The relay agent, whose reads are the device's too; `0.0.0.0` is none. IPv6: not kept.",
    )
    settings: DeviceSettings = Field(description="What its file says.")

    @model_validator(mode="after")
    def _is_of_one_family(self) -> "CreateRequest":
        if len(pack_address(self.address)) < len(pack_address(self.relay)):
            raise ValueError("relay: is IPv6, and the address is not")
        return self


class CreateAnswer(Told):
    """The name to be given to the device, and where it finds the file. A name is good for 60 s."""

    file: FileName = Field(description="The file name, for the device.")
    fileid: FileId = Field(description="The FileID in it, 16 hex digits: `provbus trace` finds it.")
    next_server: Annotated[str, ADDRESS_SCHEMA] = Field(description="The TFTP server, for the device.")
    acked: bool = Field(
        description="Whether a CFM confirmed the row in time. If not, the name most likely works."
    )
    sealed: Literal["full", "partial"] = Field(
        description="How much of the row the name itself holds; with `full` it works without the row."
    )


class LookupRequest(Asked):
    """A field that is not declared here is refused."""

    model_config = ConfigDict(extra="forbid")

    file: FileName = Field(description="The name that was read: 1 to 127 ASCII characters.")
    address: Address = Field(description="Where the read came from.")


class LookupAnswer(Told):
    """The file. Until `fileid.done`, and for at most 31 s, a repeated lookup gets the same one."""

    device: Device = Field(description="The device's hardware address.")
    fileid: FileId = Field(description="The FileID that the name stands for, 16 hex digits.")
    how: Literal["row", "parked", "pulled", "sealed"] = Field(
        description="What served it: its row was there, came, was pulled, or the name itself held it."
    )
    content: Base64Bytes = Field(description="The file.")


class DoneRequest(Asked):
    """What is not declared here is ignored."""

    file: FileName = Field(description="The name that was read: 1 to 127 ASCII characters.")
    address: Address | None = Field(
        default=None,
        description="Where the read came from. Needed for a name that many devices share (a class of Kea).",
    )


class DoneAnswer(Told):
    """The name is good for nothing any more, or, if it is shared, not before the device's next lease."""

    done: Literal[True] = Field(description="Always true.")
