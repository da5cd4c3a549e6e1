"""What a configuration needs of the host that it is on, looked for without opening anything for good.

An instance that runs already holds its own ports and directories: then only its addresses are looked for.
"""

import os
import socket
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from bus.config.model import KafkaSection
from bus.errors import BusyError, RemoteError, TransportError, UnavailableError
from bus.runtime.exchange import exchange
from bus.transport.here import check_free, look_up, look_up_advertised, look_up_endpoint
from bus.transport.peer import group_named
from bus.wire.endpoint import parse, split
from services.config.instance import Config
from services.config.sections import CfmSection

ASK_S = 2.0
TCP, UDP = socket.SOCK_STREAM, socket.SOCK_DGRAM

Need = Callable[[], object]
"""Raises a `TransportError` if it is not met."""


def unmet(config: Config) -> list[TransportError]:
    """What is not there, or somebody else's, in the order of the configuration."""
    found: list[TransportError] = []

    def look(needs: Iterator[Need]) -> None:
        for need in needs:
            try:
                need()
            except TransportError as error:
                found.append(error)

    try:
        runs = _runs(config)
    except TransportError as error:
        runs = False
        found.append(error)
    if not runs:
        look(_directories(config))
    look(_places(config, runs))
    return found


def _runs(config: Config) -> bool:
    """Whether this instance runs here; `BusyError` if another one has its socket."""
    path = config.local.socket
    try:
        name = exchange(path, {"op": "status"}, ASK_S).get("instance")
    except (UnavailableError, RemoteError):  # nobody is there, or we may not ask
        return False
    if name != config.instance:
        raise BusyError(f"local.socket: another process listens on {path}")
    return True


def _directories(config: Config) -> Iterator[Need]:
    yield lambda: _check_writable("state_directory", config.state_directory)
    yield lambda: _check_writable("local.socket", config.local.socket.parent)
    for path in (config.local.socket, config.local.admin_socket):
        yield partial(_check_replaceable, "local.socket", path)
    yield lambda: group_named(config.local.group)


def _places(config: Config, runs: bool) -> Iterator[Need]:
    """The addresses, names and ports; not the ports of an instance that `runs`."""
    if config.group is not None:
        address = config.group.address
        yield lambda: check_free("multicast.address", address, 0, UDP)
    if config.brokers is not None:
        kafka = config.brokers
        yield lambda: _check_brokers(kafka)
    if config.cfm is not None:
        yield from _places_of_cfm(config.cfm, config.brokers is not None, runs)
    if config.http is not None:
        yield from _place_of_pages(config.http.place, runs)


def _place_of_pages(place: tuple[str, int] | Path, runs: bool) -> Iterator[Need]:
    if isinstance(place, Path):
        if not runs:
            yield lambda: _check_writable("http.socket", place.parent)
            yield partial(_check_replaceable, "http.socket", place)
    else:
        host, port = place
        yield lambda: check_free("http.listen", look_up(host, "http.listen"), 0 if runs else port, TCP)


def _places_of_cfm(section: CfmSection, listens: bool, runs: bool) -> Iterator[Need]:
    if listens and section.listen is not None:
        yield lambda: _check_listen(section.listen or "", runs)
    if listens and section.advertise is not None:
        yield lambda: look_up_advertised(section.advertise or "", "cfm.advertise")
    tftp = section.tftp
    if tftp.serve:
        yield lambda: check_free("cfm.tftp.address", tftp.address, 0 if runs else tftp.port, UDP)


def _check_listen(endpoint: str, runs: bool) -> None:
    place = parse(look_up_endpoint(endpoint, "cfm.listen"))
    check_free("cfm.listen", place.host, 0 if runs else place.port or 0, TCP)


def _check_brokers(section: KafkaSection) -> None:
    """One broker that is found leads to the others."""
    errors: list[UnavailableError] = []
    for server in section.bootstrap.split(","):
        try:
            look_up(split(server.strip().rpartition("://")[2])[0], "kafka.bootstrap")
            return
        except UnavailableError as error:
            errors.append(error)
    raise errors[0]


def _check_replaceable(what: str, path: Path) -> None:
    if path.exists() and not path.is_socket():
        raise BusyError(f"{what}: {path} is there and is no socket")


def _check_writable(what: str, directory: Path) -> None:
    """`BusyError` unless files can be made in a directory that is there or could be."""
    place = directory
    while not place.exists():
        place = place.parent
    if not os.access(place, os.W_OK | os.X_OK):
        raise BusyError(f"{what}: {place} cannot be written to by user {os.geteuid()}")
    if place.is_dir() and os.statvfs(place).f_bavail == 0:
        raise BusyError(f"{what}: the disk of {place} is full")
