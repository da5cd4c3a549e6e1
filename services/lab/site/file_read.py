"""One file, read by TFTP as a device at an address would; blocking."""

import socket

from services.tftp.client_core import ReadClient

_DATAGRAM_BYTES_MAX = 65_536


def read_file(
    name: bytes, source: str, server: tuple[str, int], *, patience_s: float, tries: int = 1
) -> bytes | None:
    """The file; None if, `tries` times, nothing came for `patience_s`."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
        own.bind((source, 0))
        own.settimeout(patience_s)
        client = ReadClient(name)
        for _ in range(tries):
            own.sendto(client.restart(), server)
            try:
                while not client.done:
                    data, peer = own.recvfrom(_DATAGRAM_BYTES_MAX)
                    answer = client.receive(data, peer[1])
                    if answer is not None:
                        own.sendto(answer, peer)
                return client.file
            except TimeoutError:
                continue
    return None
