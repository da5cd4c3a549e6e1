"""The values of a boot: a plant's settings for its devices (`BootPlan`) and a device's effects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from services.lab.site.journal import Journaled

Kind = Literal["cm", "mta"]


class SendDhcp(NamedTuple):
    """Send `data` from the socket of the relay of this number to the server of the device's kind."""

    device: int
    kind: Kind
    data: bytes
    relay: int


class OpenRead(NamedTuple):
    """Open a new socket bound to `address`, any port; an older one of this device closes."""

    device: int
    address: str


class SendTftp(NamedTuple):
    """Send this from the device's read socket."""

    device: int
    data: bytes
    server: str
    port: int


class CloseRead(NamedTuple):
    """Close the device's read socket."""

    device: int


class Finished(NamedTuple):
    """The device is online or failed, `boot_s` after its start; `valid`: its last file passed every check."""

    device: int
    online: bool
    boot_s: float
    valid: bool


Effect = SendDhcp | OpenRead | SendTftp | CloseRead | Journaled | Finished


@dataclass(frozen=True, slots=True)
class BootPlan:
    """The settings that all devices of one plant share. `unix_offset_s` is Unix time minus the clock of
    `now`; with `reboot_after_s` a device boots once more, so long after it came online. A device boots each
    time through the next of `relays`; `earlier_boots` were before those of this plant. If reads are `proxied`
    they come from the relay's address.
    """

    ladder_s: tuple[float, ...]
    read_delay_s: tuple[float, float]
    deadline_s: float
    relays: tuple[bytes, ...]
    tftp_port: int
    secrets: tuple[bytes, ...] = ()
    loss: float = 0.0
    mac_prefix: bytes = b"\x00\x1a\x2c"
    mta_marker: str = "{device}"
    unix_offset_s: float = 0.0
    reboot_after_s: float | None = None
    earlier_boots: int = 0
    proxied: bool = False
