"""libzmq's events of connections, in a queue without a bound.

libzmq's thread writes each event into the queue and waits when it is full, so a queue that nobody reads for a
while stops every connection of the process for good: with the usual bounds after 2,000 events. Without them
an event costs some hundred bytes until it is read.
"""

from typing import Any

import zmq
from zmq.utils.monitor import parse_monitor_message


class Monitor:
    """The events of one socket, of the kinds in `events`. `socket` can be polled for them."""

    def __init__(self, watched: zmq.Socket[Any], events: int) -> None:
        """Watch from now on (`zmq.ZMQError`)."""
        self._watched = watched
        address = f"inproc://monitor.{watched.fileno()}"
        self.socket: zmq.Socket[bytes] = watched.context.socket(zmq.PAIR)
        try:
            self.socket.setsockopt(zmq.LINGER, 0)
            self.socket.setsockopt(zmq.RCVHWM, 0)
            watched.monitor(address, events)
            self.socket.connect(address)
        except zmq.ZMQError:
            self.close()
            raise

    def next(self) -> tuple[int, int] | None:
        """The next event and its value; None if there is none."""
        try:
            found = parse_monitor_message(self.socket.recv_multipart(zmq.NOBLOCK))
        except zmq.Again:
            return None
        return int(found["event"]), int(found["value"])

    def skip(self) -> bool:
        """Drop the next event; True if there was one."""
        try:
            self.socket.recv_multipart(zmq.NOBLOCK)
        except zmq.Again:
            return False
        return True

    def close(self) -> None:
        """Stop watching; call it before the watched socket is closed."""
        if not self._watched.closed:
            self._watched.disable_monitor()
        self.socket.close()
