"""The matrix of clients by itself: its judge sees a wrong byte, and no driver is forgotten."""

from pathlib import Path

from tests.integration.tftp_clients.__main__ import judge, sizes
from tests.integration.tftp_clients.clients import BUILDS, CLIENTS, DRIVERS
from tests.integration.tftp_clients.server import content


def test_the_judge_sees_one_wrong_byte(tmp_path: Path) -> None:
    path = tmp_path / "modem.cm"
    assert judge(path, 300, 1, "timed out") == "no file; exit code 1: timed out"
    path.write_bytes(content(300))
    assert judge(path, 300, 1, "any exit code is good enough for a whole file") == ""
    path.write_bytes(content(300)[:-1] + b"\0")
    assert judge(path, 300, 0, "") == "300 bytes, not these 300; exit code 0: "


def test_the_files_hold_what_a_text_conversion_would_change() -> None:
    for client in CLIENTS:
        short, long, even = sizes(client, "IPv4")
        assert (short < client.blksize < long, even % client.blksize) == (True, 0)
        assert {b"\r"[0], b"\n"[0]} <= set(content(long))


def test_every_driver_is_built_and_every_build_has_its_driver() -> None:
    folders = {path.name for path in DRIVERS.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders == set(BUILDS) == {client.build for client in CLIENTS if client.build}
