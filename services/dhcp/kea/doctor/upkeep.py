"""The check that Kea stores every lease, with all fields that we need, in the file that we read."""

import re
from collections.abc import Iterator

from services.dhcp.kea.doctor.levels import Level, levels
from services.dhcp.kea.doctor.remarks import Remark

TRIED = ("2.2.0", "2.6.3", "3.0.4")
"""The versions of Kea with which provbus was tried."""

REFUSES_NO_CACHE = (2, 6)
"""Up to this version Kea refuses `"cache-threshold": 0.0`, and caches nothing where there is no such line
(2.2.0 and 2.6.3). 3.0.4 takes 0.0, and assumes 0.25, which `config-get` shows on every level.
"""

LEASE_COMMANDS = "libdhcp_lease_cmds"
HIGH_AVAILABILITY = "libdhcp_ha"


def upkeep(config: Level, version: str, journal: str) -> Iterator[Remark]:
    """The mistakes that keep leases from a sidecar that follows `journal`, and notes."""
    if version not in TRIED:
        tried = f"{', '.join(TRIED[:-1])} and {TRIED[-1]}"
        yield Remark("Kea", f"this is {version}; provbus was tried with {tried}", is_note=True)
    yield from _database(config.get("lease-database") or {}, journal)
    yield from _hooks(config)
    yield from _extended(config)
    yield from _caching(config, version)
    if _has_hook(config, HIGH_AVAILABILITY):
        yield Remark(
            "Kea", "it has a partner (libdhcp_ha): each of the two needs a sidecar of its own", is_note=True
        )


def _database(database: Level, journal: str) -> Iterator[Remark]:
    place = "lease-database"
    if database.get("type") != "memfile":
        kind = database.get("type", "missing")
        yield Remark(place, f'nobody can follow the leases of type {kind}: write "type": "memfile"')
        return
    if not database.get("persist", True):
        yield Remark(place, 'no lease is written down: write "persist": true')
    if database.get("name") != journal:
        name = database.get("name", "not given")
        yield Remark(place, f"name is {name}, minter.kea.journal is {journal}: write the same path in both")
    if database.get("lfc-interval", 3600) == 0:
        yield Remark(place, 'the journal grows for ever: write "lfc-interval": 3600')


def _hooks(config: Level) -> Iterator[Remark]:
    if not _has_hook(config, LEASE_COMMANDS):
        yield Remark(
            "hooks-libraries",
            "lease4-get-page is not there, so nobody sees a Kea that answers no modem: add "
            f'{{"library": ".../kea/hooks/{LEASE_COMMANDS}.so"}}',
        )


def _extended(config: Level) -> Iterator[Remark]:
    """The levels that do not store option 82; a level without the setting inherits it."""
    for place, level in levels(config):
        if not level.get("store-extended-info", level is not config):
            yield Remark(
                place, 'option 82 is not kept, so no modem is known: write "store-extended-info": true'
            )
            if level is config:
                return  # the others may only have inherited it


def _caching(config: Level, version: str) -> Iterator[Remark]:
    is_refused = _number(version) <= REFUSES_NO_CACHE
    cure = "remove cache-threshold" if is_refused else 'write "cache-threshold": 0.0'
    for place, level in levels(config):
        if level.get("cache-threshold"):
            yield Remark(place, f"a modem that boots again early leaves no lease: {cure}")
            if level is config:
                return


def _has_hook(config: Level, name: str) -> bool:
    return any(name in str(hook.get("library")) for hook in config.get("hooks-libraries") or [])


def _number(version: str) -> tuple[int, ...]:
    """Major and minor of `2.2.0`."""
    return tuple(int(part) for part in re.findall(r"\d+", version)[:2])
