"""A crowd at one CFM: strangers that connect to its hand-off port and stay silent, and clients that ask it.

`python -m services.lab.faults.crowd CROWD.json` prints a JSON line when it is ready, and its totals when it
is told on its standard input to go. A stranger that the CFM disconnects reconnects at once.
"""

import http.client
import json
import os
import resource
import select
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread

from bus.config.section import Section
from bus.errors import TransportError
from bus.runtime.exchange import exchange
from bus.wire.endpoint import parse

TURN_S = 0.05
ANSWER_S_MAX = 2.0


class CrowdConfig(Section):
    """The CFM's addresses, and the number of strangers at `endpoint`."""

    endpoint: str
    strangers: int
    socket: Path
    http: tuple[str, int]


class Strangers:
    """A number of bare connections at a time. `came` counts all that were made."""

    def __init__(self, endpoint: str, count: int) -> None:
        self.came = 0
        place = parse(endpoint)
        self._place = (place.host.strip("[]"), place.port)
        self._family = socket.AF_INET6 if ":" in self._place[0] else socket.AF_INET
        self._count = count
        self._there: dict[int, socket.socket] = {}
        self._poll = select.poll()

    def turn(self) -> None:
        """Replace those that were disconnected."""
        for descriptor, _ in self._poll.poll(0):
            if self._has_ended(self._there[descriptor]):
                self._poll.unregister(descriptor)
                self._there.pop(descriptor).close()
        while len(self._there) < self._count:
            one = socket.socket(self._family)
            one.setblocking(False)
            one.connect_ex(self._place)
            self._there[one.fileno()] = one
            self._poll.register(one, select.POLLIN)
            self.came += 1

    def close(self) -> None:
        """Close every connection."""
        for one in self._there.values():
            one.close()

    def _has_ended(self, one: socket.socket) -> bool:
        try:
            while one.recv(4096):
                pass
        except BlockingIOError:
            return False
        except OSError:
            pass
        return True


class Client(Thread):
    """Asks a question every `TURN_S`, until it is told to stop."""

    def __init__(self, ask: Callable[[], bool], is_over: Event) -> None:
        super().__init__()
        self.answered = self.unanswered = 0
        self._ask = ask
        self._is_over = is_over

    def run(self) -> None:
        """Ask, and count answers."""
        while not self._is_over.wait(TURN_S):
            if self._ask():
                self.answered += 1
            else:
                self.unanswered += 1


def main(arguments: list[str]) -> int:
    """Run the crowd of the JSON file named in `arguments`; returns the exit code."""
    config = CrowdConfig.model_validate_json(Path(arguments[0]).read_bytes())
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    is_over = Event()
    strangers = Strangers(config.endpoint, config.strangers)
    local = Client(lambda: _asks_local(config.socket), is_over)
    pages = Client(lambda: _asks_http(*config.http), is_over)
    for client in (local, pages):
        client.start()
    print(json.dumps({"ready": True}), flush=True)
    while not select.select([0], [], [], TURN_S)[0]:
        strangers.turn()
    asked = os.read(0, 64)
    is_over.set()
    for client in (local, pages):
        client.join()
    strangers.close()
    totals = {
        "strangers": strangers.came,
        "local_answered": local.answered,
        "local_unanswered": local.unanswered,
        "http_answered": pages.answered,
        "http_unanswered": pages.unanswered,
    }
    print(json.dumps({"done": True, **totals}), flush=True)
    return 0 if asked else 1


def _asks_local(path: Path) -> bool:
    with suppress(TransportError):
        exchange(path, {"op": "status"}, ANSWER_S_MAX)
        return True
    return False


def _asks_http(host: str, port: int) -> bool:
    connection = http.client.HTTPConnection(host, port, timeout=ANSWER_S_MAX)
    try:
        connection.request("GET", "/livez")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
