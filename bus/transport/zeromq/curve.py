"""Authentication: sockets that speak CURVE, and the ZAP handler that knows the owner of a key.

ZeroMQ's CURVE fails open: without a ZAP handler, with a stopped one, or with an empty domain, any key is
accepted. Only `ZAP_DOMAIN` with `ZAP_ENFORCE_DOMAIN=1` fails closed, so `secure_server` sets both, and a
server proves at its start, with a key made for the purpose, that strangers are refused
(`check_strangers_refused`).

The handler answers on `inproc://zeromq.zap.01` from the thread that runs the poller. The user id it returns
names the instance and its key (`bus.transport.zeromq.owners`): libzmq attaches it to every frame of the
connection, so a frame's contents never decide its source.
"""

import math
import time
from typing import Any

import zmq
from zmq.utils.monitor import parse_monitor_message

from bus.errors import StateError
from bus.fleet.key_pair import KeyPair, new_key_pair
from bus.reason import Reason
from bus.telemetry.metrics import Sample
from bus.transport.poller import Poller
from bus.transport.zeromq.address_families import connect, own
from bus.transport.zeromq.owners import Owners

ZAP_ENDPOINT = "inproc://zeromq.zap.01"
ZAP_DOMAIN = b"provbus"
STRANGER_TIMEOUT_S = 3.0
REFUSED_S = 10.0
_STEP_S = 0.01


def secure_server(socket: zmq.Socket[bytes], keys: KeyPair) -> None:
    """Make a socket a CURVE server that fails closed. Call before `bind`."""
    socket.setsockopt(zmq.CURVE_SERVER, 1)
    socket.setsockopt(zmq.CURVE_SECRETKEY, keys.secret)
    socket.setsockopt(zmq.ZAP_DOMAIN, ZAP_DOMAIN)
    socket.setsockopt(zmq.ZAP_ENFORCE_DOMAIN, 1)


def secure_client(socket: zmq.Socket[bytes], keys: KeyPair, server: bytes) -> None:
    """Make a socket a CURVE client of the server with this public key. Call before `connect`."""
    socket.setsockopt(zmq.CURVE_SERVERKEY, server)
    socket.setsockopt(zmq.CURVE_PUBLICKEY, keys.public)
    socket.setsockopt(zmq.CURVE_SECRETKEY, keys.secret)


class ZapHandler:
    """Answers libzmq's question "who is this key?" for every server socket of a context."""

    def __init__(self, context: zmq.Context[Any], poller: Poller, owners: Owners) -> None:
        """Keys that are not in force are refused. A second handler in a context is a `StateError`."""
        self.accepted = 0
        self.refused = 0
        self._refused_at = -math.inf
        self._poller = poller
        self._owners = owners
        self._socket = context.socket(zmq.REP)
        self._socket.setsockopt(zmq.LINGER, 0)
        try:
            self._socket.bind(ZAP_ENDPOINT)
        except zmq.ZMQError as error:
            self._socket.close()
            raise StateError(f"this context has a ZAP handler already: {error}") from error
        poller.add(self._socket, self.answer)

    def close(self) -> None:
        """Stop answering; servers of this context refuse everybody from now on."""
        self._poller.remove(self._socket)
        self._socket.close()

    def samples(self) -> list[Sample]:
        """Accepted and refused connections."""
        return [
            Sample("provbus_zap_accepted_total", self.accepted),
            Sample("provbus_zap_refused_total", self.refused),
        ]

    def lacks(self) -> list[Reason]:
        """That a key was refused lately."""
        if time.monotonic() >= self._refused_at + REFUSED_S:
            return []
        text = "the hand-off port, at which a key that is not of the fleet was refused just now"
        return [Reason("stranger-refused", text)]

    def forgive(self) -> None:
        """Forget what was refused so far: that was us."""
        self.refused, self._refused_at = 0, -math.inf

    def answer(self) -> list[Any]:
        """Answer one question, if there is one."""
        try:
            self._socket.send_multipart(self._verdict(self._socket.recv_multipart(zmq.NOBLOCK)))
            self._poller.used(self._socket)
        except zmq.Again:
            pass
        return []

    def _verdict(self, request: list[bytes]) -> list[bytes]:
        request_id = request[1] if len(request) > 1 else b""
        user_id = None
        if len(request) == 7 and request[2] == ZAP_DOMAIN and request[5] == b"CURVE":
            user_id = self._owners.user_id(request[6])
        if user_id is None:
            self.refused += 1
            self._refused_at = time.monotonic()
            return [b"1.0", request_id, b"400", b"not in the fleet", b"", b""]
        self.accepted += 1
        return [b"1.0", request_id, b"200", b"", user_id, b""]


def check_strangers_refused(context: zmq.Context[Any], zap: ZapHandler, endpoint: str, server: bytes) -> None:
    """Connect to our own server with an unlisted key; `StateError` unless the server refuses it."""
    stranger = context.socket(zmq.DEALER)
    stranger.setsockopt(zmq.LINGER, 0)
    secure_client(stranger, new_key_pair(), server)
    monitor = stranger.get_monitor_socket(
        zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_HANDSHAKE_FAILED_AUTH | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
    )
    event = None
    try:
        connect(stranger, own(endpoint))
        for _ in range(round(STRANGER_TIMEOUT_S / _STEP_S)):
            zap.answer()  # the runner does not run yet
            if monitor.poll(_STEP_S * 1000):
                event = parse_monitor_message(monitor.recv_multipart())["event"]
                break
    finally:
        stranger.disable_monitor()
        monitor.close()
        stranger.close()
    zap.forgive()
    if event != zmq.EVENT_HANDSHAKE_FAILED_AUTH:
        raise StateError(f"self-test failed: {endpoint} did not refuse an unlisted key (event {event})")
