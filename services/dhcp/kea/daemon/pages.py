"""The pages of a resync: every lease that Kea has, some at a time, in the order of their addresses.

Kea holds its leases in memory and answers `lease4-get-page` between two packets, with the one thread that
answers modems too. A lease on a small page costs it a third of one on a large page (2.2: 5.5 ms for 250, 40
to 90 ms for 1,000), and the follower pauses between two pages.
"""

from collections.abc import Mapping
from typing import Any

from bus.errors import DecodeError

PAGE_LEASES = 250
PAGE_EVERY_S = 0.04
"""A million leases take 160 s, and a seventh of Kea's thread."""


class Pages:
    """Our place in Kea's leases: `is_open` from `begin` until the last page was taken or `give_up`.

    >>> pages = Pages()
    >>> pages.begin()
    >>> pages.arguments()
    {'from': 'start', 'limit': 250}
    >>> pages.take({"result": 3, "arguments": {"leases": []}}), pages.is_open
    ([], False)
    """

    def __init__(self) -> None:
        self._from = ""

    @property
    def is_open(self) -> bool:
        """Whether there are pages to ask for."""
        return bool(self._from)

    def begin(self) -> None:
        """Begin at the first page."""
        self._from = "start"

    def give_up(self) -> None:
        """Ask for no more pages."""
        self._from = ""

    def arguments(self) -> dict[str, Any]:
        """The arguments of the next `lease4-get-page`."""
        return {"from": self._from, "limit": PAGE_LEASES}

    def take(self, answer: Mapping[str, Any]) -> list[Any]:
        """The entries of a page, each a lease as Kea tells it; `DecodeError` if this is no page."""
        try:
            entries = [*answer["arguments"]["leases"]]
            self._from = entries[-1]["ip-address"] if len(entries) == PAGE_LEASES else ""
        except (LookupError, TypeError, AttributeError) as error:
            raise DecodeError(f"Kea's answer is no page of leases: {error!r}") from error
        return entries
