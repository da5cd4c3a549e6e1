"""Host reservations for Kea: a file name per device instead of one for all modems.

A name per device is the way where a CMTS proxies TFTP: the CFM then sees the CMTS, and knows the
row by its name. Every `mac` rule of the catalogue becomes a reservation, with the first file of the rule's
kind whose name has `{device}`. The CFMs of that file share the devices by rendezvous hashing: each device
takes the one whose hash with it is the highest, so one CFM more or less moves only its own share.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from bus.errors import ConfigError
from fileid.given import DEVICE, given_name
from fileid.lease import LeaseFile
from services.settings.lookup import key_of


class Reservation(NamedTuple):
    """The file name and the server that Kea gives to one device."""

    device: bytes
    file: str
    next_server: str

    def as_kea(self) -> dict[str, str]:
        """An entry of Kea's `reservations`."""
        return {
            "hw-address": self.device.hex(":"),
            "boot-file-name": self.file,
            "next-server": self.next_server,
        }


def reserve(
    rules: Iterable[Mapping[str, Any]],
    kinds: Mapping[str, str],
    files: Sequence[LeaseFile],
    addresses: Mapping[str, str],
) -> Iterator[Reservation]:
    """A reservation for each `mac` rule, in their order. `kinds` is cm or mta by class, `addresses` the
    address at which each CFM serves files; `ConfigError` if a needed one is missing, or if no file has
    `{device}`.
    """
    chosen = {file.kind: file for file in reversed(files) if DEVICE in file.name}
    if not chosen:
        raise ConfigError(
            f"no name in minter.kea.files has {DEVICE}: a class of Kea gives the same name to all"
        )
    for file in chosen.values():
        for cfm in file.cfms:
            if cfm not in addresses:
                raise ConfigError(f"nobody says where {cfm} serves files: add --server {cfm}=ADDRESS")
    for rule in rules:
        device = key_of(rule).device
        found = chosen.get(kinds[rule["class"]])
        if device and found is not None:
            next_server = addresses[choose_cfm(device, found.cfms)]
            yield Reservation(device, given_name(found.name, device).decode(), next_server)


def as_dhcp4(reservations: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    """The settings for `Dhcp4`: at the global level reservations hold in every subnet, so they follow a modem
    to another CMTS.
    """
    return {"reservations-global": True, "reservations": [*reservations]}


def choose_cfm(device: bytes, cfms: Iterable[str]) -> str:
    """The CFM of a device: it stays the same as long as it is among `cfms`."""
    return max(cfms, key=lambda cfm: hashlib.blake2b(device + cfm.encode(), digest_size=8).digest())
