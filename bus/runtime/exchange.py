"""One question to a local socket: what a client needs, without the server and its poller."""

import socket
from pathlib import Path
from typing import Any

from pydantic_core import from_json, to_json

from bus.errors import RemoteError, TryAgainError, UnavailableError


def exchange(path: Path, request: dict[str, Any], timeout_s: float) -> dict[str, Any]:
    """One request and its answer, for a client. `UnavailableError` if nobody listens at `path`, `RemoteError`
    if that socket is not for us, `TryAgainError` if there came no answer: then nobody knows what became of
    the request.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(timeout_s)
        try:
            connection.connect(str(path))
        except PermissionError as error:
            raise RemoteError(f"{path} is not for our user") from error
        except OSError as error:
            raise UnavailableError(f"nobody answers at {path}") from error
        try:
            connection.sendall(to_json(request) + b"\n")
            with connection.makefile("rb") as stream:
                answer = from_json(stream.readline())
        except (OSError, ValueError) as error:
            raise TryAgainError(f"indeterminate: no answer came from {path}") from error
    if not isinstance(answer, dict):
        raise TryAgainError(f"indeterminate: no answer came from {path}")
    return answer
