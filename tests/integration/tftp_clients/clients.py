"""The clients of the matrix: what each takes to be there, how it is built, and how it is asked for a file.

What is no Debian package stands in `drivers`, pinned, and is built once in `build/clients`, in a copy that is
named after its sources. Nothing of a build is left in the source tree.
"""

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[3]
DRIVERS = Path(__file__).parent / "drivers"
BUILT = ROOT / "build/clients"
BUILD_S_MAX = 300

BUILDS: dict[str, Sequence[Sequence[str]]] = {
    "go": [["go", "build", "-o", "read", "."]],
    "rust": [["cargo", "build", "--quiet"]],
    "java": [
        ["mvn", "-q", "-B", "-C", "dependency:copy-dependencies", "-DoutputDirectory=lib"],
        ["javac", "-cp", "lib/*", "Read.java"],
    ],
    "node": [["npm", "ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"]],
}


class Read(NamedTuple):
    """What a client is asked for: this file of the server at this address, kept at this path."""

    address: str
    port: int
    name: str
    path: Path

    def words(self) -> list[str]:
        """As every driver takes them."""
        return [self.address, str(self.port), self.name, str(self.path)]


class Client(NamedTuple):
    """A client. `command` is given the directory of its build, and `blksize` is what it asks for."""

    name: str
    programs: Sequence[str]
    command: Callable[[Path, Read], list[str]]
    build: str = ""
    blksize: int = 512
    no_ipv6: str = ""


def _atftp(_: Path, read: Read) -> list[str]:
    place = ["-r", read.name, "-l", str(read.path), read.address, str(read.port)]
    return ["atftp", "-g", *place]


def _tftp_hpa(_: Path, read: Read) -> list[str]:
    get = ["-c", "get", read.name, str(read.path)]
    return ["tftp", "-m", "octet", read.address, str(read.port), *get]


def _busybox(_: Path, read: Read) -> list[str]:
    place = ["-r", read.name, "-l", str(read.path), read.address, str(read.port)]
    return ["busybox", "tftp", "-g", *place]


def _curl(_: Path, read: Read) -> list[str]:
    host = f"[{read.address}]" if ":" in read.address else read.address
    url = f"tftp://{host}:{read.port}/{read.name}"
    return ["curl", "--silent", "--show-error", "-o", str(read.path), url]


def _python(client: str) -> Callable[[Path, Read], list[str]]:
    return lambda _, read: [sys.executable, str(DRIVERS / "read.py"), client, *read.words()]


CLIENTS = [
    Client("atftp", ["atftp"], _atftp),
    Client("tftp-hpa", ["tftp"], _tftp_hpa),
    Client("busybox", ["busybox"], _busybox),
    Client("curl", ["curl"], _curl),
    Client("Go pin/tftp", ["go"], lambda built, read: [str(built / "read"), *read.words()], "go"),
    Client(
        "Rust tftp_client",
        ["cargo"],
        lambda built, read: [str(built / "target/debug/read"), *read.words()],
        "rust",
    ),
    Client("PyPI tftp", [], _python("tftp"), blksize=1428),
    Client(
        "PyPI tftpy",
        [],
        _python("tftpy"),
        no_ipv6="it opens sockets of IPv4 only and looks a name up with gethostbyname",
    ),
    Client(
        "commons-net",
        ["java", "javac", "mvn"],
        lambda built, read: ["java", "-cp", f"{built}:{built}/lib/*", "Read", *read.words()],
        "java",
    ),
    Client(
        "npm tftp",
        ["node", "npm"],
        lambda built, read: ["node", str(built / "read.js"), *read.words()],
        "node",
        blksize=1468,
    ),
]


def missing(client: Client) -> str:
    """Why this machine cannot run the client; empty if it can."""
    absent = [program for program in client.programs if shutil.which(program) is None]
    return f"there is no {absent[0]} on the PATH" if absent else ""


def build(client: Client) -> Path:
    """The directory of the client's build, made if it is not there; `RuntimeError` if a step fails."""
    if not client.build:
        return DRIVERS
    source = DRIVERS / client.build
    digest = hashlib.sha256()
    for path in sorted(source.rglob("*")):
        if path.is_file():
            digest.update(f"{path.relative_to(source)}\0".encode() + path.read_bytes())
    built = BUILT / f"{client.build}-{digest.hexdigest()[:8]}"
    if built.exists():
        return built
    scratch = BUILT / f"{client.build}-unfinished"
    shutil.rmtree(scratch, ignore_errors=True)
    shutil.copytree(source, scratch)
    for command in BUILDS[client.build]:
        done = subprocess.run(command, cwd=scratch, capture_output=True, text=True, timeout=BUILD_S_MAX)
        if done.returncode != 0:
            raise RuntimeError(f"{client.name}: {' '.join(command)}: {done.stdout}{done.stderr}")
    return scratch.rename(built)
