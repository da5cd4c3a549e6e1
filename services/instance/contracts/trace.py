"""The events of a FileID or a device that an instance remembers."""

from typing import Literal

from pydantic import ConfigDict, Field, model_validator

from bus.contract import Name
from bus.telemetry.audit import FOUND_MAX
from services.instance.contracts.field import Asked, AskedDevice, Device, FileId, Told


class TraceRequest(Asked):
    """Exactly one of the two is asked for."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["device"]}, {"required": ["fileid"]}]}
    )

    device: AskedDevice = Field(
        default_factory=str,
        description="The device's hardware address: 001a.2c00.0001, or with `:`, `-` or nothing between.",
    )
    fileid: FileId = Field(default_factory=str, description="The FileID, 16 hex digits in lower case.")

    @model_validator(mode="after")
    def _asks_for_one(self) -> "TraceRequest":
        if len(self.model_fields_set & {"device", "fileid"}) != 1:
            raise ValueError("takes a device or a fileid")
        return self


class AuditEvent(Told):
    """One event. Beside these fields it has those of its kind; times that lead up to it end in `_ms`."""

    model_config = ConfigDict(extra="allow")

    event: str = Field(description="What happened: `fileid.acked`, `download.completed` ...")
    device: Device | Literal[""] = Field(description="The device's hardware address; empty: nobody knows.")
    fileid: FileId | Literal[""] = Field(description="The FileID, 16 hex digits; empty: there is none.")
    at: float = Field(description="When it was over, in Unix seconds.")


class TraceAnswer(Told):
    """What this instance remembers: the newest 1,000 of its last 20,000 events that match."""

    instance: Name = Field(description="The instance's name in the fleet file.")
    events: list[AuditEvent] = Field(max_length=FOUND_MAX, description="The events, the oldest first.")
