"""Checks of a place on this host: is the address its own, is the port free, what is the address of a name?

`bus.wire.endpoint` checks the text of a configuration. The answers here may change a moment later: an
interface gets its address late, a name server starts after us, the process before us still holds its port. So
the errors are `UnavailableError` (the address or the name is not there) and `BusyError` (another has it),
never `ConfigError`; an instance that starts asks again for a while (`Patience`) and then ends, and its
service manager starts it again.
"""

import errno
import logging
import os
import socket
import time
from collections.abc import Callable
from ipaddress import ip_address
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TypeVar

from bus.errors import BusyError, TransportError, UnavailableError
from bus.wire.endpoint import ANY, is_any, is_loopback, is_name, parse, wrong_address

START_S = 10.0  # the drain of the process before us; the units leave time for it
RETRY_EVERY_S = 0.25
LOOK_UP_S = 3.0
_ABSENT = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.ENODEV)
_log = logging.getLogger("provbus.start")

_Part = TypeVar("_Part")


class Patience:
    """Tries the steps of a start again while their needs may only be late, for `limit_s` in all from the
    first failure.
    """

    def __init__(
        self,
        limit_s: float = START_S,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._limit_s = limit_s
        self._deadline: float | None = None
        self._said: set[str] = set()

    def until_done(self, step: Callable[[], _Part]) -> _Part:
        """The result of the step once it raises neither `BusyError` nor `UnavailableError`; its error when
        the time is over.
        """
        while True:
            try:
                return step()
            except (BusyError, UnavailableError) as error:
                if self._deadline is None:
                    self._deadline = self._clock() + self._limit_s
                left_s = self._deadline - self._clock()
                if left_s <= 0:
                    raise
                if str(error) not in self._said:
                    self._said.add(str(error))
                    _log.warning("%s; trying again for %.0f s", error, left_s)
                self._sleep(min(left_s, RETRY_EVERY_S))


def warn_beyond_loopback(what: str, host: str) -> None:
    """Warn of an address, or a name, at which others than this host may ask."""
    if not is_loopback(host):
        _log.warning(
            "%s: whoever can reach %s reads which instances there are, their roles and faults: "
            "use an address of loopback, or http.socket",
            what,
            host,
        )


def has_ipv6() -> bool:
    """Whether this host speaks IPv6, at least to itself."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def cannot_listen(what: str, host: str, number: int | None) -> TransportError:
    """The error for a bind to `host` that failed with this errno; `what` is the text before the reason."""
    if number in _ABSENT:
        if ":" in host and not has_ipv6():
            return UnavailableError(f"{what}: this machine has no IPv6; give it an IPv4 address")
        return UnavailableError(f"{what}: {host} is not an address of this host")
    return BusyError(f"{what}: {os.strerror(number or 0)}")


def look_up(host: str, what: str) -> str:
    """An address of this host name; an address as it is. `UnavailableError` if no other host could use one;
    `what` names the setting.
    """
    if not is_name(host):
        return host
    try:
        addresses = _addresses(host)
    except OSError as error:
        raise UnavailableError(f"{what}: {host} has no address: {error.strerror or error}") from error
    usable = [address for address in addresses if not wrong_address(address)]
    if not usable:
        raise UnavailableError(f"{what}: {host} stands for {addresses[0]}: {wrong_address(addresses[0])}")
    return usable[0]


def _addresses(host: str) -> list[str]:
    """The addresses of a name (`OSError`). The resolver may take half a minute when a name server is silent,
    longer than a start has; so it works in a thread, abandoned after `LOOK_UP_S`.
    """
    found: SimpleQueue[list[str] | OSError] = SimpleQueue()

    def ask() -> None:
        try:
            places = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except UnicodeError as error:  # a name that DNS has no words for
            found.put(OSError(errno.EINVAL, str(error)))
        except OSError as error:
            found.put(error)
        else:
            found.put([str(place[0]) for *_, place in places])

    Thread(target=ask, name="look-up", daemon=True).start()
    try:
        answer = found.get(timeout=LOOK_UP_S)
    except Empty:
        raise TimeoutError(errno.ETIMEDOUT, "no name server answers") from None
    if isinstance(answer, OSError):
        raise answer
    return answer


def look_up_endpoint(endpoint: str, what: str) -> str:
    """An endpoint with the address of its name (`UnavailableError`)."""
    found = parse(endpoint)
    return str(found._replace(host=look_up(found.host, what)))


def look_up_advertised(endpoint: str, what: str) -> str:
    """The same for an announced endpoint. Many hosts resolve their own name to 127.0.1.1, so a name on
    loopback is refused, except `localhost`.
    """
    host = parse(endpoint).host
    told = look_up_endpoint(endpoint, what)
    address = parse(told).host
    if is_name(host) and host.rpartition(".")[2] != "localhost" and ip_address(address).is_loopback:
        raise UnavailableError(
            f"{what}: {host} stands for {address}, where no other host reaches us: correct /etc/hosts, or"
            " write the address"
        )
    return told


def check_one_host(what: str, address: str) -> None:
    """`UnavailableError` if this is the broadcast address of a network of ours: a datagram socket can be
    bound to it, and no host answers there. Any address (`*`, `::`) passes.
    """
    if is_any(address):
        return
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((address, 9))  # sends nothing: the kernel only looks for the route
    except PermissionError as error:
        raise UnavailableError(f"{what}: {address} is a broadcast address here") from error
    except OSError:
        return  # there is no route; the bind tells whether the address is ours


def check_free(what: str, host: str, port: int, kind: socket.SocketKind) -> None:
    """`UnavailableError` if this is no address of this host, `BusyError` if the port is not free; port 0
    checks the address alone.
    """
    check_one_host(what, host)
    if host == ANY:
        host = "::" if has_ipv6() else "0.0.0.0"
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, kind) as probe:
            if kind == socket.SOCK_STREAM:  # as our listeners do: ending connections do not hold the port
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        raise cannot_listen(f"{what}: cannot listen on {host} port {port}", host, error.errno) from error
