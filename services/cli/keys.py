"""`provbus keys`: the keys of a fleet."""

from pathlib import Path

import click

from bus.fleet import SERVICES, make_fleet
from fileid.seal import KEY_BYTES


@click.group()
def keys() -> None:
    """Make the keys of a fleet."""


@keys.command("new")
@click.argument("directory", type=click.Path(path_type=Path))
@click.argument("instances", nargs=-1, required=True, metavar="NAME=SERVICE...")
@click.option("--site", default="default", show_default=True, help="The site of these instances.")
def new(directory: Path, instances: tuple[str, ...], site: str) -> None:
    """Make DIRECTORY/fleet.yaml and the secret keys of its instances.

    \b
    Example: provbus keys new keys dhcp-1=dhcp mps-1=mps cfm-1=cfm cfm-2=cfm
    """
    services: dict[str, str] = {}
    for name, service in map(_parse, instances):
        if name in services:
            raise click.BadParameter(f"{name} is named twice")
        services[name] = service
    make_fleet(directory, services, site, KEY_BYTES)
    click.echo(
        f"{directory}/fleet.yaml: {len(services)} instances; give each only its own files of curve/ and seal/"
    )


def _parse(text: str) -> tuple[str, str]:
    name, _, service = text.partition("=")
    if not name or service not in SERVICES:
        raise click.BadParameter(f"{text!r} is not NAME=SERVICE with a service of {', '.join(SERVICES)}")
    return name, service
