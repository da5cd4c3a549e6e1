"""The record of class `config`: a settings catalogue, on the wire and on disk."""

from typing import Any

from pydantic import Field

from bus.contract import Contract

CATALOGUE = "provbus.config.catalogue.v1"


class CatalogueRecord(Contract):
    """A whole settings catalogue: taken whole or not at all. `digest` is SHA-256 over the canonical classes
    and lookup, hex. A rule of `lookup` says which class a device has.
    """

    generation: int = Field(ge=1, le=0xFFFFFFFF)
    digest: str
    classes: dict[str, dict[str, Any]]
    lookup: list[dict[str, Any]] = Field(default_factory=list)
