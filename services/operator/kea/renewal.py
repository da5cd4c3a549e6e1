"""Reservations renewed: written into the file that Kea includes, and Kea made to read it.

Kea answers nobody while it reads, so it is asked to only when something changed, when it may, and not more
often than it was said. What a person should know meanwhile is told to `note`.
"""

import fcntl
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from bus import state_file
from bus.errors import ConfigError, ProvbusError, RemoteError, TryAgainError
from services.config.instance import Config
from services.config.sections import KeaSection
from services.dhcp.kea.daemon.control import MuteError, SilentError
from services.dhcp.kea.reload.applying import KeaMoment, excuse_s, obstacle, price_s
from services.dhcp.kea.reload.reloading import (
    check_configuration,
    check_included,
    check_leases,
    look,
    reload,
    why_mute,
)
from services.dhcp.kea.reservations import Reservation
from services.operator.ask import ask
from services.operator.kea.following import kea_section

LOOK_EVERY_S = 1.0
RECORD = "kea-applied.json"
UNTESTED = (
    "Kea's configuration is not tested before it reloads: nobody knows how Kea was started, or its file "
    "is not ours to read"
)
_MODE = 0o644  # Kea has another user than we

Note = Callable[[str], None]
"""Takes a line for the person who waits."""


class Renewed(NamedTuple):
    """How many reservations Kea has read, and how long it answered nobody for that."""

    reservations: int
    silent_s: float


def renew(
    config: Config,
    into: Path,
    collect: Callable[[], list[Reservation]],
    interval_s: float,
    wait_s: float,
    note: Note,
) -> Renewed | None:
    """Write what `collect` finds into that file, and have Kea reload when it may; None if it holds that
    already and Kea has read it.

    `TryAgainError` if it may not within `wait_s`, `RemoteError` if it refuses, `ConfigError` if it does not
    include that file.
    """
    section = kea_section(config)
    with _alone(into):
        check_included(section.control_socket, into.absolute())
        record = config.state_directory / RECORD
        text = _text(collect())
        is_read = _holds(into, text) and _holds(record, _digest(text))
        if is_read and not why_mute(section.control_socket):
            return None
        deadline_s = time.monotonic() + wait_s
        while True:
            made = collect()
            text = _text(made)
            _write(into, text)
            if not check_configuration(section.control_socket):
                note(f"note: {UNTESTED}")
            moment, has_waited = _wait(section, interval_s, deadline_s, wait_s, note)
            if not has_waited:
                break  # nothing can have changed
        check_leases(section.journal)
        silent_s = _reload(config, section, price_s(moment, len(made)), note)
        _keep(record, _digest(text), note)
        return Renewed(len(made), silent_s)


def _reload(config: Config, section: KeaSection, price: float, note: Note) -> float:
    note(f"Kea reads its leases anew: it will be silent for up to {price:.1f} s")
    _excuse(config, excuse_s(price), note)
    try:
        silent_s = reload(section.journal, section.control_socket, price)
    except RemoteError as error:
        _excuse(config, 0, note)
        if isinstance(error, MuteError):
            raise MuteError(f"{error}. Mend what it says, and restart Kea") from error
        raise RemoteError(f"{error}. Kea goes on with what it had") from error
    _excuse(config, 0, note)
    return silent_s


def _excuse(config: Config, seconds: float, note: Note) -> None:
    """Tell our sidecar, which would take so long a silence for a Kea that is gone."""
    try:
        answer = ask(config, {"op": "host.reloads", "seconds": seconds})
    except ProvbusError as error:
        answer = {"error": "unavailable", "detail": str(error)}
    if "error" in answer and seconds:
        who = f"{config.instance} was not told ({answer['detail']})"
        note(f"note: {who}; if it runs, it may give its role up")


def _wait(
    section: KeaSection, interval_s: float, deadline_s: float, wait_s: float, note: Note
) -> tuple[KeaMoment, bool]:
    """Wait until Kea may reload; how it stands then, and whether that took any time. Each reason for waiting
    is said once. No answer is no reason to give up: after a reload Kea has modems to answer first.
    """
    said = ""
    while True:
        try:
            moment = look(section.journal, section.control_socket)
            reason = obstacle(moment, interval_s)
            if not reason:
                return moment, bool(said)
        except SilentError as error:
            reason = str(error)
        kind = reason.split()[1]
        if time.monotonic() >= deadline_s:
            raise TryAgainError(f"not applied within {wait_s:g} s: {reason}")
        if kind != said:
            note(f"waiting: {reason}")
            said = kind
        time.sleep(LOOK_EVERY_S)


@contextmanager
def _alone(into: Path) -> Iterator[None]:
    """While nobody else writes into that directory; `TryAgainError` if somebody does."""
    try:
        directory = os.open(into.parent, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise ConfigError(f"--into: cannot write in {into.parent}: {error.strerror}") from error
    try:
        fcntl.flock(directory, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise TryAgainError(f"another provbus kea apply is at work in {into.parent}") from error
    finally:
        os.close(directory)


def _text(made: list[Reservation]) -> bytes:
    return b"[\n" + b",\n".join(json.dumps(one.as_kea()).encode() for one in made) + b"\n]\n"


def _digest(text: bytes) -> bytes:
    return json.dumps({"digest": hashlib.sha256(text).hexdigest()}).encode()


def _holds(path: Path, data: bytes) -> bool:
    try:
        return path.read_bytes() == data
    except FileNotFoundError:
        return False


def _write(path: Path, text: bytes) -> None:
    try:
        state_file.keep(path, text)
        path.chmod(_MODE)
    except OSError as error:
        raise ConfigError(f"--into: cannot write {path}: {error.strerror}") from error


def _keep(path: Path, data: bytes, note: Note) -> None:
    try:
        state_file.keep(path, data)
    except OSError as error:
        reason = f"cannot write {path}: {error.strerror}"
        note(f"note: {reason}; so the next apply has Kea reload again")
