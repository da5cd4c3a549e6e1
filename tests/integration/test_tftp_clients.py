"""TFTP clients that others wrote read minted files from a running CFM."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from services.docsis.checks.verify import verify
from services.lab.site.processes import ask
from tests.integration.lab_run import held_lab
from tests.integration.test_lab import read_file
from tests.integration.tftp_clients.clients import CLIENTS, DRIVERS, Client, Read
from tests.requirement import need_tftp_client

OWNER = "127.0.0.1"  # from where these clients ask on loopback
DEVICE = "001a.2cff.ff01"
TIMEOUT_S = 30
END, PAD = 255, 0
CHANGING = (6, 7, 19)  # both integrity checks, and the time of the download

Fetch = Callable[[str, str, str, Path], list[str]]


@pytest.fixture(scope="module")
def endpoints(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Where the services of a held lab are."""
    state = tmp_path_factory.mktemp("tftp-clients") / "state"
    with held_lab({**os.environ, "XDG_STATE_HOME": str(state)}, 5) as report:
        yield report["endpoints"]


def mint(endpoints: dict[str, Any]) -> tuple[str, str, str]:
    """Address and port of the CFM, and a new name for the one device."""
    request = {
        "op": "fileid.create",
        "device": DEVICE,
        "address": OWNER,
        "settings": {"class": "residential", "customer": 7},
    }
    answer = ask(Path(endpoints["dhcp_socket"]), request)
    assert answer is not None
    assert answer["acked"], answer
    server = next(one for one in endpoints["tftp"] if one.startswith(answer["next_server"] + ":"))
    address, port = server.rsplit(":", 1)
    return address, port, answer["file"]


def settings(file: bytes) -> list[tuple[int, bytes]]:
    """Type and value of each setting, without the values that no two downloads share."""
    found = []
    at = 0
    while file[at] != END:
        if file[at] == PAD:
            at += 1
            continue
        kind, end = file[at], at + 2 + file[at + 1]
        found.append((kind, b"" if kind in CHANGING else file[at + 2 : end]))
        at = end
    return found


def by_atftp(*options: str) -> Fetch:
    def command(address: str, port: str, name: str, path: Path) -> list[str]:
        words = [word for option in options for word in ("--option", option)]
        return ["atftp", "--trace", *words, "-g", "-r", name, "-l", str(path), address, port]

    return command


def by(client: Client) -> Fetch:
    """As the matrix of `make clients` asks for a file."""
    return lambda address, port, name, path: client.command(DRIVERS, Read(address, int(port), name, path))


def by_curl(*options: str) -> Fetch:
    def command(address: str, port: str, name: str, path: Path) -> list[str]:
        return [
            "curl",
            "--silent",
            "--show-error",
            *options,
            "-o",
            str(path),
            f"tftp://{address}:{port}/{name}",
        ]

    return command


@pytest.mark.parametrize(
    ("fetch", "said"),
    [
        *(pytest.param(by(client), "", id=client.name) for client in CLIENTS if not client.build),
        pytest.param(by_atftp("blksize 1468"), "OACK <blksize: 1468", id="atftp-blksize"),
        pytest.param(by_atftp("blksize 1469"), "OACK <blksize: 1468", id="atftp-blksize-capped"),
        pytest.param(by_atftp("timeout 255", "tsize 0"), "OACK <tsize: ", id="atftp-timeout"),
        pytest.param(by_atftp("windowsize 4"), "OACK <windowsize: 4", id="atftp-windowsize"),
        pytest.param(by_atftp("windowsize 2", "blksize 256", "tsize 0"), "windowsize: 2", id="atftp-all"),
        pytest.param(by_curl("--tftp-no-options"), "", id="curl-plain"),
        pytest.param(by_curl("--tftp-blksize", "1468"), "", id="curl-blksize"),
    ],
)
def test_a_client_of_others_reads_what_ours_reads(
    endpoints: dict[str, Any], tmp_path: Path, fetch: Fetch, said: str
) -> None:
    path = tmp_path / "modem.cm"
    words = fetch(*mint(endpoints), path)
    need_tftp_client(words[0], os.environ)
    done = subprocess.run(words, capture_output=True, text=True, timeout=TIMEOUT_S)
    heard = done.stdout + done.stderr
    assert done.returncode == 0, heard
    assert said in heard
    file = path.read_bytes()
    assert verify(file, [Path(endpoints["secret_file"]).read_bytes()]) == "ok"
    address, port, name = mint(endpoints)
    ours = read_file(f"{address}:{port}", name, OWNER)
    assert ours is not None
    assert len(file) == len(ours)
    assert settings(file) == settings(ours)


def test_tftp_hpa_is_told_that_a_file_is_no_text(endpoints: dict[str, Any], tmp_path: Path) -> None:
    """Unless it is told `-m octet` it asks in netascii."""
    need_tftp_client("tftp", os.environ)
    address, port, name = mint(endpoints)
    path = tmp_path / "modem.cm"
    words = ["tftp", address, port, "-c", "get", name, str(path)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=TIMEOUT_S)
    assert "not a text file: get it in octet (binary) mode" in done.stdout + done.stderr
    assert not path.exists() or path.read_bytes() == b""


def test_a_name_that_nobody_minted_gets_not_one_byte(endpoints: dict[str, Any], tmp_path: Path) -> None:
    address, port, _ = mint(endpoints)
    path = tmp_path / "stolen.cm"
    words = [need_tftp_client("curl", os.environ), "--silent", "--max-time", "3", "-o", str(path)]
    done = subprocess.run([*words, f"tftp://{address}:{port}/modem.cm"], timeout=TIMEOUT_S)
    assert done.returncode == 28  # curl: the time is over, and no ERROR came before
    assert not path.exists() or path.read_bytes() == b""
