"""`provbus trace`: one boot from its mint to its last block, with its milliseconds and its reasons.

The audit topic has it all. When Kafka is away, or not used at all, the instances named by `--config` are
asked for what they remember themselves. A file name holds its FileID sealed: a configuration whose seal keys
open it must be among them.
"""

import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from rich.table import Table
from rich.text import Text

from bus.audit import DEVICE, FILEID
from bus.config import Config, load
from bus.errors import ConfigError, DecodeError, TryAgainError, UnavailableError
from bus.fleet import load_fleet, load_seal_keys
from bus.transport.kafka.settings import client_settings
from fileid.seal import KEY_BYTES, Opener, SealKey
from services.cli import audit_topic
from services.cli.instance import ask
from services.cli.output import output_option, show
from services.cli.story import Boot, Told, tell

_UNITS_S = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_MAC = re.compile(r"([0-9a-f]{2})([:-]?[0-9a-f]{2}){5}")

Asked = tuple[str, str]
"""`device` or `fileid`, and which."""


def _seconds(_context: click.Context, _option: click.Parameter, text: str) -> int:
    found = re.fullmatch(r"([0-9]{1,9})([smhd])", text)
    if found is None:
        raise click.BadParameter(f"{text!r} is not a number with s, m, h or d behind it, such as 15m")
    return int(found[1]) * _UNITS_S[found[2]]


@click.command()
@click.argument("what", metavar="MAC|FILEID")
@click.option(
    "--config",
    "paths",
    type=click.Path(path_type=Path),
    multiple=True,
    required=True,
    help="An instance's YAML file; several for those that are asked when Kafka is away.",
)
@click.option("--since", "since_s", default="15m", show_default=True, callback=_seconds, help="How far back.")
@output_option
def trace(what: str, paths: tuple[Path, ...], since_s: int, output: str) -> None:
    """Tell the boots of a device (MAC), or one of them (FILEID: 16 hex digits, or the whole file name).

    Exit 0 if anything is known, 1 if nothing is, 69 if nobody answered.
    """
    configs = [load(path) for path in paths]
    asked = _asked(what, configs)
    since = time.time() - since_s
    found, source = _find(configs, asked, since)
    boots = tell(found)
    document = {"source": source, "boots": [_plain(boot) for boot in boots]}
    if output != "table":
        show(output, document, Table())
    for boot in boots if output == "table" else ():
        show(output, document, _table(boot))
    click.echo(f"source: {source}" if boots else f"nothing is known of {what}; source: {source}", err=True)
    sys.exit(0 if boots else 1)


def _asked(what: str, configs: Sequence[Config]) -> Asked:
    text = what.lower()
    if FILEID.fullmatch(text):
        return "fileid", text
    if _MAC.fullmatch(text):
        device = bytes.fromhex(text.replace(":", "").replace("-", "")).hex(":")
        assert DEVICE.fullmatch(device)
        return "device", device
    if "." not in what or not what.isascii():
        raise click.BadParameter(f"{what!r} is no MAC, no FileID of 16 hex digits and no file name")
    for config in configs:
        try:
            return "fileid", _opener(config).open(what.encode()).fields().serial.hex()
        except DecodeError:
            continue
    raise ConfigError(f"no seal key of {', '.join(one.instance for one in configs)} opens {what}")


def _opener(config: Config) -> Opener:
    """Opens what the seal keys of this instance open."""
    paths = [] if config.minter is None else [config.minter.seal_key]
    paths += [] if config.cfm is None else config.cfm.seal_keys
    fleet = load_fleet(config.fleet)
    lines = [line for path in paths for line in load_seal_keys(path, fleet, KEY_BYTES)]
    return Opener([SealKey.of(*line) for line in lines])


def _find(configs: Sequence[Config], asked: Asked, since: float) -> tuple[list[Told], str]:
    """What is known since this Unix time, and who said so."""
    kafka = next((one.kafka for one in configs if one.kafka and one.transport.mode == "bus"), None)
    if kafka is not None:
        try:
            found = list(audit_topic.read(client_settings(kafka), *asked, since_ms=int(since * 1000)))
            return [told for told in found if told.event["at"] >= since], "the audit topic"
        except UnavailableError as error:
            click.echo(f"{error}; asking the instances", err=True)
    return _remembered(configs, asked, since)


def _remembered(configs: Sequence[Config], asked: Asked, since: float) -> tuple[list[Told], str]:
    """What the instances themselves remember; `UnavailableError` if none of them answers."""
    found: list[Told] = []
    answered = []
    for config in configs:
        try:
            said = ask(config, {"op": "trace", asked[0]: asked[1]})
        except (UnavailableError, TryAgainError) as error:
            click.echo(str(error), err=True)
            continue
        answered.append(config.instance)
        events = said.get("events", [])
        found += (Told(config.instance, event) for event in events if event["at"] >= since)
    if not answered:
        raise UnavailableError("neither Kafka nor any of these instances answers: start one of them")
    return found, f"the memory of {', '.join(answered)}"


def _plain(boot: Boot) -> dict[str, Any]:
    moments = [
        {
            "ms": one.ms,
            "at": round(one.at, 4),
            "instance": one.instance,
            "what": one.what,
            "reason": one.reason,
        }
        for one in boot.moments
    ]
    return {"fileid": boot.fileid, "device": boot.device, "moments": moments}


def _table(boot: Boot) -> Table:
    title = f"{boot.device} FileID {boot.fileid}"
    table = Table(
        "ms", "instance", "what", "reason", title=title, title_justify="left", box=None, pad_edge=False
    )
    for one in boot.moments:
        table.add_row(f"{one.ms:.1f}", one.instance, Text(one.what), Text(one.reason))
    return table
