"""The server process of the TFTP bench: `python -m tests.bench.constant_tftp ADDRESS PORT SIZE_BYTES`.

It serves one constant file to whoever asks. It says what the kernel granted, then answers each line on its
input with what it has counted.
"""

import json
import resource
import sys

from tests.tftp_host import TftpHost


def main(address: str, port: int, size_bytes: int) -> None:
    """Serve until the input ends."""
    file = bytes(size_bytes)
    host = TftpHost(address, port, lambda _: file, lambda: _say(_counted(host)))
    _say({"granted_bytes": host.sockets.granted_bytes})
    host.run()


def _counted(host: TftpHost) -> dict[str, float]:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {"retransmits": host.server.counters.retransmits, "cpu_s": used.ru_utime + used.ru_stime}


def _say(fact: dict[str, float]) -> None:
    print(json.dumps(fact), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
