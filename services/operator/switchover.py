"""An operator's word in who holds a role: what an instance says of it, and what it is told.

A switchover is meant, where a failover happens. Each function speaks with one instance over its local socket
and raises what keeps it from doing so: `ConfigError` for an instance that cannot have the role or the vote,
`RemoteError` for one that refuses, `TryAgainError` for one that could not do it now.
"""

import time
from collections.abc import Iterable
from typing import Any

from bus.errors import ConfigError, RemoteError, TryAgainError
from services.config.instance import Config
from services.operator.ask import ask

PROMOTE_S = 15.0  # the gate is skipped; what is left is a lease of the former holder, and the settings
EVERY_S = 0.1


def standing(config: Config) -> dict[str, Any]:
    """Where a sidecar stands in the election of its role, or what a CFM knows of every role."""
    found: dict[str, Any] = ask(config, {"op": "status"})["failover"]
    return found


def promote(config: Config, absent: Iterable[str] = ()) -> dict[str, Any]:
    """Make this sidecar the primary and wait until it is; where it stands then. Over multicast the CFMs that
    are `absent` are not asked which primary they have seen.
    """
    _tell(config, {"op": "failover.promote", "absent": [*absent]})
    deadline = time.monotonic() + PROMOTE_S
    while (found := standing(config))["state"] != "active":
        if time.monotonic() > deadline:
            raise TryAgainError(f"indeterminate: {config.instance} is {found['state']} after {PROMOTE_S:g} s")
        time.sleep(EVERY_S)
    return found


def drain(config: Config, on: bool) -> str:
    """Have this sidecar give its role back and stand for it no more, or take that back. Returns what to know
    of it: that nobody has the role now; often empty.
    """
    return _order(config, "drain", on)


def lock(config: Config, on: bool) -> str:
    """Have this sidecar never take over by itself, or take that back. Returns the same as `drain`."""
    return _order(config, "lock", on)


def begin_era(config: Config, revoke: Iterable[bytes] = ()) -> int:
    """Have this sidecar begin an era in the name of our user, in which no record of the role log by one of
    the public keys `revoke` counts; which one it sent.
    """
    keys = [key.hex() for key in revoke]
    era: int = _tell(config, {"op": "failover.era", **({"revoke": keys} if keys else {})})["era"]
    return era


def admit(config: Config, floors: Iterable[tuple[str, int, int]]) -> None:
    """Have this CFM vote. It believes no claim below the highest floor of its role: a role, an era, an epoch.

    A role may have a floor for each of the other CFMs.
    """
    if config.cfm is None:
        raise ConfigError(f"{config.instance} is no CFM: it has no vote")
    highest: dict[str, dict[str, int]] = {}
    for role, era, epoch in sorted(floors):
        highest[role] = {"era": era, "epoch": epoch}
    _done(config, ask(config, {"op": "failover.admit", "floors": highest}))


def _order(config: Config, verb: str, on: bool) -> str:
    if not _tell(config, {"op": f"failover.{verb}", "on": on})["vacant"]:
        return ""
    return (
        f"{config.instance} is the appointed primary and stands still, and nobody takes over by itself:"
        " promote another one, or take lock and drain back (--off)"
    )


def _tell(config: Config, request: dict[str, Any]) -> dict[str, Any]:
    """The answer of a sidecar that did what it was told."""
    if config.minter is None:
        raise ConfigError(f"{config.instance} is a CFM: it holds no role")
    return _done(config, ask(config, request))


def _done(config: Config, answer: dict[str, Any]) -> dict[str, Any]:
    """The answer of an instance that did what it was told."""
    if answer.get("error") == "try_again":
        raise TryAgainError(f"{config.instance}: {answer['detail']}")
    if "error" in answer:
        raise RemoteError(f"{config.instance}: {answer.get('detail', answer['error'])}")
    return answer
