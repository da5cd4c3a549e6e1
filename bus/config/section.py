"""Sections of a configuration: only declared fields, and reachable addresses (`bus.wire.endpoint`)."""

from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Network, ip_address, ip_network
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from bus.wire.endpoint import (
    wrong_address,
    wrong_advertise,
    wrong_group,
    wrong_listen,
    wrong_place,
    wrong_servers,
)


class Section(BaseModel):
    """Base of every section: no undeclared fields."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _is_dotted_quad(text: str) -> str:
    return str(IPv4Address(text))


def _none(wrong: Callable[[str], str]) -> AfterValidator:
    """Refuse a text in which `wrong` finds something."""

    def check(text: str) -> str:
        mistake = wrong(text)
        if mistake:
            raise ValueError(mistake)
        return text

    return AfterValidator(check)


def _is_ip(text: str) -> str:
    return str(ip_address(text))


def _is_network(text: str) -> str:
    return str(ip_network(text))


def _is_ipv4_network(text: str) -> str:
    return str(IPv4Network(text))


Port = Annotated[int, Field(ge=1, le=65535)]
# An address that we announce to others, in its shortest spelling.
HostIPv4 = Annotated[str, AfterValidator(_is_dotted_quad), _none(wrong_address)]
HostIP = Annotated[str, _none(wrong_address), AfterValidator(_is_ip)]
MulticastGroup = Annotated[str, AfterValidator(_is_dotted_quad), _none(wrong_group)]
Listen = Annotated[str, _none(wrong_listen)]
Advertise = Annotated[str, _none(wrong_advertise)]
ListenPlace = Annotated[str, _none(wrong_place)]
Servers = Annotated[str, _none(wrong_servers)]
Network = Annotated[str, AfterValidator(_is_network)]
NetworkIPv4 = Annotated[str, AfterValidator(_is_ipv4_network)]
