"""A run as it is watched: drawn in place on a terminal, and not at all elsewhere.

The instances are asked by a thread of its own, for one that is suspended answers late and the lab may not
wait. The picture is drawn on standard error, and is gone before the report is printed.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

from rich.console import Console
from rich.live import Live
from rich.text import Text

from services.cli.lab.picture import Boots, Rate, picture
from services.lab.orchestrator import Watcher
from services.lab.site.readiness import Sight, sight
from services.lab.site.site import Site

LOOK_S = 1.0
DRAWN_PER_S = 4
_JOIN_S = 5.0  # two questions to an instance that does not answer


class Screen(Watcher):
    """Shows nothing."""

    def end(self) -> None:
        """Show nothing any more."""


class TerminalScreen(Screen):
    """Draws the run on a terminal until its end."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._doing = "starting"
        self._boots: Boots | None = None
        self._rate = Rate()
        self._devices = 0
        self._site: Site | None = None
        self._sights: list[Sight] = []
        self._stop = Event()
        self._thread: Thread | None = None
        # What others print on standard output is none of this picture's business.
        self._live = Live(
            console=console,
            get_renderable=self._drawn,
            refresh_per_second=DRAWN_PER_S,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._live.start()

    def say(self, text: str) -> None:
        """What the run is at."""
        self._doing = text

    def begin(self, site: Site) -> None:
        """Look at the instances of this site from now on."""
        self._site, self._boots, self._sights = site, None, []
        self._devices = site.scenario.modems
        # Begun here, for a run with machines of its own is in a network namespace of its own.
        self._thread = Thread(target=self._look, args=(site,), daemon=True)
        self._thread.start()

    def boots(self, online: int, failed: int) -> None:
        """Take the numbers of the present boot."""
        per_s = self._rate.note(online + failed, time.monotonic())
        self._boots = Boots(online, failed, self._devices, per_s)

    def end(self) -> None:
        """Take the picture away."""
        self._stop.set()
        self._live.stop()
        if self._thread is not None:
            self._thread.join(_JOIN_S)

    def _drawn(self) -> Text:
        lines = picture(self._doing, self._boots, self._sights, self._console.width)
        return Text("\n".join(lines), no_wrap=True)

    def _look(self, site: Site) -> None:
        while not self._stop.wait(LOOK_S) and site is self._site:
            found = [sight(one) for one in site.instances.values() if not self._stop.is_set()]
            if site is self._site:
                self._sights = found


@contextmanager
def watching() -> Iterator[Screen]:
    """The screen for a run; on a terminal it is a picture."""
    console = Console(stderr=True)
    screen = TerminalScreen(console) if console.is_terminal else Screen()
    try:
        yield screen
    finally:
        screen.end()
