"""`provbus file`: configuration files by themselves."""

from pathlib import Path

import click

from bus.config import read_secret
from services.docsis.verify import verify


@click.group()
def file() -> None:
    """Look at DOCSIS and PacketCable configuration files."""


@file.command("verify")
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, allow_dash=True)
)
@click.option(
    "--secret-file",
    type=click.Path(path_type=Path),
    multiple=True,
    required=True,
    help="The shared secret of the CMTS; one trailing newline is not part of it. May be given twice.",
)
def verify_files(files: tuple[str, ...], secret_file: tuple[Path, ...]) -> None:
    """Check MICs and hashes as a modem and its CMTS would. Exit 1 if any file is not ok."""
    secrets = [read_secret(path) for path in secret_file]
    verdicts = []
    for name in files:
        with click.open_file(name, "rb") as stream:
            verdicts.append(verify(stream.read(), secrets))
        click.echo(f"{name}: {verdicts[-1]}" if len(files) > 1 else verdicts[-1])
    raise SystemExit(any(verdict != "ok" for verdict in verdicts))
