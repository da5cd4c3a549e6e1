"""What an instance tells of itself in every beat, beside what its machine knows."""

import hashlib
from collections.abc import Callable, Iterable
from importlib.metadata import version
from typing import NamedTuple

from bus.fleet.fleet import Fleet
from heartbeat.liveness.beat import LISTED_MAX, KeyIds, seals_of


class About(NamedTuple):
    """Its version, its transport, and which keys it has now."""

    version: str = ""
    transport: Callable[[], str] = str
    keys: Callable[[], KeyIds] = KeyIds


class KeysInForce:
    """Which keys an instance has, as a reload changes them."""

    def __init__(self, ids: KeyIds) -> None:
        self._ids = ids

    def use(self, ids: KeyIds) -> None:
        """These from now on."""
        self._ids = ids

    def now(self) -> KeyIds:
        """These."""
        return self._ids


def key_ids(
    fleet: Fleet, seal: Iterable[int], group: Iterable[int] = (), settings: Iterable[int] = ()
) -> KeyIds:
    """The ids of the keys of this fleet file and these key files, each in its order; those of many seal keys
    are a bitmap.
    """
    pins = sorted(
        (name, one.service, one.site, *one.keys, *(sign.key for sign in one.sign))
        for name, one in fleet.instances.items()
    )
    digest = hashlib.sha256(repr((fleet.root, pins)).encode()).hexdigest()[:8]
    seals = [*seal]
    is_listed = len(seals) <= LISTED_MAX
    return KeyIds(
        fleet=digest,
        seal=bytes(seals).hex() if is_listed else "",
        seals="" if is_listed else seals_of(seals),
        group=bytes(group).hex(),
        settings=bytes(settings).hex(),
    )


def about(transport: Callable[[], str], keys: KeysInForce) -> About:
    """An instance of this installation."""
    return About(version("provbus"), transport, keys.now)
