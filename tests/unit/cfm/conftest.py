"""A CFM without its process: the real machine, its minters and its modems fed by hand in virtual time."""

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

from bus.contract import encode
from bus.envelope import Envelope, Stamp, Token, number_of
from bus.messages import Received, WallClock
from fileid.given import given_key
from fileid.row import MINTED, ROWS, Fields, Row, pack, pack_rows, template_number
from fileid.seal import KEY_BYTES, Opener, Sealer, SealKey
from fileid.table import Table
from services.cfm.assembly import assemble
from services.cfm.machine import Cfm
from services.docsis.text.template import compile_template
from services.settings.catalogue import Classes, Rules, record
from services.settings.record import CATALOGUE, CatalogueRecord
from services.settings.vault import Vault
from services.tftp.packets import Request, format_request
from services.tftp.server_core import TftpServer
from services.tftp.sockets import Wakeup
from tests.replies import HeldMachine
from tests.trusting import ANYBODY

SECRET = b"s3cret-for-tests"
WALL_OFFSET_S = 1_700_000_000.0
MINTERS = ("dhcp-1", "mps-1")
KEYS = {at: SealKey(at, number_of(name), bytes([at]) * KEY_BYTES) for at, name in enumerate(MINTERS)}


class HeldCfm(HeldMachine, Cfm):
    """A CFM whose answers are held to the table of the local API."""


@pytest.fixture
def classes() -> Classes:
    """A modem's class with one number, and an adapter's whose text does not fit into a name."""
    return {
        "data": {
            "kind": "cm",
            "placeholders": {"customer": {"kind": "uint32"}},
            "body": [
                {"network_access": 1},
                {"upstream_service_flow": [{"reference": 1}, {"qos_parameter_set_type": 7}]},
                {"downstream_service_flow": [{"reference": 2}, {"qos_parameter_set_type": 7}]},
                {"snmp_set": {"oid": "1.3.6.1.2.1.1.6.0", "string": "customer ${customer}"}},
            ],
        },
        "voice": {
            "kind": "mta",
            "hash": "na",
            "placeholders": {"line1": {"kind": "string"}},
            "body": [{"snmp_set": {"oid": "1.3.6.1.4.1.4491.1", "string": "${line1}"}}],
        },
    }


@pytest.fixture
def build(classes: Classes) -> Callable[..., Cfm]:
    """Builds cfm-1, which has its wall clock and, unless keywords say otherwise, the catalogue."""

    def make(**changes: Any) -> Cfm:
        cfm = HeldCfm(
            assemble(
                **{
                    "stamp": Stamp("cfm-1", "lab", 4),
                    "trust": ANYBODY,
                    "minters": MINTERS,
                    "opener": Opener([*KEYS.values()]),
                    "table": Table(),
                    "tftp": TftpServer(transfer_sockets=1),
                    "endpoints": lambda: {"fileid": "tcp://127.0.0.11:7000", "tftp": "127.0.0.11"},
                    "capacity": 50,
                    "secret": SECRET,
                    "vault": Vault(),
                    "catalogue": record(classes, 3),
                    **changes,
                }
            ).parts
        )
        cfm.receive(WallClock(WALL_OFFSET_S), 0.0)
        return cfm

    return make


@pytest.fixture
def cfm(build: Callable[..., Cfm]) -> Cfm:
    """cfm-1 with the catalogue."""
    return build()


@pytest.fixture
def mint(classes: Classes) -> Callable[..., Row]:
    """Makes sealed rows of a class for 10.0.0.7, minted at now = 0; keywords are the device's values."""
    serials = count(1)

    def make(
        name: str = "data",
        *,
        minter: int = 0,
        minted_s: float = 0.0,
        among: Classes = classes,
        address: bytes = bytes([10, 0, 0, 7]),
        relay: bytes = bytes(4),
        **values: Any,
    ) -> Row:
        template = compile_template(among[name])
        default: dict[str, Any] = {"line1": "x" * 40} if name == "voice" else {"customer": 4242}
        fields = Fields(
            partial=False,
            minted_ms=int((WALL_OFFSET_S + minted_s) * 1000),
            token=Token(1, 1),
            device=bytes.fromhex("001122334455"),
            address=address,
            relay=relay,
            minter=KEYS[minter].minter,
            generation=3,
            template=template_number(name, template.signature),
            serial=next(serials).to_bytes(8),
            values=template.pack(default | values),
        )
        return Sealer(KEYS[minter]).seal(pack(fields), name)

    return make


@pytest.fixture
def lease(mint: Callable[..., Row]) -> Callable[..., Row]:
    """Makes the row of a lease of dhcp-1 that was granted at `now` = `granted_s`, for 10.0.0.7 unless told
    otherwise, whose file Kea calls `pattern`; keywords are the device's values.
    """

    def make(
        pattern: str = "modem.cm",
        *,
        granted_s: float = 0.0,
        address: bytes = bytes([10, 0, 0, 7]),
        **values: Any,
    ) -> Row:
        fields = mint(minted_s=granted_s, address=address, **values).fields()._replace(leased=True)
        return Row(given_key(pattern, fields.device, address), pack(fields))

    return make


@pytest.fixture
def hand_off() -> Callable[..., Received]:
    """Makes the frame that carries these rows from a minter, sent when the last of them was minted."""

    def make(*rows: Row, source: str = "dhcp-1", seq: int = 1, type_: str = ROWS) -> Received:
        sent_ms = max(int.from_bytes(row.body[MINTED]) for row in rows)
        envelope = Envelope(type_, source, 1, seq, sent_ms, pack_rows(rows))
        return Received(envelope, b"route of " + source.encode())

    return make


@pytest.fixture
def publication() -> Callable[..., Received]:
    """Makes the next record of the settings topic."""
    seqs = count(1)

    def make(classes: Classes, generation: int, lookup: Rules = ()) -> Received:
        found: CatalogueRecord = record(classes, generation, lookup)
        return Received(Envelope(CATALOGUE, "dhcp-1", 1, next(seqs), 0, encode(found)), "")

    return make


@pytest.fixture
def rrq() -> Callable[..., Wakeup]:
    """Makes a modem's read request for a row's name."""

    def make(row: Row, *, address: str = "10.0.0.7", port: int = 2000, netascii: bool = False) -> Wakeup:
        return Wakeup(0, [(format_request(Request(row.name, is_netascii=netascii)), (address, port))])

    return make
