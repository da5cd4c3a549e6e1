"""The books of a run, closed from the journals of its hosts and plants and from the lab's own notes.

Theory of operation
-------------------
Kea gives many devices one name, and a device the same name again. So the books of a run with Kea identify a
FileID by its lease: the device and the number of leases it had. The plant has Kea's answers, so its journal
names the leases, and provbus owes a file for each. The books do not ask provbus, and a lease that it
overlooked is a loss.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import Any

from services.lab.books.ledger import account
from services.lab.books.takeovers import account_takeovers
from services.lab.site.journal import TakenDown, boottime_s, read_journal
from services.lab.site.lab import Answers, Lab, Part
from services.lab.site.site import Site

Events = Iterable[Mapping[str, Any]]
_OF_READS = ("read", "answered", "completed")


class TakeoverBooks(Part):
    """The takeovers of a role for which several stood. `kills` are the faults that cost the role, `fresh_at`
    the moments at which the run began with another cluster.
    """

    def __init__(self) -> None:
        self.kills: list[TakenDown] = []
        self.fresh_at: list[float] = []

    def report(self, lab: Lab, answers: Answers) -> Mapping[str, Any]:
        """The figures of `services.lab.books.takeovers`, where the lab plays the hosts of rivals."""
        rivals = lab.site.rivals()
        if not rivals or not lab.hosts:
            return {}
        journals = {one.name: read_journal(lab.site.journal(f"host-{one.name}")) for one in rivals}
        found = account_takeovers(self.kills, journals, lab.instances.downs, self.fresh_at)
        return asdict(found)


def ledger_of(site: Site, plants: Events, notes: Events) -> dict[str, Any]:
    """The ledger of every FileID; with a Kea in front, of every lease."""
    hosts = [read_journal(site.journal(f"host-{one.name}")) for one in site.hosts()]
    seen = plants if site.scenario.kea is None else by_lease(plants)
    ledger = account(*hosts, seen, notes, now=boottime_s())
    books = asdict(ledger) | {"clean": ledger.clean}
    if not ledger.evidence:
        del books["evidence"]
    return books


def by_lease(journal: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """The plant's journal with a name of its own for each lease, and a `minted` for it."""
    leases: dict[str, int] = {}
    for event in journal:
        device, kind = event["device"], event["event"]
        if kind == "leased":
            leases[device] = leases.get(device, 0) + 1
            name = f"{event['file']} {device} {leases[device]}"
            yield {**event, "event": "minted", "file": name, "next_server": event["server"], "acked": True}
        elif kind in _OF_READS:
            yield {**event, "file": f"{event['file']} {device} {leases[device]}"}
        else:
            yield {**event}
