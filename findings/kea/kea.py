"""The kea-dhcp4 of the temporary folder on loopback, and what devices and operators ask it.

It uses Python's standard library alone.
"""

import json
import os
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(os.environ["KEA_ROOT"])
RELAY = "127.0.0.1"
HOOKS = next(ROOT.glob("usr/lib/*/kea/hooks"))
ANSWER_S = 1.0
START_S = 60.0


class Reply(NamedTuple):
    """An offer or an acknowledgement: the fields that devices boot by."""

    address: str
    next_server: str
    file: str


class Kea:
    """It hears relays at 127.0.0.0/8 and answers them there; its files are in `ROOT`."""

    def __init__(self, **dhcp4: Any) -> None:
        self._relay = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._relay.bind(("0.0.0.0", 0))
        self._relay.settimeout(ANSWER_S)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
            free.bind((RELAY, 0))
            self._port = free.getsockname()[1]
        self._transaction = 0
        self.journal = ROOT / "leases4.csv"
        self.file = ROOT / "kea-dhcp4.conf"
        self._control = str(ROOT / "control")
        self.write(**dhcp4)
        # Kea starts the clean-up itself, and gives it no environment.
        lfc = ROOT / "kea-lfc"
        libraries = os.environ["LD_LIBRARY_PATH"]
        lfc.write_text(f'#!/bin/sh\nLD_LIBRARY_PATH="{libraries}" exec {ROOT}/usr/sbin/kea-lfc "$@"\n')
        lfc.chmod(0o755)
        places = {
            "KEA_PIDFILE_DIR": str(ROOT),
            "KEA_LOCKFILE_DIR": str(ROOT),
            "KEA_LFC_EXECUTABLE": str(lfc),
        }
        words = [ROOT / "usr/sbin/kea-dhcp4", "-c", self.file, "-p", str(self._port)]
        words += ["-P", str(self._relay.getsockname()[1])]
        with (ROOT / "kea-dhcp4.log").open("w") as log:
            self._process = subprocess.Popen(words, env={**os.environ, **places}, stdout=log, stderr=log)

    def __enter__(self) -> "Kea":
        deadline = time.monotonic() + START_S
        while True:
            try:
                self.ask("version-get")
                return self
            except OSError as error:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    self.__exit__()
                    raise SystemExit((ROOT / "kea-dhcp4.log").read_text()) from error
                time.sleep(0.05)

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._relay.close()

    def write(self, **dhcp4: Any) -> None:
        """Write its configuration file: what every finding needs, and these; `_` stands for `-`."""
        usual = {
            "interfaces-config": {"interfaces": ["lo"], "dhcp-socket-type": "udp"},
            "control-socket": {"socket-type": "unix", "socket-name": self._control},
            "lease-database": {"type": "memfile", "name": str(self.journal), "lfc-interval": 0},
            "valid-lifetime": 3600,
        }
        own = {name.replace("_", "-"): value for name, value in dhcp4.items()}
        self.file.write_text(json.dumps({"Dhcp4": usual | own}))

    def ask(self, command: str, **arguments: Any) -> dict[str, Any]:
        """What it answers to a command at its control socket."""
        with socket.socket(socket.AF_UNIX) as control:
            control.settimeout(START_S)
            control.connect(self._control)
            words = {"command": command} | ({"arguments": arguments} if arguments else {})
            control.sendall(json.dumps(words).encode())
            answer = b""
            while part := control.recv(65536):
                answer += part
        return json.loads(answer)

    def reload(self) -> str:
        """What it answers to `config-reload`: its word for well, or the end of what it says is wrong."""
        return self.ask("config-reload")["text"].replace(str(ROOT), "").rpartition("': ")[2]

    def has_socket(self) -> bool:
        """Whether anything listens at its port for DHCP."""
        rows = Path("/proc/net/udp").read_text().splitlines()[1:]
        return any(int(row.split()[1].rpartition(":")[2], 16) == self._port for row in rows)

    def discover(self, device: int, relay: str = RELAY, *options: tuple[int, bytes]) -> Reply | None:
        """What it offers this device behind this relay; None if it says nothing for a second."""
        self._transaction += 1
        wanted = self._transaction.to_bytes(4, "big")
        fields = b"\1\1\6\1" + wanted + bytes(16) + socket.inet_aton(relay)
        hardware = (0x020000000000 + device).to_bytes(6, "big")
        words = [(53, b"\1"), *options]
        encoded = b"".join(bytes((code, len(value))) + value for code, value in words)
        packet = fields + hardware + bytes(10 + 192) + b"\x63\x82\x53\x63" + encoded + b"\xff"
        self._relay.sendto(packet, (RELAY, self._port))
        try:
            while True:
                answer = self._relay.recv(2048)
                if answer[4:8] == wanted:
                    address, next_server = (socket.inet_ntoa(answer[at : at + 4]) for at in (16, 20))
                    return Reply(address, next_server, answer[108:236].rstrip(b"\0").decode())
        except TimeoutError:
            return None


def subnet(number: int, relay: str = RELAY, **more: Any) -> dict[str, Any]:
    """10.NUMBER.0.0/24 with a pool, for the devices behind this relay."""
    prefix = f"10.{number}.0"
    usual = {"id": number, "subnet": f"{prefix}.0/24", "pools": [{"pool": f"{prefix}.10 - {prefix}.99"}]}
    return usual | {"relay": {"ip-addresses": [relay]}} | more


def within(seconds: float, seen: Callable[[], bool]) -> bool:
    """Whether this comes true in time."""
    deadline = time.monotonic() + seconds
    while not (is_seen := seen()) and time.monotonic() < deadline:
        time.sleep(0.01)
    return is_seen


def link_selection(address: str) -> tuple[int, bytes]:
    """Option 82 with the sub-option of RFC 3527."""
    return 82, b"\5\4" + socket.inet_aton(address)
