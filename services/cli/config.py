"""`provbus config`: what a configuration says, and whether an instance could start with it.

`check` reads every file that a start reads, so what would fail there fails here, with the same sentence.
`explain` names for each value where it comes from. Neither shows a secret.
"""

import json
from pathlib import Path

import click

from services.cli.options import load
from services.cli.output import Listing, output_option, say, show

file_argument = click.argument("file", type=click.Path(path_type=Path))


@click.group()
def config() -> None:
    """Look at the configuration of an instance."""


@config.command("check")
@file_argument
@click.option("--here", is_flag=True, help="Also look whether this host has its addresses, ports and names.")
def check(file: Path, here: bool) -> None:
    """Read FILE and every file that it names, as a start would. Exit 0 and `ok`, or print what is wrong: exit
    78 for a mistake, 69 for something that is missing, 73 for something that another process has.
    """
    from services.operator.start_check import check_host, check_start

    found = load(file)
    check_start(found)
    if here:
        check_host(found)
    say("ok")


@config.command("explain")
@file_argument
@output_option
def explain(file: Path, output: str) -> None:
    """Print each value of FILE with its source: a line, an environment variable, or the default."""
    from services.operator.provenance import settings_of

    settings = list(settings_of(file))
    rows = [
        (key, "-" if value is None else json.dumps(value).strip('"'), source)
        for key, value, source in settings
    ]
    show(output, [one._asdict() for one in settings], Listing(("key", "value", "source"), rows))
