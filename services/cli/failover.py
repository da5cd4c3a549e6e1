"""`provbus failover`: who holds a role, and an operator's orders about it.

Each asks or tells one sidecar over its operators' socket. What an operator says with `drain` and `lock` is
kept on that sidecar's disk and holds until it is taken back.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from services.cli.options import config_option, load
from services.cli.output import Listing, cell, output_option, say, show

NAMED_BY = {"roles": "role", "promises": "role", "voters": "voter"}
"""What the names are in those parts of a status that have a table of their own."""
PROMOTED = ("role", "state", "era", "epoch", "claim_id")
off_option = click.option("--off", is_flag=True, help="Take it back.")


@click.group()
def failover() -> None:
    """Show and steer who holds a role."""


@failover.command("status")
@config_option
@output_option
def status(path: Path, output: str) -> None:
    """Print the state of this sidecar in the election of its role, or what a CFM knows of every role."""
    from services.operator import switchover

    found = switchover.standing(load(path))
    show(output, found, *_listings(found))


@failover.command("promote")
@config_option
@click.option(
    "--absent",
    multiple=True,
    metavar="CFM",
    help="Over multicast: a CFM that is gone and cannot say which primary it has seen.",
)
@output_option
def promote(path: Path, absent: tuple[str, ...], output: str) -> None:
    """Make this sidecar the primary in place of whoever is, and wait until it is."""
    from services.operator import switchover

    found = switchover.promote(load(path), absent)
    show(output, found, *_listings({key: found[key] for key in PROMOTED}))


@failover.command("drain")
@config_option
@off_option
def drain(path: Path, off: bool) -> None:
    """Make this sidecar give its role back and no longer stand for it."""
    from services.operator import switchover

    _warn(switchover.drain(load(path), not off))


@failover.command("lock")
@config_option
@off_option
def lock(path: Path, off: bool) -> None:
    """Forbid this sidecar to take over by itself. It keeps a role that it won; an appointed primary stops."""
    from services.operator import switchover

    _warn(switchover.lock(load(path), not off))


def _public_keys(_: click.Context, __: click.Parameter, texts: tuple[str, ...]) -> list[bytes]:
    """Keys, before anybody is asked whether every primary shall stop."""
    from bus.fleet.signing import public_key

    try:
        return [public_key(text) for text in texts]
    except ValueError as error:
        raise click.BadParameter(f"a key, as the fleet file has it: this one {error}") from error


@failover.command("era")
@config_option
@click.option(
    "--revoke",
    multiple=True,
    metavar="KEY",
    callback=_public_keys,
    help="A public key that signed and was stolen: no record by it counts from then on.",
)
@click.confirmation_option(prompt="Every primary stops, and everything decided before is stale. Go on?")
def era(path: Path, revoke: list[bytes]) -> None:
    """Begin an era: to revoke keys, or after the role log lost its beginning, once nobody acts by it."""
    from services.operator import switchover

    number = switchover.begin_era(load(path), revoke)
    say(f"era {number} was sent; provbus failover status says when it is in force")


@failover.command("admit")
@config_option
@click.option(
    "--floor",
    "floors",
    type=(str, click.IntRange(0, 0xFFFF), click.IntRange(0)),
    multiple=True,
    metavar="ROLE ERA EPOCH",
    help="The highest claim that the status of any other CFM shows for this role.",
)
def admit(path: Path, floors: tuple[tuple[str, int, int], ...]) -> None:
    """Let this CFM vote on who holds which role, because it is new or its disk was lost."""
    from services.operator import switchover

    config = load(path)
    switchover.admit(config, floors)
    say(f"{config.instance} votes from now on")


def _listings(found: Mapping[str, Any]) -> Iterator[Listing]:
    """A table of the plain values, and one of each part that has names: a row for each of them."""
    parts = {key: value for key, value in found.items() if value and isinstance(value, Mapping)}
    yield Listing(("what", "value"), [(key, cell(one)) for key, one in found.items() if key not in parts])
    for key, part in parts.items():
        rows = {name: one if isinstance(one, Mapping) else {"said": one} for name, one in part.items()}
        columns = [*dict.fromkeys(column for row in rows.values() for column in row)]
        cells = [(name, *(cell(row.get(column)) for column in columns)) for name, row in rows.items()]
        yield Listing((NAMED_BY.get(key, "name"), *columns), cells, f"\n{key}")


def _warn(text: str) -> None:
    if text:
        say(f"provbus: {text}", err=True)
