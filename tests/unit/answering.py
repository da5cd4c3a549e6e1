"""Stands in for a running instance: a local socket that gives the same answers whatever it is asked."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

from bus.config.paths import admin_socket_of

DEADLINE_S = 30


@contextmanager
def answering(path: Path, *statuses: dict[str, Any]) -> Iterator[list[Any]]:
    """The operators' socket beside `path`, which answers the questions with these one after the other, and
    every further one with the last; yields what it was asked.
    """
    asked: list[Any] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(admin_socket_of(path)))
        listener.listen()

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection, connection.makefile("rwb") as stream:
                    status = statuses[min(len(asked), len(statuses) - 1)]
                    asked.append(json.loads(stream.readline()))
                    stream.write(json.dumps(status).encode() + b"\n")

        thread = Thread(target=serve)
        thread.start()
        try:
            yield asked
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(DEADLINE_S)
