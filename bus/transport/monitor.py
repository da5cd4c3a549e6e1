"""What libzmq says of its connections, without a bound for how much of it waits.

Its thread writes each event into a queue and waits where that is full, so one that nobody reads for a while
stops every connection of the process, and for good: with the usual bounds after 2,000 events. Without them an
event costs some hundred bytes until it is read.
"""

from typing import Any

import zmq
from zmq.utils.monitor import parse_monitor_message


class Monitor:
    """The events of one socket, of the kinds in `events`. `socket` can be polled and tells that there are
    some.
    """

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
        """Forget the next event; whether there was one."""
        try:
            self.socket.recv_multipart(zmq.NOBLOCK)
        except zmq.Again:
            return False
        return True

    def close(self) -> None:
        """Watch no more; call it before the watched socket is closed."""
        if not self._watched.closed:
            self._watched.disable_monitor()
        self.socket.close()
