"""How a command shows something again and again, until Ctrl-C."""

import time
from collections.abc import Callable
from typing import Any

from services.cli.output import Listing, drawn, show

EVERY_S = 1.0

Look = Callable[[], dict[str, Any]]
List = Callable[[dict[str, Any]], Listing]


def watch(look: Look, listing: List, output: str) -> None:
    """Show what `look` returns every second: a table in its place, json and yaml as one document after the
    other.
    """
    try:
        if output == "table":
            _keep_drawn(look, listing)
        while True:
            found = look()
            show(output, found, listing(found))
            time.sleep(EVERY_S)
    except KeyboardInterrupt:
        pass  # the way out


def _keep_drawn(look: Look, listing: List) -> None:
    from rich.console import Console
    from rich.live import Live

    with Live(drawn(listing(look())), console=Console(), auto_refresh=False) as live:
        while True:
            time.sleep(EVERY_S)
            live.update(drawn(listing(look())), refresh=True)
