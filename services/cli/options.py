"""Options that several commands have: the configuration, the transport mode and the MIBs.

An option is cheap; what reads a configuration or a MIB is imported when there is one to read.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bus.errors import ConfigError
from services.cli.output import say

if TYPE_CHECKING:
    from services.config.instance import Config
    from services.docsis.mib.names import Names

MODE_VARIABLE = "PROVBUS_TRANSPORT__MODE"
CONFIG_METAVAR = "FILE|NAME"
CONFIG_DEFAULT = "Without it PROVBUS_CONFIG, or the only instance of /etc/provbus."


def located(word: str | None) -> Path:
    """The configuration that a command's `--config` means, or that it means without one (`ConfigError`)."""
    from services.config import location

    return location.located(word, os.environ)


def _one(context: click.Context, _option: click.Parameter, word: str | None) -> Path:
    # A shell that completes a line wants no file, and no wait for the reader of one.
    return Path() if context.resilient_parsing else located(word)


config_option = click.option(
    "--config",
    "path",
    metavar=CONFIG_METAVAR,
    type=click.Path(),
    callback=_one,
    help=f"The instance's YAML file, or NAME for /etc/provbus/NAME.yaml. {CONFIG_DEFAULT}",
)


def _known_mode(_context: click.Context, _option: click.Parameter, mode: str | None) -> str:
    """The mode, empty if neither the flag nor the environment has one."""
    if mode is None:
        return ""
    from bus.config.model import wrong_mode

    mistake = wrong_mode(mode)
    if mistake:
        raise ConfigError(f"--mode: {mistake}")
    return mode


mode_option = click.option(
    "--mode",
    metavar="bus|multicast",
    envvar=MODE_VARIABLE,
    callback=_known_mode,
    help="The transport, whatever the file says.",
)

mib_option = click.option(
    "--mib",
    "directories",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="DIR",
    help="A directory of MIBs, whose names may be used. May be given twice.",
)


def load(path: Path, mode: str = "") -> "Config":
    """The configuration in a file, the environment over it and the flag over both; `ConfigError` says what is
    wrong and where.
    """
    from services.config import instance

    return instance.load(path, mode)


def names_of(directories: Iterable[Path]) -> "Names":
    """The built-in names and those of the MIBs there; what cannot be read is named on standard error."""
    from services.operator.mibs import read_names

    return read_names(directories, lambda text: say(f"provbus: {text}", err=True))
