"""What keeps a Kea from telling us everything: findings in its configuration, each with what to write where.

The configuration is the answer to `config-get`, in which Kea has filled in what it inherits and assumes. Some
settings stand on every level (global, shared network, subnet), and the innermost one counts.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from fileid.given import DEVICE
from fileid.lease import LeaseFile

UNCACHED = (2, 2)
"""Up to this version Kea writes every lease down unless `cache-threshold` is set, and refuses 0.0 there.
Later ones write no early renewal down unless it is 0.0.
"""

LEASE_COMMANDS = "libdhcp_lease_cmds"
HIGH_AVAILABILITY = "libdhcp_ha"

Level = Mapping[str, Any]


class Report(NamedTuple):
    """`findings` must be put right, `notes` be known."""

    findings: list[str]
    notes: list[str]


def examine(
    config: Level, version: str, journal: str, files: Sequence[LeaseFile], addresses: Mapping[str, str]
) -> Report:
    """What is wrong in Kea's `Dhcp4` for a sidecar that follows `journal` and gives rows to these files.

    `addresses` are where CFMs serve files, as far as that is known.
    """
    findings = [
        *_database(config.get("lease-database") or {}, journal),
        *_hooks(config),
        *_extended(config),
        *_caching(config, version),
        *(finding for file in files for finding in _naming(config, file, addresses)),
    ]
    notes = []
    if _has_hook(config, HIGH_AVAILABILITY):
        notes.append("this Kea has a partner (libdhcp_ha): each of the two needs a sidecar of its own")
    return Report(findings, notes)


def _database(database: Level, journal: str) -> Iterator[str]:
    if database.get("type") != "memfile":
        kind = database.get("type", "missing")
        yield f'lease-database: nobody can follow the leases of type {kind}: write "type": "memfile"'
        return
    if not database.get("persist", True):
        yield 'lease-database: no lease is written down: write "persist": true'
    if database.get("name") != journal:
        name = database.get("name", "not given")
        yield f"lease-database: name is {name}, minter.kea.journal is {journal}: write the same path in both"
    if database.get("lfc-interval", 3600) == 0:
        yield 'lease-database: the journal grows for ever: write "lfc-interval": 3600'


def _hooks(config: Level) -> Iterator[str]:
    if not _has_hook(config, LEASE_COMMANDS):
        yield (
            "hooks-libraries: lease4-get-page is not there, so a restart reads the whole journal: add "
            f'{{"library": ".../kea/hooks/{LEASE_COMMANDS}.so"}}'
        )


def _extended(config: Level) -> Iterator[str]:
    """A level that does not say it has what the one around it says."""
    for place, level in _levels(config):
        if not level.get("store-extended-info", level is not config):
            yield f'{place}: option 82 is not kept, so no modem is known: write "store-extended-info": true'
            if level is config:
                return  # the others may only have inherited it


def _caching(config: Level, version: str) -> Iterator[str]:
    is_uncached = _number(version) <= UNCACHED
    cure = "remove cache-threshold" if is_uncached else 'write "cache-threshold": 0.0'
    for place, level in _levels(config):
        threshold = level.get("cache-threshold", None if is_uncached or level is not config else 0.25)
        if threshold:
            yield f"{place}: a modem that boots again early leaves no lease: {cure}"
            if level is config:
                return


def _naming(config: Level, file: LeaseFile, addresses: Mapping[str, str]) -> Iterator[str]:
    """Whether Kea gives the name out, and with a CFM that gets its rows."""
    known = {addresses[cfm]: cfm for cfm in file.cfms if cfm in addresses}
    namers = [one for one in _namers(config) if _is_name(file, one[1].get("boot-file-name", ""))]
    if not namers:
        yield f"{file.name} of minter.kea.files: nothing gives it out: {_where_to_name(file)}"
    is_served = any(_server(level) for _, level in _levels(config))
    for place, namer in namers:
        server = _server(namer)
        if not server and not is_served:
            yield f'{place}: {namer["boot-file-name"]} without a server: write "next-server" beside it'
        elif server and server not in known and len(known) == len(file.cfms):
            there = ", ".join(f"{address} ({cfm})" for address, cfm in known.items())
            yield f"{place}: next-server {server} gets no rows of {file.name}: write {there}"


def _server(level: Level) -> str:
    """Its `next-server`, empty if it has none; the one of a class goes over that of a subnet."""
    server = level.get("next-server") or ""
    return "" if server == "0.0.0.0" else server


def _where_to_name(file: LeaseFile) -> str:
    if DEVICE in file.name:
        return 'put what "provbus kea reservations" prints into "reservations"'
    return f'write "boot-file-name": "{file.name}" and "next-server" into a client class'


def _is_name(file: LeaseFile, name: str) -> bool:
    before, device, after = file.name.partition(DEVICE)
    if not device:
        return name == file.name
    middle = name[len(before) : len(name) - len(after)]
    return name == f"{before}{middle}{after}" and bool(re.fullmatch("[0-9a-f]{12}", middle))


def _namers(config: Level) -> Iterator[tuple[str, Level]]:
    """Everything that may give a file name out, and how people find it."""
    for one in config.get("client-classes") or []:
        yield f"client class {one.get('name')}", one
    for place, level in _levels(config):
        yield place, level
        for one in level.get("reservations") or []:
            yield f"{place}, reservation {one.get('hw-address', one.get('ip-address', ''))}", one


def _levels(config: Level) -> Iterator[tuple[str, Level]]:
    yield "Dhcp4", config
    for network in config.get("shared-networks") or []:
        name = f"shared network {network.get('name')}"
        yield name, network
        for subnet in network.get("subnet4") or []:
            yield f"{name}, subnet {subnet.get('id')}", subnet
    for subnet in config.get("subnet4") or []:
        yield f"subnet {subnet.get('id')}", subnet


def _has_hook(config: Level, name: str) -> bool:
    return any(name in str(hook.get("library")) for hook in config.get("hooks-libraries") or [])


def _number(version: str) -> tuple[int, ...]:
    """Major and minor of `2.2.0`."""
    return tuple(int(part) for part in re.findall(r"\d+", version)[:2])
