"""`provbus failover`: who holds the role, and an operator's word in it.

Each asks or tells one sidecar over its local socket. What an operator says with `drain` and `lock` is kept on
that sidecar's disk and holds until it is taken back.
"""

import getpass
import time
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from bus.config import Config, load
from bus.errors import ConfigError, RemoteError, TryAgainError
from services.cli.instance import ask
from services.cli.output import output_option, show
from services.cli.run import config_option

PROMOTE_S = 15.0  # the gate is skipped; what is left is a lease of the former holder, and the settings
EVERY_S = 0.1
off_option = click.option("--off", is_flag=True, help="Take it back.")


@click.group()
def failover() -> None:
    """Show and steer who holds a role."""


@failover.command("status")
@config_option
@output_option
def status(path: Path, output: str) -> None:
    """Print where this sidecar stands in the election of its role, or what a CFM knows of every role."""
    found = _told(load(path))
    table = Table("what", "value", box=None, pad_edge=False)
    for key, value in found.items():
        table.add_row(key, str(value))
    show(output, found, table)


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
    """Make this sidecar the primary, whoever is it now; wait until it is."""
    config = load(path)
    _tell(config, {"op": "failover.promote", "absent": [*absent]})
    deadline = time.monotonic() + PROMOTE_S
    while (found := _told(config))["state"] != "active":
        if time.monotonic() > deadline:
            raise TryAgainError(f"indeterminate: {config.instance} is {found['state']} after {PROMOTE_S:g} s")
        time.sleep(EVERY_S)
    table = Table("what", "value", box=None, pad_edge=False)
    for key in ("role", "state", "era", "epoch", "claim_id"):
        table.add_row(key, str(found[key]))
    show(output, found, table)


@failover.command("drain")
@config_option
@off_option
def drain(path: Path, off: bool) -> None:
    """Have this sidecar give its role back, and stand for it no more."""
    _tell(load(path), {"op": "failover.drain", "on": not off})


@failover.command("lock")
@config_option
@off_option
def lock(path: Path, off: bool) -> None:
    """Have this sidecar never take over by itself. What it holds it keeps."""
    _tell(load(path), {"op": "failover.lock", "on": not off})


@failover.command("era")
@config_option
@click.confirmation_option(prompt="Every primary stops, and everything decided before is stale. Go on?")
def era(path: Path) -> None:
    """Begin an era: after the role log lost its beginning, once nobody acts by it any more."""
    answer = _tell(load(path), {"op": "failover.era", "authority": getpass.getuser()})
    click.echo(f"era {answer['era']} was sent; provbus failover status says when it is in force")


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
    """Have this CFM vote on who holds which role: it is new, or its disk was lost."""
    config = load(path)
    if config.cfm is None:
        raise ConfigError(f"{config.instance} is no CFM: it has no vote")
    highest: dict[str, dict[str, int]] = {}
    for role, era, epoch in sorted(floors):  # a role may be named for each of the other CFMs
        highest[role] = {"era": era, "epoch": epoch}
    _done(config, ask(config, {"op": "failover.admit", "floors": highest}))
    click.echo(f"{config.instance} votes from now on")


def _told(config: Config) -> dict[str, Any]:
    """What the instance says of failover."""
    found: dict[str, Any] = ask(config, {"op": "status"})["failover"]
    return found


def _tell(config: Config, request: dict[str, Any]) -> dict[str, Any]:
    """The answer of a sidecar that did what it was told."""
    if config.minter is None:
        raise ConfigError(f"{config.instance} is a CFM: it holds no role")
    return _done(config, ask(config, request))


def _done(config: Config, answer: dict[str, Any]) -> dict[str, Any]:
    """The answer of an instance that did what it was told."""
    if answer.get("error") == "try_again":
        raise TryAgainError(f"{config.instance}: {answer['detail']}")
    if "error" in answer:
        raise RemoteError(f"{config.instance}: {answer.get('detail', answer['error'])}")
    return answer
