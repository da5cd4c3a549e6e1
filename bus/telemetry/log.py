"""The log: the messages of this process to its operator, on standard error.

Lines are for people or, as JSON objects, for a collector. They are about the platform: names of instances,
addresses of brokers, files. No line has a subscriber's values or a secret; the events of a device are in the
audit stream.

A library that repeats itself while a broker is away must not fill a disk. `RateLimit` lets one line of each
kind through per interval, and the next one says how many were held back.
"""

import json
import logging
import math
import time
from collections.abc import Callable
from datetime import UTC, datetime
from threading import Lock

from bus.telemetry.terminal import shown_lines

HUMAN = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class HumanFormatter(logging.Formatter):
    """Lines for people; the control characters of foreign texts are shown, and not obeyed by a terminal."""

    def __init__(self) -> None:
        super().__init__(HUMAN)

    def format(self, record: logging.LogRecord) -> str:
        """The lines of a record."""
        return shown_lines(super().format(record))


class JsonFormatter(logging.Formatter):
    """One JSON object per line: time (UTC), level, logger, message, and exception if there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


def configure(form: str = "human", level: str = "warning") -> None:
    """Log to standard error in this form (human, json) from this level on (warning, info, debug)."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter() if form == "json" else HumanFormatter())
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)


class RateLimit(logging.Filter):
    """Lets one record per logger and facility through in `every_s`; the next says how many were held back.

    The facility is the first argument of the record, as librdkafka's client gives it (FAIL, CONNECT, ...).
    """

    def __init__(self, every_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._every_s = every_s
        self._clock = clock
        self._lock = Lock()  # two threads of the client log
        self._kinds: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is to be logged."""
        facility = str(record.args[0]) if isinstance(record.args, tuple) and record.args else ""
        kind, now = (record.name, facility), self._clock()
        with self._lock:
            due, held_back = self._kinds.get(kind, (-math.inf, 0))
            if now < due:
                self._kinds[kind] = (due, held_back + 1)
                return False
            self._kinds[kind] = (now + self._every_s, 0)
        if held_back:
            record.msg, record.args = f"{record.getMessage()} ({held_back} more were held back)", ()
        return True


class Sparing:
    """Warns of one kind of thing once in `every_s`; the next warning says how many were held back."""

    def __init__(
        self, log: logging.Logger, every_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._log = log
        self._every_s = every_s
        self._clock = clock
        self._kinds: dict[str, tuple[float, int]] = {}

    def warn(self, kind: str, text: str) -> None:
        """Log `text`, unless this kind was logged within `every_s`. Kinds are few and known beforehand."""
        now = self._clock()
        due, held_back = self._kinds.get(kind, (-math.inf, 0))
        if now < due:
            self._kinds[kind] = (due, held_back + 1)
            return
        self._kinds[kind] = (now + self._every_s, 0)
        self._log.warning("%s%s", text, f" ({held_back} more times)" if held_back else "")

    def is_over(self, kind: str) -> bool:
        """Forget the warnings of this kind, so the next is logged at once; True if there was one."""
        return self._kinds.pop(kind, None) is not None
