"""`provbus kea`: what Kea needs from us."""

from pathlib import Path

import click

from bus.device import device_text
from services.cli.options import config_option, load
from services.cli.output import Listing, output_option, say, show


def _servers(_context: click.Context, _option: click.Parameter, texts: tuple[str, ...]) -> dict[str, str]:
    """CFM=ADDRESS as a mapping."""
    if not texts:
        return {}
    from ipaddress import IPv4Address

    from pydantic import TypeAdapter

    from bus.contract import Name
    from bus.wire.endpoint import wrong_address

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


catalogue_option = click.option(
    "--catalogue", type=click.Path(path_type=Path), help="Read the rules of this file, not those in force."
)


@kea.command("apply")
@config_option
@click.option(
    "--into",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="The file that Kea's configuration includes as its reservations.",
)
@catalogue_option
@server_option
@click.option(
    "--interval",
    "interval_s",
    type=click.FloatRange(min=0),
    default=300,
    show_default=True,
    help="Reload at most once in so many seconds; what changes meanwhile is collected.",
)
@click.option(
    "--wait",
    "wait_s",
    type=click.FloatRange(min=0),
    default=900,
    show_default=True,
    help="Wait so many seconds at most until Kea may reload; exit 75 after that.",
)
def apply(
    path: Path,
    into: Path,
    catalogue: Path | None,
    servers: dict[str, str],
    interval_s: float,
    wait_s: float,
) -> None:
    """Bring the reservations into the running Kea. Says how long Kea answers nobody for that."""
    from services.operator.kea.following import collect
    from services.operator.kea.renewal import renew

    config = load(path)
    renewed = renew(config, into, lambda: collect(config, catalogue, servers), interval_s, wait_s, _note)
    if renewed is None:
        say(f"{into} holds what is in force, and Kea has read it: nothing to do")
    else:
        made, silent_s = renewed
        say(f"{made} reservations are in {into}; Kea was silent for {silent_s:.1f} s")


@kea.command("reservations")
@config_option
@catalogue_option
@server_option
@output_option
def reservations(path: Path, catalogue: Path | None, servers: dict[str, str], output: str) -> None:
    """Print a host reservation for each `mac` rule of the catalogue in force; json is for Kea's `Dhcp4`."""
    from services.dhcp.kea.reservations import as_dhcp4
    from services.operator.kea.following import collect

    made = collect(load(path), catalogue, servers)
    rows = [(device_text(one.device), one.file, one.next_server) for one in made]
    document = as_dhcp4([one.as_kea() for one in made])
    show(output, document, Listing(("device", "file", "next_server"), rows))


def _note(text: str) -> None:
    say(text, err=True)
