"""An operator's word in which transport carries the messages, and what an instance says of it.

Each function speaks with one instance over its local socket. `RemoteError`: it refuses; `TryAgainError`: not
now.
"""

from collections.abc import Callable, Iterable
from time import monotonic, sleep
from typing import Any

from bus.errors import RemoteError, TryAgainError
from bus.switch.others import FRESH_S
from bus.switch.standing import Step
from services.config.instance import Config
from services.operator.ask import ask

EVERY_S = 0.1
STEPS = ("", *(step.name.lower() for step in Step))
Told = Callable[[dict[str, Any]], None]


def status(config: Config) -> dict[str, Any]:
    """By which columns messages travel there, and how far a switch is, here and at everybody else."""
    return _done(config, ask(config, {"op": "transport.status"}))


def parity(config: Config) -> dict[str, Any]:
    """Which messages came by both columns, and which by one alone."""
    return _done(config, ask(config, {"op": "transport.parity"}))


def check(config: Config, to: str, absent: Iterable[str]) -> list[str]:
    """What stands in the way of a switch to this mode."""
    request = {"op": "transport.switch", "verb": "check", "to": to, "absent": [*absent]}
    found: list[str] = _done(config, ask(config, request))["obstacles"]
    return found


def switch(config: Config, to: str, absent: Iterable[str]) -> dict[str, Any]:
    """Begin a switch to this mode; `follow` says how far it is."""
    return _order(config, {"verb": "switch", "to": to, "absent": [*absent]})


def abort(config: Config) -> dict[str, Any]:
    """Call the switch off that is under way."""
    return _order(config, {"verb": "abort"})


def finish(config: Config) -> dict[str, Any]:
    """Close the former column everywhere."""
    return _order(config, {"verb": "finish"})


def follow(config: Config, plan: str, told: Told, timeout_s: float) -> dict[str, Any]:
    """Watch a switch until it is over, with each state that is new handed to `told`; the last one.

    `RemoteError` if it ended without its mode, `TryAgainError` if it goes on after `timeout_s`.
    """
    deadline = monotonic() + timeout_s
    last: dict[str, Any] = {}
    while True:
        found = status(config)
        seen = (found["step"], found["waits_for"])
        if seen != (last.get("step"), last.get("waits_for")):
            told(found)
        last = found
        if found["plan"] != plan:
            first = found["lost_to"] or found["by"] or "another"
            why = found["because"] or f"the order of {first} came first"
            raise RemoteError(f"{config.instance}: the switch ended: {why}")
        if found["is_over"] and not _behind(found):
            return found
        if monotonic() > deadline:
            waits = ", ".join(found["waits_for"]) or "nobody"
            raise TryAgainError(
                f"the switch goes on, at step {found['step']} after {timeout_s:g} s: waiting for {waits}"
            )
        sleep(EVERY_S)


def _behind(found: dict[str, Any]) -> list[str]:
    """Who is alive and has not come to where this instance is. An order that came before they have would be
    refused for what they still lack.
    """
    step = STEPS.index(found["step"])
    return [
        name
        for name, one in found["fleet"].items()
        if one["heard_s"] < FRESH_S and (one["leads"] != found["leads"] or STEPS.index(one["step"]) < step)
    ]


def _order(config: Config, request: dict[str, Any]) -> dict[str, Any]:
    return _done(config, ask(config, {"op": "transport.switch", **request}))


def _done(config: Config, answer: dict[str, Any]) -> dict[str, Any]:
    if "error" in answer:
        kind = TryAgainError if answer["error"] == "try_again" else RemoteError
        raise kind(f"{config.instance}: {answer.get('detail', answer['error'])}")
    return {key: answer[key] for key in answer if key != "id"}
