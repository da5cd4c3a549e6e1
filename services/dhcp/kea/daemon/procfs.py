"""Kea's process in proc(5), readable by any user: how it was started, and whether it has its sockets.

A reload that Kea refuses may leave it without sockets (2.2: a pool outside its subnet, a wrong test of a
class): it answers every command well and receives no packet of a modem. proc(5) shows the UDP sockets of a
process's network to every user, and with either `dhcp-socket-type` Kea has one at its port.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

NAME = "kea-dhcp4"
DHCP_PORT = 67
_PROC = Path("/proc")


class CommandLine(NamedTuple):
    """The command line of a Kea: its program, the port at which it listens, and its configuration."""

    program: str
    port: int
    file: Path | None


def how_started(pid: int) -> CommandLine | None:
    """The command line of this process; None if the kernel does not show it. A relative path is unknown where
    the kernel does not show the process's directory.
    """
    process = _PROC / str(pid)
    try:
        start = parse_command_line((process / "cmdline").read_bytes())
    except OSError:
        return None
    if start is None or start.file is None or start.file.is_absolute():
        return start
    try:
        return start._replace(file=(process / "cwd").readlink() / start.file)
    except OSError:
        return start._replace(file=None)


def hears_modems(pid: int) -> bool | None:
    """Whether a socket listens at this Kea's port in its network; None if the kernel does not show it, or if
    this process is no Kea but stands before one.
    """
    start = how_started(pid) if pid > 0 else None
    if start is None or Path(start.program).name != NAME:
        return None
    try:
        return start.port in ports((_PROC / str(pid) / "net" / "udp").read_text())
    except OSError:
        return None


def parse_command_line(words: bytes) -> CommandLine | None:
    r"""The command line of a Kea in these words; None if there are none (a process that has ended has none).

    >>> parse_command_line(b"kea-dhcp4\0-p\x0010067\0-c\0/etc/kea/kea-dhcp4.conf\0").port
    10067
    """
    program, *options = words.decode(errors="replace").rstrip("\0").split("\0")
    if not program:
        return None
    port, file = DHCP_PORT, None
    rest = iter(options)
    for option in rest:
        name, value = option[:2], option[2:] or (next(rest, "") if option in ("-p", "-P", "-c") else "")
        if name == "-p" and value.isdigit():
            port = int(value)
        elif name == "-c" and value:
            file = Path(value)
    return CommandLine(program, port, file)


def ports(table: str) -> Iterator[int]:
    """The local ports in a table of sockets, as proc(5) writes it."""
    for line in table.splitlines()[1:]:
        _, _, port = line.split()[1].partition(":")
        yield int(port, 16)
