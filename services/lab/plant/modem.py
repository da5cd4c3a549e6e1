"""One cable modem or telephone adapter that boots: a state machine without I/O.

Theory of operation
-------------------
    INIT ─> SELECTING ─OFFER─> REQUESTING ─ACK─> BOUND ─(read delay)─> READING ─file ok─> DALLYING ─> DONE

SELECTING, REQUESTING and READING send, and send again after each rung of the ladder (2, 4, 8, 16 s in the
field, ±10 %) without progress; after the last retry they wait the last rung once more and start over at INIT.
A read that stalls before any data came repeats its request from the same port, so the server sees a
retransmission. One that stalls in the middle drops its data and asks from a new port: a new transfer id, as
RFC 1350 section 4 requires, for the server could not tell the same port from a lost acknowledgement. Progress
restarts the timer, not the ladder.

A refusal, an ERROR or a file that fails its checks waits the first rung and starts over at INIT. After the
last block the device is online, and DALLYING for a second it acknowledges the block again if it is repeated
(RFC 1350 section 6). If the plan says so, it is then OFF for a while and boots once more; only the result of
that boot counts. A device that is not online `deadline_s` after its start has failed, in whatever state.

The device's own link loses datagrams here, in the core, by its own random source: so the journal tells a
request that left from one that did not, and an answer that arrived even if the device never saw it.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Callable
from random import Random
from typing import Literal

from bus.device import device_text
from bus.errors import LocalError
from services.dhcp.client.bootp import (
    ACK,
    DISCOVER,
    NAK,
    OFFER,
    REQUEST,
    UNSET,
    Message,
    address_text,
    format_message,
)
from services.lab.plant.acceptance import judge_adapter_file, judge_modem_file
from services.lab.plant.boot import (
    BootPlan,
    CloseRead,
    Effect,
    Finished,
    Kind,
    OpenRead,
    SendDhcp,
    SendTftp,
)
from services.lab.site.journal import Journaled
from services.tftp.client_core import ReadClient

DALLY_S = 1.0
JITTER = 0.1
_VENDOR_CLASS = {"cm": b"docsis3.1:", "mta": b"pktc1.5:"}  # option 60, CableLabs CL-SP-CANN-DHCP-Reg
_MODEM_OF_ADAPTERS = b"\x02\x1a\x2c"
_CIRCUIT_ID = b"\x80\x00\x00\x01"  # ifIndex of the cable interface, as a CMTS writes it
_ANSWER_OPCODES = (b"\0\x03", b"\0\x06")  # DATA, OACK


class BootState(enum.Enum):
    """The state of a device; names of RFC 2131 section 4.4 where it has one."""

    INIT = enum.auto()
    SELECTING = enum.auto()
    REQUESTING = enum.auto()
    BOUND = enum.auto()
    READING = enum.auto()
    DALLYING = enum.auto()
    OFF = enum.auto()
    DONE = enum.auto()


_NO_CLIENT = ReadClient(b"-")  # in place of a read that has not begun; it gets no data


class Modem:
    """Device number `index` of its plant; `start` it once, then feed it what arrives and its deadlines."""

    def __init__(self, index: int, kind: Kind, plan: BootPlan, random: Random) -> None:
        self.index, self.kind, self.state = index, kind, BootState.INIT
        self.reads = 0  # read requests, those lost on the way included
        self.restarts = 0
        self._boots = 0
        self.mac = plan.mac_prefix + index.to_bytes(3, "big")
        self._plan, self._random = plan, random
        self._relay = 0
        self._started_at = 0.0
        self._give_up_at = self._timer = math.inf
        self._rung = 0
        self._dhcp = b""  # the DHCP message to repeat
        self._lease = UNSET
        self._address = self._server = self._file = ""
        self._client = _NO_CLIENT
        self._answered = self._valid = False

    @property
    def second_tries(self) -> int:
        """Reads after the first of each boot."""
        return max(0, self.reads - max(1, self._boots))

    def start(self, now: float) -> list[Effect]:
        """Power on."""
        effects: list[Effect] = []
        self._boot(now, effects)
        return effects

    def deadline(self) -> float:
        """When to call `tick` next; infinite once it is DONE."""
        return min(self._timer, self._give_up_at)

    def receive_dhcp(self, message: Message, now: float) -> list[Effect]:
        """A DHCP message for this device's MAC came."""
        effects: list[Effect] = []
        handler = _ON_MESSAGE.get((self.state, message.kind))
        ours = message.xid == self._xid() and message.chaddr == self.mac
        if handler is not None and ours and not self._is_lost():
            handler(self, message, now, effects)
        return effects

    def receive_tftp(self, data: bytes, peer: tuple[str, int], now: float) -> list[Effect]:
        """A datagram came to the device's read socket."""
        effects: list[Effect] = []
        if self.state not in (BootState.READING, BootState.DALLYING) or peer[0] != self._server:
            return effects
        if not self._answered and data[:2] in _ANSWER_OPCODES:
            self._answered = True
            self._note("answered", now, effects, file=self._file, server=self._server)
        if self._is_lost():
            return effects
        client = self._client
        before = client.blocks, client.server_port
        reply = client.receive(data, peer[1])
        if reply is not None and client.server_port is not None and not self._is_lost():
            effects.append(SendTftp(self.index, reply, self._server, client.server_port))
        if self.state is BootState.READING:
            if client.failed is not None:
                self._give_in("error", now, effects)
            elif client.done:
                self._complete(now, effects)
            elif before != (client.blocks, client.server_port):
                self._wind(now)
        return effects

    def tick(self, now: float) -> list[Effect]:
        """Do what is due at `now`."""
        effects: list[Effect] = []
        if now >= self._give_up_at:
            self._close(now, effects)
            self._finish("failed", now, effects)
        elif now >= self._timer:
            _ON_TIMER[self.state](self, now, effects)
        return effects

    def _boot(self, now: float, effects: list[Effect]) -> None:
        plan = self._plan
        self._relay = (self.index + plan.earlier_boots + self._boots) % len(plan.relays)
        self._boots += 1
        self._started_at, self._give_up_at = now, now + plan.deadline_s
        self._discover(now, effects)

    def _discover(self, now: float, effects: list[Effect]) -> None:
        self.state = BootState.SELECTING
        self._send_dhcp(DISCOVER, now, effects)

    def _request(self, offer: Message, now: float, effects: list[Effect]) -> None:
        self.state = BootState.REQUESTING
        self._send_dhcp(REQUEST, now, effects, requested=offer.yiaddr, server_id=offer.server_id)

    def _bind(self, ack: Message, now: float, effects: list[Effect]) -> None:
        if UNSET in (ack.yiaddr, ack.siaddr) or not ack.file:
            return  # no use to a modem; the ladder goes on
        try:
            self._client = ReadClient(ack.file)
        except LocalError:
            return  # a name no request can carry
        self.state, self._lease, self._answered = BootState.BOUND, ack.yiaddr, False
        self._address, self._server = address_text(ack.yiaddr), address_text(ack.siaddr)
        self._file = ack.file.decode("latin-1")
        self._timer = now + self._random.uniform(*self._plan.read_delay_s)
        relay = address_text(self._plan.relays[self._relay])
        more = {"file": self._file, "server": self._server, "relay": relay}
        self._note("leased", now, effects, address=self._address, **more)

    def _read(self, now: float, effects: list[Effect]) -> None:
        self.state, self._rung = BootState.READING, 0
        effects.append(OpenRead(self.index, self._source()))
        self._send_read(now, effects)

    def _source(self) -> str:
        """The address that our reads show."""
        return address_text(self._plan.relays[self._relay]) if self._plan.proxied else self._address

    def _retry_dhcp(self, now: float, effects: list[Effect]) -> None:
        if self._climb(now, effects):
            self._repeat_dhcp(now, effects)

    def _retry_read(self, now: float, effects: list[Effect]) -> None:
        if not self._climb(now, effects):
            return
        if self._client.server_port is not None:  # stalled in the middle
            self._client.restart()
            effects.append(OpenRead(self.index, self._source()))
        self._send_read(now, effects)

    def _close(self, now: float, effects: list[Effect]) -> None:
        if self.state in (BootState.READING, BootState.DALLYING):
            effects.append(CloseRead(self.index))
        if self.state is BootState.DALLYING and self._will_reboot():
            assert self._plan.reboot_after_s is not None
            self.state, self._timer = BootState.OFF, now + self._plan.reboot_after_s - DALLY_S
        else:
            self.state, self._timer = BootState.DONE, math.inf

    def _will_reboot(self) -> bool:
        return self._plan.reboot_after_s is not None and self._boots == 1

    def _climb(self, now: float, effects: list[Effect]) -> bool:
        """Step to the next rung; past the last one start over and say False."""
        if self._rung == len(self._plan.ladder_s):
            self._start_over("ladder", now, effects)
            self._discover(now, effects)
            return False
        self._rung += 1
        return True

    def _give_in(self, reason: str, now: float, effects: list[Effect]) -> None:
        """Start over, but only after the first rung: an immediate retry would be refused again."""
        self._start_over(reason, now, effects)
        self._wind(now)

    def _start_over(self, reason: str, now: float, effects: list[Effect]) -> None:
        if self.state is BootState.READING:
            effects.append(CloseRead(self.index))
        self.state, self._rung = BootState.INIT, 0
        self.restarts += 1
        self._note("restart", now, effects, reason=reason)

    def _complete(self, now: float, effects: list[Effect]) -> None:
        verdict = self._judge(now)
        self._valid = verdict == "ok"
        self._note(
            "completed",
            now,
            effects,
            address=self._address,
            file=self._file,
            server=self._server,
            verdict=verdict,
            bytes=len(self._client.file),
        )
        if self._valid:
            self.state, self._timer = BootState.DALLYING, now + DALLY_S
            if self._will_reboot():
                self._give_up_at = math.inf
            else:
                self._finish("online", now, effects)
        else:
            self._give_in(verdict, now, effects)

    def _judge(self, now: float) -> str:
        plan, data = self._plan, self._client.file
        if self.kind == "mta":
            return judge_adapter_file(
                data, marker=plan.mta_marker.replace("{device}", self.mac.hex()).encode()
            )
        unix_s = now + plan.unix_offset_s
        return judge_modem_file(data, address=self._lease, secrets=plan.secrets, unix_s=unix_s)

    def _finish(self, event: Literal["online", "failed"], now: float, effects: list[Effect]) -> None:
        self._give_up_at = math.inf
        boot_s = now - self._started_at
        self._note(event, now, effects, kind=self.kind, boot_s=round(boot_s, 6))
        effects.append(Finished(self.index, event == "online", boot_s, self._valid))

    def _send_dhcp(
        self, kind: int, now: float, effects: list[Effect], requested: bytes = b"", server_id: bytes = b""
    ) -> None:
        self._rung = 0
        message = Message(
            kind=kind,
            xid=self._xid(),
            chaddr=self.mac,
            giaddr=self._plan.relays[self._relay],
            requested=requested,
            server_id=server_id,
            vendor_class=_VENDOR_CLASS[self.kind],
            client_id=b"\x01" + self.mac,
            circuit_id=_CIRCUIT_ID,
            # An adapter's option 82 names the cable modem in front of it.
            remote_id=self.mac if self.kind == "cm" else _MODEM_OF_ADAPTERS + self.mac[3:],
        )
        self._dhcp = format_message(message)
        self._repeat_dhcp(now, effects)

    def _repeat_dhcp(self, now: float, effects: list[Effect]) -> None:
        if not self._is_lost():
            effects.append(SendDhcp(self.index, self.kind, self._dhcp, self._relay))
        self._wind(now)

    def _send_read(self, now: float, effects: list[Effect]) -> None:
        self.reads += 1
        if not self._is_lost():
            effects.append(SendTftp(self.index, self._client.request, self._server, self._plan.tftp_port))
            read = {"address": self._address, "file": self._file, "server": self._server}
            self._note("read", now, effects, attempt=self.reads, **read)
        self._wind(now)

    def _note(self, event: str, now: float, effects: list[Effect], **fields: object) -> None:
        effects.append(Journaled({"event": event, "at": now, "device": device_text(self.mac), **fields}))

    def _wind(self, now: float) -> None:
        ladder_s = self._plan.ladder_s
        rung_s = ladder_s[min(self._rung, len(ladder_s) - 1)]
        self._timer = now + rung_s * self._random.uniform(1 - JITTER, 1 + JITTER)

    def _is_lost(self) -> bool:
        return self._plan.loss > 0 and self._random.random() < self._plan.loss

    def _xid(self) -> int:
        """The transaction id, new with every boot and start over; its low 24 bits are the device's index."""
        return (self.restarts + self._boots & 0xFF) << 24 | self.index


_ON_MESSAGE: dict[tuple[BootState, int], Callable[[Modem, Message, float, list[Effect]], None]] = {
    (BootState.SELECTING, OFFER): Modem._request,
    (BootState.REQUESTING, ACK): Modem._bind,
    (BootState.REQUESTING, NAK): lambda modem, _nak, now, effects: modem._give_in("nak", now, effects),
}
_ON_TIMER: dict[BootState, Callable[[Modem, float, list[Effect]], None]] = {
    BootState.INIT: Modem._discover,
    BootState.SELECTING: Modem._retry_dhcp,
    BootState.REQUESTING: Modem._retry_dhcp,
    BootState.BOUND: Modem._read,
    BootState.READING: Modem._retry_read,
    BootState.DALLYING: Modem._close,
    BootState.OFF: Modem._boot,
}
