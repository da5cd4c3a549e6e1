"""A connection that was made with a key before the key was dropped, and that its holder never closes.

The holder greets a CFM once while its key is in force, and once afterwards. A key that was dropped is refused
if the first greeting was answered, the second is not, and the connection stood all the time.
"""

from typing import Any

import zmq
from zmq.utils.monitor import parse_monitor_message

from bus.envelope import Stamp
from bus.fleet.key_pair import KeyPair
from bus.transport.zeromq.address_families import connect
from bus.transport.zeromq.curve import secure_client
from bus.wire.codec import to_frame
from fileid.row import HELLO
from heartbeat.roles.claim import Claim
from heartbeat.roles.hello import pack_hello


class HeldConnection:
    """One connection to a CFM, in the name of an instance that has no process."""

    def __init__(self, keys: KeyPair, server: bytes, endpoint: str, stamp: Stamp) -> None:
        """Connect with these keys to the CFM with this server key, and greet it."""
        self._stamp = stamp
        self._context: zmq.Context[Any] = zmq.Context()
        self._socket = self._context.socket(zmq.DEALER)
        self._socket.setsockopt(zmq.LINGER, 0)
        secure_client(self._socket, keys, server)
        self._monitor = self._socket.get_monitor_socket(
            zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED
        )
        connect(self._socket, endpoint)
        self._greet()

    def is_silenced(self, patience_s: float) -> bool:
        """Whether the first greeting was answered, and another one is not within `patience_s`, on the same
        connection.
        """
        was_heard = self._socket.poll(0) != 0
        while self._socket.poll(0):
            self._socket.recv_multipart()
        self._greet()
        is_heard = self._socket.poll(round(patience_s * 1000)) != 0
        events = []
        while self._monitor.poll(0):
            events.append(parse_monitor_message(self._monitor.recv_multipart())["event"])
        return was_heard and not is_heard and events == [zmq.EVENT_HANDSHAKE_SUCCEEDED]

    def close(self) -> None:
        """End the connection."""
        self._socket.disable_monitor()
        self._monitor.close()
        self._socket.close()
        self._context.term()

    def _greet(self) -> None:
        hello = self._stamp.envelope(HELLO, pack_hello(Claim(), 0.0), time_ms=0)
        self._socket.send(to_frame(hello))
