"""A DHCP server that asks its sidecar for every file name: the decisions, without sockets.

Theory of operation
-------------------
Addresses leave the pool by order of first sight and stay with their device. DISCOVER is answered at once,
without a file. REQUEST becomes one `fileid.create` for the sidecar, and its answer becomes the ACK with
`file` and `siaddr`:

    REQUEST ──> AskSidecar ──> answer: error     -> silence, the device asks again
                               answer: acked     -> ACK
                               answer: not acked -> ACK from dhcp, which must answer; silence from mps

A REQUEST that is repeated while its create is pending only updates the message and the peer to answer. A
create unanswered for `ASK_AGAIN_S` may be asked anew; should the first answer still come, it is noted and not
used. A REQUEST from a device without a lease, for another server or for another address is not answered (RFC
2131 section 4.3.2).

Every answered create is noted before its ACK leaves: the shell must write the journal first, or a kill
between the two would leave a name in the field that no journal shows as minted.

The same core stands in for the MPS. In PacketCable the MPS tells an adapter its file by SNMP; that step is
not simulated, our adapters get name and server by the same DHCP exchange.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from bus.device import device_text
from bus.errors import DecodeError
from services.dhcp.client.bootp import (
    ACK,
    DISCOVER,
    FILE_BYTES_MAX,
    OFFER,
    REQUEST,
    Message,
    address_text,
    format_message,
    parse_message,
)
from services.lab.site.journal import Journaled

Service = Literal["dhcp", "mps"]
Peer = tuple[str, int]

LEASE_S = 86_400
ASK_AGAIN_S = 2.0  # the first rung of a modem's ladder; a sidecar answers within 0.15 s or not at all
FORGET_S = 60.0  # the life of a FileID: a later answer is useless
CREATES_MAX = 20_000  # pending creates; more than a sidecar answers in many seconds


class SettingsRule(NamedTuple):
    """Devices whose option 60 starts with `match` get `settings`, their texts filled in per device."""

    match: bytes
    settings: Mapping[str, str | int]


class AskSidecar(NamedTuple):
    """Send this line to the sidecar."""

    line: bytes


class SendReply(NamedTuple):
    """Send this datagram to the relay: it gives the address to the device."""

    data: bytes
    peer: Peer
    device: bytes
    address: bytes


Effect = AskSidecar | SendReply | Journaled


@dataclass(slots=True)
class Unanswered:
    """The messages that were not answered, counted by reason."""

    malformed: int = 0
    not_ours: int = 0
    no_rule: int = 0
    pool_empty: int = 0
    sidecar_gone: int = 0
    creates_full: int = 0
    repeated: int = 0
    not_acked: int = 0
    bad_answers: int = 0
    standby: int = 0


@dataclass(slots=True)
class _Create:
    """One `fileid.create` on its way; `request` and `peer` follow the newest copy of the REQUEST."""

    request: Message
    peer: Peer
    address: bytes
    asked_at: float


@dataclass(slots=True)
class DhcpServer:
    """Turns datagrams and sidecar answers into effects; `server_id` is its own packed address."""

    service: Service
    server_id: bytes
    pool: ipaddress.IPv4Network
    rules: Sequence[SettingsRule]
    counters: Unanswered = field(default_factory=Unanswered)
    _leases: dict[bytes, int] = field(default_factory=dict)  # chaddr to allocation number
    _newest: int = 0  # allocation number
    _creates: dict[int, _Create] = field(default_factory=dict)  # in the order asked
    _pending: dict[bytes, int] = field(default_factory=dict)  # chaddr to its newest create
    _next_id: int = 1

    def restore(self, device: bytes, address: bytes) -> None:
        """An earlier process of this server gave the address to the device."""
        number = int.from_bytes(address, "big") - int(self.pool.network_address)
        self._leases[device] = number
        self._newest = max(self._newest, number)

    def receive(self, data: bytes, peer: Peer, now: float, *, sidecar_up: bool) -> list[Effect]:
        """A datagram came; with `sidecar_up` false a REQUEST is dropped and counted."""
        try:
            message = parse_message(data)
        except DecodeError:
            self.counters.malformed += 1
            return []
        if message.kind == DISCOVER:
            return self._offer(message, peer)
        if message.kind == REQUEST:
            return self._ask(message, peer, now, sidecar_up)
        self.counters.not_ours += 1
        return []

    def answer(self, line: bytes, now: float) -> list[Effect]:
        """Take a line of the sidecar; one that does not answer a create of ours is counted."""
        try:
            answer = json.loads(line)
            create = self._creates[answer["id"]]
            if "error" in answer:
                event: dict[str, object] = {"event": "refused", "at": now, "error": str(answer["error"])}
                event |= {"asked_at": create.asked_at, "device": device_text(create.request.chaddr)}
                effects: list[Effect] = [Journaled(event)]
            else:
                effects = self._grant(create, answer, now, current=self._is_current(create, answer["id"]))
        except (KeyError, TypeError, ValueError):
            self.counters.bad_answers += 1
            return []
        self._forget(answer["id"])
        return effects

    def disconnect(self) -> None:
        """The sidecar is gone, and with it all pending creates; the devices will ask again."""
        self._creates.clear()
        self._pending.clear()

    def _offer(self, message: Message, peer: Peer) -> list[Effect]:
        number = self._leases.get(message.chaddr)
        if number is None:
            number = self._newest + 1
            if number >= self.pool.num_addresses - 1:
                self.counters.pool_empty += 1
                return []
            self._leases[message.chaddr] = self._newest = number
        return [self._reply(OFFER, message, peer, yiaddr=self._address(number))]

    def _ask(self, message: Message, peer: Peer, now: float, sidecar_up: bool) -> list[Effect]:
        number = self._leases.get(message.chaddr)
        if (
            number is None
            or message.server_id != self.server_id
            or message.requested != self._address(number)
        ):
            self.counters.not_ours += 1
            return []
        if not sidecar_up:
            self.counters.sidecar_gone += 1
            return []
        pending = self._creates.get(self._pending.get(message.chaddr, 0))
        if pending is not None and now - pending.asked_at < ASK_AGAIN_S:
            self.counters.repeated += 1
            pending.request, pending.peer = message, peer
            return []
        settings = self._settings(message, number)
        if settings is None:
            self.counters.no_rule += 1
            return []
        return self._create(message, peer, now, settings)

    def _create(
        self, message: Message, peer: Peer, now: float, settings: Mapping[str, str | int]
    ) -> list[Effect]:
        while self._creates and now - next(iter(self._creates.values())).asked_at > FORGET_S:
            self._forget(next(iter(self._creates)))
        if len(self._creates) >= CREATES_MAX:
            self.counters.creates_full += 1
            return []
        number, self._next_id = self._next_id, self._next_id + 1
        self._creates[number] = _Create(message, peer, message.requested, now)
        self._pending[message.chaddr] = number
        ask = {
            "op": "fileid.create",
            "id": number,
            "device": device_text(message.chaddr),
            "address": address_text(message.requested),
            "relay": address_text(message.giaddr),
            "settings": settings,
        }
        return [AskSidecar(json.dumps(ask).encode() + b"\n")]

    def _grant(
        self, create: _Create, answer: Mapping[str, Any], now: float, *, current: bool
    ) -> list[Effect]:
        """The effects of a create's answer; ValueError, KeyError or TypeError if it breaks the protocol."""
        file = answer["file"].encode("ascii") if isinstance(answer["file"], str) else b""
        acked = answer["acked"]
        if not 0 < len(file) <= FILE_BYTES_MAX or not isinstance(acked, bool):
            raise ValueError("not an answer to fileid.create")
        siaddr = ipaddress.IPv4Address(answer["next_server"]).packed
        event: dict[str, object] = {
            "event": "minted",
            "at": now,
            "asked_at": create.asked_at,
            "service": self.service,
            "device": device_text(create.request.chaddr),
            "address": address_text(create.address),
            "file": answer["file"],
            "fileid": answer["fileid"],
            "next_server": answer["next_server"],
            "acked": acked,
            "sealed": answer["sealed"],
        }
        effects: list[Effect] = [Journaled(event)]
        if not acked and self.service == "mps":
            self.counters.not_acked += 1
        elif current:
            request, peer = create.request, create.peer
            effects.append(self._reply(ACK, request, peer, yiaddr=create.address, siaddr=siaddr, file=file))
        return effects

    def _is_current(self, create: _Create, number: int) -> bool:
        return self._pending.get(create.request.chaddr) == number

    def _forget(self, number: int) -> None:
        create = self._creates.pop(number)
        if self._is_current(create, number):
            del self._pending[create.request.chaddr]

    def _address(self, number: int) -> bytes:
        return (int(self.pool.network_address) + number).to_bytes(4, "big")

    def _settings(self, message: Message, number: int) -> dict[str, str | int] | None:
        for rule in self.rules:
            if message.vendor_class.startswith(rule.match):
                return {name: _fill(value, message, number) for name, value in rule.settings.items()}
        return None

    def _reply(
        self,
        kind: int,
        request: Message,
        peer: Peer,
        *,
        yiaddr: bytes,
        siaddr: bytes = bytes(4),
        file: bytes = b"",
    ) -> SendReply:
        """A reply carries back what the request brought: option 82 (RFC 3046) and option 61 (RFC 6842)."""
        reply = request._replace(
            kind=kind,
            yiaddr=yiaddr,
            siaddr=siaddr,
            file=file,
            requested=b"",
            lease_s=LEASE_S,
            server_id=self.server_id,
            vendor_class=b"",
        )
        return SendReply(format_message(reply), peer, request.chaddr, yiaddr)


def _fill(value: str | int, message: Message, number: int) -> str | int:
    """A template's value for one device; a text of digits only is a number, unless it names the device."""
    if isinstance(value, int):
        return value
    text = value.replace("{index}", str(number)).replace("{device}", message.chaddr.hex())
    return int(text) if text.isascii() and text.isdigit() and "{device}" not in value else text
