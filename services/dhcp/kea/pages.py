"""The pages of a resync: every lease that Kea has, a thousand at a time, in the order of their addresses.

Kea holds its leases in memory and answers `lease4-get-page` between two packets. A page costs it a few
milliseconds, so whoever asks leaves it time between two of them.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from operator import attrgetter
from typing import Any

from bus.errors import DecodeError
from fileid.lease import Lease
from services.dhcp.kea.journal import parse_entry

PAGE_LEASES = 1000
ALIKE_S = 5


class Pages:
    """Where we are in Kea's leases: `is_open` from `begin` until the last page was taken or `give_up`.

    >>> pages = Pages()
    >>> pages.begin()
    >>> pages.arguments()
    {'from': 'start', 'limit': 1000}
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
        """From the first page on."""
        self._from = "start"

    def give_up(self) -> None:
        """Ask for no more."""
        self._from = ""

    def arguments(self) -> dict[str, Any]:
        """Of the next `lease4-get-page`."""
        return {"from": self._from, "limit": PAGE_LEASES}

    def take(self, answer: Mapping[str, Any]) -> list[Lease | None]:
        """The leases of a page, None for an entry that is none; `DecodeError` if this is no page."""
        try:
            entries = answer["arguments"]["leases"]
            found = [parse_entry(entry) for entry in entries]
            self._from = entries[-1]["ip-address"] if len(entries) == PAGE_LEASES else ""
        except (LookupError, TypeError, AttributeError) as error:
            raise DecodeError(f"Kea's answer is no page of leases: {error!r}") from error
        return found


def by_age(leases: Iterable[Lease]) -> Iterator[list[Lease]]:
    """Leases granted in the same five seconds, the oldest first: a batch is as old as its oldest lease."""
    ordered = sorted(leases, key=attrgetter("granted_s"))
    for _, alike in groupby(ordered, key=lambda lease: lease.granted_s // ALIKE_S):
        yield [*alike]
