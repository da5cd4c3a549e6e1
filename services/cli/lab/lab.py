"""`provbus lab`: a plant of simulated modems against the real parts."""

import json
import os
import signal
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from services.cli.lab.kafka_cluster import kafka
from services.cli.options import MODE_VARIABLE, mode_option
from services.cli.output import output_option, say


@click.group()
def lab() -> None:
    """Boot a simulated plant of modems through provbus."""


lab.add_command(kafka)


@lab.command("run")
@click.argument("scenario", type=click.Path(path_type=Path))
@mode_option
@click.option(
    "--broker", type=click.Choice(["embedded", "kafka"]), help="Of mode bus; embedded if not given."
)
@click.option("--modems", type=click.IntRange(min=1), help="Another number of modems than the scenario's.")
@click.option("--ipv6", is_flag=True, help="Hand off over IPv6, on ::1; modems stay on IPv4.")
@click.option("--proxied", is_flag=True, help="Let the CMTS proxy TFTP: all reads come from its address.")
@click.option("--hold", is_flag=True, help="Leave the services up after the report, until Ctrl-C.")
@click.option("--keep", type=click.Path(path_type=Path), help="Copy every log and journal there at the end.")
@output_option
def run(
    scenario: Path,
    mode: str,
    broker: str | None,
    modems: int | None,
    ipv6: bool,
    proxied: bool,
    hold: bool,
    keep: Path | None,
    output: str,
) -> None:
    """Run SCENARIO and print its report.

    Exit 1 when a modem failed, a FileID is unaccounted for, two primaries acted at once, a service ended by
    itself, an attack got bytes, a rotated key does not work, or what the scenario expects has not happened.
    """
    from services.cli.lab.screen import watching
    from services.lab.baseline.comparison import compare
    from services.lab.books.report import is_good
    from services.lab.orchestrator import RunFailedError
    from services.lab.run import beside_calm, chosen_broker, rehearse, running
    from services.lab.script.script import load_script
    from services.lab.site.expect import broken

    mode = mode or "bus"
    if mode == "multicast" and broker:
        raise click.UsageError("mode multicast has no broker")
    os.environ.pop(MODE_VARIABLE, None)  # the lab writes the mode into configurations, and steps change it
    plan = load_script(scenario)
    chosen = chosen_broker(plan, mode, broker)
    if modems is not None:
        plan = plan.resized(modems)
    if ipv6:
        plan = plan.model_copy(update={"ipv6": True})
    if proxied:
        plan = plan.model_copy(update={"proxied": True})
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with ExitStack() as stack:
        screen = stack.enter_context(watching())
        calm = rehearse(plan, mode, chosen, screen)
        lab = stack.enter_context(running(plan, mode, chosen, screen, keep))
        try:
            report = lab.run()
        except RunFailedError as error:
            screen.end()
            say(f"provbus: {error}", err=True)
            sys.exit(1)
        report |= beside_calm(report, calm)
        report |= compare(lab.site, report, screen.say)
        report["expected"] = broken(plan.expect, report)
        screen.end()
        _print(report, output)
        for field, text in report["expected"].items():
            say(f"not as expected: {field}: {text}", err=True)
        if hold:
            _hold(report["endpoints"])
    sys.exit(0 if is_good(report) else 1)


def _print(report: dict[str, Any], output: str) -> None:
    if output == "json":
        click.echo(json.dumps(report, indent=2))
    elif output == "yaml":
        import yaml

        click.echo(yaml.safe_dump(report, sort_keys=False), nl=False)
    else:
        from services.cli.lab.report_table import print_table

        print_table(report)
    sys.stdout.flush()


def _hold(endpoints: Mapping[str, str | list[str]]) -> None:
    """Say where the services are, and wait until Ctrl-C."""
    try:
        for part, place in endpoints.items():
            places = place if isinstance(place, list) else [place]
            say(f"{part}: {' '.join(places)}", err=True)
        say("the services are up; Ctrl-C stops them", err=True)
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        return
