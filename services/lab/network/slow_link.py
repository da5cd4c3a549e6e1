"""A slow link: all that a machine sends and is sent goes through us, and comes out as its weather is.

The kernel's own way, `tc netem`, is a module that kernels of virtual machines often lack, and it cannot hold
a frame back. So the machine's port leaves the switch, a tap takes its place there, and a thread hands the
frames over from one to the other.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Collection, Iterator
from random import Random

from services.lab.network.link_weather import FramesUnderWay, LinkWeather

TAPS = "/dev/net/tun"
HEADER_BYTES = 10  # virtio's, before each frame: what a sender left to the hardware, a checksum or segments
FRAME_BYTES_MAX = HEADER_BYTES + 14 + 65_536
ADDRESS_BYTES = 6
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
        self._machine = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        for option in (_VNET_HEADER, _IGNORE_OUTGOING):
            self._machine.setsockopt(_SOL_PACKET, option, 1)
        self._machine.bind((port, _ALL))
        self._machine.setblocking(False)
        self._switch = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        fcntl.ioctl(
            self._switch, _SET_INTERFACE, struct.pack("16sH22x", tap.encode(), _TAP | _BARE | _WITH_HEADER)
        )
        self._wake, self._waker = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._lock = threading.Lock()
        self._is_over = False
        self._thread = threading.Thread(target=self._run, name=f"link-{port}", daemon=True)

    def start(self) -> None:
        """Begin to hand frames over."""
        self._thread.start()

    def hold(self, to: Collection[bytes]) -> None:
        """Hold back what the machine sends to these link addresses from now on."""
        with self._lock:
            self._outward.hold(to)

    def let_go(self) -> None:
        """Hand over what is held back."""
        with self._lock:
            self._outward.hold(())
            self._hand_over(time.monotonic())

    def close(self) -> None:
        """End it. What is under way is lost, and the tap is gone."""
        self._is_over = True
        os.write(self._waker, b"\0")
        self._thread.join()
        self._machine.close()
        for descriptor in (self._switch, self._wake, self._waker):
            os.close(descriptor)

    def _run(self) -> None:
        while not self._is_over:
            due_s = min(self._outward.due_at(), self._inward.due_at()) - time.monotonic()
            ends = [self._machine.fileno(), self._switch, self._wake]
            ready, _, _ = select.select(ends, [], [], min(max(due_s, 0.0), WAIT_S_MAX))
            if self._wake in ready:
                os.read(self._wake, FRAMES_AT_ONCE)
            with self._lock:
                self._hand_over(time.monotonic())

    def _hand_over(self, now: float) -> None:
        for read, under_way in ((self._from_machine, self._outward), (self._from_switch, self._inward)):
            for frame in _frames(read):
                destination = frame[HEADER_BYTES : HEADER_BYTES + ADDRESS_BYTES]
                under_way.take(frame, destination, now)
        for frame in self._outward.come_out(now):
            _send(self._to_switch, frame)
        for frame in self._inward.come_out(now):
            _send(self._machine.send, frame)

    def _from_machine(self) -> bytes:
        return self._machine.recv(FRAME_BYTES_MAX)

    def _from_switch(self) -> bytes:
        return os.read(self._switch, FRAME_BYTES_MAX)

    def _to_switch(self, frame: bytes) -> int:
        return os.write(self._switch, frame)


def _frames(read: Callable[[], bytes]) -> Iterator[bytes]:
    """The frames that lie there."""
    with contextlib.suppress(BlockingIOError):
        for _ in range(FRAMES_AT_ONCE):
            yield read()


def _send(write: Callable[[bytes], int], frame: bytes) -> None:
    """A frame for which there is no room is lost, as on any link."""
    with contextlib.suppress(BlockingIOError):
        write(frame)
