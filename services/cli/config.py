"""`provbus config`: what a configuration says, and whether an instance could start with it.

`check` reads every file that a start reads, so what would fail there fails here, with the same sentence.
`explain` names for each value where it comes from. Neither shows a secret: none belongs into a configuration,
and a value that is called one is masked unless it is the path of a file that exists.
"""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import click
from pydantic import BaseModel
from rich.table import Table
from rich.text import Text

from bus.config import load
from bus.environment import Place, variable
from bus.fleet import load_fleet
from bus.node import group_keys
from bus.secret_file import CREDENTIALS
from bus.transport.kafka.client import Kafka
from bus.transport.kafka.settings import client_settings
from bus.transport.poller import Poller
from bus.yaml_file import read_yaml
from services.cfm import process as cfm_process
from services.cli.here import unmet
from services.cli.output import output_option, show
from services.sidecar import process as sidecar_process

MASK = "********"
_SECRET = re.compile(r"password|secret|token|key|\.pem")

file_argument = click.argument("file", type=click.Path(path_type=Path))


class Setting(NamedTuple):
    """One value of a configuration, and where it comes from."""

    key: str
    value: Any
    source: str


@click.group()
def config() -> None:
    """Look at the configuration of an instance."""


@config.command("check")
@file_argument
@click.option("--here", is_flag=True, help="Also look whether this host has its addresses, ports and names.")
def check(file: Path, here: bool) -> None:
    """Read FILE and every file it names, as a start would. Exit 0 and `ok`, or what is wrong: 78 if it is so
    for ever, 69 or 73 for what is not there or somebody else's.
    """
    found = load(file)
    service = load_fleet(found.fleet).member(found.instance).service
    if service == "cfm":
        cfm_process.read_files(found)
    else:
        sidecar_process.read_files(found, service)
    if found.kafka is not None:
        _check_client({**client_settings(found.kafka), "bootstrap.servers": ""})
    if found.multicast is not None:
        group_keys(found.multicast)
    lacks = unmet(found) if here else []
    if lacks:
        raise type(lacks[0])("\n".join(map(str, lacks)))
    click.echo("ok")


@config.command("explain")
@file_argument
@output_option
def explain(file: Path, output: str) -> None:
    """Print each value of FILE with its source: a line, an environment variable, or the default."""
    settings = list(_settings(file))
    table = Table("key", "value", "source", box=None, pad_edge=False)
    for key, value, source in settings:
        table.add_row(key, Text("-" if value is None else json.dumps(value).strip('"')), Text(source))
    show(output, [setting._asdict() for setting in settings], table)


def _check_client(settings: dict[str, Any]) -> None:
    """`ConfigError` if librdkafka refuses its settings; without servers it connects to nobody."""
    poller = Poller()
    try:
        Kafka(poller, settings, read=("config",)).close(flush_s=0.0)
    finally:
        poller.close()


def _settings(file: Path) -> Iterator[Setting]:
    found = load(file)
    _, marks = read_yaml(file)
    environment = {name.upper(): name for name in os.environ}
    for place, value in _values(found):
        yield Setting(".".join(place), _shown(place, value), _source(place, file, marks, environment))


def _values(section: BaseModel, above: Place = ()) -> Iterator[tuple[Place, Any]]:
    for name, value in section:
        place = (*above, name)
        if isinstance(value, BaseModel):
            yield from _values(value, place)
        elif isinstance(value, dict) and value:
            yield from (((*place, key), item) for key, item in value.items())
        else:
            yield place, value


def _source(place: Place, file: Path, marks: dict[tuple[str, ...], int], environment: dict[str, str]) -> str:
    """The variable that sets the value or a section around it; else its line; else that of its default."""
    for size in range(len(place), 0, -1):
        name = environment.get(variable(place[:size]))
        if name is not None:
            return name
    return f"{file}:{marks[place]}" if place in marks else "default"


def _shown(place: Place, value: Any) -> Any:
    if isinstance(value, list):
        return [_shown(place, item) for item in value]
    text = str(value) if isinstance(value, Path) else value
    if value is None or not _SECRET.search(place[-1]):
        return text
    if isinstance(value, Path) and (text.startswith(CREDENTIALS) or value.is_file()):
        return text
    return MASK
