"""All devices of a plant: their boot times, their timers, and the totals. No I/O.

Theory of operation
-------------------
Every device has a boot time, drawn uniformly from the boot window, and starts then or as soon as fewer than
`in_flight_max` are booting; its boot time and its deadline count from that start. Adapters are spread evenly
among the modems. A device exists in memory from its start until its read socket is closed, so a million of
them cost little.

Timers are one heap. A device's deadline moves with every block it reads; the heap keeps the earliest time it
was asked to wake the device and asks again then, so a block costs no heap operation.

A DHCP reply finds its device by the low 24 bits of its xid.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random

from bus.errors import DecodeError
from services.dhcp.client.bootp import parse_message
from services.lab.plant.boot import BootPlan, Effect, Finished, Kind
from services.lab.plant.modem import BootState, Modem

DEVICES_MAX = 1 << 24  # as many as the low bits of an xid and the low half of a MAC can number
_INDEX_MASK = DEVICES_MAX - 1


@dataclass(slots=True)
class Totals:
    """The results of the boots; `duration_s` is from `go` to the last device that finished."""

    online: int = 0
    failed: int = 0
    files_valid: int = 0
    second_tries: int = 0
    restarts: int = 0
    boot_p50_s: float = 0.0
    boot_p99_s: float = 0.0
    duration_s: float = 0.0
    boots_per_s: float = 0.0


class Population:
    """Devices 0 … `modems` - 1, of which `mtas` are adapters; `go` once, then feed it like one device."""

    def __init__(
        self, plan: BootPlan, *, modems: int, mtas: int, seed: int, boot_window_s: float, in_flight_max: int
    ) -> None:
        random = Random(seed)
        self._plan, self._seed, self._modems, self._mtas = plan, seed, modems, mtas
        self._in_flight_max = in_flight_max
        self._offsets_s = sorted(random.uniform(0, boot_window_s) for _ in range(modems))
        self._order = random.sample(range(modems), modems)
        self._went_at = math.inf
        self._finished_at = -math.inf
        self._active: dict[int, Modem] = {}
        self._timers: list[tuple[float, int]] = []
        self._wake_at: dict[int, float] = {}
        self._boots_s: list[float] = []
        self._totals = Totals()
        self.started = 0
        self.malformed = 0

    @property
    def online(self) -> int:
        """Devices that hold a valid file."""
        return self._totals.online

    @property
    def failed(self) -> int:
        """Devices whose deadline passed."""
        return self._totals.failed

    @property
    def done(self) -> bool:
        """Whether every device is online or failed, and every read socket closed."""
        return self.started == self._modems and not self._active

    def go(self, now: float) -> None:
        """Power comes back: boot times count from here."""
        self._went_at = now

    def deadline(self) -> float:
        """When to call `tick` next; infinite when nothing is due."""
        timer = self._timers[0][0] if self._timers else math.inf
        return min(timer, self._next_start())

    def receive_dhcp(self, data: bytes, now: float) -> list[Effect]:
        """A datagram came to the relay's socket."""
        try:
            message = parse_message(data)
        except DecodeError:
            self.malformed += 1
            return []
        modem = self._active.get(message.xid & _INDEX_MASK)
        return [] if modem is None else self._settle(modem, modem.receive_dhcp(message, now), now)

    def receive_tftp(self, device: int, data: bytes, peer: tuple[str, int], now: float) -> list[Effect]:
        """A datagram came to the read socket of `device`."""
        modem = self._active.get(device)
        return [] if modem is None else self._settle(modem, modem.receive_tftp(data, peer, now), now)

    def tick(self, now: float) -> list[Effect]:
        """Wake the devices that are due, and start those that may."""
        effects: list[Effect] = []
        while self._timers and self._timers[0][0] <= now:
            at, index = heapq.heappop(self._timers)
            if self._wake_at.get(index) != at:
                continue
            del self._wake_at[index]
            modem = self._active[index]
            effects += self._settle(modem, modem.tick(now), now)
        while self._next_start() <= now:
            index = self._order[self.started]
            self.started += 1
            modem = Modem(
                index, kind_of(index, self._modems, self._mtas), self._plan, Random(self._seed << 24 | index)
            )
            self._active[index] = modem
            effects += self._settle(modem, modem.start(now), now)
        return effects

    def totals(self) -> Totals:
        """The results so far; devices still booting count with their reads and restarts."""
        booting, boots_s = self._active.values(), sorted(self._boots_s)
        duration_s = max(0.0, self._finished_at - self._went_at)
        return replace(
            self._totals,
            second_tries=self._totals.second_tries + sum(modem.second_tries for modem in booting),
            restarts=self._totals.restarts + sum(modem.restarts for modem in booting),
            boot_p50_s=percentile(boots_s, 0.50),
            boot_p99_s=percentile(boots_s, 0.99),
            duration_s=duration_s,
            boots_per_s=self.online / duration_s if duration_s else 0.0,
        )

    def _next_start(self) -> float:
        in_flight = self.started - self._totals.online - self._totals.failed
        if self.started == self._modems or in_flight >= self._in_flight_max:
            return math.inf
        return self._went_at + self._offsets_s[self.started]

    def _settle(self, modem: Modem, effects: list[Effect], now: float) -> list[Effect]:
        """Account for a device's effects and plan its next wake-up."""
        for effect in effects:
            if type(effect) is Finished:
                self._finish(effect, now)
        if modem.state is BootState.DONE:
            self._retire(modem)
            return effects
        at = modem.deadline()
        if at < self._wake_at.get(modem.index, math.inf):
            self._wake_at[modem.index] = at
            heapq.heappush(self._timers, (at, modem.index))
        return effects

    def _finish(self, finished: Finished, now: float) -> None:
        totals = self._totals
        self._finished_at = now
        totals.files_valid += finished.valid
        if finished.online:
            totals.online += 1
            self._boots_s.append(finished.boot_s)
        else:
            totals.failed += 1

    def _retire(self, modem: Modem) -> None:
        self._totals.second_tries += modem.second_tries
        self._totals.restarts += modem.restarts
        del self._active[modem.index]
        self._wake_at.pop(modem.index, None)


def kind_of(index: int, modems: int, mtas: int) -> Kind:
    """The kind of a device: adapter number n of `mtas` is the one at which n / mtas of the modems are
    reached.
    """
    before, after = index * mtas // modems, (index + 1) * mtas // modems
    return "mta" if after > before else "cm"


def percentile(ascending: Sequence[float], share: float) -> float:
    """The smallest value that `share` of all values do not exceed (nearest rank); 0 of none."""
    return ascending[max(0, math.ceil(share * len(ascending)) - 1)] if ascending else 0.0
