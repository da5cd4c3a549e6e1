"""`provbus keys`: the keys of a fleet, and the instances that have them."""

from pathlib import Path

import click

from bus.fleet.steps import KINDS, STEPS
from services.cli.options import CONFIG_METAVAR, load, located
from services.cli.output import say


@click.group()
def keys() -> None:
    """Make and rotate the keys of a fleet, and add instances to it."""


@keys.command("new")
@click.argument("directory", type=click.Path(path_type=Path))
@click.argument("instances", nargs=-1, required=True, metavar="NAME=SERVICE...")
@click.option("--site", default="default", show_default=True, help="The site of these instances.")
def new(directory: Path, instances: tuple[str, ...], site: str) -> None:
    """Make DIRECTORY/fleet.yaml and the secret keys of its instances.

    \b
    Example: provbus keys new keys dhcp-1=dhcp mps-1=mps cfm-1=cfm cfm-2=cfm
    """
    from bus.fleet.fleet import make_fleet
    from fileid.seal import KEY_BYTES

    services = _named(instances)
    make_fleet(directory, services, site, KEY_BYTES)
    say(
        f"{directory}/fleet.yaml: {len(services)} instances; give each only its own files of "
        "curve/, sign/ and seal/, and settings/fleet.key"
    )


@keys.command("add")
@click.argument("directory", type=click.Path(path_type=Path))
@click.argument("instances", nargs=-1, required=True, metavar="NAME=SERVICE...")
@click.option("--site", default="default", show_default=True, help="The site of these instances.")
def add_command(directory: Path, instances: tuple[str, ...], site: str) -> None:
    """Add instances to the fleet in DIRECTORY: their secret keys, and the fleet file with them.

    Every key that is there stays. Says who gets which file, and who must be restarted.

    \b
    Example: provbus keys add keys dhcp-3=dhcp cfm-3=cfm --site north
    """
    from bus.fleet.adding import add_instances
    from bus.fleet.key_directory import held
    from fileid.seal import KEY_BYTES

    services = _named(instances)
    with held(directory):
        found = add_instances(directory, services, site, KEY_BYTES)
    say(f"{directory}/fleet.yaml: {len(found.fleet.instances)} instances with {', '.join(found.names)}")
    say(
        "give every instance fleet.yaml, and each new one its own files of curve/, sign/ and seal/, and"
        " settings/fleet.key"
    )
    for path in found.seals:
        say(f"give every CFM {path}, and name it in its cfm.seal_keys")
    say(f"restart, to know the new ones: {', '.join(found.restart) or 'nobody'}")
    say("where mode multicast is used: give the new ones multicast/group.key, and restart every instance")


@keys.command("rotate")
@click.argument("directory", type=click.Path(path_type=Path))
@click.argument("kind", type=click.Choice(KINDS))
@click.argument("step", type=click.Choice(STEPS))
@click.option(
    "--config",
    "path",
    metavar=CONFIG_METAVAR,
    type=click.Path(),
    help="Ask this running instance first whether everybody has the files of the step before.",
)
@click.option(
    "--force", is_flag=True, help="Go on although somebody is behind, or names of former keys live."
)
def rotate_command(directory: Path, kind: str, step: str, path: str | None, force: bool) -> None:
    """Take one step in rotating all keys of a KIND in DIRECTORY: add, use, drop.

    \b
    After each step give every instance its files and have it reload them (SIGHUP) before the next one:
    add     everybody believes the next key as well
    use     whoever speaks uses it
    drop    nobody believes the former one; for seal not before 60 s have passed since use; for settings not
            before a minter has sealed them anew, for which it asks --config

    A step that is not due is refused (78), and one that was cut off is taken again. Seal keys are not dropped
    while names of the former ones live (75). With --config none is taken while an instance of the fleet is
    behind or not alive (75). While another command changes DIRECTORY none is taken (75).
    """
    waits = [("seal", "drop"), ("settings", "drop")]
    if force and path is None and (kind, step) not in waits:
        raise click.BadParameter("--force is for seal drop, settings drop and --config: nothing else waits")
    if (kind, step) == waits[1] and path is None and not force:
        raise click.UsageError(
            "only the fleet knows whether its settings are sealed anew: name an instance with --config, or"
            " take the step with --force"
        )
    from bus.fleet.key_directory import held
    from bus.fleet.rotation import rotate
    from fileid.row import LIFE_S
    from fileid.seal import KEY_BYTES

    with held(directory):
        if path is not None and not force:
            from services.operator.fleet.key_holders import check_holders

            check_holders(load(located(path)), directory, kind, step)
        rotate(directory, kind, step, seal_key_bytes=KEY_BYTES, seal_rest_s=0.0 if force else LIFE_S)
    say(
        f"{kind}: {step} done; give every instance its own files of {directory} (root.key stays here) and"
        " reload it"
    )


def _named(instances: tuple[str, ...]) -> dict[str, str]:
    """The service of each instance."""
    services: dict[str, str] = {}
    for name, service in map(_parse, instances):
        if name in services:
            raise click.BadParameter(f"{name} is named twice")
        services[name] = service
    return services


def _parse(text: str) -> tuple[str, str]:
    from bus.fleet.fleet import SERVICES

    name, _, service = text.partition("=")
    if not name or service not in SERVICES:
        raise click.BadParameter(f"{text!r} is not NAME=SERVICE with a service of {', '.join(SERVICES)}")
    return name, service
