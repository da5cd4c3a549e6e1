"""Who has the keys of a directory: before the next step of a rotation everybody must have this one's.

Beats name the ids of keys (`heartbeat.liveness.beat.KeyIds`), so one running instance knows of all.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bus.errors import TryAgainError
from bus.fleet.fleet import (
    MINTERS,
    Fleet,
    load_fleet,
    load_group_keys,
    load_seal_keys,
    load_settings_keys,
    settings_key_file,
)
from bus.fleet.pairs import PAIRS
from fileid.seal import KEY_BYTES
from heartbeat.liveness.beat import KeyIds, each_id
from services.config.instance import Config
from services.instance.about import key_ids
from services.operator.ask import ask
from services.operator.fleet.fleet_status import peers_of

Ids = Mapping[str, list[str]]
"""For each instance the ids that it must have, in hex; the first of a minter is the one in use."""


def check_holders(config: Config, directory: Path, kind: str, step: str) -> None:
    """`TryAgainError` if an instance does not have the keys of this kind as they are in the directory, or if
    it still needs the settings key that this step drops.
    """
    status = ask(config, {"op": "status"})
    fleet = load_fleet(directory / "fleet.yaml")
    ids, peers = wanted(directory, fleet, kind), peers_of(status)
    behind = sorted(lagging(kind, ids, fleet, peers))
    if behind:
        raise TryAgainError(
            f"{', '.join(behind)}: not with the {kind} keys of {directory}, as {status['instance']} sees it; "
            "give them their files and reload them, or take the step with --force"
        )
    needed = sorted(needing(ids, peers)) if (kind, step) == ("settings", "drop") else []
    if needed:
        raise TryAgainError(
            f"{', '.join(needed)}: the settings there are still sealed with the key that drop takes away, as"
            f" {status['instance']} sees it; reload a minter, which seals them anew, or take the step with"
            " --force"
        )


def needing(ids: Ids, peers: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """The instances that need another key than the first: their copy of the settings, or the newest record
    that they read on the topic, is sealed with it.
    """
    for name, peer in peers.items():
        if name in ids and not {*each_id(peer["sealed"])} <= {*ids[name][:1]}:
            yield name


def wanted(directory: Path, fleet: Fleet, kind: str) -> Ids:
    """What each instance must have of this kind, by the files of the directory."""
    if kind in PAIRS:
        return dict.fromkeys(fleet.instances, _ids_of(kind, key_ids(fleet, ())))
    if kind == "multicast":
        group = [key.key_id for key in load_group_keys(directory / "multicast" / "group.key")]
        return dict.fromkeys(fleet.instances, _ids_of(kind, key_ids(fleet, (), group)))
    if kind == "settings":
        ours = [key_id for key_id, _ in load_settings_keys(settings_key_file(directory))]
        return dict.fromkeys(fleet.instances, _ids_of(kind, key_ids(fleet, (), (), ours)))
    seals = {}
    for name in fleet.keys(*MINTERS):
        lines = load_seal_keys(directory / "seal" / f"{name}.key", fleet, KEY_BYTES)
        seals[name] = _ids_of(kind, key_ids(fleet, [key_id for _, key_id, _ in lines]))
    every = [key_id for ids in seals.values() for key_id in ids]
    return {name: seals.get(name, every) for name in fleet.instances}


def _ids_of(kind: str, keys: KeyIds) -> list[str]:
    """The ids of the keys of this kind; of pairs that of the fleet file."""
    if kind in PAIRS:
        return [keys.fleet]
    if kind == "seal":
        return keys.seal_ids()
    return each_id(keys.group if kind == "multicast" else keys.settings)


def lagging(kind: str, ids: Ids, fleet: Fleet, peers: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """The instances that are not alive, or do not have their ids."""
    for name, member in fleet.instances.items():
        peer = peers.get(name)
        if peer is None or peer["state"] != "alive":
            yield f"{name} (not alive)"
            continue
        have = _ids_of(kind, KeyIds.model_validate(peer["keys"]))
        is_all_that_counts = kind == "seal" and member.service == "cfm"
        if not {*ids[name]} <= {*have} if is_all_that_counts else ids[name] != have:
            yield name
