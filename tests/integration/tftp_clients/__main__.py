"""`make clients`: every client reads every file over a link that loses datagrams, on IPv4 and on IPv6.

A read counts as passed if its file is there byte for byte, whatever exit code the client has.
The table has the slowest read of each client at each loss, its start included. What cannot be tried is named
with its reason; where `PROVBUS_REQUIRE` names `tftp-matrix`, a program that is missing is a failure.
"""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import click
from rich.console import Console
from rich.table import Table

from bus.transport.here import has_ipv6
from services.config.sections import unfragmented_blksize
from tests.integration.tftp_clients.clients import CLIENTS, ROOT, Client, Read, build, missing
from tests.integration.tftp_clients.relay import LossyRelay
from tests.integration.tftp_clients.server import content
from tests.requirement import VARIABLE

REQUIREMENT = "tftp-matrix"
HOSTS = {"IPv4": "127.0.0.1", "IPv6": "::1"}
LOSSES = (0.0, 0.05, 0.1, 0.15)
SMALL_LOSSES = (0.0, 0.15)
SHORT_BYTES, LONG_BYTES = 300, 6000  # below a block, and several: what modems read
READ_S_MAX = 120.0
AT_ONCE = 8  # a read waits most of its time


class Case(NamedTuple):
    """One read to try."""

    client: Client
    family: str
    loss: float
    size: int

    def __str__(self) -> str:
        return f"{self.client.name}, {self.family}, {self.loss:.0%} lost, {self.size} bytes"


class Outcome(NamedTuple):
    """What became of it; `mistake` is empty if the file is whole."""

    case: Case
    took_s: float
    mistake: str


def sizes(client: Client, family: str) -> list[int]:
    """A file below a block, one of several, and one whose last block is empty."""
    blksize = min(client.blksize, unfragmented_blksize({"address": HOSTS[family]}))
    return [SHORT_BYTES, LONG_BYTES, LONG_BYTES // blksize * blksize]


def judge(path: Path, size: int, code: int, said: str) -> str:
    """What is wrong with the file that a client has left here; empty if nothing is."""
    found = path.read_bytes() if path.exists() else None
    if found == content(size):
        return ""
    what = "no file" if found is None else f"{len(found)} bytes, not these {size}"
    return f"{what}; exit code {code}: {said.strip()[-300:]}"


@click.command()
@click.option("--small", is_flag=True, help="One file per client, at the least and the greatest loss.")
def main(small: bool) -> None:
    """Run the matrix; exit 1 if a file is not whole, or if a client that is required is missing."""
    skipped: dict[str, str] = {}
    failed: dict[str, str] = {}
    built: dict[str, Path] = {}
    is_required = REQUIREMENT in os.environ.get(VARIABLE, "").replace(" ", "").split(",")
    for client in CLIENTS:
        if reason := missing(client):
            (failed if is_required else skipped)[client.name] = reason
            continue
        try:
            built[client.name] = build(client)
        except RuntimeError as error:
            failed[client.name] = str(error)
    families = [family for family in HOSTS if family == "IPv4" or has_ipv6()]
    cases = []
    for client in CLIENTS:
        for family in families if client.name in built else ():
            if family == "IPv6" and client.no_ipv6:
                skipped[f"{client.name}, IPv6"] = client.no_ipv6
                continue
            for loss in SMALL_LOSSES if small else LOSSES:
                cases += [
                    Case(client, family, loss, size) for size in sizes(client, family)[-1 if small else 0 :]
                ]
    if len(families) < len(HOSTS):
        skipped["IPv6"] = "this machine has none"
    outcomes = run(cases, built)
    failed |= {str(one.case): one.mistake for one in outcomes if one.mistake}
    show(outcomes)
    for title, named in (("skipped", skipped), ("failed", failed)):
        for what, reason in named.items():
            print(f"{title}: {what}: {reason}")
    whole = sum(not one.mistake for one in outcomes)
    print(f"{whole} passed, {len(failed)} failed, {len(skipped)} skipped")
    sys.exit(bool(failed) or not whole)


def run(cases: list[Case], built: dict[str, Path]) -> list[Outcome]:
    """Try them all, several at once."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="provbus-clients-")))
        ports = {
            family: stack.enter_context(_server(HOSTS[family])) for family in {one.family for one in cases}
        }
        pool = stack.enter_context(ThreadPoolExecutor(AT_ONCE))
        tries = [
            pool.submit(_try, case, built[case.client.name], ports[case.family], directory / str(number))
            for number, case in enumerate(cases)
        ]
        return [one.result() for one in tries]


def show(outcomes: list[Outcome]) -> None:
    """The slowest read of each client, family and loss."""
    losses = sorted({one.case.loss for one in outcomes})
    table = Table("client", "family", *(f"{loss:.0%} lost" for loss in losses), box=None, pad_edge=False)
    rows: dict[tuple[str, str], dict[float, float]] = {}
    for case, took_s, _ in outcomes:
        row = rows.setdefault((case.client.name, case.family), {})
        row[case.loss] = max(took_s, row.get(case.loss, 0.0))
    for (name, family), row in rows.items():
        table.add_row(name, family, *(f"{row[loss]:.1f} s" for loss in losses))
    Console(width=100).print(table)


def _try(case: Case, built: Path, port: int, path: Path) -> Outcome:
    name = f"{case.size}.{path.name}"
    with LossyRelay(HOSTS[case.family], port, loss=case.loss, seed=str(case)) as relay:
        command = case.client.command(built, Read(*relay.address, name, path))
        began = time.monotonic()
        try:
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=READ_S_MAX
            )
        except subprocess.TimeoutExpired:
            return Outcome(case, READ_S_MAX, f"it did not end in {READ_S_MAX:.0f} s")
        took_s = time.monotonic() - began
    return Outcome(case, took_s, judge(path, case.size, done.returncode, done.stdout + done.stderr))


@contextmanager
def _server(host: str) -> Iterator[int]:
    """The port of a server at this address."""
    kind = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(kind, socket.SOCK_DGRAM) as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
    blksize_max = unfragmented_blksize({"address": host})
    words = ["-m", "tests.integration.tftp_clients.server", host, str(port), str(blksize_max)]
    with subprocess.Popen(
        [sys.executable, *words], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        try:
            yield port
        finally:
            child.stdin.close()


if __name__ == "__main__":
    main()
