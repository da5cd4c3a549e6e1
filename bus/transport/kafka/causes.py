"""The cause of a silence: of what librdkafka reports, the text that tells most.

A question to brokers that cannot be reached times out, whatever the reason, and its error says no more. The
reason is in the client's log, which repeats it dozens of times a second, mixed with its consequences. So a
client is given `Causes` as its logger: it keeps the latest texts, and hands every line on to a log, or to
nobody.
"""

import logging
import re
from collections import deque
from collections.abc import Iterable

from bus.transport.kafka.asking import reason_of

CAUSE_CHARS_MAX = 200  # one sentence on a terminal; OpenSSL's own end with advice that is longer than that
REPORTS_MAX = 64  # some seconds of three brokers that cannot be reached
TELLING = (
    re.compile(r"SASL|[Aa]uthentication"),
    re.compile(r"certificate|SSL|security\.protocol"),
    re.compile(r"resolve"),
    re.compile(r"refused|unreachable|No route|timed out"),
    re.compile(r""),
)
"""The kinds of causes, the most telling first: a broker that refuses us tells more than one that is away."""
_FAILURES = ("FAIL", "ERROR")  # the facilities of librdkafka's lines about connections
_CONSEQUENCE = re.compile(r"brokers are down")
_NOISE = re.compile(
    r"^\[thrd:[^\]]*\]: |(?<!\S)rdkafka#\S+: |/bootstrap(?=:)|error:[0-9A-F]+:SSL routines:[^:]*:"
    r"| \(after \d+ms in state \w+\)"
)


def cause(reports: Iterable[str]) -> str:
    """The latest of the most telling texts, without what only librdkafka's authors need; empty if none tells
    anything.

    >>> cause(["[thrd:b:1/bootstrap]: b:1/bootstrap: Disconnected (after 0ms in state CONNECT)"])
    'b:1: Disconnected'
    """
    best, rank = "", len(TELLING)
    for text in reports:
        told = _NOISE.sub("", text).strip()
        if not told or _CONSEQUENCE.search(told):
            continue
        place = next(at for at, kind in enumerate(TELLING) if kind.search(told))
        if place <= rank:
            best, rank = told, place
    return best if len(best) <= CAUSE_CHARS_MAX else f"{best[: CAUSE_CHARS_MAX - 3]}..."


class Causes:
    """The logger of one or more clients of librdkafka; each line goes on to `log` if there is one."""

    def __init__(self, log: logging.Logger | None = None) -> None:
        self._log = log
        self._reports: deque[str] = deque(maxlen=REPORTS_MAX)

    def log(self, level: int, form: str, facility: str, *rest: str) -> None:
        """Take a line from a client, in any thread."""
        if facility in _FAILURES:
            self._reports.append(rest[-1])
        if self._log is not None:
            self._log.log(level, form, facility, *rest)

    def of(self, error: Exception) -> str:
        """The cause of an error, for people; the error's own text if nothing was reported."""
        return cause(list(self._reports)) or reason_of(error)
