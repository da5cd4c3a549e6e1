"""A real Kea on loopback, without root: started from a configuration, polled until it answers, stopped.

Kea's files (lease journal, PID and lock files, log) are in one directory. Its options `-p` and `-P` are the
ports on which it listens and to which it answers, so it runs beside another DHCP server without privileges.
"""

import json
import os
import shutil
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from bus.errors import RemoteError, UnavailableError
from services.brokers.detached import ProcessIdentity, is_alive, spawn, stop
from services.dhcp.kea.daemon.control import command

START_S_MAX = 60.0  # a million leases take ten
STOP_S_MAX = 5.0
POLL_S = 0.02
_INCLUDED = "the reservations"  # a placeholder, as JSON has no `<?include?>`
PACKAGES = "kea-dhcp4-server kea-admin"
LOG_LINES_QUOTED = 5
HOOKS = ("lib/*/kea/hooks", "lib/kea/hooks", "lib64/kea/hooks", "local/lib/kea/hooks")


class Kea(NamedTuple):
    """A Kea that answers. Its journal and its log are files of `directory`."""

    process: ProcessIdentity
    directory: Path
    control_socket: Path

    @property
    def journal(self) -> Path:
        """The lease journal."""
        return self.directory / "leases4.csv"

    @property
    def reservations(self) -> Path:
        """The list of global reservations that its configuration includes."""
        return self.directory / "reservations.json"

    def freeze(self) -> None:
        """Suspend it: SIGSTOP."""
        os.kill(self.process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Resume it: SIGCONT."""
        os.kill(self.process.pid, signal.SIGCONT)


def find_program(name: str, environ: Mapping[str, str]) -> str:
    """The path of one of Kea's programs; `UnavailableError` names the packages that have it."""
    found = shutil.which(name, path=f"{environ.get('PATH', '')}:/usr/sbin")
    if found is None:
        raise UnavailableError(f"there is no {name} on the PATH or in /usr/sbin: install {PACKAGES}")
    return found


@contextmanager
def running(config: Mapping[str, Any], directory: Path, server_port: int, client_port: int) -> Iterator[Kea]:
    """A Kea with this configuration (a document with `Dhcp4`), but on loopback and with its files in
    `directory`; it listens at `server_port` and answers to `client_port`. `UnavailableError` if it cannot
    run.
    """
    program = find_program("kea-dhcp4", os.environ)
    directory.mkdir(parents=True, exist_ok=True)
    kea = Kea(ProcessIdentity(0, 0), directory, directory / "kea.sock")
    path, log = directory / "kea-dhcp4.conf", directory / "kea-dhcp4.log"
    kea.reservations.write_text(json.dumps(config["Dhcp4"].get("reservations", [])))
    text = json.dumps(_placed(config, kea))
    path.write_text(text.replace(f'"{_INCLUDED}"', f'<?include "{kea.reservations}"?>'))
    environ = {**os.environ, "KEA_PIDFILE_DIR": str(directory), "KEA_LOCKFILE_DIR": str(directory)}
    words = [program, "-p", str(server_port), "-P", str(client_port), "-c", str(path)]
    kea = kea._replace(process=spawn(words, environ, log))
    try:
        _wait(kea, log)
        yield kea
    finally:
        stop([kea.process], lambda: False, STOP_S_MAX)


def _placed(config: Mapping[str, Any], kea: Kea) -> dict[str, Any]:
    """The configuration with Kea's files in its directory, on loopback."""
    dhcp4 = dict(config["Dhcp4"])
    dhcp4["lease-database"] = {**dhcp4.get("lease-database", {}), "name": str(kea.journal)}
    dhcp4["reservations"] = _INCLUDED
    dhcp4["control-socket"] = {"socket-type": "unix", "socket-name": str(kea.control_socket)}
    dhcp4["interfaces-config"] = {"interfaces": ["lo"], "dhcp-socket-type": "udp"}
    dhcp4["hooks-libraries"] = [
        {**one, "library": str(_here(Path(one["library"])))} for one in dhcp4.get("hooks-libraries", [])
    ]
    dhcp4["loggers"] = [{"name": "kea-dhcp4", "severity": "WARN", "output_options": [{"output": "stdout"}]}]
    return {"Dhcp4": dhcp4}


def _here(hook: Path) -> Path:
    """The path of a hook on this machine: every distribution and architecture has a directory of its own."""
    return next((path for where in HOOKS for path in Path("/usr").glob(f"{where}/{hook.name}")), hook)


def _wait(kea: Kea, log: Path) -> None:
    """Wait until Kea has its sockets and its journal: it answers then."""
    deadline = time.monotonic() + START_S_MAX
    while True:
        try:
            command(kea.control_socket, "version-get", wait_s=1.0)
        except (UnavailableError, RemoteError) as error:
            if not is_alive(kea.process) or time.monotonic() > deadline:
                tail = " / ".join(log.read_text(errors="replace").strip().splitlines()[-LOG_LINES_QUOTED:])
                raise UnavailableError(f"kea-dhcp4 does not start: {tail}") from error
            time.sleep(POLL_S)
        else:
            return
