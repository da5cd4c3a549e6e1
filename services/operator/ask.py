"""Asking a running instance over its operators' socket."""

from typing import Any

from bus.errors import RemoteError, UnavailableError
from bus.runtime.exchange import exchange
from services.config.instance import Config

ANSWER_S = 5.0  # an instance answers from what it has in memory


def ask(config: Config, request: dict[str, Any], timeout_s: float = ANSWER_S) -> dict[str, Any]:
    """The instance's answer to its operator. `UnavailableError` if it is not there, `RemoteError` if its
    operators' socket is not for us, `TryAgainError` if it did not answer.
    """
    try:
        return exchange(config.local.admin_socket, request, timeout_s)
    except UnavailableError as error:
        raise UnavailableError(f"{error}: start {config.instance}") from error
    except RemoteError as error:
        raise RemoteError(f"{error}: ask as root, or as the user of {config.instance}") from error


def in_force(config: Config, *, reveal: bool = False) -> dict[str, Any]:
    """The catalogue in force as the instance has it, and who made it. Secrets are masked; if it has to
    `reveal` them, its audit stream tells of it.
    """
    answer = ask(config, {"op": "settings", **({"reveal": True} if reveal else {})})
    if "error" in answer:
        raise RemoteError(f"{config.instance}: {answer.get('detail', answer['error'])}")
    return {key: answer[key] for key in answer if key != "id"}


def history(config: Config) -> list[dict[str, Any]]:
    """The generations of the settings that the instance keeps, newest first."""
    answer = ask(config, {"op": "settings.history"})
    if "error" in answer:
        raise RemoteError(f"{config.instance}: {answer.get('detail', answer['error'])}")
    found: list[dict[str, Any]] = answer["history"]
    return found


def sight(config: Config) -> dict[str, Any]:
    """Whom the instance sees, and how it stands itself. Rows can go between it and those of `handoff`."""
    status = ask(config, {"op": "status"})
    found = {key: status[key] for key in ("instance", "service", "draining", "missing", "degraded", "peers")}
    return {**found, "handoff": status["connected" if status["service"] == "cfm" else "cfms"]}
