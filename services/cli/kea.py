"""`provbus kea`: what Kea needs from us."""

from collections.abc import Mapping
from ipaddress import IPv4Address
from pathlib import Path

import click
from pydantic import TypeAdapter
from rich.table import Table

from bus.config import Config, load
from bus.endpoint import wrong_address
from bus.errors import ConfigError, UnavailableError
from bus.messages import Name
from bus.service_sections import KeaSection
from fileid.lease import LeaseFile
from services.cli.instance import ask, in_force
from services.cli.output import output_option, show
from services.cli.run import config_option
from services.dhcp.kea.files import lease_files
from services.dhcp.kea.reservations import reserve
from services.settings.store import read_catalogue
from services.sidecar.offering import catalogue_problems


def _servers(_context: click.Context, _option: click.Parameter, texts: tuple[str, ...]) -> dict[str, str]:
    """CFM=ADDRESS as a mapping."""
    found = {}
    for text in texts:
        name, _, address = text.partition("=")
        try:
            found[TypeAdapter(Name).validate_python(name)] = str(IPv4Address(address))
        except ValueError as error:
            raise click.BadParameter(f"{text} is not CFM=ADDRESS with an IPv4 address") from error
        mistake = wrong_address(address)
        if mistake:
            raise click.BadParameter(f"{text}: {mistake}")
    return found


server_option = click.option(
    "--server",
    "servers",
    multiple=True,
    callback=_servers,
    metavar="CFM=ADDRESS",
    help="Where a CFM serves files; without it the running instance says so.",
)


@click.group()
def kea() -> None:
    """What ISC Kea needs to give our file names out."""


@kea.command("reservations")
@config_option
@click.option(
    "--catalogue", type=click.Path(path_type=Path), help="Read the rules of this file, not those in force."
)
@server_option
@output_option
def reservations(path: Path, catalogue: Path | None, servers: dict[str, str], output: str) -> None:
    """Print a host reservation for each `mac` rule of the catalogue in force; json is what Kea takes."""
    config = load(path)
    section = kea_section(config)
    if catalogue is None:
        found = in_force(config)
        classes, rules = found["classes"], found["lookup"]
    else:
        record = read_catalogue(catalogue, catalogue_problems).sound()
        classes, rules = record.classes, record.lookup
    kinds = {name: definition["kind"] for name, definition in classes.items()}
    files = lease_files(section)
    made = [*reserve(rules, kinds, files, known_servers(config, files, servers))]
    table = Table("device", "file", "next_server", box=None, pad_edge=False)
    for one in made:
        table.add_row(one.device.hex(":"), one.file, one.next_server)
    show(output, [one.as_kea() for one in made], table)


def kea_section(config: Config) -> KeaSection:
    """`minter.kea`; `ConfigError` if this instance follows no Kea."""
    if config.minter is None or config.minter.kea is None:
        raise ConfigError(f"{config.instance} follows no Kea: its configuration has no 'minter.kea'")
    return config.minter.kea


def known_servers(
    config: Config, files: list[LeaseFile], given: Mapping[str, str], *, must_answer: bool = True
) -> dict[str, str]:
    """Where each CFM serves files: as given, and for others as the running instance knows from their beats.

    `UnavailableError` if it must answer and does not.
    """
    if all(cfm in given for file in files for cfm in file.cfms):
        return dict(given)
    try:
        peers = ask(config, {"op": "status"})["peers"]
    except UnavailableError:
        if must_answer:
            raise
        peers = {}
    told = {name: peer.get("endpoints", {}).get("tftp") for name, peer in peers.items()}
    return {
        **{name: address for name, address in told.items() if address and not wrong_address(address)},
        **given,
    }
