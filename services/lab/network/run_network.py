"""The network of a run: all on this machine's loopback, or each instance on a machine of its own.

The lab's plan of addresses (`services.lab.network.addresses`) is one of loopback. A network says where each
of them lies, which ports are free there, and how a process gets to its machine.
"""

import socket
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from typing import Protocol

from bus.wire.endpoint import Endpoint
from services.lab.network.addresses import HTTP_ADDRESS


class RunNetwork(Protocol):
    """Where the processes of a run are."""

    def address(self, planned: str) -> str:
        """The address, or the subnet, that is in the place of this planned one."""

    def http_address(self, own: str) -> str:
        """The address at which an instance with this one answers for its health."""

    def free_port(self, addresses: Iterable[str], kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
        """A port that is free on each of these addresses, at this moment."""

    def free_endpoints(self, hosts: Sequence[str]) -> list[str]:
        """An endpoint on each of these addresses, all of them free at this moment, no two the same."""

    def enter(self, process: str) -> Sequence[str]:
        """The words before the command of the process of this name, which have it run at its place."""


class Loopback:
    """All on loopback, as planned."""

    def address(self, planned: str) -> str:
        """The planned one."""
        return planned

    def http_address(self, own: str) -> str:
        """The same for all."""
        return HTTP_ADDRESS

    def free_port(self, addresses: Iterable[str], kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
        """A port that is free on each of these addresses, at this moment."""
        return free_port(addresses, kind)

    def free_endpoints(self, hosts: Sequence[str]) -> list[str]:
        """An endpoint on each of these addresses, all of them free at this moment, no two the same."""
        return free_endpoints(hosts)

    def enter(self, process: str) -> Sequence[str]:
        """None: all run where the lab does."""
        return ()


def free_endpoints(hosts: Iterable[str]) -> list[str]:
    """An endpoint on each of these addresses, all of them free at this moment, no two the same."""
    with ExitStack() as held:
        endpoints = []
        for host in hosts:
            one = held.enter_context(socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET))
            one.bind((host, 0))
            endpoints.append(str(Endpoint("tcp", host, one.getsockname()[1])))
        return endpoints


def free_port(addresses: Iterable[str], kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """A port that is free on each of these addresses, at this moment."""
    for _ in range(100):
        sockets: list[socket.socket] = []
        try:
            port = 0
            for address in addresses:
                one = socket.socket(socket.AF_INET, kind)
                sockets.append(one)
                one.bind((address, port))
                port = one.getsockname()[1]
            return port
        except OSError:
            continue
        finally:
            for one in sockets:
                one.close()
    raise OSError("no port is free on all addresses")
