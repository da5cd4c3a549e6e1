"""`provbus trace`: one boot from its mint to its last block, with its milliseconds and its reasons."""

import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from services.cli.options import CONFIG_DEFAULT, CONFIG_METAVAR, load, located
from services.cli.output import Listing, output_option, say, show

if TYPE_CHECKING:
    from services.operator.trace.story import Boot

_UNITS_S = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def _seconds(_context: click.Context, _option: click.Parameter, text: str) -> int:
    found = re.fullmatch(r"([0-9]{1,9})([smhd])", text)
    if found is None:
        raise click.BadParameter(f"{text!r} is not a number with s, m, h or d behind it, such as 15m")
    return int(found[1]) * _UNITS_S[found[2]]


def _each(context: click.Context, _option: click.Parameter, words: tuple[str, ...]) -> tuple[Path, ...]:
    if context.resilient_parsing:
        return ()
    return tuple(map(located, words)) or (located(None),)


@click.command()
@click.argument("what", metavar="MAC|FILEID")
@click.option(
    "--config",
    "paths",
    metavar=CONFIG_METAVAR,
    type=click.Path(),
    multiple=True,
    callback=_each,
    help="An instance's YAML file, or NAME for /etc/provbus/NAME.yaml; several for those that are asked when "
    f"Kafka is away. {CONFIG_DEFAULT}",
)
@click.option("--since", "since_s", default="15m", show_default=True, callback=_seconds, help="How far back.")
@output_option
def trace(what: str, paths: tuple[Path, ...], since_s: int, output: str) -> None:
    """Tell the boots of a device (MAC), or one of them (FILEID: 16 hex digits, or the whole file name).

    Exit 0 if anything is known, 1 if nothing is, 69 if nobody answered.
    """
    from services.operator.trace.story import tell
    from services.operator.trace.tracing import asked_for, find

    configs = [load(path) for path in paths]
    asked = asked_for(what, configs)
    if asked is None:
        raise click.BadParameter(f"{what!r} is no MAC, no FileID of 16 hex digits and no file name")
    found, source = find(configs, asked, time.time() - since_s, _note)
    boots = tell(found)
    document = {"source": source, "boots": [_plain(boot) for boot in boots]}
    if output != "table":
        show(output, document)
    for boot in boots if output == "table" else ():
        show(output, document, _listing(boot))
    say(f"source: {source}" if boots else f"nothing is known of {what}; source: {source}", err=True)
    sys.exit(0 if boots else 1)


def _note(text: str) -> None:
    say(text, err=True)


def _plain(boot: "Boot") -> dict[str, Any]:
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


def _listing(boot: "Boot") -> Listing:
    rows = [(f"{one.ms:.1f}", one.instance, one.what, one.reason) for one in boot.moments]
    return Listing(("ms", "instance", "what", "reason"), rows, f"{boot.device} FileID {boot.fileid}")
