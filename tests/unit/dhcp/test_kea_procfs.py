"""What the kernel says of a process is read as it is written."""

import os
import socket
import subprocess
from pathlib import Path

import pytest

from services.dhcp.kea.daemon.procfs import (
    DHCP_PORT,
    CommandLine,
    hears_modems,
    how_started,
    parse_command_line,
    ports,
)


@pytest.mark.parametrize(
    ("words", "start"),
    [
        (
            b"kea-dhcp4\0-c\0/etc/kea/k.conf\0",
            CommandLine("kea-dhcp4", 67, Path("/etc/kea/k.conf")),
        ),
        (
            b"/usr/sbin/kea-dhcp4\0-d\0-p\x0010067\0-P\x0010068\0",
            CommandLine("/usr/sbin/kea-dhcp4", 10067, None),
        ),
        (b"kea-dhcp4\0-p10067\0-c/k.conf\0", CommandLine("kea-dhcp4", 10067, Path("/k.conf"))),
        (b"kea-dhcp4\0-p\0nonsense\0-c\0", CommandLine("kea-dhcp4", 67, None)),
        (b"kea-dhcp4\0", CommandLine("kea-dhcp4", DHCP_PORT, None)),
        (b"", None),
    ],
)
def test_a_command_line_says_where_it_hears_and_what_it_read(words: bytes, start: CommandLine | None) -> None:
    assert parse_command_line(words) == start


def test_a_table_of_sockets_has_their_ports() -> None:
    head = "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode"
    row = " 1072: {} 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 41 2 0 0"
    table = "\n".join([head, row.format("0100007F:0043"), row.format("00000000:2753")])
    assert [*ports(table)] == [67, 10067]
    assert [*ports(head)] == []


def test_the_table_of_a_process_is_that_of_its_network() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bound:
        bound.bind(("127.0.0.1", 0))
        assert bound.getsockname()[1] in ports(Path(f"/proc/{os.getpid()}/net/udp").read_text())


def test_a_path_that_is_not_absolute_is_that_of_the_process(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("x")
    words = ["tail", "-c", "1", "-f", "text"]
    with subprocess.Popen(words, cwd=tmp_path, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.read(1) == b"x"  # it runs: before that it has no words
            assert how_started(process.pid) == CommandLine("tail", DHCP_PORT, tmp_path / "1")
        finally:
            process.kill()


@pytest.mark.parametrize("pid", [0, -1, 1 << 30])
def test_of_nobody_the_kernel_says_nothing(pid: int) -> None:
    assert how_started(pid) is None
    assert hears_modems(pid) is None


def test_of_a_process_that_is_no_kea_nothing_is_concluded() -> None:
    assert hears_modems(os.getpid()) is None
