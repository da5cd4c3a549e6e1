"""A slow link: all that a machine sends and is sent goes through us, and comes out as its weather is.

The kernel's own way, `tc netem`, is a module that kernels of virtual machines often lack, and it cannot hold
a frame back. So the machine's port leaves the switch, a tap takes its place there, and a thread hands the
frames over from one to the other.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Collection, Iterator
from random import Random

from bus.errors import UnavailableError
from services.lab.network.link_weather import FramesUnderWay, LinkWeather

TAPS = "/dev/net/tun"
HEADER_BYTES = 10  # virtio's, before each frame: what a sender left to the hardware, a checksum or segments
FRAME_BYTES_MAX = HEADER_BYTES + 14 + 65_536
TO, FROM = slice(HEADER_BYTES, HEADER_BYTES + 6), slice(HEADER_BYTES + 6, HEADER_BYTES + 12)
FRAMES_AT_ONCE = 64
WAIT_S_MAX = 1.0
_ALL = 0x0003  # ETH_P_ALL
_SOL_PACKET, _VNET_HEADER, _IGNORE_OUTGOING = 263, 15, 23
_SET_INTERFACE = 0x400454CA  # TUNSETIFF
_TAP, _BARE, _WITH_HEADER = 0x0002, 0x1000, 0x4000  # IFF_TAP, IFF_NO_PI, IFF_VNET_HDR


class SlowLink:
    """Between the port of a machine and a tap of this name, which it makes, from `start` until `close`."""

    def __init__(self, port: str, tap: str, weather: LinkWeather, seed: int) -> None:
        random = Random(seed)
        self._outward, self._inward = FramesUnderWay(weather, random), FramesUnderWay(weather, random)
        self._failed = ""
        self._refused = 0
        self._is_over = False
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name=f"link-{port}", daemon=True)
        with contextlib.ExitStack() as ends:
            self._machine = ends.enter_context(_machine_end(port))
            self._switch = ends.enter_context(_switch_end(tap))
            self._wake, self._waker = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
            ends.callback(os.close, self._wake)
            ends.callback(os.close, self._waker)
            self._ends = ends.pop_all()

    @property
    def lost(self) -> int:
        """The number of frames that never arrived so far, both ways."""
        return self._outward.lost + self._inward.lost + self._refused

    def start(self) -> None:
        """Begin to hand frames over: those that come from now on. The switch had most of those before, and
        the few in between are lost.
        """
        while any(_frames(self._from_machine)):
            pass
        self._thread.start()

    def hold(self, peers: Collection[bytes]) -> None:
        """Hold back what the machine and these link addresses send each other from now on."""
        with self._lock:
            self._outward.hold(peers)
            self._inward.hold(peers)

    def let_go(self) -> None:
        """Hand over what is held back; `UnavailableError` if nothing is handed over any more."""
        with self._lock:
            self._outward.hold(())
            self._inward.hold(())
            if not self._failed:
                self._try(lambda: self._hand_over(time.monotonic()))
        if self._failed:
            raise UnavailableError(f"{self._thread.name} hands no frames over: {self._failed}")

    def close(self) -> None:
        """End it. What is under way is lost, and the tap is gone."""
        self._is_over = True
        os.write(self._waker, b"\0")
        if self._thread.ident is not None:
            self._thread.join()
        self._ends.close()

    def _run(self) -> None:
        self._try(self._hand_over_all)

    def _try(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:
            self._failed = str(error) or type(error).__name__

    def _hand_over_all(self) -> None:
        while not self._is_over:
            self._wait()
            with self._lock:
                self._hand_over(time.monotonic())

    def _wait(self) -> None:
        with self._lock:
            due_s = min(self._outward.due_at(), self._inward.due_at()) - time.monotonic()
        ends = [self._machine.fileno(), self._switch, self._wake]
        ready, _, _ = select.select(ends, [], [], min(max(due_s, 0.0), WAIT_S_MAX))
        if self._wake in ready:
            os.read(self._wake, FRAMES_AT_ONCE)

    def _hand_over(self, now: float) -> None:
        for frame in _frames(self._from_machine):
            self._outward.take(frame, frame[TO], now)
        for frame in _frames(self._from_switch):
            self._inward.take(frame, frame[FROM], now)
        for frame in self._outward.come_out(now):
            self._refused += not _is_sent(self._to_switch, frame)
        for frame in self._inward.come_out(now):
            self._refused += not _is_sent(self._machine.send, frame)

    def _from_machine(self) -> bytes:
        return self._machine.recv(FRAME_BYTES_MAX)

    def _from_switch(self) -> bytes:
        return os.read(self._switch, FRAME_BYTES_MAX)

    def _to_switch(self, frame: bytes) -> int:
        return os.write(self._switch, frame)


def taps_lacking() -> str:
    """Why no tap can be made here, in a few words; empty if one can."""
    try:
        os.close(_open_taps())
    except UnavailableError as error:
        return str(error)
    return ""


def _open_taps() -> int:
    try:
        return os.open(TAPS, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise UnavailableError(f"a slow link needs a tap: {error}") from error


@contextlib.contextmanager
def _switch_end(tap: str) -> Iterator[int]:
    """A new tap of this name; it ends with its descriptor."""
    end = _open_taps()
    try:
        fcntl.ioctl(end, _SET_INTERFACE, struct.pack("16sH22x", tap.encode(), _TAP | _BARE | _WITH_HEADER))
        yield end
    finally:
        os.close(end)


def _machine_end(port: str) -> socket.socket:
    """Where frames come in at this port, each behind its header; what is sent there goes to the machine."""
    end = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    for option in (_VNET_HEADER, _IGNORE_OUTGOING):
        end.setsockopt(_SOL_PACKET, option, 1)
    end.bind((port, _ALL))
    end.setblocking(False)
    return end


def _frames(read: Callable[[], bytes]) -> Iterator[bytes]:
    """The frames that lie there, as many as are read at once."""
    with contextlib.suppress(BlockingIOError):
        for _ in range(FRAMES_AT_ONCE):
            yield read()


def _is_sent(write: Callable[[bytes], int], frame: bytes) -> bool:
    """Send a frame. One for which there is no room is lost, as on any link."""
    try:
        write(frame)
    except OSError as error:
        if error.errno not in (errno.EAGAIN, errno.ENOBUFS):
            raise
        return False
    return True
