"""A DHCP sidecar without its process: the real machine, fed by hand in virtual time."""

from collections.abc import Callable
from itertools import count
from random import Random
from typing import Any

import pytest

from bus.contract import encode
from bus.effects import Send
from bus.envelope import Envelope, Stamp, number_of
from bus.messages import LocalRequest, Received, WallClock
from fileid.handoff import ACKED_SEQ, Budget
from fileid.row import ACK, split_rows
from fileid.seal import KEY_BYTES, Opener, Sealer, SealKey
from heartbeat.liveness.beat import BEAT, Beat
from services.settings.catalogue import Classes, record
from services.settings.record import CATALOGUE, CatalogueRecord
from services.settings.vault import Vault
from services.sidecar.assembly import assemble
from services.sidecar.minter import Minter
from tests.replies import HeldMachine
from tests.trusting import ANYBODY

WALL_OFFSET_S = 1_700_000_000.0
SERVICES = {"dhcp-1": "dhcp", "dhcp-2": "dhcp", "cfm-1": "cfm", "cfm-2": "cfm"}
KEY = SealKey(0, number_of("dhcp-1"), bytes(range(KEY_BYTES)))


def adapter(*texts: str) -> dict[str, Any]:
    """A telephone adapter's class whose placeholders are texts, each set by SNMP."""
    body = [
        {"snmp_set": {"oid": f"1.3.6.1.4.1.4491.{at}", "string": f"${{{text}}}"}}
        for at, text in enumerate(texts)
    ]
    placeholders = {text: {"kind": "string"} for text in texts}
    return {"kind": "mta", "hash": "na", "placeholders": placeholders, "body": body}


class HeldMinter(HeldMachine, Minter):
    """A minter whose answers are held to the table of the local API."""


@pytest.fixture
def classes() -> Classes:
    """A modem's class with one number, an adapter's with two texts, and one with more than a row carries."""
    location = {"oid": "1.3.6.1.2.1.1.6.0", "string": "customer ${customer}"}
    modem = {
        "kind": "cm",
        "placeholders": {"customer": {"kind": "uint32"}},
        "body": [
            {"network_access": 1},
            {"upstream_service_flow": [{"reference": 1}, {"qos_parameter_set_type": 7}]},
            {"downstream_service_flow": [{"reference": 2}, {"qos_parameter_set_type": 7}]},
            {"snmp_set": location},
        ],
    }
    return {
        "data": modem,
        "voice": adapter("line1", "line2"),
        "texts": adapter(*(f"text{number}" for number in range(8))),
    }


@pytest.fixture
def catalogue(classes: Classes) -> CatalogueRecord:
    """The classes at generation 3."""
    return record(classes, 3)


@pytest.fixture
def build(catalogue: CatalogueRecord) -> Callable[..., Minter]:
    """Builds dhcp-1, which has its wall clock and, unless keywords say otherwise, the catalogue."""

    def make(**changes: Any) -> Minter:
        serials = count(1)
        minter = HeldMinter(
            assemble(
                **{
                    "service": "dhcp",
                    "trust": ANYBODY,
                    "stamp": Stamp("dhcp-1", "lab", 9),
                    "services": SERVICES,
                    "sealer": Sealer(KEY),
                    "budget": Budget(try_s=0.05, budget_s=0.15),
                    "random": Random(1),
                    "random_bytes": lambda size: next(serials).to_bytes(size),
                    "minted_max": 1_000,
                    "pins": {},
                    "vault": Vault(),
                    "catalogue": catalogue,
                    **changes,
                }
            ).parts
        )
        minter.receive(WallClock(WALL_OFFSET_S), 0.0)
        return minter

    return make


@pytest.fixture
def opener() -> Opener:
    """Opens what dhcp-1 seals."""
    return Opener([KEY])


@pytest.fixture
def beat() -> Callable[..., Received]:
    """Makes the next beat of an instance; keywords are the beat's fields. A CFM announces its endpoints."""
    seqs = count(1)

    def make(source: str = "cfm-1", *, incarnation: int = 1, **fields: Any) -> Received:
        place = f"127.0.0.1{source[-1]}"
        said = {"service": "cfm", "generation": 3}
        said |= {"endpoints": {"fileid": f"tcp://{place}:7000", "tftp": place}} | fields
        envelope = Envelope(BEAT, source, incarnation, next(seqs), 0, encode(Beat(**said)))
        return Received(envelope, "")

    return make


@pytest.fixture
def create() -> Callable[..., LocalRequest]:
    """Makes a `fileid.create`; keywords replace fields of its body."""

    def make(session: int = 1, **changes: Any) -> LocalRequest:
        body = {
            "op": "fileid.create",
            "id": 7,
            "device": "00:11:22:33:44:55",
            "address": "10.0.0.7",
            "relay": "10.0.0.1",
            "settings": {"class": "data", "customer": 4242},
        }
        return LocalRequest(session, body | changes)

    return make


@pytest.fixture
def ack() -> Callable[..., Received]:
    """Makes the answer of the CFM a frame was sent to; `status` is that of every row."""

    def make(send: Send, status: int = 0) -> Received:
        rows = len(split_rows(send.envelope.data)[0])
        data = ACKED_SEQ.pack(send.envelope.seq) + bytes([status]) * rows
        return Received(Envelope(ACK, str(send.to), 1, 1, 0, data), send.to)

    return make


@pytest.fixture
def publication() -> Callable[[CatalogueRecord | bytes], Received]:
    """Makes the next record of the settings topic."""
    seqs = count(1)

    def make(found: CatalogueRecord | bytes) -> Received:
        data = found if isinstance(found, bytes) else encode(found)
        return Received(Envelope(CATALOGUE, "dhcp-2", 1, next(seqs), 0, data), "")

    return make


@pytest.fixture
def richer(classes: Classes) -> Classes:
    """The same classes and one more."""
    return classes | {"gold": classes["data"]}
