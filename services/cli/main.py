"""The command `provbus`."""

import signal
import sys

import click

from bus import log
from bus.errors import BusyError, ConfigError, LocalError, RemoteError, TransportError, TryAgainError
from services.cli.config import config
from services.cli.file import file
from services.cli.keys import keys
from services.cli.lab import lab
from services.cli.peers import peers
from services.cli.run import run
from services.cli.settings import settings
from services.cli.topics import topics
from services.cli.trace import trace

EXIT_CODES: dict[type[Exception], int] = {
    ConfigError: 78,
    LocalError: 70,
    RemoteError: 77,
    BusyError: 73,
    TryAgainError: 75,
    TransportError: 69,
}


@click.group()
@click.version_option(package_name="provbus")
@click.option("--verbose", is_flag=True, help="Also log what is normal.")
def cli(verbose: bool) -> None:
    """The message bus of a cable operator's provisioning platform."""
    log.configure(level="info" if verbose else "warning")


for command in (run, config, peers, trace, keys, topics, settings, file, lab):
    cli.add_command(command)


def main() -> None:
    """Run the command line; every expected error is one sentence and an exit code of the README's table."""
    # A shell starts its background jobs with SIGINT ignored; what is sent it then is meant all the same.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        cli(prog_name="provbus")
    except tuple(EXIT_CODES) as error:
        click.echo(f"provbus: {error}", err=True)
        sys.exit(next(code for kind, code in EXIT_CODES.items() if isinstance(error, kind)))
