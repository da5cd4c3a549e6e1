"""`provbus run`: the processes of the platform."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bus.config.secrecy import close_memory
from bus.telemetry import log
from services.cli.options import config_option, load, mode_option

if TYPE_CHECKING:
    from services.config.instance import Config


@click.group()
def run() -> None:
    """Run one instance until it is stopped."""


@run.command("dhcp")
@config_option
@mode_option
def _dhcp(path: Path, mode: str) -> None:
    """The sidecar of a DHCP server: of one that asks, or of a Kea that it follows."""
    from services.dhcp import process

    sys.exit(process.run(_load(path, mode)).code)


@run.command("mps")
@config_option
@mode_option
def _mps(path: Path, mode: str) -> None:
    """The sidecar of a Multimedia Provisioning Service."""
    from services.mps import process

    sys.exit(process.run(_load(path, mode)).code)


@run.command("cfm")
@config_option
@mode_option
def _cfm(path: Path, mode: str) -> None:
    """A Configuration File Manager: takes rows, builds files, serves TFTP."""
    from services.cfm import process

    sys.exit(process.run(_load(path, mode)).code)


def _load(path: Path, mode: str) -> "Config":
    """The configuration of the instance that this process is from now on; it logs as that says, and its
    memory is its own, before a key is read.
    """
    close_memory()
    config = load(path, mode)
    is_verbose = click.get_current_context().find_root().params["verbose"]
    level = "info" if is_verbose and config.log.level == "warning" else config.log.level
    log.configure(config.log.format, level)
    return config
