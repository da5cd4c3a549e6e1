"""What a host service may ask: the contract of `fileid.create`."""

from ipaddress import IPv4Address
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from bus.errors import DecodeError


class Create(BaseModel):
    """`fileid.create`: mint a FileID for this device at this leased address.

    `settings` names the class of service and the device's own values for it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    op: str
    id: int | str | None = None
    device: str = Field(pattern=r"^([0-9A-Fa-f]{2}[:-]?){5}[0-9A-Fa-f]{2}$")
    address: IPv4Address
    relay: IPv4Address = IPv4Address(0)
    settings: dict[str, Any]

    @field_validator("settings")
    @classmethod
    def _has_class(cls, settings: dict[str, Any]) -> dict[str, Any]:
        if not isinstance(settings.get("class"), str):
            raise ValueError("must name a 'class'")
        return settings

    @property
    def device_bytes(self) -> bytes:
        """The hardware address in 6 bytes."""
        return bytes.fromhex(self.device.replace(":", "").replace("-", ""))


def parse_create(body: dict[str, Any]) -> Create:
    """The request in a JSON object; `DecodeError` says which field is wrong."""
    try:
        return Create.model_validate(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        raise DecodeError(f"{field}: {first['msg'].removeprefix('Value error, ')}") from error
