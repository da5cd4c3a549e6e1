"""Asking Kea over UDP: send a datagram, and take the first one that answers it."""

import array
import errno
import fcntl
import secrets
import socket
import struct
import time
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address

from bus.errors import BusyError, DecodeError, UnavailableError
from services.dhcp.client.bootp import MESSAGE_BYTES_MAX, OFFER, Message, format_message, parse_message

SERVER_PORT, CLIENT_PORT = 67, 68
TRY_S = 1.5
TRIES = 3
"""A Kea under load answers the second time; four and a half seconds in all."""

_GET_ADDRESS = 0x8915  # SIOCGIFADDR of netdevice(7)
_LOOPBACK = "lo"

Place = tuple[IPv4Address, int]


def ask(question: Message, at: Place, listen: Place) -> Message | None:
    """The OFFER that answers, heard at `listen`; None if none comes. `UnavailableError` if we cannot ask."""
    with _bound(listen) as endpoint:
        for _ in range(TRIES):
            try:
                endpoint.sendto(format_message(question), (str(at[0]), at[1]))
            except OSError as error:
                raise UnavailableError(f"cannot send to {at[0]}:{at[1]}: {error.strerror}") from error
            answer = _answer(endpoint, question, time.monotonic() + TRY_S)
            if answer is not None:
                return answer
    return None


def new_xid() -> int:
    """A random transaction id, by which an answer is known to be ours."""
    return secrets.randbits(32)


def hears_at(interfaces: Sequence[str]) -> IPv4Address | None:
    """An address of this host at which a Kea with these interfaces listens; None if there is none."""
    return next(_addresses(interfaces), None)


def towards(at: Place) -> IPv4Address:
    """Our address on the route to this place (`UnavailableError`)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as endpoint:
        try:
            endpoint.connect((str(at[0]), at[1]))
        except OSError as error:
            raise UnavailableError(f"there is no way to {at[0]}: {error.strerror}") from error
        return IPv4Address(endpoint.getsockname()[0])


def _addresses(interfaces: Sequence[str]) -> Iterator[IPv4Address]:
    for one in interfaces:
        name, _, address = one.partition("/")
        if address:
            yield IPv4Address(address)
            continue
        names = [name] if name != "*" else [known for _, known in socket.if_nameindex() if known != _LOOPBACK]
        for found in map(_address_of, names):
            if found is not None:
                yield found


def _address_of(interface: str) -> IPv4Address | None:
    """Its first IPv4 address."""
    request = array.array("B", struct.pack("16sH14x", interface.encode()[:15], socket.AF_INET))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as endpoint:
        try:
            fcntl.ioctl(endpoint, _GET_ADDRESS, request)
        except OSError:  # it has none, or there is no such interface
            return None
    return IPv4Address(request.tobytes()[20:24])


def _bound(listen: Place) -> socket.socket:
    endpoint = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        endpoint.bind((str(listen[0]), listen[1]))
    except OSError as error:
        endpoint.close()
        where = f"{listen[0]}:{listen[1]}"
        if error.errno == errno.EADDRINUSE:
            raise BusyError(
                f"another DHCP client holds {where}: stop it, or name another address of this host by "
                "--listen"
            ) from error
        if error.errno == errno.EACCES:
            raise UnavailableError(f"no right to hear at {where}: run this as root") from error
        raise UnavailableError(f"cannot hear at {where}: {error.strerror}") from error
    return endpoint


def _answer(endpoint: socket.socket, question: Message, until_s: float) -> Message | None:
    while (left_s := until_s - time.monotonic()) > 0:
        endpoint.settimeout(left_s)
        try:
            found = parse_message(endpoint.recv(MESSAGE_BYTES_MAX + 1))
        except (TimeoutError, DecodeError):
            continue
        if (found.kind, found.xid, found.chaddr) == (OFFER, question.xid, question.chaddr):
            return found
    return None
