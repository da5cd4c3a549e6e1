"""The question of a modem or an adapter to Kea, and the check that the answer fits its row.

Theory of operation
-------------------
A DISCOVER makes Kea choose an address, a file name and a server, and store nothing (tried with 2.2.0, 2.6.3
and 3.0.4; only `offer-lifetime`, which the last two have, keeps the address for so long).

Kea answers a relay at the relay's address, which is the CMTS's and not ours, and on Kea's own host port 67 is
taken by Kea. So the question comes as from a device that has an address (`ciaddr`): Kea answers there, at
port 68. The link selection of option 82 (RFC 3527) names the subnet, and Kea matches it by the subnet's
prefix alone; so this module finds the subnet of a relay as Kea does.
"""

from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv4Address
from typing import NamedTuple

from fileid.given import given_name
from fileid.lease import Lease, LeaseFile, choose_file
from services.dhcp.client.bootp import DISCOVER, UNSET, Message, address_text
from services.dhcp.kea.doctor.client_classes import KINDS, Classes
from services.dhcp.kea.doctor.levels import Level, Scope, scopes
from services.dhcp.kea.doctor.remarks import Remark
from services.dhcp.kea.doctor.telling import Handing
from services.dhcp.kea.doctor.wanted import Wanted

_KEEPS = "store-extended-info"
VENDORS = {"cm": b"docsis3.1:", "mta": b"pktc1.5:"}
"""Option 60 of each kind of device."""


class Device(NamedTuple):
    """The device that asks: its hardware address, its kind (cm or mta), and the remote id that its CMTS
    writes, which for a modem is its own address.
    """

    address: bytes
    kind: str
    remote_id: bytes


class KeaOffer(NamedTuple):
    """Kea's offer; a field is empty where Kea has nothing."""

    address: str
    next_server: str
    file: str


def subnet_of(config: Level, relay: IPv4Address, kind: str) -> Scope | None:
    """The subnet that Kea chooses for a device of this kind behind this relay: the first that names the
    relay, else the first that has its address, of those that let the device in. A subnet that names no relay
    has those of its shared network.
    """
    handing = Handing(Classes(config))
    open_ones = [scope for scope in scopes(config) if handing.lets_in(scope, KINDS[kind])]
    named = (scope for scope in open_ones if str(relay) in _relays(scope))
    around = (scope for scope in open_ones if "subnet" in scope.subnet and relay in scope.network)
    return next(named, None) or next(around, None)


def discover(device: Device, own: IPv4Address, scope: Scope | None, xid: int) -> Message:
    """The DISCOVER of a device in this subnet, answered at `own`; without a subnet it is not relayed."""
    return Message(
        DISCOVER,
        xid,
        device.address,
        ciaddr=own.packed,
        vendor_class=VENDORS[device.kind],
        client_id=b"\1" + device.address,
        remote_id=b"" if scope is None else device.remote_id,
        link=b"" if scope is None else _some_address(scope),
    )


def answer_of(offer: Message) -> KeaOffer:
    """The offer in an OFFER."""
    server = "" if offer.siaddr == UNSET else address_text(offer.siaddr)
    return KeaOffer(address_text(offer.yiaddr), server, offer.file.decode(errors="replace"))


def judge(
    answer: KeaOffer,
    device: Device,
    config: Level,
    files: Sequence[LeaseFile],
    addresses: Mapping[str, str],
) -> Iterator[Remark]:
    """The problems of an answer: the sidecar makes no row, or one for another file or at another CFM."""
    yield from _kept(answer, config)
    wanted = Wanted(files, addresses)
    lease = _lease(answer, device, config)
    file = choose_file(lease, files)
    if file is None and device.remote_id != lease.remote_id:
        yield Remark("Dhcp4", f'option 82 is not kept, so no row is made: write "{_KEEPS}": true')
        return
    if file is None:
        seen = f"remote id {device.remote_id.hex()}" if device.remote_id else "no remote id"
        said = f"none is for a lease of {answer.address} with {seen}, so no row is made"
        yield Remark("minter.kea.files", said)
        return
    name = given_name(file.name, device.address).decode()
    if answer.file != name:
        said = answer.file or "no file name"
        yield Remark("file", f"the device is told {said}, its row is for {name}")
    if not wanted.is_good(file, answer.next_server):
        said = answer.next_server or "no server"
        there = wanted.where(file) or ", ".join(file.cfms)
        yield Remark("next_server", f"the device is told {said}, its row is at {there}")


def no_subnet(relay: IPv4Address) -> Remark:
    """The remark that Kea serves no device behind this relay."""
    return Remark(
        "subnet4", f'none is for relay {relay}: write "relay": {{"ip-addresses": ["{relay}"]}} into one'
    )


def place(text: str, port: int) -> tuple[IPv4Address, int]:
    """`ADDRESS[:PORT]`; `ValueError` if it is none."""
    address, _, given = text.partition(":")
    found = int(given) if given else port
    if not 0 <= found < 1 << 16:
        raise ValueError(f"{found} is no port")
    return IPv4Address(address), found


def interfaces(config: Level) -> list[str]:
    """The interfaces on which Kea listens, as configured: `NAME`, `NAME/ADDRESS` or `*`."""
    return [*map(str, (config.get("interfaces-config") or {}).get("interfaces") or [])]


def why_silent(config: Level, at: str) -> str:
    """The likely reason why no answer comes."""
    if (config.get("interfaces-config") or {}).get("dhcp-socket-type", "raw") == "raw":
        return (
            f"nothing answers from {at}: Kea's dhcp-socket-type is raw, so it does not hear its own host: "
            'write "udp" where all modems come through relays'
        )
    return (
        f"nothing answers from {at}: Kea hears elsewhere (say where with --at), or has no address left for "
        "such a device: look in its log"
    )


def _kept(answer: KeaOffer, config: Level) -> Iterator[Remark]:
    scope = _scope_of(answer, config)
    kept_s = scope.setting("offer-lifetime", 0)[1] if scope else 0
    if kept_s:
        said = f"Kea keeps {answer.address} for {kept_s} s, and has written it down"
        yield Remark("offer-lifetime", said, is_note=True)


def _relays(scope: Scope) -> list[str]:
    """The relays of a subnet, or of its shared network if the subnet names none."""
    for _, level in scope.levels[:-1]:
        relay = level.get("relay") or {}
        found = [*(relay.get("ip-addresses") or [])]
        if relay.get("ip-address"):
            found.append(relay["ip-address"])
        if found:
            return found
    return []


def _some_address(scope: Scope) -> bytes:
    network = scope.network
    return network[min(1, network.num_addresses - 1)].packed


def _lease(answer: KeaOffer, device: Device, config: Level) -> Lease:
    """The lease that would follow, as Kea would store it."""
    scope = _scope_of(answer, config)
    is_kept = scope is None or scope.setting(_KEEPS, False)[1]
    return Lease(
        device.address,
        IPv4Address(answer.address).packed,
        granted_s=0,
        subnet_id=int(scope.subnet["id"]) if scope else 0,
        remote_id=device.remote_id if is_kept else b"",
    )


def _scope_of(answer: KeaOffer, config: Level) -> Scope | None:
    address = IPv4Address(answer.address)
    return next((scope for scope in scopes(config) if address in scope.network), None)
