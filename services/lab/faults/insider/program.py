"""The insider's process: `python -m services.lab.faults.insider.program CONFIG.json`.

It has the files of one CFM of the fleet, and its carrier: the topics and the hand-off connections, or the
group. It prints `{"ready": true}` when minters have greeted it. At `go` it begins to forge; at `end` it stops
forging and prints what it sent, with `"done": true`, and the end of its input ends it.

A record of a topic may name anybody; datagrams are `services.lab.faults.insider.impostor`'s.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import zmq
from pydantic import BaseModel, ConfigDict, Field

from bus.config.model import NodeConfig, load
from bus.effects import Publish, Send
from bus.envelope import Envelope, Stamp
from bus.errors import TransportError
from bus.fleet.fleet import MINTERS
from bus.fleet.identity import Identity, identify
from bus.fleet.trust import Trust
from bus.routes import SIGNED
from bus.runtime.carriers import open_carrier
from bus.runtime.runner import Runner, boottime
from bus.transport.carrier import DescribedCarrier
from bus.transport.here import Patience
from bus.transport.poller import Poller
from bus.transport.zeromq.listening import Listening
from bus.transport.zeromq.owners import Owners
from bus.transport.zeromq.router import Router
from services.lab.faults.insider.forgery import KINDS, Forger, HeldClaim
from services.lab.faults.insider.impostor import Impostor
from services.lab.faults.insider.insider import Insider

_log = logging.getLogger("provbus.lab.insider")


class InsiderConfig(BaseModel):
    """The insider's configuration, as JSON. `node` is the file of the CFM whose rights he has, `listen` his
    endpoint for minters, `catalogue` the settings in force, and `claims` are (role, epoch, claim id).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    node: Path
    listen: str
    catalogue: Path
    claims: list[tuple[str, int, str]]
    rate_per_s: float = Field(gt=0)


class Orders:
    """The lines of standard input: begin, end; and those of standard output."""

    def __init__(self, insider: Insider) -> None:
        self._insider = insider
        self._is_told = False

    def read(self, leave: Callable[[], None]) -> list[Any]:
        """Do what came; leave at the end of the input."""
        said = os.read(sys.stdin.fileno(), 64).decode()
        if "go" in said:
            self._insider.begin(boottime())
        if "end" in said:
            self._insider.end()
            tell({"done": True, "sent": dict(self._insider.sent), "reasons": dict(self._insider.reasons)})
        if not said:
            leave()
        return []

    def tell_if_ready(self) -> None:
        """Say once that minters know us."""
        if self._insider.is_known and not self._is_told:
            self._is_told = True
            tell({"ready": True})


def tell(line: dict[str, Any]) -> None:
    """Print a line for the lab."""
    print(json.dumps(line), flush=True)


def run(config: InsiderConfig) -> None:
    """Forge until told to leave."""
    own = load(config.node, NodeConfig)
    identity = identify(own, ["cfm"])
    site, signer = identity.member.site, identity.signing.signer()
    stamp = Stamp(own.instance, site, _unix_ms())
    stamp.signs(signer, SIGNED)
    with ExitStack() as stack:
        poller = Poller()
        stack.callback(poller.close)
        carrier = _carrier(config, own, identity, poller, stamp, stack)
        others: Callable[[Envelope, str], None] = carrier.publish
        if own.group is not None:
            impostor = Impostor(own.group, site, signer)
            stack.callback(impostor.close)
            poller.add(impostor.mouth, impostor.answer)
            poller.add(impostor.ear, impostor.hear)
            others = impostor.publish
        services, catalogue = identity.fleet.services(), config.catalogue.read_bytes()
        claims = [HeldClaim(*one) for one in config.claims]
        forger = Forger(stamp, signer, services, catalogue, claims, carrier.mode)
        kinds = KINDS[carrier.mode]
        insider = Insider(stamp, lambda: carrier.endpoint, forger, kinds, config.rate_per_s, _unix_ms)

        def publish(effect: Publish) -> None:
            is_own = effect.envelope.source == stamp.instance
            (carrier.publish if is_own else others)(effect.envelope, effect.key)

        def send(effect: Send) -> None:
            carrier.send(effect.to, effect.envelope)

        orders = Orders(insider)
        runner = Runner(insider, poller, {Publish: publish, Send: send}, every_second=orders.tell_if_ready)
        poller.add(sys.stdin.fileno(), lambda: orders.read(runner.stop))
        runner.run()


def _carrier(
    config: InsiderConfig,
    own: NodeConfig,
    identity: Identity,
    poller: Poller,
    stamp: Stamp,
    stack: ExitStack,
) -> DescribedCarrier:
    """The carrier of the CFM, which `stack` closes. It has no replica of the settings to stand in the way."""
    context: zmq.Context[Any] = zmq.Context()
    stack.callback(context.term)
    minters = identity.fleet.keys(*MINTERS)

    def router(owners: Owners) -> Router:
        return Router(context, poller, identity.keys, owners, config.listen)

    carrier = open_carrier(
        lambda: own,
        poller,
        stamp,
        identity.fleet,
        Trust(identity.fleet),
        read=(),
        overhear=(),
        peers=MINTERS,
        link=lambda: Listening(context, poller, identity.keys, minters, router),
        patience=Patience(),
        carrying=own.carrying,
    )
    stack.callback(carrier.close)
    carrier.begin(has_copy=False)
    return carrier


def _unix_ms() -> int:
    return time.time_ns() // 1_000_000


def main(arguments: list[str]) -> int:
    """Run the insider of the JSON file named in `arguments`; returns the exit code."""
    try:
        run(InsiderConfig.model_validate_json(Path(arguments[0]).read_bytes()))
    except TransportError as error:
        _log.error("%s", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
