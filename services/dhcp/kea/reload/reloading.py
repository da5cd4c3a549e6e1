"""Making a running Kea reload, and the checks before it."""

import os
import subprocess
import time
from pathlib import Path

from bus.errors import ConfigError, RemoteError, UnavailableError
from services.dhcp.kea.daemon.control import ONE_LEASE, MuteError, command, peer_pid
from services.dhcp.kea.daemon.procfs import NAME, hears_modems, how_started
from services.dhcp.kea.journal.entries import is_refused
from services.dhcp.kea.journal.open_file import condensed, first_line, is_cleaning_up, loaded, seen
from services.dhcp.kea.reload.applying import KeaMoment
from services.dhcp.kea.reload.including import includes

HEAD_BYTES = 64 * 1024
LINE_BYTES = 160  # where there is none yet
RELOAD_S_MIN = 120.0  # on a busy machine it takes many times its price
RETRY_S = 1.0
CLEAN_UP_S_MAX = 300.0
TEST_S_MAX = 120.0
_IN_A_CLEAN_UP = "cleanup is in progress"


def look(journal: Path, control_socket: Path) -> KeaMoment:
    """The state of Kea; `UnavailableError` and `RemoteError` as of a command, the former also if we may not
    read a file.
    """
    answer = command(control_socket, "status-get")
    try:
        read_s_ago = float(answer["arguments"]["reload"])
    except (LookupError, TypeError, ValueError) as error:
        raise RemoteError(f"Kea does not say when it read its configuration: {error!r}") from error
    try:
        head = _head(journal)
        is_cleaning = is_cleaning_up(journal, time.time())
    except OSError as error:
        raise UnavailableError(f"cannot read {error.filename}: {error.strerror}") from error
    now, before = seen(journal), seen(condensed(journal))
    return KeaMoment(
        read_s_ago=read_s_ago,
        is_cleaning_up=is_cleaning,
        journal_bytes=0 if now is None else now.size_bytes,
        condensed_bytes=0 if before is None else before.size_bytes,
        line_bytes=len(head) // max(1, head.count(b"\n")) or LINE_BYTES,
    )


def check_configuration(control_socket: Path) -> bool:
    """Have Kea's own program test the configuration that a reload would read; False if it is not known how
    Kea was started, or if we may not read that file. `RemoteError` says why Kea would refuse it.

    A mistake that a reload finds may leave Kea without sockets (2.2), so the test comes first.
    """
    start = how_started(peer_pid(control_socket))
    if start is None or start.file is None or Path(start.program).name != NAME:
        return False
    if not os.access(start.file, os.R_OK):
        return False
    try:
        words = [start.program, "-t", str(start.file)]
        done = subprocess.run(words, capture_output=True, text=True, timeout=TEST_S_MAX, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()
        reason = said[-1].strip() if said else "it does not say why"
        raise RemoteError(f"Kea would refuse {start.file}: {reason}")
    return True


def check_included(control_socket: Path, into: Path) -> None:
    """`ConfigError` if this Kea's configuration does not include that file, so that Kea would never read it;
    none if that is not known.
    """
    start = how_started(peer_pid(control_socket))
    if start is not None and start.file is not None and includes(start.file, into) is False:
        raise ConfigError(
            f"{start.file} does not include {into}, so Kea would never read it: write "
            f'"reservations-global": true, "reservations": <?include "{into}"?> into its Dhcp4'
        )


def check_leases(journal: Path) -> None:
    """`RemoteError` if Kea would refuse a file of its leases, such as one that was cut: it would have no
    leases then. `UnavailableError` if one cannot be read.
    """
    for path in loaded(journal):
        try:
            is_cut = is_refused(first_line(path))
        except OSError as error:
            raise UnavailableError(f"cannot read {path}: {error.strerror}") from error
        if is_cut:
            raise RemoteError(
                f"Kea would refuse {path} and have no leases: its first line is no header, so somebody cut "
                "it; provbus doctor kea says what to write there"
            )


def reload(journal: Path, control_socket: Path, price_s: float) -> float:
    """Have Kea read its configuration. Returns for how many seconds it answered no modem.

    A clean-up may begin in between; then Kea has no leases, and reloads again as soon as it is over.
    `RemoteError` if Kea refuses the configuration, `MuteError` if it answers no modem any more, `SilentError`
    if it has not answered yet after many times its price.
    """
    wait_s = max(RELOAD_S_MIN, 4 * price_s)
    begun_s = time.monotonic()
    while True:
        try:
            command(control_socket, "config-reload", wait_s=wait_s)
        except RemoteError as error:
            is_passing = _IN_A_CLEAN_UP in str(error) or is_cleaning_up(journal, time.time())
            if not is_passing or time.monotonic() > begun_s + CLEAN_UP_S_MAX:
                if reason := why_mute(control_socket):
                    raise MuteError(f"{error}; {reason}") from error
                raise
            time.sleep(RETRY_S)
        else:
            return time.monotonic() - begun_s


def why_mute(control_socket: Path) -> str:
    """The reason why this Kea answers no modem; empty if it does, as far as is known. `UnavailableError`."""
    try:
        command(control_socket, "lease4-get-page", ONE_LEASE)
    except MuteError:
        return "Kea has no leases now, and answers no modem until a reload succeeds"
    except RemoteError:
        pass  # without the lease commands it is not known
    if hears_modems(peer_pid(control_socket)) is False:
        return "Kea has no sockets now, and hears no modem until a reload succeeds"
    return ""


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(HEAD_BYTES)
    except FileNotFoundError:  # between two journals
        return b""
