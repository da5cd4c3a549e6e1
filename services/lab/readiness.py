"""Which service is not ready, and why: asked as an operator would, at `/readyz` and the local socket."""

import http.client
from collections.abc import Iterable, Sequence

from services.lab.host_kills import primary_of
from services.lab.processes import ask
from services.lab.site import Instance, Site

ASK_S_MAX = 2.0


def unready(site: Site, running: Sequence[str]) -> str:
    """Why the instances that run cannot all do their work yet, in a few words; nothing if they can.

    Each must say so itself; every minter must be able to hand off to every CFM that runs, and every role must
    have somebody who may act, or modems would find the site half awake.
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
    """Why this instance is not ready, as it says itself; nothing if it is."""
    status, lines = _readyz(one)
    if not lines:
        return f"{one.name} does not answer"
    return "" if status == http.HTTPStatus.OK else f"{one.name} is {lines[0]}"


def degraded(one: Instance) -> list[str]:
    """Why this instance calls itself degraded, as an operator is told; also for the lack of an answer."""
    status, lines = _readyz(one)
    if not lines:
        return ["it does not answer"]
    return lines[1:] if status == http.HTTPStatus.OK else []


def _readyz(one: Instance) -> tuple[int, list[str]]:
    """The page: its verdict with all reasons, then a line for each; no line if there is no answer."""
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
