"""The whole fleet as one instance sees it: every instance of the fleet file, also the silent ones."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from bus.fleet.fleet import Fleet, load_fleet
from services.config.instance import Config
from services.operator.ask import ask

SILENT = "silent"


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
    peers = {**status["peers"], status["instance"]: own_peer(status)}
    newest = max([peer["generation"] for peer in peers.values() if peer["state"] == "alive"], default=0)
    mode = peers[status["instance"]]["transport"]
    found = []
    for name, member in fleet.instances.items():
        peer = peers.get(name, {})
        state = peer.get("state") or SILENT
        last = peer if state == "alive" else {}  # what others said last is not so any more
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
                "; ".join(_faults(peer, newest, mode)),
            )
        )
    return found


def own_peer(status: Mapping[str, Any]) -> dict[str, Any]:
    """The asked instance: it answers, whether its beats come back or not."""
    reasons = status["missing"] or status["degraded"]
    heard = status["peers"].get(status["instance"], {"transport": "", "version": "", "standing": None})
    return {
        **heard,
        "state": "alive",
        "verdict": "not ready" if status["missing"] else "degraded" if reasons else "ready",
        "reason": reasons[0]["code"] if reasons else "",
        "generation": status["generation"],
    }


def _faults(peer: Mapping[str, Any], newest: int, mode: str) -> Iterable[str]:
    """What is wrong with an instance, as its last beat or the lack of one shows it. `mode` is that of the
    asked one, empty until it has heard itself.
    """
    if not peer:
        yield "never heard"
        return
    if peer["state"] != "alive":
        age_s = peer.get("beat_age_s")
        yield peer["state"] if peer["state"] and age_s is None else _silent(peer["state"], age_s)
        return
    if peer["verdict"] != "ready":
        yield f"{peer['verdict']}: {peer['reason']}"
    if peer.get("twice"):
        yield "its name is in use twice"
    if peer["generation"] < newest:
        yield f"settings {peer['generation']} of {newest}"
    if mode and peer["transport"] != mode:
        yield f"in mode {peer['transport']}"


def _silent(state: str | None, age_s: float | None) -> str:
    return f"{state or 'forgotten'}{f', no beat for {age_s:.0f} s' if age_s is not None else ''}"
