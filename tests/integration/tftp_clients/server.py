"""The server of the matrix: `python -m tests.integration.tftp_clients.server ADDRESS PORT BLKSIZE_MAX`.

A name says how large its file is (`6000.anything`), so whoever reads it knows every byte. It says `ready`,
and ends with its input.
"""

import sys
from random import Random

from tests.tftp_host import TftpHost


def content(size: int) -> bytes:
    """The file of this size: any byte, CR and LF among them."""
    return Random(size).randbytes(size)


def main(address: str, port: int, blksize_max: int) -> None:
    """Serve until the input ends."""
    host = TftpHost(address, port, lambda name: content(int(name.split(b".")[0])), blksize_max=blksize_max)
    print("ready", flush=True)
    host.run()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
