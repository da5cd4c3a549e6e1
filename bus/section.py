"""What every section of a configuration is made of: declared fields only, and addresses that are some."""

from ipaddress import IPv4Address, IPv4Network, ip_address, ip_network
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


class Section(BaseModel):
    """Base of every section: nothing undeclared."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _is_dotted_quad(text: str) -> str:
    return str(IPv4Address(text))


def _is_group(text: str) -> str:
    if not IPv4Address(text).is_multicast:
        raise ValueError(f"{text} is not a multicast group (224.0.0.0/4)")
    return text


def _is_ip(text: str) -> str:
    return str(ip_address(text))


def _is_network(text: str) -> str:
    return str(ip_network(text))


def _is_ipv4_network(text: str) -> str:
    return str(IPv4Network(text))


Port = Annotated[int, Field(ge=1, le=65535)]
IPv4 = Annotated[str, AfterValidator(_is_dotted_quad)]
MulticastGroup = Annotated[IPv4, AfterValidator(_is_group)]
IP = Annotated[str, AfterValidator(_is_ip)]
Network = Annotated[str, AfterValidator(_is_network)]
NetworkIPv4 = Annotated[str, AfterValidator(_is_ipv4_network)]
