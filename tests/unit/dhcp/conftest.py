"""A stand-in for Kea: its journal as a file, and its control socket."""

import contextlib
import gc
import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bus.messages import HostCame, HostGone
from bus.transport.poller import Poller
from fileid.lease import Leased, LeasesRead
from services.config.sections import KeaSection
from services.dhcp.kea.follower import Follower, Read
from services.dhcp.kea.journal.reading import JournalReader

HEADER = (
    b"address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context"
)
LIFETIME_S = 3600
DEADLINE_S = 20.0


def line(number: int, granted_s: float, state: int = 0, lifetime_s: int = LIFETIME_S) -> bytes:
    """What Kea writes for the device of this number."""
    device = number.to_bytes(6, "big").hex(":")
    context = '{ "ISC": { "relay-agent-info": "0x0206' + device.replace(":", "") + '" } }'
    address = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
    ends_s = int(granted_s) + lifetime_s
    return f"{address},{device},01:{device},{lifetime_s},{ends_s},1,0,0,,{state},{context}\n".encode()


def entry(number: int, granted_s: float) -> dict[str, Any]:
    """The same as an entry of lease4-get-page."""
    device = number.to_bytes(6, "big")
    return {
        "ip-address": f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}",
        "hw-address": device.hex(":"),
        "cltt": int(granted_s),
        "valid-lft": LIFETIME_S,
        "subnet-id": 1,
        "state": 0,
        "user-context": {"ISC": {"relay-agent-info": "0x0206" + device.hex()}},
    }


class FakeKea:
    """A directory with a journal, and a control socket that is there while `answers` is a list of leases."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.journal = directory / "leases4.csv"
        self.socket = directory / "kea.sock"
        self.leases: list[dict[str, Any]] = []
        self.asked: list[dict[str, Any]] = []
        self.pages: list[str] = []
        self.replies: dict[str, Any] = {}
        self.hangs: set[str] = set()  # commands that it takes and never answers
        self._held: list[socket.socket] = []
        self.on_page: Callable[[], None] = lambda: None
        self._listener: socket.socket | None = None
        self._thread = threading.Thread(target=self._serve)

    @property
    def section(self) -> KeaSection:
        return KeaSection.model_validate(
            {
                "journal": self.journal,
                "control_socket": self.socket,
                "files": [{"kind": "cm", "name": "modem.cm", "cfms": ["cfm-1"]}],
            }
        )

    def begin(self) -> None:
        """Begin a journal, as at a start and after a clean-up."""
        self.journal.write_bytes(HEADER + b"\n")

    def write(self, *data: bytes) -> None:
        with self.journal.open("ab") as file:
            file.write(b"".join(data))

    def rotate(self) -> Path:
        """Begin a clean-up; where the journal is now."""
        renamed = self.journal.with_name("leases4.csv.1")
        self.journal.rename(renamed)
        self.begin()
        return renamed

    def listen(self) -> None:
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(self.socket))
        self._listener.listen()
        self._thread.start()

    def close(self) -> None:
        if self._listener is not None:
            self._listener.shutdown(socket.SHUT_RDWR)
            self._thread.join(DEADLINE_S)
            self._listener.close()
        for one in self._held:
            one.close()

    def _serve(self) -> None:
        assert self._listener is not None
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                data = connection.recv(65536)
                if not data:  # somebody only looked whether we are there
                    continue
                request = json.loads(data)
                self.asked.append(request)
                if request["command"] in self.hangs:
                    self._held.append(connection.dup())
                    continue
                reply = self.replies.get(request["command"])
                if reply is None:
                    reply = self._page(**request["arguments"])
                with contextlib.suppress(BrokenPipeError):  # who asked has left
                    connection.sendall(reply if isinstance(reply, bytes) else json.dumps(reply).encode())

    def _page(self, limit: int, **arguments: str) -> dict[str, Any]:
        start = arguments["from"]
        if limit > 1:
            self.pages.append(start)
            self.on_page()
        known = [one["ip-address"] for one in self.leases]
        first = 0 if start == "start" else known.index(start) + 1
        page = self.leases[first : first + limit]
        return {"result": 0 if page else 3, "arguments": {"count": len(page), "leases": page}}


class Listener:
    """A runner that only listens to a follower."""

    def __init__(self, kea: FakeKea, state: Path, read: Read = JournalReader) -> None:
        self.poller = Poller()
        self.follower = Follower(self.poller, kea.section, state, read)
        self.batches: list[Leased] = []
        self.news: list[HostCame | HostGone] = []
        self.has_read = False
        self.is_closed = False

    def devices(self) -> list[int]:
        return [int.from_bytes(one.device, "big") for batch in self.batches for one in batch.leases]

    def until(self, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + DEADLINE_S
        while not condition():
            assert time.monotonic() < deadline, f"waited in vain; {self.devices()[-5:]}"
            for message in self.poller.poll(0.01):
                if isinstance(message, Leased):
                    self.batches.append(message)
                elif isinstance(message, LeasesRead):
                    self.has_read = True
                else:
                    self.news.append(message)

    def hear(self, *devices: int) -> None:
        """Wait until exactly these, in this order, have come since the last call."""
        self.until(lambda: len(self.devices()) >= len(devices))
        assert self.devices() == list(devices)
        self.batches = []

    def settle(self) -> "Listener":
        """Wait until the journal was read to its end."""
        self.until(lambda: self.has_read)
        return self

    def close(self) -> None:
        self.is_closed = True
        self.follower.close()
        self.poller.close()


Listen = Callable[..., Listener]


@pytest.fixture
def no_leaks() -> Iterator[None]:
    """Fail a test that leaves a thread or a descriptor."""
    threads, descriptors = set(threading.enumerate()), set(os.listdir("/proc/self/fd"))
    yield
    gc.collect()
    assert set(threading.enumerate()) <= threads
    assert set(os.listdir("/proc/self/fd")) == descriptors


@pytest.fixture
def kea(tmp_path: Path, no_leaks: None) -> Iterator[FakeKea]:
    fake = FakeKea(tmp_path)
    yield fake
    fake.close()


@pytest.fixture
def listen(kea: FakeKea, tmp_path: Path) -> Iterator[Listen]:
    """Starts a follower; those that are not closed are at the end."""
    state = tmp_path / "state"
    state.mkdir()
    started: list[Listener] = []

    def start(read: Read = JournalReader) -> Listener:
        started.append(Listener(kea, state, read))
        return started[-1]

    yield start
    for one in started:
        if not one.is_closed:
            one.close()
