"""Addresses and endpoints: can another host that reads them reach them?

Another host uses the address that an instance announces, so a mistake shows there, long after the start: a
modem is told `next_server: 0.0.0.0`, a minter connects to itself. Each `wrong_...` function returns the
mistake in a text, in words; empty if there is none. They know form and range (RFC 1122 3.2.1.3, RFC 4291, RFC
6890). Only the host knows its own addresses and the address of a name: `bus.transport.here`.

Names belong in configurations only. libzmq looks a name up in its only I/O thread, and one name server that
is silent stopped every connection of a minter for 20 s (measured). So an instance looks its own names up when
it starts and announces addresses.
"""

import re
from ipaddress import IPv6Address, ip_address
from typing import NamedTuple

ANY = "*"
PORT_MAX = 65535
SOCKET_PATH_BYTES_MAX = 107  # sun_path of unix(7) has 108 bytes, the last one is NUL

_PORT = re.compile(r"[0-9]{1,5}")
_LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)")


class Endpoint(NamedTuple):
    """The parts of `SCHEME://HOST:PORT`. The host is an address without brackets, a name, or `*` for any."""

    scheme: str
    host: str
    port: int | None

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{ANY if self.port is None else self.port}"


def parse(text: str) -> Endpoint:
    """The parts of an endpoint; `ValueError` says what is wrong with it."""
    scheme, has_scheme, place = text.partition("://")
    if not has_scheme:
        raise ValueError(f"{text} has no scheme: write tcp://{text}")
    host, port = split(place)
    if port and port != ANY:
        return Endpoint(scheme, host, _port(port))
    if not port:
        raise ValueError(f"{text} has no port: write {text.rstrip(':')}:PORT")
    return Endpoint(scheme, host, None)


def split(place: str) -> tuple[str, str]:
    """Host and port of `HOST:PORT`, where an IPv6 address stands in brackets; `ValueError` if it does not.
    The port is empty if there is none.
    """
    if place.startswith("["):
        host, bracket, rest = place[1:].partition("]")
        if not bracket or not _is_address(host) or (rest and not rest.startswith(":")):
            raise ValueError(f"{place} is not [IPv6 address]:PORT")
        return host, rest[1:]
    host, _, port = place.partition(":")
    if ":" in port:
        raise ValueError(f"{place}: an IPv6 address stands in brackets, [ADDRESS]:PORT")
    return host, port


def wrong_address(text: str) -> str:
    """The mistake in an announced address: it must be that of one host."""
    try:
        address = ip_address(text)
    except ValueError as error:
        return str(error)
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return f"{text} is an IPv4 address in disguise: write {address.ipv4_mapped}"
        if address.scope_id is not None:
            return f"{text} names an interface of this host (%{address.scope_id}), which others do not have"
    reason = wrong_packed(address.packed)
    return reason and f"{text} {reason}"


def wrong_packed(address: bytes) -> str:
    """The same for an address of 4 or 16 packed bytes, without the address; called at every boot."""
    first = address[0]
    if len(address) == 4:
        if 0 < first < 224 and address[:2] != b"\xa9\xfe":
            return ""
        if address == b"\xff\xff\xff\xff":
            return "is the broadcast address"
        if first >= 240:
            return "is reserved (240.0.0.0/4)"
        if first >= 224:
            return "is a multicast group, not the address of a host"
        if first:
            return "is link-local (169.254.0.0/16): it means something else on every link"
        return _UNSPECIFIED if not any(address) else "is reserved (0.0.0.0/8)"
    if first == 0xFF:
        return "is a multicast group, not the address of a host"
    if first == 0xFE and address[1] & 0xC0 == 0x80:
        return "is link-local (fe80::/10): it means something else on every link"
    return "" if any(address) else _UNSPECIFIED


_UNSPECIFIED = "stands for every address of a host, so it tells nobody which one to use"


def wrong_group(text: str) -> str:
    """The mistake in an IPv4 multicast group."""
    try:
        packed = ip_address(text).packed
    except ValueError as error:
        return str(error)
    if len(packed) != 4 or not 224 <= packed[0] < 240:
        return f"{text} is not a multicast group (224.0.0.0/4)"
    if packed[:3] == b"\xe0\0\0":
        return f"{text} is kept for routing protocols (224.0.0.0/24): take one of 239.0.0.0/8"
    return ""


