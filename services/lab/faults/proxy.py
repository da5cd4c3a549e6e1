"""The proxy on the hand-off path: bad weather between the sidecars and the CFMs.

The lab owns every key, so the proxy ends CURVE on both sides: it is each CFM to the minters and each minter
to the CFMs. Messages pass unchanged; by their kind some are delayed and some are dropped, with the scenario's
probabilities and seed. `python -m services.lab.faults.proxy CONFIG.json`; prints `{"ready": true}`.
"""

import json
import signal
import sys
import time
from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import zmq

from bus.errors import TransportError
from bus.fleet.fleet import MINTERS, load_fleet
from bus.fleet.key_pair import KeyPair, read_key_pair
from bus.messages import Received
from bus.transport.poller import Poller, Reader
from bus.transport.zeromq.curve import ZapHandler
from bus.transport.zeromq.dealers import Dealers
from bus.transport.zeromq.owners import Owners
from bus.transport.zeromq.router import Router
from services.lab.site.scenario import Faults

_WAIT_S = 1.0


class MessageWeather:
    """Decides, from a seed, whether a message is forwarded, and after which delay."""

    def __init__(self, faults: Faults, seed: int) -> None:
        self._faults = faults
        self._random = Random(seed)

    def delay_s(self, type_: str) -> float | None:
        """The delay of a message of this type; None to drop it."""
        fault = getattr(self._faults, type_.split(".")[2])
        if fault.drop and self._random.random() < fault.drop:
            return None
        return float(fault.delay_s)


class _Side(NamedTuple):
    """The origin of a message: this minter's dealers, or this CFM's router."""

    minter: str = ""
    cfm: str = ""


class _Tagged(Poller):
    """Gives messages to `poller` together with their side."""

    def __init__(self, poller: Poller, side: _Side) -> None:
        super().__init__()
        self._to = poller
        self._side = side

    def add(self, pollable: Any, read: Reader) -> None:
        self._to.add(pollable, lambda: [(self._side, message) for message in read()])

    def later(self, after_s: float, call: Callable[[], None]) -> None:
        self._to.later(after_s, call)

    def rest(self, descriptor: int, for_s: float) -> None:
        self._to.rest(descriptor, for_s)

    def remove(self, pollable: Any) -> None:
        self._to.remove(pollable)

    def used(self, socket: Any) -> None:
        self._to.used(socket)


class Proxy:
    """The proxy between every minter and every CFM."""

    def __init__(self, config: dict[str, Any]) -> None:
        keys = Path(config["keys"])
        fleet = load_fleet(keys / "fleet.yaml")
        pairs: dict[str, KeyPair] = {
            name: read_key_pair(keys / "curve" / f"{name}.key") for name in fleet.instances
        }
        minters = {name: keys[0] for name, keys in fleet.keys(*MINTERS).items()}
        self._context: zmq.Context[Any] = zmq.Context()
        self._poller = Poller()
        owners = Owners({key: name for name, key in minters.items()})
        self._zap = ZapHandler(self._context, self._poller, owners)
        self._routers = {
            cfm: Router(self._context, _Tagged(self._poller, _Side(cfm=cfm)), pairs[cfm], owners, endpoint)
            for cfm, endpoint in config["listen"].items()
        }
        self._dealers = {
            name: Dealers(
                self._context, _Tagged(self._poller, _Side(minter=name)), pairs[name], fleet.keys("cfm")
            )
            for name in minters
        }
        for dealers in self._dealers.values():
            for cfm, endpoint in config["forward"].items():
                dealers.connect(cfm, endpoint)
        self._weather = MessageWeather(Faults(**config["faults"]), config["seed"])
        self._held: list[tuple[float, int, _Side, Received]] = []
        self._order = count()
        self.lost = 0

    def run(self) -> None:
        """Forward messages until a signal stops us."""
        stopped: list[int] = []
        signal.signal(signal.SIGTERM, lambda number, _: stopped.append(number))
        print(json.dumps({"ready": True}), flush=True)
        while not stopped:
            now = time.monotonic()
            while self._held and self._held[0][0] <= now:
                _, _, side, message = heappop(self._held)
                self._forward(side, message)
            wait_s = self._held[0][0] - now if self._held else _WAIT_S
            for side, message in self._poller.poll(wait_s):
                delay_s = self._weather.delay_s(message.envelope.type)
                if delay_s is not None:
                    heappush(self._held, (time.monotonic() + delay_s, next(self._order), side, message))

    def close(self) -> None:
        """Close every socket."""
        for dealers in self._dealers.values():
            dealers.close()
        for router in self._routers.values():
            router.close()
        self._zap.close()
        self._context.term()
        self._poller.close()

    def _forward(self, side: _Side, message: Received) -> None:
        source = message.envelope.source
        try:
            if side.cfm:
                self._dealers[source].send(side.cfm, message.envelope)
            else:
                self._routers[source].send(side.minter, message.envelope)
        except TransportError:
            self.lost += 1  # as on any network: the sender gets no ack


def main() -> None:
    """Run the proxy of the configuration file in the first argument."""
    proxy = Proxy(json.loads(Path(sys.argv[1]).read_text()))
    try:
        proxy.run()
    finally:
        proxy.close()


if __name__ == "__main__":
    main()
