"""Listening at a path: a Unix socket that only the right ones can connect to from its first moment."""

import os
import socket
from pathlib import Path

from bus.errors import BusyError
from bus.state_file import make_directory

_DIRECTORY_MODE = 0o755  # others pass through it; each socket has a mode of its own


def listen_at(path: Path, mode: int, backlog: int, group: int | None = None) -> socket.socket:
    """A listener of this mode, of this group if not our own; `BusyError` if the path cannot be had or another
    process listens there.
    """
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _remove_stale(path)
        make_directory(path.parent, _DIRECTORY_MODE)
        listener.bind(str(path))
        # Before it listens nobody can connect, whatever the umask.
        path.chmod(mode)
        if group is not None:
            os.chown(path, -1, group)
        listener.listen(backlog)
    except OSError as error:
        listener.close()
        raise BusyError(f"cannot listen on {path}: {error.strerror or error}") from error
    return listener


def _remove_stale(path: Path) -> None:
    """Remove the socket that a killed process left; one that answers belongs to somebody."""
    if not path.is_socket():
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
        except BlockingIOError:
            pass  # somebody listens and is too busy to accept
    raise OSError("another process listens there")
