"""Minting: from a host service's request to a row with its sealed name."""

from collections.abc import Callable

from bus.envelope import Token, number_of
from bus.errors import DecodeError
from fileid.row import Fields, Row, pack
from fileid.seal import Sealer
from services.sidecar.offering import Offering
from services.sidecar.requests import Create


class NotNowError(Exception):
    """The request is right but cannot be served yet."""


class Mint:
    """Makes the rows of one minter. `random_bytes(n)` makes the serials."""

    def __init__(
        self, instance: str, sealer: Sealer, offering: Offering, random_bytes: Callable[[int], bytes]
    ) -> None:
        self._number = number_of(instance)
        self._sealer = sealer
        self._offering = offering
        self._random_bytes = random_bytes

    def mint(self, create: Create, unix_s: float, token: Token) -> tuple[Row, bytes]:
        """The row for this request, decided under this token, and its serial.

        `NotNowError` without settings; `DecodeError`, `DocsisError` or `OversizeError` for a class or values
        that are not in them.
        """
        offering, name = self._offering, create.class_name
        if not offering:
            raise NotNowError("no settings catalogue yet")
        found = offering.find(name)
        if found is None:
            raise DecodeError(f"settings.class: there is no class {name!r}")
        number, template = found
        serial = self._random_bytes(8)
        body = pack(
            Fields(  # by position: eleven names cost half a microsecond
                False,
                int(unix_s * 1000),
                token,
                create.device,
                create.address,
                create.relay,
                self._number,
                offering.generation,
                number,
                serial,
                template.pack(create.values),
            )
        )
        return self._sealer.seal(body, mask=name), serial
