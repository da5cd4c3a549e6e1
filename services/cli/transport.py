"""`provbus transport`: by which transport messages travel, and the switch from one to the other.

An instance answers for itself and, by the beats of the others, for the fleet. An order is given at one
sidecar; the whole fleet follows it.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from services.cli.options import config_option, load
from services.cli.output import Listing, cell, output_option, say, show
from services.cli.watching import watch

FELLOWS = ("instance", "leads", "hears", "step", "era", "heard_s", "lacks")
PAIRS = ("peer", "class", "both", "only_bus", "only_multicast", "late_bus_ms", "late_multicast_ms", "green")


@click.group()
def transport() -> None:
    """Show and switch the transport: bus, multicast, or both."""


@transport.command("status")
@config_option
@output_option
def status_command(path: Path, output: str) -> None:
    """Print the columns in use, and how far a switch is, here and in the fleet."""
    from services.operator import transport as operator

    found = operator.status(load(path))
    show(output, found, *_status(found))


@transport.group("parity", invoke_without_command=True)
@config_option
@output_option
@click.pass_context
def parity(context: click.Context, path: Path, output: str) -> None:
    """Print which messages of each peer came by both columns."""
    if context.invoked_subcommand is None:
        from services.operator import transport as operator

        found = operator.parity(load(path))
        show(output, found, _parity(found))


@parity.command("watch")
@config_option
@output_option
def watch_command(path: Path, output: str) -> None:
    """Print it every second until Ctrl-C."""
    from services.operator import transport as operator

    config = load(path)
    watch(lambda: operator.parity(config), _parity, output)


@transport.command("switch")
@click.argument("mode", required=False, metavar="bus|multicast|dual", default="")
@config_option
@click.option("--dry-run", is_flag=True, help="Say what stands in the way, and change nothing.")
@click.option("--finish", is_flag=True, help="Close the former column everywhere.")
@click.option("--abort", is_flag=True, help="Call the switch off that is under way.")
@click.option("--absent", multiple=True, metavar="INSTANCE", help="One that is gone: do not wait for it.")
@click.option(
    "--wait-s", type=click.FloatRange(min=0), default=120.0, show_default=True, help="How long to watch it."
)
@output_option
def switch_command(
    mode: str,
    path: Path,
    dry_run: bool,
    finish: bool,
    abort: bool,
    absent: tuple[str, ...],
    wait_s: float,
    output: str,
) -> None:
    """Switch the fleet to another mode while it works, and watch it get there."""
    from bus.switch.standing import TARGETS
    from services.operator import transport as operator

    if [bool(mode), finish, abort].count(True) != 1:
        raise click.UsageError("name the mode to switch to, or one of --finish and --abort")
    if not mode and (dry_run or absent):
        raise click.UsageError(f"{'--dry-run' if dry_run else '--absent'} goes with a mode")
    if mode and mode not in TARGETS:
        raise click.BadParameter(f"there is no mode {mode!r}: {', '.join(TARGETS)}", param_hint="MODE")
    config = load(path)
    if dry_run:
        obstacles = operator.check(config, mode, absent)
        if obstacles or output != "table":
            rows = [(one,) for one in obstacles]
            show(output, {"obstacles": obstacles}, Listing(("stands in the way",), rows))
        else:
            say("nothing stands in the way")
        raise SystemExit(1 if obstacles else 0)
    if finish or abort:
        found = operator.finish(config) if finish else operator.abort(config)
        show(output, found, Listing((*found,), [[cell(one) for one in found.values()]]))
        return
    begun = operator.switch(config, mode, absent)
    told = _tell if output == "table" else _silent
    found = operator.follow(config, begun["plan"], told, wait_s)
    show(output, found, *_status(found))


def _tell(found: dict[str, Any]) -> None:
    waits = f", waiting for {'; '.join(found['waits_for'])}" if found["waits_for"] else ""
    say(f"{found['step'] or 'over'} for {found['since_s']:.1f} s{waits}", err=True)


def _silent(found: dict[str, Any]) -> None:
    """A program waits for the end."""


def _status(found: dict[str, Any]) -> Iterator[Listing]:
    own = {key: one for key, one in found.items() if key != "fleet"}
    yield Listing(("what", "value"), [(key, cell(one)) for key, one in own.items()])
    rows = [
        (name, *(cell(one[column]) for column in FELLOWS[1:])) for name, one in sorted(found["fleet"].items())
    ]
    yield Listing(FELLOWS, rows, "\nthe others")


def _parity(found: dict[str, Any]) -> Listing:
    sends, agree = cell(found["carrying"]["sends"]), cell(found["settings_agree"])
    rows = [
        (
            peer,
            traffic,
            cell(one["both"]),
            cell(one["only"]["bus"]),
            cell(one["only"]["multicast"]),
            cell(one["late_ms"]["bus"]),
            cell(one["late_ms"]["multicast"]),
            cell(one["green"]),
        )
        for peer, classes in sorted(found["peers"].items())
        for traffic, one in sorted(classes.items())
    ]
    return Listing(PAIRS, rows, f"by {sends}; settings agree: {agree}")
