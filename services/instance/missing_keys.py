"""Keys and fleet files that differ among instances, before a switch of the transport.

Where messages leave by another column somebody may be met whom one never needed before; who lacks the key of
the group, or pins another key of a peer, would not hear him there, and the switch would wait for that.
"""

from collections.abc import Collection, Iterator, Mapping

from heartbeat.liveness.beat import KeyIds, each_id


def missing_keys(own: str, found: Mapping[str, KeyIds], minters: Collection[str]) -> list[str]:
    """What differs among these instances, `own` among them, in a sentence each."""
    return [*_fleet_files(own, found), *_group(found), *_settings(found, minters)]


def _fleet_files(own: str, found: Mapping[str, KeyIds]) -> Iterator[str]:
    """One that names none is not compared."""
    ours = found[own].fleet
    others = [name for name, keys in found.items() if keys.fleet not in ("", ours)]
    if ours and others:
        yield f"the fleet file of {_and(others)} is another one than that of {own}"


def _group(found: Mapping[str, KeyIds]) -> Iterator[str]:
    """Everybody opens what each other one seals; who has no key is not in the group."""
    members = {name: keys.group for name, keys in found.items() if keys.group}
    yield from _missing("the group's key", members, members)


def _settings(found: Mapping[str, KeyIds], minters: Collection[str]) -> Iterator[str]:
    """Everybody opens what a minter seals."""
    yield from _missing("settings key", {name: keys.settings for name, keys in found.items()}, minters)


def _missing(what: str, ids: Mapping[str, str], users: Collection[str]) -> Iterator[str]:
    """The keys that one of the `users` seals with, which is its first one, and another one does not have."""
    used: dict[str, list[str]] = {}
    for name in ids:
        if name in users and ids[name]:
            used.setdefault(ids[name][:2], []).append(name)
    for key, by in sorted(used.items()):
        without = [name for name, has in ids.items() if key not in each_id(has)]
        if without:
            yield f"{what} {int(key, 16)}, in use at {_and(by)}, is missing at {_and(without)}"


def _and(names: Collection[str]) -> str:
    return ", ".join(sorted(names))
