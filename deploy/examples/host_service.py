"""A host service: a DHCP server with one modem, which boots every second.

    host_service.py SOCKET DEVICE ADDRESS

It prints what it would answer its modem: the file name, and the TFTP server that has the file.
"""

import itertools
import json
import select
import socket
import sys
import time
from typing import Any

EVERY_S = 1.0  # a lease has 3 s, and a file name may take 2 s: it then asks again at once
ANSWER_S = 5.0


class Sidecar:
    """A session with the sidecar, and the right to act that comes with it."""

    def __init__(self, path: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(ANSWER_S)
        self._socket.connect(path)
        self._lines = self._socket.makefile("rb")
        self._closed = select.poll()
        self._closed.register(self._socket, select.POLLRDHUP)
        self._numbers = itertools.count(1)
        self._until_s = 0.0

    def ask(self, operation: str, **fields: object) -> dict[str, Any]:
        """The sidecar's answer; `OSError` if there is none."""
        number = next(self._numbers)
        self._socket.sendall(json.dumps({"op": operation, "id": number, **fields}).encode() + b"\n")
        for line in self._lines:
            answer: dict[str, Any] = json.loads(line)
            if "may_act" in answer:  # this also comes unasked, with the id of an earlier question
                self._until_s = answer["lease_until_s"] if answer["may_act"] else 0.0
            if answer["id"] == number:
                return answer
        raise ConnectionError("the sidecar has closed the session")

    def may_act(self) -> bool:
        """Whether an effect is allowed at this moment. To be asked before every one."""
        return not self._closed.poll(0) and time.clock_gettime(time.CLOCK_BOOTTIME) < self._until_s

    def wait(self, seconds: float) -> None:
        """Wait so long for the next boot, or for a word of the sidecar."""
        select.select([self._socket], [], [], max(0.0, seconds))

    def close(self) -> None:
        """End the session."""
        self._lines.close()
        self._socket.close()


def serve(sidecar: Sidecar, device: str, address: str) -> None:
    """Answer the modem while that is our right; `OSError` when the session ends."""
    attached = sidecar.ask("host.attach")
    if "error" in attached:
        raise ConnectionError(f"not attached: {attached['detail']}")
    acted = False
    while True:
        began_s = time.monotonic()
        sidecar.ask("authority")
        if sidecar.may_act():
            settings = {"class": "residential", "customer": 7}
            row = sidecar.ask("fileid.create", device=device, address=address, settings=settings)
            if "error" not in row and sidecar.may_act():
                print(row["file"], row["next_server"], flush=True)
                acted = True
        elif acted:
            sidecar.ask("host.yielded")
            acted = False
        sidecar.wait(EVERY_S - (time.monotonic() - began_s))


def main(path: str, device: str, address: str) -> None:
    """Serve, and begin anew when the sidecar does."""
    while True:
        try:
            sidecar = Sidecar(path)
            try:
                serve(sidecar, device, address)
            finally:
                sidecar.close()
        except OSError as error:
            print(f"no sidecar: {error}", file=sys.stderr, flush=True)
        time.sleep(EVERY_S)


if __name__ == "__main__":
    main(*sys.argv[1:])
