"""The requests of a host service: the contract of `fileid.create`.

    {"op": "fileid.create", "id": 7, "device": "001a.2c00.0001", "address": "127.64.0.5",
     "relay": "127.0.0.4", "settings": {"class": "residential", "customer": 17}}

`id` comes back in the answer; addresses are IPv4 or IPv6, each of one host, or no read could ever come from
there; `relay` may be missing or 0.0.0.0, and the relay of an IPv6 device need only be an address, for it is
not kept (a row has no room for it); `settings` names the class of service and the
device's own values for it. Parsed by hand: a model of pydantic costs three times as much, and this is asked
at every boot.
"""

from functools import lru_cache
from typing import Any, NamedTuple

from bus.device import parse_device
from bus.errors import DecodeError
from bus.wire.endpoint import wrong_packed
from fileid.row import IPV4_BYTES, NO_RELAY, pack_address

_FIELDS = {"op", "id", "device", "address", "relay", "settings"}


class Create(NamedTuple):
    """`fileid.create`: mint a FileID for this device at this leased address (6, and 4 or 16 packed bytes)."""

    id: Any
    device: bytes
    address: bytes
    relay: bytes
    class_name: str
    values: dict[str, Any]


def parse_create(body: dict[str, Any]) -> Create:
    """The request in a JSON object; `DecodeError` says which field is wrong."""
    if not body.keys() <= _FIELDS:
        raise DecodeError(f"{min(body.keys() - _FIELDS)}: is not a field of fileid.create")
    device, settings = body.get("device"), body.get("settings")
    packed = _device(device)
    if not isinstance(settings, dict) or not isinstance(settings.get("class"), str):
        raise DecodeError("settings: must name a 'class'")
    values = dict(settings)
    class_name = values.pop("class")
    address = _address("address", body.get("address"))
    mistake = wrong_packed(address)
    if mistake:
        raise DecodeError(f"address: {body['address']} {mistake}")
    relay = _relay(body["relay"]) if "relay" in body else NO_RELAY
    if len(address) > IPV4_BYTES:
        relay = NO_RELAY
    elif len(relay) > IPV4_BYTES:
        raise DecodeError("relay: is IPv6, and the address is not")
    return Create(
        body.get("id"),
        packed,
        address,
        relay,
        class_name,
        values,
    )


def _device(text: object) -> bytes:
    try:
        return parse_device(text if isinstance(text, str) else "")
    except ValueError as error:
        raise DecodeError(f"device: {error}") from error


def _address(field: str, text: object) -> bytes:
    try:
        return pack_address(text)
    except DecodeError as error:
        raise DecodeError(f"{field}: {error}") from error


def _relay_address(text: str) -> bytes:
    relay = _address("relay", text)
    mistake = "" if relay == NO_RELAY or len(relay) > IPV4_BYTES else wrong_packed(relay)
    if mistake:
        raise DecodeError(f"relay: {text} {mistake}")
    return relay


_known_relay = lru_cache(maxsize=1024)(_relay_address)  # a site has a few hundred CMTS interfaces


def _relay(text: object) -> bytes:
    return _known_relay(text) if isinstance(text, str) else _address("relay", text)
