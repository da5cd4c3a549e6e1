"""`provbus doctor`: whether what stands around us is as we need it."""

import sys
from pathlib import Path

import click

from bus.config import load
from services.cli.kea import kea_section, known_servers, server_option
from services.cli.run import config_option
from services.dhcp.kea.control import command
from services.dhcp.kea.doctor import examine
from services.dhcp.kea.files import lease_files


@click.group()
def doctor() -> None:
    """Examine what stands beside an instance."""


@doctor.command("kea")
@config_option
@server_option
def kea(path: Path, servers: dict[str, str]) -> None:
    """Examine the configuration that the running Kea has. Exit 0 and `ok`, or 1 and what to write where."""
    config = load(path)
    section = kea_section(config)
    version = command(section.control_socket, "version-get")["text"]
    found = command(section.control_socket, "config-get")["arguments"]["Dhcp4"]
    files = lease_files(section)
    addresses = known_servers(config, files, servers, must_answer=False)
    report = examine(found, version, str(section.journal), files, addresses)
    for note in report.notes:
        click.echo(f"note: {note}")
    for finding in report.findings:
        click.echo(finding)
    if report.findings:
        sys.exit(1)
    click.echo("ok")
