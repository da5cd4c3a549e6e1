"""The readiness of services, asked as an operator would: at `/readyz` and the local socket."""

import http.client
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from services.lab.site.processes import ask
from services.lab.site.site import Instance, Site

ASK_S_MAX = 2.0


class Sight(NamedTuple):
    """An instance as it is seen from outside: its verdict in its own words, and its state in its role."""

    name: str
    verdict: str
    role: str


def unready(site: Site, running: Sequence[str]) -> str:
    """Why the instances that run cannot all do their work yet, in a few words; empty if they can.

    Each must report ready itself, every minter must be able to hand off to every CFM that runs, and every
    role must have an instance that may act; else modems would find a site that is only partly up.
    """
    instances = [site.instances[name] for name in running]
    cfms = {one.name for one in instances if one.service == "cfm"}
    for one in instances:
        if text := not_ready(one):
            return text
        if one.service == "cfm":
            continue
        status = ask(one.socket, {"op": "status"}) or {"cfms": ()}
        if missing := sorted(cfms - set(status["cfms"])):
            return f"{one.name} cannot hand off to {', '.join(missing)}"
    return _without_primary(instances)


def not_ready(one: Instance) -> str:
    """Why this instance is not ready, in its own words; empty if it is."""
    status, lines = _readyz(one)
    if not lines:
        return f"{one.name} does not answer"
    return "" if status == http.HTTPStatus.OK else f"{one.name} is {lines[0]}"


def sight(one: Instance) -> Sight:
    """How this instance is at the moment. A CFM has no role, and neither has one that does not answer."""
    _, lines = _readyz(one)
    if not lines:
        return Sight(one.name, "does not answer", "")
    status = ask(one.socket, {"op": "status"}, ASK_S_MAX) or {"failover": {}}
    return Sight(one.name, lines[0], str(status["failover"].get("state", "")))


def degraded(one: Instance) -> list[str]:
    """The degradations that this instance reports to operators; one if it does not answer."""
    status, lines = _readyz(one)
    if not lines:
        return ["it does not answer"]
    return lines[1:] if status == http.HTTPStatus.OK else []


def primary_of(sidecars: Iterable[Instance]) -> str | None:
    """The name of the sidecar that may act; None if none may, or none answers."""
    for one in sidecars:
        answer = ask(one.socket, {"op": "authority"})
        if answer is not None and answer.get("may_act"):
            return one.name
    return None


def _readyz(one: Instance) -> tuple[int, list[str]]:
    """The page's status and lines: the verdict with all reasons, then a line for each; no line without
    answer.
    """
    connection = http.client.HTTPConnection(*one.http, timeout=ASK_S_MAX)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        return answer.status, answer.read().decode(errors="replace").splitlines()
    except (OSError, http.client.HTTPException):
        return 0, []
    finally:
        connection.close()


def _without_primary(instances: Iterable[Instance]) -> str:
    minters = [one for one in instances if one.service != "cfm"]
    for service in sorted({one.service for one in minters}):
        if primary_of(one for one in minters if one.service == service) is None:
            return f"no {service} may act"
    return ""
