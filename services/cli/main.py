"""The command `provbus`. What a command needs is imported when it is called: `file` needs no broker."""

import signal
import sys
from importlib import import_module

import click

from bus import log
from bus.errors import BusyError, ConfigError, LocalError, RemoteError, TransportError, TryAgainError

COMMANDS = (
    "run",
    "config",
    "peers",
    "failover",
    "trace",
    "keys",
    "topics",
    "settings",
    "file",
    "kea",
    "doctor",
    "lab",
)
"""Each is what its module of this package calls by its own name."""

EXIT_CODES: dict[type[Exception], int] = {
    ConfigError: 78,
    LocalError: 70,
    RemoteError: 77,
    BusyError: 73,
    TryAgainError: 75,
    TransportError: 69,
}


class Commands(click.Group):
    """The commands, imported one by one."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every name."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name; None if there is none."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(f"services.cli.{cmd_name}"), cmd_name)
        return command


@click.group(cls=Commands)
@click.version_option(package_name="provbus")
@click.option("--verbose", is_flag=True, help="Also log what is normal.")
def cli(verbose: bool) -> None:
    """The message bus of a cable operator's provisioning platform."""
    log.configure(level="info" if verbose else "warning")


def main() -> None:
    """Run the command line; every expected error is one sentence and an exit code of the README's table."""
    # A shell starts its background jobs with SIGINT ignored; what is sent it then is meant all the same.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        cli(prog_name="provbus")
    except tuple(EXIT_CODES) as error:
        click.echo(f"provbus: {error}", err=True)
        sys.exit(next(code for kind, code in EXIT_CODES.items() if isinstance(error, kind)))
