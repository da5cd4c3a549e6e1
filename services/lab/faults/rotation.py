"""Keys rotated while a plant boots, and the proof that the former ones are refused afterwards.

The lab takes the steps of `bus.fleet.rotation` at the moments that a scenario names, and has every service
reload after each. The fleet has one more minter, `probe-1`, whose keys are rotated like all others and which
has no process. At the end the lab acts in its name: every try with its former key must be refused, and the
same with its present key must work, or the test proves nothing. One connection with its former key is opened
before that is dropped and never closed: it must be silent afterwards. Only names are sealed with the keys of
a sidecar, because a CFM serves those of a role's primary and no others.
"""

import secrets
import select
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import zmq
from zmq.utils.monitor import parse_monitor_message

from bus.envelope import Stamp, number_of
from bus.fleet.fleet import (
    load_fleet,
    load_group_keys,
    load_seal_keys,
    load_settings_keys,
    settings_key_file,
)
from bus.fleet.key_pair import KeyPair, read_key_pair
from bus.fleet.rotation import rotate
from bus.fleet.steps import STEPS
from bus.transport.zeromq.address_families import connect
from bus.transport.zeromq.curve import secure_client
from bus.wire.datagram import GroupKey, Writer
from fileid.row import ROWS, Row, pack, pack_rows
from fileid.seal import KEY_BYTES, Opener, Sealer, SealKey
from services.lab.faults.held_connection import HeldConnection
from services.lab.site.file_read import read_file
from services.lab.site.processes import ask
from services.lab.site.site import PROBE
from services.settings.catalogue import parse
from services.settings.vault import KeyGoneError, Vault

PROBE_ADDRESS = "127.0.0.5"
KINDS = {"bus": ("curve", "seal", "settings"), "multicast": ("multicast", "seal", "settings")}
PATIENCE_S = 3.0  # a name without its row is served from its seal after half a second


class Target(NamedTuple):
    """A CFM as the probe sees it, the copy of the settings on its disk, and the sidecar that mints for it."""

    cfm: str
    fileid: str
    tftp: tuple[str, int]
    group: tuple[str, int]
    copy: Path
    minter: str
    minter_socket: Path


class _Keys(NamedTuple):
    curve: KeyPair
    server: bytes
    seal: SealKey
    group: GroupKey
    settings: tuple[int, bytes]


