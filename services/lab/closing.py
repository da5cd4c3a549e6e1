"""The books of a run, closed from the journals of its hosts and plants and from the lab's own notes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from services.lab.journal import boottime_s, read_journal
from services.lab.kea_host import by_lease
from services.lab.ledger import account
from services.lab.site import Site
from services.lab.takeovers import HostKill, account_takeovers

Events = Iterable[Mapping[str, Any]]


def ledger_of(site: Site, plants: Events, notes: Events) -> dict[str, Any]:
    """What became of every FileID; with a Kea in front, of every lease."""
    hosts = [read_journal(site.journal(f"host-{one.name}")) for one in site.hosts()]
    seen = plants if site.scenario.kea is None else by_lease(plants)
    ledger = account(*hosts, seen, notes, now=boottime_s())
    books = asdict(ledger) | {"clean": ledger.clean}
    if not ledger.evidence:
        del books["evidence"]
    return books


def takeovers_of(
    site: Site, kills: Sequence[HostKill], downs: Sequence[HostKill], fresh_at: Sequence[float]
) -> dict[str, Any]:
    """What became of a role for which several stood."""
    journals = {one.name: read_journal(site.journal(f"host-{one.name}")) for one in site.rivals()}
    found = account_takeovers(kills, journals, downs, fresh_at)
    return asdict(found) | {"primary_kills": len(kills)}
