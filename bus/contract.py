"""Contracts: the models of JSON messages and kept records.

Frozen pydantic models, used at the edges only: a machine reads one when a message arrives and writes one when
it sends. An undeclared field is refused, so a misspelt field is an error of its sender and not a silent
default. A message whose writer may be of a later release leaves it out (`WireContract`), unless it is taken
whole or not at all, as settings are. Each contract is declared beside the rules that it serves.
"""

from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bus.errors import DecodeError

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]


class Contract(BaseModel):
    """Base of every contract: immutable, no infinity or NaN (JSON has none), and no undeclared field unless
    it says so.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class WireContract(Contract):
    """Base of those messages whose writer may be of a later release: an undeclared field is one of that
    release, and left out. So a field may be new only if the message means the same without it.
    """

    model_config = ConfigDict(extra="ignore")


_Model = TypeVar("_Model", bound=Contract)


def decode(model: type[_Model], data: bytes) -> _Model:
    """The contract in `data`, or a `DecodeError` that says what is wrong with it."""
    try:
        return model.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise DecodeError(f"{model.__name__} {place}: {first['msg']}") from error


def encode(contract: Contract) -> bytes:
    """The JSON of a contract."""
    return contract.model_dump_json().encode()