class Rotation:
    """The rotation of every key that a mode uses."""

    def __init__(self, directory: Path, mode: str, target: Target) -> None:
        self._directory = directory
        self._kinds = KINDS[mode]
        self._target = target
        self._steps = list(STEPS)
        self._former = self._keys()
        self._held: HeldConnection | None = None

    @property
    def steps_left(self) -> int:
        """The number of steps still to be taken."""
        return len(self._steps)

    def step(self) -> None:
        """Take the next step with every kind of key; then every service has to reload. Seal keys get no rest:
        a run is shorter than that, and its modems read names whose rows are there.
        """
        step = self._steps.pop(0)
        for kind in self._kinds:
            rotate(self._directory, kind, step, seal_key_bytes=KEY_BYTES, seal_rest_s=0.0)

    @property
    def next_step(self) -> str | None:
        """The next step; None if none is left."""
        return self._steps[0] if self._steps else None

    def hold(self) -> None:
        """Open the connection with the former key that is never closed, once a CFM has its next key and the
        former key of a minter is still in force.
        """
        if "curve" in self._kinds and self._held is None:
            stamp = Stamp(PROBE, "lab", time.time_ns() // 1_000_000)
            server = self._keys().server
            self._held = HeldConnection(self._former.curve, server, self._target.fileid, stamp)

    def close(self) -> None:
        """End the connection that is held."""
        if self._held is not None:
            self._held.close()

    def prove(self) -> dict[str, Any]:
        """The report's figures: kinds whose present key works, and former keys that were refused."""
        present, former = self._keys(), self._former
        row, seal_of = self._row(present.seal)
        tries: dict[str, tuple[Callable[[_Keys], bool], tuple[_Keys, ...]]] = {
            "curve": (self._connects, (former, present._replace(server=former.server))),
            "seal": (lambda keys: self._is_served(seal_of(keys.seal)), (former,)),
            "multicast": (lambda keys: self._is_acked(keys, row), (former,)),
            "settings": (self._opens, (former,)),
        }
        refused = sum(not tries[kind][0](keys) for kind in self._kinds for keys in tries[kind][1])
        if self._held is not None:
            refused += self._held.is_silenced(PATIENCE_S)
        works = {kind: int(tries[kind][0](present)) for kind in self._kinds}
        return {"rotations": works, "old_keys_refused": refused}

    def _keys(self) -> _Keys:
        fleet = load_fleet(self._directory / "fleet.yaml")
        path = self._directory / "seal" / f"{self._target.minter}.key"
        return _Keys(
            read_key_pair(self._directory / "curve" / f"{PROBE}.key"),
            fleet.member(self._target.cfm).keys[0].encode(),
            SealKey.of(*load_seal_keys(path, fleet, KEY_BYTES)[0]),
            load_group_keys(self._directory / "multicast" / "group.key")[0],
            load_settings_keys(settings_key_file(self._directory))[0],
        )

    def _row(self, seal: SealKey) -> tuple[Row, Callable[[SealKey], Row]]:
        """A row of the sidecar's for the probe's address, its name sealed by `seal` or by another key."""
        request = {
            "op": "fileid.create",
            "device": "0000.5e00.5301",
            "address": PROBE_ADDRESS,
            "settings": {"class": "residential", "customer": 1},
        }
        name = (ask(self._target.minter_socket, request) or {})["file"].encode()
        fleet = load_fleet(self._directory / "fleet.yaml")
        paths = sorted((self._directory / "seal").iterdir())
        opener = Opener(
            [SealKey.of(*line) for path in paths for line in load_seal_keys(path, fleet, KEY_BYTES)]
        )
        fields = opener.open(name).fields()
        mask = name.partition(b".")[2].decode()

        def sealed(key: SealKey) -> Row:
            return Sealer(key).seal(pack(fields._replace(serial=secrets.token_bytes(8))), mask)

        return sealed(seal), sealed

    def _opens(self, keys: _Keys) -> bool:
        """Whether the CFM's copy of the settings opens with this key."""
        written = parse(self._target.copy.read_bytes())
        try:
            Vault([keys.settings]).open(written)
        except KeyGoneError:
            return False
        return True

    def _is_served(self, row: Row) -> bool:
        """Whether a modem at the row's address gets a file by this name."""
        return read_file(row.name, PROBE_ADDRESS, self._target.tftp, patience_s=PATIENCE_S) is not None

    def _is_acked(self, keys: _Keys, row: Row) -> bool:
        """Whether the CFM answers rows in a datagram that is sealed with this key."""
        incarnation = time.time_ns() // 1_000_000
        stamp = Stamp(PROBE, "lab", incarnation)
        rows = stamp.envelope(ROWS, pack_rows([row]), time_ms=0)
        writer = Writer(stamp, keys.group)
        with _socket() as one:
            one.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(PROBE_ADDRESS))
            one.sendto(writer.write(rows, number_of(self._target.cfm), to_group=True), self._target.group)
            return bool(select.select([one], [], [], PATIENCE_S)[0])

    def _connects(self, keys: _Keys) -> bool:
        """Whether the CFM accepts a connection with this key, of a client that trusts that server key."""
        context: zmq.Context[Any] = zmq.Context()
        stranger = context.socket(zmq.DEALER)
        stranger.setsockopt(zmq.LINGER, 0)
        secure_client(stranger, keys.curve, keys.server)
        monitor = stranger.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED)
        try:
            connect(stranger, self._target.fileid)
            return bool(monitor.poll(PATIENCE_S * 1000)) and bool(
                parse_monitor_message(monitor.recv_multipart())
            )
        finally:
            stranger.disable_monitor()
            monitor.close()
            stranger.close()
            context.term()


def _socket() -> socket.socket:
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    one.bind((PROBE_ADDRESS, 0))
    return one
