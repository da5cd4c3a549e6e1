"""Rows and the keys of their minters: every test changes what it is about and leaves the rest."""

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

from bus.envelope import Token, number_of
from fileid.row import Fields, Row, pack
from fileid.seal import Opener, Sealer, SealKey
from tests.unit.fileid.senders import KEYS, WALL_MS


@pytest.fixture
def fields() -> Fields:
    """What a modem's row says."""
    return Fields(
        partial=False,
        minted_ms=WALL_MS,
        token=Token(1, 7),
        device=bytes.fromhex("001122334455"),
        address=bytes([10, 0, 0, 7]),
        relay=bytes([10, 0, 0, 1]),
        minter=number_of("dhcp-1"),
        generation=3,
        template=0x01020304,
        serial=b"serial-1",
        values=b"\x04\x00\x00\x10\x92",
    )


@pytest.fixture
def seal_key() -> SealKey:
    """The key of dhcp-1."""
    return KEYS[0]


@pytest.fixture
def mps_key() -> SealKey:
    """The key of mps-1."""
    return KEYS[1]


@pytest.fixture
def opener(seal_key: SealKey, mps_key: SealKey) -> Opener:
    """Opens what dhcp-1 and mps-1 seal."""
    return Opener([seal_key, mps_key])


@pytest.fixture
def mint(fields: Fields, seal_key: SealKey) -> Callable[..., Row]:
    """Makes sealed rows of dhcp-1, each with a serial of its own; keywords replace fields."""
    serials = count(1)
    sealer = Sealer(seal_key)

    def make(mask: str = "residential", **changes: Any) -> Row:
        serial = next(serials).to_bytes(8, "big")
        return sealer.seal(pack(fields._replace(**{"serial": serial, **changes})), mask)

    return make


@pytest.fixture
def mps_row(fields: Fields, mps_key: SealKey) -> Row:
    """A sealed row of mps-1, for the address of the others."""
    return Sealer(mps_key).seal(pack(fields._replace(minter=mps_key.minter)), "voice")


@pytest.fixture
def lease(fields: Fields) -> Callable[..., Row]:
    """Makes rows of dhcp-1 for leases, of one name unless told otherwise, each granted so many seconds after
    the first; keywords replace fields.
    """

    def make(granted_s: float = 0.0, name: bytes = b"001122334455.cm", **changes: Any) -> Row:
        minted_ms = WALL_MS + int(granted_s * 1000)
        said = {"leased": True, "relay": bytes(4), "minted_ms": minted_ms, "serial": minted_ms.to_bytes(8)}
        return Row(name, pack(fields._replace(**{**said, **changes})))

    return make
