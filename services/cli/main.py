"""The command `provbus`.

It starts at once, for it is typed in emergencies: its help needs click, and what a command does needs no more
than that. A group is imported when it is called. But click asks every command of a group for its sentence, so
the help of a group imports all their modules. These import at their top what options, choices and errors
need, and the rest in the body of the command. `tests/unit/cli/test_imports.py` says what a help and a
question must not import.
"""

import signal
import sys
from importlib import import_module

import click

from bus.errors import BusyError, ConfigError, LocalError, RemoteError, TransportError, TryAgainError
from bus.telemetry import log
from services.cli.output import say

COMMANDS = {
    "run": "services.cli.run",
    "config": "services.cli.config",
    "peers": "services.cli.peers",
    "fleet": "services.cli.fleet.fleet",
    "failover": "services.cli.failover",
    "transport": "services.cli.transport",
    "trace": "services.cli.trace",
    "keys": "services.cli.fleet.keys",
    "topics": "services.cli.topics",
    "settings": "services.cli.settings",
    "file": "services.cli.file.file",
    "kea": "services.cli.kea.kea",
    "doctor": "services.cli.kea.doctor",
    "lab": "services.cli.lab.lab",
}
"""Each is what its module calls by its own name."""

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
        command: click.Command = getattr(import_module(COMMANDS[cmd_name]), cmd_name)
        return command


@click.group(cls=Commands)
@click.version_option(package_name="provbus")
@click.option("--verbose", is_flag=True, help="Also log what is normal.")
def cli(verbose: bool) -> None:
    """The message bus of a cable operator's provisioning platform."""
    log.configure(level="info" if verbose else "warning")


def main() -> None:
    """Run the command line; every expected error is one sentence and an exit code of the table in
    `docs/reference/cli.md`.
    """
    # A shell starts its background jobs with SIGINT ignored; what is sent it then is meant all the same.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        cli(prog_name="provbus")
    except tuple(EXIT_CODES) as error:
        say(f"provbus: {error}", err=True)
        sys.exit(next(code for kind, code in EXIT_CODES.items() if isinstance(error, kind)))
