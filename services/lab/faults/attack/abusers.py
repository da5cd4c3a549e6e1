"""Owners who abuse a name that is theirs: their reads are answered, and may cost others nothing.

restart    asks for his file again and again, from one port, and acknowledges nothing
endless    asks for the smallest blocks and the longest timeout, acknowledges all of them but the last,
           and then begins anew
"""

from typing import Literal

from services.lab.faults.attack.arsenal import Bait
from services.tftp.packets import ACK, DATA, HEAD, HEAD_BYTES, OACK, Request, format_request, parse_opcode

BLKSIZE = 8
_OPTIONS = {"restart": b"", "endless": b"timeout\x00255\x00"}

Habit = Literal["restart", "endless"]


class Owner:
    """One owner, with his name."""

    def __init__(self, bait: Bait, habit: Habit) -> None:
        self.bait = bait
        self.bytes = 0
        """The bytes that he got."""
        self._habit = habit
        blksize = BLKSIZE if habit == "endless" else None
        self.request = format_request(Request(bait.name, blksize)) + _OPTIONS[habit]

    def receive(self, data: bytes) -> bytes | None:
        """His answer to a datagram, if he gives one."""
        self.bytes += len(data)
        opcode = parse_opcode(data)
        if self._habit == "restart" or opcode not in (DATA, OACK):
            return None
        if opcode == OACK:
            return HEAD.pack(ACK, 0)
        is_last = len(data) < HEAD_BYTES + BLKSIZE
        return None if is_last else HEAD.pack(ACK, HEAD.unpack_from(data)[1])
