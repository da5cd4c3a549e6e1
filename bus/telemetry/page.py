"""Pages, and a page that is made once a second however often it is asked for.

`/metrics` is made in the loop that serves the subscribers, in 1.1 ms and more, and whoever reaches the port
may ask for it. What was made within the last second is sent again; beyond a rate the answer is 503, which
costs nothing but its connection. Prometheus asks every few seconds.

Verdicts (`/livez`, `/readyz`) are not kept: they cost no more than their connection, and a 503 would be taken
for one.
"""

from collections.abc import Callable
from http import HTTPStatus
from typing import NamedTuple

from bus.wire.buckets import Buckets

KEPT_S = 1.0
ASKED_PER_S, ASKED_BURST = 50.0, 100  # Prometheus asks every few seconds; these cost 1 % of a core
TEXT = "text/plain; charset=utf-8"


class Page(NamedTuple):
    """The answer to one question."""

    status: int
    content_type: str
    body: bytes


class KeptPage:
    """One page, made by `make` when it is asked for and older than `KEPT_S`.

    >>> made = KeptPage(lambda: Page(200, TEXT, b"7"))
    >>> made(0.0).body
    b'7'
    """

    def __init__(self, make: Callable[[], Page]) -> None:
        self._make = make
        self._page: Page | None = None
        self._made_at = 0.0
        self._asked = Buckets(ASKED_PER_S, ASKED_BURST)

    def __call__(self, now: float) -> Page:
        """The page at this moment."""
        if not self._asked.take("", now):
            return error_page(HTTPStatus.SERVICE_UNAVAILABLE)
        if self._page is None or now >= self._made_at + KEPT_S:
            self._page, self._made_at = self._make(), now
        return self._page


def error_page(status: HTTPStatus) -> Page:
    """The page of an error."""
    return Page(status, TEXT, f"{status.phrase}\n".encode())