def wrong_host(host: str) -> str:
    """The mistake in the host of an announced endpoint: it must be the address of a host, or a name."""
    if _is_address(host):
        return wrong_address(host)
    if host == ANY:
        return f"{host} {_UNSPECIFIED}"
    return "" if _is_name(host) else f"{host!r} is neither an address nor a name"


def wrong_listen(text: str) -> str:
    """The mistake in an endpoint to listen on; it may have any address (`*`, `[::]`) and any port (`*`)."""
    try:
        found = _tcp(text)
    except ValueError as error:
        return str(error)
    return "" if is_any(found.host) else _at(text, wrong_host(found.host))


def wrong_advertise(text: str) -> str:
    """The mistake in a configured endpoint that our beats announce; a name is looked up at the start."""
    try:
        found = _tcp(text)
    except ValueError as error:
        return str(error)
    if found.port is None:
        return f"{text} names no port"
    return _at(text, wrong_host(found.host))


def wrong_announced(text: str, scheme: str) -> str:
    """The mistake in an endpoint that a beat announced: it must be of this scheme, and an address."""
    try:
        found = parse(text)
    except ValueError as error:
        return str(error)
    if found.scheme != scheme:
        return f"{text} is not of {scheme}"
    if found.port is None:
        return f"{text} names no port"
    return _at(text, wrong_address(found.host))


def wrong_pinned(text: str, pin: str) -> str:
    """The mistake in a good endpoint, or address, that is pinned to this address; empty if none is."""
    host = parse(text).host if "://" in text else text
    if not pin or ip_address(host) == ip_address(pin):
        return ""
    return f"{text} is not at {pin}, where the fleet file has it"


def wrong_place(text: str) -> str:
    """The mistake in a `HOST:PORT` to listen on that is not announced: any address is good as well."""
    try:
        host, port = split(text)
        if not port:
            return f"{text} has no port"
        _port(port)
    except ValueError as error:
        return str(error)
    if host == ANY:
        return f"{text}: write 0.0.0.0 or [::] for any address"
    return "" if is_any(host) else _at(text, wrong_host(host))


def wrong_servers(text: str) -> str:
    """The mistake in a list of brokers, `HOST[:PORT],...`, perhaps with a protocol before each."""
    for server in text.split(","):
        try:
            host, port = split(server.strip().rpartition("://")[2])
            if port:
                _port(port)
        except ValueError as error:
            return str(error)
        reason = wrong_host(host)
        if reason:
            return reason
    return ""


def wrong_socket_path(path: str) -> str:
    """The mistake in the whole path of a Unix socket."""
    size_bytes = len(path.encode(errors="surrogateescape"))
    if size_bytes > SOCKET_PATH_BYTES_MAX:
        return f"{path} has {size_bytes} bytes, and the path of a socket at most {SOCKET_PATH_BYTES_MAX}"
    return ""


def is_any(host: str) -> bool:
    """Whether this stands for every address of a host."""
    return host == ANY or (_is_address(host) and not any(ip_address(host).packed))


def is_name(host: str) -> bool:
    """Whether a valid host has to be looked up."""
    return host != ANY and not _is_address(host)


def is_loopback(host: str) -> bool:
    """Whether this reaches only its own host; the only such name is `localhost`."""
    return host == "localhost" or (_is_address(host) and ip_address(host).is_loopback)


def needs_ipv6(endpoint: str) -> bool:
    """Whether a ZeroMQ socket must speak IPv6 for this: an IPv6 address, or any address of both families."""
    host = parse(endpoint).host
    return host == ANY or ":" in host


def _tcp(text: str) -> Endpoint:
    scheme, has_scheme, _ = text.partition("://")
    if has_scheme and scheme != "tcp":
        raise ValueError(f"{text}: there is no transport {scheme!r}: write tcp://HOST:PORT")
    return parse(text)


def _port(text: str) -> int:
    if not _PORT.fullmatch(text) or not 1 <= int(text) <= PORT_MAX:
        raise ValueError(f"{text!r} is not a port from 1 to {PORT_MAX}")
    return int(text)


def _at(text: str, reason: str) -> str:
    return reason and f"{text}: {reason}"


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _is_name(text: str) -> bool:
    """Whether it has the form of a host name (RFC 1123, 2.1); a last label of digits is not allowed."""
    labels = text.removesuffix(".").split(".")
    return len(text) <= 253 and all(map(_LABEL.fullmatch, labels)) and not labels[-1].isdecimal()
