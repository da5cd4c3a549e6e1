"""Kea's control socket: one JSON command over a UNIX socket, one JSON answer, then Kea hangs up."""

import json
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bus.errors import RemoteError, UnavailableError

WAIT_S = 5.0
"""Kea answers between two packets; in a storm that takes a moment."""

ANSWER_BYTES_MAX = 64 * 1024 * 1024
"""A configuration with a reservation for each of a hundred thousand modems has some 20 MB."""

DONE, EMPTY = 0, 3
_CHUNK_BYTES = 256 * 1024


def command(
    path: Path, name: str, arguments: Mapping[str, Any] | None = None, wait_s: float = WAIT_S
) -> dict[str, Any]:
    """Kea's whole answer to a command: `result` is 0, or 3 where nothing was found.

    `UnavailableError` if Kea does not answer in time, `RemoteError` if it refuses or answers something else.
    """
    request = {"command": name} if arguments is None else {"command": name, "arguments": arguments}
    try:
        text = _exchange(path, json.dumps(request).encode(), time.monotonic() + wait_s)
    except OSError as error:
        raise UnavailableError(
            f"Kea does not answer at {path} ({error.strerror or error}): start kea-dhcp4, give it this "
            "control-socket, or join the socket's group"
        ) from error
    try:
        answer = json.loads(text)
        answer = answer[0] if isinstance(answer, list) else answer
        result = answer["result"]
    except (ValueError, LookupError, TypeError) as error:
        raise RemoteError(f"what answers at {path} is not Kea: {text[:80]!r}") from error
    if result not in (DONE, EMPTY):
        raise RemoteError(f"Kea refuses {name}: {answer.get('text', result)}")
    return dict(answer)


def _exchange(path: Path, request: bytes, deadline_s: float) -> bytes:
    """Everything that is answered until the other side hangs up; `OSError` if that does not come in time."""
    chunks: list[bytes] = []
    size_bytes = 0
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(_left_s(deadline_s))
        connection.connect(str(path))
        connection.sendall(request)
        while size_bytes <= ANSWER_BYTES_MAX:
            connection.settimeout(_left_s(deadline_s))
            chunk = connection.recv(_CHUNK_BYTES)
            if not chunk:
                return b"".join(chunks)
            chunks.append(chunk)
            size_bytes += len(chunk)
    raise RemoteError(f"Kea's answer has more than {ANSWER_BYTES_MAX} bytes")


def _left_s(deadline_s: float) -> float:
    left_s = deadline_s - time.monotonic()
    if left_s <= 0:
        raise TimeoutError("timed out")
    return left_s
