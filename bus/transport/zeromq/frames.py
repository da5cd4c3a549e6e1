"""The common part of both ends of a hand-off connection: socket options and sending a frame.

A send is not a delivery. These options make libzmq report a message that it would drop in silence:
`IMMEDIATE` (no queueing for a peer that is not there), `ROUTER_MANDATORY`, explicit high-water marks,
`LINGER=0`.

Endpoints hold addresses of either family, and no names (`bus.wire.endpoint` says why).
"""

import zmq

from bus.routes import ROUTES
from bus.wire.codec import FRAME_HEADER

TRAFFIC = "fileid"
QUEUE_MAX = 1_000  # frames per connection: a second of the busiest minter
FRAME_BYTES_MAX = ROUTES[TRAFFIC].payload_bytes_max + FRAME_HEADER.size
_CURVE_BYTES = 33  # CurveZMQ's part of a frame: command name 8, nonce 8, authenticator 16, flags 1
# Plain numbers: arithmetic on pyzmq's enumerations costs a microsecond, and this is the path of every
# hand-off.
NOW = int(zmq.NOBLOCK)
MORE = int(zmq.SNDMORE | zmq.NOBLOCK)
send_now = zmq.backend.Socket.send  # without the wrapper that looks for draft options


def harden(socket: zmq.Socket[bytes], queue_max: int) -> None:
    """Set the options of one end."""
    for option, value in (
        (zmq.LINGER, 0),
        (zmq.SNDHWM, queue_max),
        (zmq.RCVHWM, queue_max),
        (zmq.MAXMSGSIZE, FRAME_BYTES_MAX + _CURVE_BYTES),
        (zmq.HANDSHAKE_IVL, 2000),
        (zmq.HEARTBEAT_IVL, 500),
        (zmq.HEARTBEAT_TIMEOUT, 1500),
        (zmq.RECONNECT_IVL, 100),
        (zmq.RECONNECT_IVL_MAX, 1000),
        (zmq.IMMEDIATE, 1),
    ):
        socket.setsockopt(option, value)
