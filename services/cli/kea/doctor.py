"""`provbus doctor`: checks of what stands beside an instance."""

import sys
from pathlib import Path
from typing import Any

import click

from bus.device import parse_device
from services.cli.kea.kea import server_option
from services.cli.options import config_option, load
from services.cli.output import say
from services.dhcp.client.asking import CLIENT_PORT, SERVER_PORT, Place

_DELIMITERS = str.maketrans("", "", ":-.")


class PlaceType(click.ParamType[Place]):
    """An IPv4 address and a UDP port, which may be left out."""

    name = "ADDRESS[:PORT]"

    def __init__(self, port: int) -> None:
        self._port = port

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Place:
        """Both of them."""
        from services.dhcp.kea.doctor import question

        try:
            return question.place(str(value), self._port)
        except ValueError:
            self.fail(f"{value} is not {self.name}", param, ctx)


class RemoteIdType(click.ParamType[bytes]):
    """What a CMTS writes as remote id: hex digits, or `none`."""

    name = "HEX"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> bytes:
        """Its bytes, empty for none."""
        try:
            return b"" if value == "none" else bytes.fromhex(str(value).translate(_DELIMITERS))
        except ValueError:
            self.fail(f"{value} is neither hex digits nor none", param, ctx)


class DeviceType(click.ParamType[bytes]):
    """A hardware address."""

    name = "MAC"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> bytes:
        """Its six bytes."""
        try:
            return parse_device(str(value))
        except ValueError as error:
            self.fail(f"{value} {error}", param, ctx)


@click.group()
def doctor() -> None:
    """Examine what stands beside an instance."""


@doctor.command("kea")
@config_option
@server_option
@click.option("--ask", "mac", type=DeviceType(), help="Ask Kea what it tells this device, and nothing else.")
@click.option("--kind", type=click.Choice(["cm", "mta"]), default="cm", help="With --ask: what asks.")
@click.option(
    "--remote-id", type=RemoteIdType(), help="With --ask: as the CMTS has it, or none; else the MAC."
)
@click.option("--relay", type=PlaceType(0), metavar="ADDRESS", help="With --ask: the CMTS it is behind.")
@click.option("--at", type=PlaceType(SERVER_PORT), help="With --ask: where Kea hears, if not as it is told.")
@click.option("--listen", type=PlaceType(CLIENT_PORT), help="With --ask: our end; port 68 needs root.")
def kea(
    path: Path,
    servers: dict[str, str],
    mac: bytes | None,
    kind: str,
    remote_id: bytes | None,
    relay: Place | None,
    at: Place | None,
    listen: Place | None,
) -> None:
    """Examine the running Kea. Exit 0 and `ok`, or 1 and what to write where."""
    from services.dhcp.kea.doctor.question import Device
    from services.dhcp.kea.doctor.remarks import report
    from services.dhcp.kea.files import lease_files
    from services.operator.kea.checkup import ask_kea, examine_kea
    from services.operator.kea.following import kea_section, known_servers

    if mac is None and (relay or at or listen or remote_id is not None):
        raise click.UsageError("--relay, --remote-id, --at and --listen go with --ask")
    config = load(path)
    section = kea_section(config)
    addresses = known_servers(config, lease_files(section), servers, must_answer=False)
    if mac is None:
        remarks = examine_kea(section, addresses)
    else:
        if remote_id is None:
            remote_id = mac if kind == "cm" else b""
        answer, remarks = ask_kea(section, addresses, Device(mac, kind, remote_id), relay, at, listen)
        if answer is not None:
            for name, value in answer._asdict().items():
                say(f"{name:<11}  {value or '-'}")
    made = report(remarks)
    for note in made.notes:
        say(f"note: {note}")
    for finding in made.findings:
        say(finding)
    if made.findings:
        sys.exit(1)
    say("ok")
