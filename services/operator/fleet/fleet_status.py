"""The whole fleet as one instance sees it: every instance of the fleet file, also the silent ones."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from bus.fleet.fleet import Fleet, load_fleet
from heartbeat.liveness.detector import DEAD_AFTER_S
from services.config.instance import Config
from services.operator.ask import ask

SILENT = "silent"
OWN = ("service", "verdict", "reason", "version", "transport", "keys", "generation", "sealed")
"""What an instance tells of itself as its beats do."""


class FleetEntry(NamedTuple):
    """One instance. `state` is what the failure detector of the asked instance believes, `wrong` what is
    wrong with it, in words; empty if nothing is.
    """

    name: str
    service: str
    site: str
    state: str
    verdict: str
    reason: str
    role: str
    version: str
    generation: int
    transport: str
    keys: Mapping[str, str]
    beat_age_s: float | None
    wrong: str


def fleet_status(config: Config) -> dict[str, Any]:
    """Every instance of the fleet file of this running instance, by its word, and whether all is well
    (`UnavailableError`, `TryAgainError`).
    """
    status = ask(config, {"op": "status"})
    seen = judge_fleet(load_fleet(config.fleet), status)
    return {
        "asked": status["instance"],
        "ok": not any(one.wrong for one in seen),
        "instances": [one._asdict() for one in seen],
    }


def judge_fleet(fleet: Fleet, status: Mapping[str, Any]) -> list[FleetEntry]:
    """Every instance of this fleet file by the `status` of one of them."""
    peers = peers_of(status)
    newest = max([peer["generation"] for peer in peers.values() if peer["state"] == "alive"], default=0)
    found = []
    for name, member in fleet.instances.items():
        peer = peers.get(name, {})
        state = (peer["state"] or "forgotten") if peer else SILENT
        # What one said last that is not heard any more is not so any more.
        last = peer if state == "alive" and not _is_stale(peer) else {}
        standing = last.get("standing")
        role = "" if standing is None else standing["state"]
        found.append(
            FleetEntry(
                name,
                member.service,
                member.site,
                state,
                last.get("verdict", ""),
                last.get("reason", ""),
                f"{role} {standing['epoch']}" if standing and standing["epoch"] >= 0 else role,
                peer.get("version", ""),
                peer.get("generation", 0),
                peer.get("transport", ""),
                peer.get("keys", {}),
                peer.get("beat_age_s"),
                "; ".join(_faults(peer, newest, status["transport"])),
            )
        )
    return found


def peers_of(status: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Every instance that the asked one ever heard, and itself: it answers, heard or not."""
    name = status["instance"]
    own = {"standing": None, "twice": False, **status["peers"].get(name, {})}
    own |= {key: status[key] for key in OWN} | {"state": "alive", "beat_age_s": None}
    return {**status["peers"], name: own}


def _faults(peer: Mapping[str, Any], newest: int, mode: str) -> Iterable[str]:
    """What is wrong with an instance, as its last beat or the lack of one shows it. `mode` is that of the
    asked one.
    """
    if not peer:
        yield "never heard"
        return
    if peer["state"] != "alive":
        yield _silent(peer["state"], peer["beat_age_s"])
        return
    if _is_stale(peer):
        yield f"no beat for {peer['beat_age_s']:.0f} s, nor of the asked one"
        return
    if peer["verdict"] != "ready":
        yield f"{peer['verdict']}: {peer['reason']}"
    if peer["twice"]:
        yield "its name is in use twice"
    if peer["generation"] < newest:
        yield f"settings {peer['generation']} of {newest}"
    if peer["transport"] != mode:
        yield f"in mode {peer['transport']}"


def _is_stale(peer: Mapping[str, Any]) -> bool:
    """Whether it counts as alive only because nobody is heard: silence is counted up to our own last beat."""
    return peer["state"] == "alive" and (peer["beat_age_s"] or 0.0) > DEAD_AFTER_S


def _silent(state: str | None, age_s: float | None) -> str:
    return f"{state or 'forgotten'}{f', no beat for {age_s:.0f} s' if age_s is not None else ''}"
