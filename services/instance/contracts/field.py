"""The parts of the local API's contracts: their two base classes, and the types of fields that several share.

A request and its answer are one JSON object each. JSON's types are taken as they are: no text stands for a
number, and no number for a boolean.
"""

from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field, WithJsonSchema

from bus.contract import Contract
from bus.device import ASKED_PATTERN, TOLD_PATTERN
from bus.errors import DecodeError
from bus.telemetry.audit import FILEID
from fileid.row import NAME_BYTES_MAX, pack_address


class Asked(Contract):
    """Base of what is asked beside `op` and `id`. What is not declared is ignored."""

    model_config = ConfigDict(strict=True, extra="ignore")


class Told(Contract):
    """Base of what is answered beside `id`. Everything declared is there, and nothing else is."""

    model_config = ConfigDict(strict=True)


class Nothing(Asked):
    """Nothing is asked beside `op` and `id`."""


def _is_address(text: str) -> str:
    try:
        pack_address(text)
    except DecodeError as error:
        raise ValueError(str(error)) from error
    return text


ADDRESS_SCHEMA = WithJsonSchema({"type": "string", "anyOf": [{"format": "ipv4"}, {"format": "ipv6"}]})

Address = Annotated[str, AfterValidator(_is_address), ADDRESS_SCHEMA]
"""IPv4 or IPv6."""

Count = Annotated[int, Field(ge=0)]
Device = Annotated[str, Field(pattern=TOLD_PATTERN)]
"""A hardware address as it is told: 001a.2c00.0001."""

AskedDevice = Annotated[str, Field(pattern=ASKED_PATTERN)]
"""A hardware address as it may be asked for: in any form of `bus.device`."""

FileId = Annotated[str, Field(pattern=rf"^{FILEID.pattern}$")]
FileName = Annotated[str, Field(pattern=rf"^[\x00-\x7f]{{1,{NAME_BYTES_MAX}}}$")]
Generation = Annotated[int, Field(ge=0, le=0xFFFFFFFF)]
MinterService = Literal["dhcp", "mps"]
